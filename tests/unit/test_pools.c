/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pools -- the life of pools in a real directory, when one thing after another goes wrong. */
/* objects: vmmallocd/pools/ vmmallocd/base/ vmmallocd/plan/ vmmallocd/config/ vmmallocd/files/ common/base/ */
/* objects: common/util/ */
/* wrap: pool_file_create pool_file_create_cold pool_file_warm pool_file_scrub pool_file_destroy pool_file_set_mark */
/* wrap: pool_file_open pool_file_probe registry_add */
/* packages: libuv */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/faults.h"
#include "tests/unit/pools_world.h"
#include "tests/unit/test.h"
#include "vmmallocd/pools/pools.h"
#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/directories.h"
#include "vmmallocd/pools/probe.h"

#define SIZE ((uint64_t)14 << 20)

/* --- what goes wrong --- */

int __real_pool_file_create(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes,
			    const atomic_bool *cancel, struct pool_file *ret_file, struct text *error);
int __wrap_pool_file_create(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes,
			    const atomic_bool *cancel, struct pool_file *ret_file, struct text *error)
{
	/* the self-test's file is none of a class */
	int r = strcmp(class_name, "a") == 0 ? -faults_strike("create") : 0;

	return r ? r : __real_pool_file_create(dir, class_name, size_bytes, cancel, ret_file, error);
}

int __real_pool_file_create_cold(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes,
				 struct pool_file *ret_file, struct text *error);
int __wrap_pool_file_create_cold(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes,
				 struct pool_file *ret_file, struct text *error)
{
	int r = -faults_strike("create_cold");

	return r ? r : __real_pool_file_create_cold(dir, class_name, size_bytes, ret_file, error);
}

static atomic_bool warm_waits, warm_is_waiting;    /* until it is cancelled */

int __real_pool_file_warm(const struct pool_dir *dir, const struct pool_file *file, const atomic_bool *cancel,
			  uint64_t *ret_huge_bytes, struct text *error);
int __wrap_pool_file_warm(const struct pool_dir *dir, const struct pool_file *file, const atomic_bool *cancel,
			  uint64_t *ret_huge_bytes, struct text *error)
{
	int r = -faults_strike("warm");

	while (atomic_load(&warm_waits) && !atomic_load(cancel)) {
		atomic_store(&warm_is_waiting, true);
		usleep(1000);
	}
	return r ? r : __real_pool_file_warm(dir, file, cancel, ret_huge_bytes, error);
}

static atomic_bool scrub_waits, scrub_is_waiting;

int __real_pool_file_scrub(const struct pool_dir *dir, struct pool_file *file, const char *class_name,
			   uint64_t size_bytes, unsigned timeout_ms, const atomic_bool *cancel, struct text *error);
int __wrap_pool_file_scrub(const struct pool_dir *dir, struct pool_file *file, const char *class_name,
			   uint64_t size_bytes, unsigned timeout_ms, const atomic_bool *cancel, struct text *error)
{
	int r = -faults_strike("scrub");

	atomic_store(&scrub_is_waiting, true);
	while (atomic_load(&scrub_waits))
		usleep(1000);
	return r ? r : __real_pool_file_scrub(dir, file, class_name, size_bytes, timeout_ms, cancel, error);
}

int __real_pool_file_open(const struct pool_dir *dir, const struct pool_file *file);

static atomic_int others_fd = -1;    /* of whoever opened a pool just before it was to be removed */

int __real_pool_file_destroy(const struct pool_dir *dir, const struct pool_file *file);
int __wrap_pool_file_destroy(const struct pool_dir *dir, const struct pool_file *file)
{
	int r = -faults_strike("destroy");

	if (r == -EAGAIN)
		atomic_store(&others_fd, __real_pool_file_open(dir, file));
	return r ? r : __real_pool_file_destroy(dir, file);
}

int __real_pool_file_set_mark(const struct pool_dir *dir, struct pool_file *file, enum pool_file_mark mark);
int __wrap_pool_file_set_mark(const struct pool_dir *dir, struct pool_file *file, enum pool_file_mark mark)
{
	int r = -faults_strike("set_mark");

	return r ? r : __real_pool_file_set_mark(dir, file, mark);
}

int __wrap_pool_file_open(const struct pool_dir *dir, const struct pool_file *file)
{
	int r = -faults_strike("open_file");

	return r ? r : __real_pool_file_open(dir, file);
}

int __real_registry_add(struct registry *registry, const struct registry_pool *pool, enum registry_state state,
			struct registry_pool **ret_pool);
int __wrap_registry_add(struct registry *registry, const struct registry_pool *pool, enum registry_state state,
			struct registry_pool **ret_pool)
{
	/* a placeholder is none of a file */
	int r = state == REGISTRY_CREATING ? 0 : -faults_strike("register");

	return r ? r : __real_registry_add(registry, pool, state, ret_pool);
}

/* --- a daemon's pools without a daemon --- */

static unsigned changes;    /* times that the owner was told of one */

static void on_changed(void *world)
{
	(void)world;
	changes++;
}

static int setup(void **state)
{
	const struct config_class class = { .size_bytes = SIZE, .ready = 1, .max = 1, .warm = true };

	changes = 0;
	*state = pools_world_open(&class, on_changed);
	return 0;
}

static int teardown(void **state)
{
	faults_clear();
	atomic_store(&scrub_waits, false);
	atomic_store(&warm_waits, false);
	pools_world_close(*state);
	return 0;
}

TEST_FIXTURE(setup, teardown);

static size_t count(const struct world *world, enum registry_state state)
{
	return registry_class(world->pools.registry, "a")->counts[state];
}

static struct registry_pool *first(const struct world *world, enum registry_state state)
{
	return registry_class(world->pools.registry, "a")->first[state];
}

/* Turns the loop until so many pools are in that state, and no job is at work; fails after 10 seconds. */
static void turn_until(struct world *world, enum registry_state state, size_t n)
{
	for (int i = 0; i < 10000; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		if (count(world, state) == n && !world->pools.jobs.first)
			return;
		usleep(1000);
	}
	fail_msg("%zu pools are %s, expected %zu", count(world, state), registry_state_name(state), n);
}

static enum handout_status take_as(struct world *world, const struct request_peer *peer,
				   struct registry_pool **ret_pool, int *ret_fd)
{
	const struct handout_request request = { .kind = HANDOUT_BY_CLASS, .class_name = "a" };
	struct pools_taken taken;
	enum handout_status status = pools_take(&world->pools, &request, peer, &taken);

	if (handout_is_given(status)) {
		*ret_pool = taken.pool;
		*ret_fd = taken.fd;
	}
	return status;
}

static enum handout_status take(struct world *world, struct registry_pool **ret_pool, int *ret_fd)
{
	const struct request_peer peer = { .pid = getpid(), .uid = 1000 };

	return take_as(world, &peer, ret_pool, ret_fd);
}

static struct registry_pool *taken(struct world *world, int *ret_fd)
{
	struct registry_pool *pool;

	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(take(world, &pool, ret_fd), HANDOUT_OK);
	return pool;
}

static void assert_problem_has(struct world *world, const char *words)
{
	const char *problem = pools_class_problem(&world->pools, "a");

	assert_non_null(problem);
	if (!strstr(problem, words))
		fail_msg("the problem is: %s", problem);
}

/* What waits for its time is due now. */
static void skip_pause(struct world *world, struct registry_pool *pool)
{
	struct provision_work *work = pool->work;

	assert_true(work->due_ms > pools_now_ms(&world->pools));
	work->due_ms = 0;
	pools_wake(&world->pools);
}

/* Beside them lies the directory's lock. */
static size_t pool_files(const struct world *world)
{
	return scratch_entries(world->path) - 1;
}

TEST(test_pools_a_full_directory_is_the_class_s_problem_until_it_has_room)
{
	struct world *world = *state;

	faults_order("create", 0, 1, ENOSPC);
	turn_until(world, REGISTRY_CREATING, 0);
	while (!pools_class_problem(&world->pools, "a"))
		uv_run(&world->loop, UV_RUN_ONCE);
	assert_problem_has(world, "no space left for a pool of 14 MiB");
	assert_problem_has(world, world->path);
	turn_until(world, REGISTRY_READY, 1);
	assert_null(pools_class_problem(&world->pools, "a"));
}

TEST(test_pools_what_cannot_be_warmed_is_removed_and_made_again_later)
{
	struct world *world = *state;

	faults_order("warm", 0, 1, EIO);
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(world->pools.destroyed, 1);
	assert_int_equal(pool_files(world), 1);
}

TEST(test_pools_a_pinned_page_quarantines_the_pool_until_the_pin_is_gone)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	pool = taken(world, &fd);
	faults_order("scrub", 0, 2, ETIMEDOUT);
	close(fd);
	turn_until(world, REGISTRY_QUARANTINED, 1);
	assert_int_equal(pool->file.mark, POOL_FILE_BAD);
	assert_int_equal(pool->work->pause_ms, PROVISION_PUNCH_PAUSE_MS);
	/* it counts against max */
	assert_int_equal(take(world, &pool, &fd), HANDOUT_NONE_READY);
	pool = first(world, REGISTRY_QUARANTINED);
	skip_pause(world, pool);
	turn_until(world, REGISTRY_QUARANTINED, 1);
	assert_int_equal(pool->work->pause_ms, 2 * PROVISION_PUNCH_PAUSE_MS);
	skip_pause(world, pool);
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(pool->file.mark, POOL_FILE_READY);
	assert_int_equal(world->pools.recycled, 1);
}

/* A pool is being scrubbed, and that waits. */
static struct registry_pool *waiting_scrub(struct world *world)
{
	struct registry_pool *pool;
	int fd;

	pool = taken(world, &fd);
	atomic_store(&scrub_is_waiting, false);
	atomic_store(&scrub_waits, true);
	close(fd);
	for (int i = 0; i < 10000 && !atomic_load(&scrub_is_waiting); i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_true(atomic_load(&scrub_is_waiting));
	return pool;
}

TEST(test_pools_who_pins_a_page_does_not_stop_the_others_work)
{
	struct world *world = *state;
	const struct provision_class *class = provision_class(&world->pools.provision, "a");

	world->config.punch_timeout_s = 600;
	(void)waiting_scrub(world);
	/* the pin is waited for as long as is configured, and only then does something hang */
	world->pools.jobs.first->started_ms -= 600000;
	pools_check_directories(&world->pools);
	assert_false(class->stuck);
	world->pools.jobs.first->started_ms -= 60000;
	pools_check_directories(&world->pools);
	assert_true(class->stuck);
	atomic_store(&scrub_waits, false);
	turn_until(world, REGISTRY_READY, 1);
	assert_false(class->stuck);
}

TEST(test_pools_of_a_class_that_was_removed_while_work_did_not_end_are_removed)
{
	struct world *world = *state;
	const struct provision_class *class = provision_class(&world->pools.provision, "a");

	(void)waiting_scrub(world);
	world->pools.jobs.first->started_ms -= 60000;
	pools_check_directories(&world->pools);
	assert_true(class->stuck);
	world->config.class_count = 0;
	pools_configure(&world->pools, &world->config);
	assert_true(class->stuck);
	atomic_store(&scrub_waits, false);
	for (int i = 0; i < 10000 && registry_count(world->pools.registry) > 0; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(registry_count(world->pools.registry), 0);
	assert_int_equal(scratch_entries(world->path), 1);
}

TEST(test_pools_what_cannot_be_scrubbed_is_destroyed)
{
	static const int errors[] = { EIO, EPERM, ENOSPC };
	struct world *world = *state;
	int fd;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		(void)taken(world, &fd);
		faults_order("scrub", 0, 1, errors[i]);
		close(fd);
		turn_until(world, REGISTRY_READY, 1);
		assert_int_equal(world->pools.destroyed, i + 1);
		assert_int_equal(pool_files(world), 1);
	}
}

TEST(test_pools_what_cannot_be_removed_is_tried_again)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	world->class.recycle = CONFIG_RECYCLE_DESTROY;
	(void)taken(world, &fd);
	faults_order("destroy", 0, 1, EIO);
	close(fd);
	turn_until(world, REGISTRY_FAILED, 1);
	pool = first(world, REGISTRY_FAILED);
	while (provision_is_busy(pool))
		uv_run(&world->loop, UV_RUN_ONCE);
	skip_pause(world, pool);
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(pool_files(world), 1);
}

/* A backup opens it between the probe and its removal: nobody waits for its place, and it goes when it is closed. */
TEST(test_pools_what_somebody_has_when_it_is_to_be_removed_is_in_use_again)
{
	const struct request_peer peer = { .pid = getpid(), .uid = 1000, .takes_cold = true };
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	world->class.cold = true;
	world->class.recycle = CONFIG_RECYCLE_DESTROY;
	(void)taken(world, &fd);
	faults_order("destroy", 0, 1, EAGAIN);
	close(fd);
	while (faults_left("destroy") > 0)
		uv_run(&world->loop, UV_RUN_ONCE);
	turn_until(world, REGISTRY_LEASED, 1);
	assert_int_equal(take_as(world, &peer, &pool, &fd), HANDOUT_FULL);
	close(atomic_load(&others_fd));
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(world->pools.destroyed, 1);
}

/* Whoever asked has his answer before anything else is done about it. */
TEST(test_pools_a_hand_out_is_not_kept_waiting_by_the_work_that_it_causes)
{
	struct world *world = *state;
	struct registry_pool *pool;
	unsigned before;
	int fd;

	world->class.max = 2;
	turn_until(world, REGISTRY_READY, 1);
	before = changes;
	assert_int_equal(take(world, &pool, &fd), HANDOUT_OK);
	assert_null(world->pools.jobs.first);
	assert_int_equal(changes, before);
	/* all that happens in a turn is one change */
	pools_wake(&world->pools);
	uv_run(&world->loop, UV_RUN_NOWAIT);
	assert_non_null(world->pools.jobs.first);
	assert_int_equal(changes, before + 1);
	close(fd);
}

TEST(test_pools_a_refusal_causes_no_work)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd, none;

	pool = taken(world, &fd);
	uv_run(&world->loop, UV_RUN_NOWAIT);
	assert_int_equal(take(world, &pool, &none), HANDOUT_NONE_READY);
	assert_false(uv_is_active((uv_handle_t *)&world->pools.turn));
	close(fd);
}

static void wake_pools(uv_timer_t *timer)
{
	pools_wake(timer->data);
	uv_close((uv_handle_t *)timer, NULL);
}

/* The loop may sleep for an hour after that. */
TEST(test_pools_what_a_timer_changes_is_seen_to_before_the_loop_waits)
{
	struct world *world = *state;
	static uv_timer_t timer;
	unsigned before;

	turn_until(world, REGISTRY_READY, 1);
	(void)uv_timer_stop(&world->pools.second_timer);
	uv_run(&world->loop, UV_RUN_NOWAIT);
	before = changes;
	(void)uv_timer_init(&world->loop, &timer);
	timer.data = &world->pools;
	(void)uv_timer_start(&timer, wake_pools, 0, 0);
	while (changes == before)
		uv_run(&world->loop, UV_RUN_ONCE);
}

TEST(test_pools_a_pool_that_cannot_be_marked_is_not_handed_out)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	turn_until(world, REGISTRY_READY, 1);
	faults_order("set_mark", 0, 1, EIO);
	assert_int_equal(take(world, &pool, &fd), HANDOUT_NONE_READY);
	assert_int_equal(world->pools.handed_out, 0);
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(world->pools.destroyed, 1);
}

TEST(test_pools_without_descriptors_a_pool_stays_ready)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	turn_until(world, REGISTRY_READY, 1);
	pool = first(world, REGISTRY_READY);
	faults_order("open_file", 0, 1, EMFILE);
	assert_int_equal(take(world, &pool, &fd), HANDOUT_NONE_READY);
	assert_int_equal(take(world, &pool, &fd), HANDOUT_OK);
	assert_int_equal(pool->leases, 1);
	close(fd);
}

TEST(test_pools_what_was_not_sent_is_scrubbed_before_the_next)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	pool = taken(world, &fd);
	close(fd);
	pools_unsent(&world->pools, pool, -EPIPE);
	assert_int_equal(pool->state, REGISTRY_RECYCLING);
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(world->pools.recycled, 1);
	assert_int_equal(world->pools.handed_out, 0);
}

TEST(test_pools_a_leased_pool_is_found_free_though_no_event_came)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	pool = taken(world, &fd);
	watch_remove(world->pools.watch, world->pools.directories.first->watch);
	close(fd);
	for (int i = 0; i < 50; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(pool->state, REGISTRY_LEASED);
	/* its turn is next */
	world->pools.probe_turn = (pool->id[0] + POOLS_PROBE_ROUND_S - 1) % POOLS_PROBE_ROUND_S;
	turn_until(world, REGISTRY_READY, 1);
}

TEST(test_pools_a_pool_whose_file_was_removed_is_forgotten)
{
	struct world *world = *state;
	char name[POOL_FILE_NAME_BYTES];
	struct registry_pool *pool;
	int fd;

	/* while it is leased */
	pool = taken(world, &fd);
	pool_file_name_format(&pool->file, name);
	assert_int_equal(unlinkat(world->pools.directories.first->dir.fd, name, 0), 0);
	(void)pools_probe(&world->pools, pool);
	pools_wake(&world->pools);
	assert_int_equal(count(world, REGISTRY_LEASED), 0);
	close(fd);
	/* while it is ready */
	turn_until(world, REGISTRY_READY, 1);
	pool_file_name_format(&first(world, REGISTRY_READY)->file, name);
	assert_int_equal(unlinkat(world->pools.directories.first->dir.fd, name, 0), 0);
	assert_int_equal(take(world, &pool, &fd), HANDOUT_NONE_READY);
	pool = taken(world, &fd);
	close(fd);
}

/* Opens and closes a leased pool's file as its user does at the end. */
static void make_event(const struct world *world, const struct registry_pool *pool)
{
	char name[POOL_FILE_NAME_BYTES];
	int fd;

	pool_file_name_format(&pool->file, name);
	fd = openat(world->pools.directories.first->dir.fd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
}

/* Its event came too early, and those of another must not use up its looks: the next would be in a minute. */
TEST(test_pools_a_pool_is_looked_at_again_whatever_others_do)
{
	struct world *world = *state;
	struct registry_pool *slow, *other;
	char name[POOL_FILE_NAME_BYTES];
	int slow_fd, other_fd, reader;

	world->class.ready = world->class.max = 2;
	pools_wake(&world->pools);
	turn_until(world, REGISTRY_READY, 2);
	assert_int_equal(take(world, &slow, &slow_fd), HANDOUT_OK);
	assert_int_equal(take(world, &other, &other_fd), HANDOUT_OK);
	/* somebody whose leaving makes no event */
	pool_file_name_format(&slow->file, name);
	reader = openat(world->pools.directories.first->dir.fd, name, O_RDONLY | O_CLOEXEC);
	assert_true(reader >= 0);
	close(slow_fd);
	for (int i = 0; i < 40; i++) {
		make_event(world, other);
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	close(reader);
	/* before the round of probes comes to it, as a rule */
	for (int i = 0; i < 2500 && count(world, REGISTRY_LEASED) == 2; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(count(world, REGISTRY_LEASED), 1);
	close(other_fd);
}

TEST(test_pools_removed_directory_forgets_its_pools_and_comes_back)
{
	struct world *world = *state;
	char moved[SCRATCH_PATH + 8];

	turn_until(world, REGISTRY_READY, 1);
	snprintf(moved, sizeof(moved), "%s.old", world->path);
	assert_int_equal(rename(world->path, moved), 0);
	turn_until(world, REGISTRY_READY, 0);
	assert_problem_has(world, "removed or unmounted");
	assert_int_equal(rename(moved, world->path), 0);
	pools_configure(&world->pools, &world->config);
	turn_until(world, REGISTRY_READY, 1);
	/* the one that lay there */
	assert_int_equal(pool_files(world), 1);
	assert_null(pools_class_problem(&world->pools, "a"));
}

TEST(test_pools_a_directory_that_comes_back_has_the_pools_of_those_that_had_them)
{
	struct world *world = *state;
	char moved[SCRATCH_PATH + 8];
	struct registry_pool *pool;
	int fd;

	(void)taken(world, &fd);
	snprintf(moved, sizeof(moved), "%s.old", world->path);
	assert_int_equal(rename(world->path, moved), 0);
	turn_until(world, REGISTRY_LEASED, 0);
	assert_int_equal(rename(moved, world->path), 0);
	pools_configure(&world->pools, &world->config);
	turn_until(world, REGISTRY_LEASED, 1);
	pool = first(world, REGISTRY_LEASED);
	assert_int_equal(pool->owner.uid, 1000);
	assert_int_equal(pool->owner.pid, getpid());
	assert_int_equal(pool->leases, 1);
	assert_int_equal(registry_had_by(world->pools.registry, "a", 1000), 1);
	close(fd);
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(registry_had_by(world->pools.registry, "a", 1000), 0);
}

/* Whoever has the pool closes it as soon as somebody has seen that it is in use. */
static atomic_int closed_once_seen = -1;
static uint8_t closed_id[POOL_FILE_ID_BYTES];    /* of that pool: the self-test has files of its own */

int __real_pool_file_probe(const struct pool_dir *dir, const struct pool_file *file);
int __wrap_pool_file_probe(const struct pool_dir *dir, const struct pool_file *file)
{
	int r = __real_pool_file_probe(dir, file), fd = -1;

	if (r == -EAGAIN && memcmp(file->id, closed_id, sizeof(closed_id)) == 0)
		fd = atomic_exchange(&closed_once_seen, -1);
	if (fd >= 0)
		close(fd);
	return r;
}

/* A scan found it in use, and its event came before the directory was watched. */
TEST(test_pools_a_pool_that_is_given_back_between_scan_and_watch_is_found_free)
{
	struct world *world = *state;
	char moved[SCRATCH_PATH + 8];
	int fd;

	memcpy(closed_id, taken(world, &fd)->id, sizeof(closed_id));
	snprintf(moved, sizeof(moved), "%s.old", world->path);
	assert_int_equal(rename(world->path, moved), 0);
	turn_until(world, REGISTRY_LEASED, 0);
	assert_int_equal(rename(moved, world->path), 0);
	(void)uv_timer_stop(&world->pools.second_timer);
	atomic_store(&closed_once_seen, fd);
	pools_configure(&world->pools, &world->config);
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(atomic_load(&closed_once_seen), -1);
	assert_int_equal(world->pools.recycled, 1);
}

TEST(test_pools_figures_are_never_more_than_the_pool_has)
{
	struct world *world = *state;
	struct pool_header header;
	struct registry_pool *pool;
	uint64_t used, peak;
	int fd;

	pool = taken(world, &fd);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	header.used_bytes = 12345;
	header.peak_bytes = UINT64_MAX;
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(pools_figures(&world->pools, pool, &used, &peak), 0);
	assert_int_equal(used, 12345);
	assert_int_equal(peak, SIZE);
	memset(&header, 0xff, sizeof(header));
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(pools_figures(&world->pools, pool, &used, &peak), -EBADMSG);
	close(fd);
}

/* --- cold pools --- */

static enum handout_status take_any(struct world *world, struct registry_pool **ret_pool, int *ret_fd)
{
	const struct request_peer peer = { .pid = getpid(), .uid = 1000, .takes_cold = true };

	return take_as(world, &peer, ret_pool, ret_fd);
}

static void turn_until_gone(struct world *world)
{
	for (int i = 0; i < 10000 && registry_count(world->pools.registry) > 0; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(registry_count(world->pools.registry), 0);
}

/* A class of cold pools, whose directory is not told from one on a disk if `by_thread`. */
static void serve_cold(struct world *world, bool by_thread)
{
	world->class.ready = 0;
	world->class.max = 2;
	world->class.cold = true;
	for (int i = 0; i < 10000 && !served_dir_is_usable(world->pools.directories.first); i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	world->pools.directories.first->dir.tmpfs = !by_thread;
	turn_until_gone(world);
}

TEST(test_pools_makes_a_cold_one_at_once)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fds[2];

	serve_cold(world, false);
	assert_int_equal(take(world, &pool, &fds[0]), HANDOUT_NONE_READY);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(take_any(world, &pool, &fds[i]), HANDOUT_COLD);
		assert_true(pool->cold && pool->state == REGISTRY_LEASED && pool->file.mark == POOL_FILE_USED);
		assert_int_equal(pool->owner.uid, 1000);
	}
	assert_int_equal(take_any(world, &pool, &fds[0]), HANDOUT_FULL);
	close(fds[0]);
	close(fds[1]);
	turn_until_gone(world);
}

TEST(test_pools_makes_a_cold_one_in_a_thread)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	serve_cold(world, true);
	assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NONE_READY);
	/* whoever asks again meanwhile makes no more of them */
	assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NONE_READY);
	assert_int_equal(count(world, REGISTRY_CREATING), 1);
	turn_until(world, REGISTRY_READY, 1);
	assert_true(first(world, REGISTRY_READY)->cold);
	assert_int_equal(take(world, &pool, &fd), HANDOUT_NONE_READY);
	assert_int_equal(take_any(world, &pool, &fd), HANDOUT_COLD);
	close(fd);
	turn_until_gone(world);
}

TEST(test_pools_removes_a_cold_one_that_nobody_took)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	serve_cold(world, true);
	assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NONE_READY);
	turn_until(world, REGISTRY_READY, 1);
	turn_until_gone(world);
	assert_int_equal(scratch_entries(world->path), 1);    /* the lock */
}

TEST(test_pools_says_why_no_cold_one_can_be_made)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	for (int by_thread = 0; by_thread < 2; by_thread++) {
		serve_cold(world, by_thread);
		faults_order("create_cold", 0, 1, ENOSPC);
		if (by_thread) {
			assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NONE_READY);
			turn_until_gone(world);
		}
		assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NO_SPACE);
		assert_problem_has(world, "no space left for a pool of 14 MiB");
		usleep(PROVISION_COLD_PAUSE_MS * 1000);
		uv_update_time(&world->loop);
		if (by_thread) {
			assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NONE_READY);
			turn_until(world, REGISTRY_READY, 1);
		}
		assert_int_equal(take_any(world, &pool, &fd), HANDOUT_COLD);
		assert_null(pools_class_problem(&world->pools, "a"));
		close(fd);
		turn_until_gone(world);
	}
}

/* The place of what was begun although somebody asked a moment ago, as there was room then. */
TEST(test_pools_who_asks_again_has_the_place_of_what_was_begun_meanwhile)
{
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	world->class.cold = true;
	atomic_store(&warm_is_waiting, false);
	atomic_store(&warm_waits, true);
	for (int i = 0; i < 10000 && !atomic_load(&warm_is_waiting); i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	provision_class(&world->pools.provision, "a")->asked_until_ms = pools_now_ms(&world->pools) + 60000;
	assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NONE_READY);
	turn_until_gone(world);
	assert_int_equal(take_any(world, &pool, &fd), HANDOUT_COLD);
	close(fd);
}

/* Nobody asks any more, and nobody looks whether there is space again. */
TEST(test_pools_says_for_a_while_that_no_cold_one_could_be_made)
{
	struct world *world = *state;
	struct provision_class *class = provision_class(&world->pools.provision, "a");
	struct registry_pool *pool;
	int fd;

	serve_cold(world, false);
	for (int reloads = 0; reloads < 2; reloads++) {
		faults_order("create_cold", 0, 1, ENOSPC);
		assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NO_SPACE);
		assert_problem_has(world, "no space left for a pool of 14 MiB");
		class->cold_due_ms -= PROVISION_COLD_SAID_MS - 1000;
		assert_problem_has(world, "no space left for a pool of 14 MiB");
		if (reloads)
			pools_configure(&world->pools, &world->config);
		else
			class->cold_due_ms -= 1000 + PROVISION_COLD_PAUSE_MS;
		assert_null(pools_class_problem(&world->pools, "a"));
	}
}

/* A descriptor or memory that is not to be had is no problem of the class, and leaves no file. */
TEST(test_pools_a_cold_one_for_which_a_resource_is_short_leaves_nothing)
{
	static const struct {
		const char *call;
		int error;
	} given[] = { { "create_cold", EMFILE }, { "register", ENOMEM } };
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	for (int i = 0; i < 4; i++) {
		bool by_thread = i % 2;

		serve_cold(world, by_thread);
		faults_order(given[i / 2].call, 0, 1, given[i / 2].error);
		assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NONE_READY);
		turn_until_gone(world);
		assert_int_equal(faults_left(given[i / 2].call), 0);
		assert_int_equal(pool_files(world), 0);
		assert_null(pools_class_problem(&world->pools, "a"));
		assert_non_null(pools_problem(&world->pools));
		assert_non_null(strstr(pools_problem(&world->pools), strerrordesc_np(given[i / 2].error)));
		world->pools.descriptors.problem[0] = '\0';
		usleep(PROVISION_COLD_PAUSE_MS * 1000);
		uv_update_time(&world->loop);
	}
}

TEST(test_pools_a_pool_that_cannot_be_registered_leaves_nothing)
{
	struct world *world = *state;

	faults_order("register", 0, 1, ENOMEM);
	turn_until(world, REGISTRY_READY, 1);
	assert_int_equal(faults_left("register"), 0);
	assert_int_equal(pool_files(world), 1);
}

/* Opening it, or renaming it, fails: it is not handed out, and goes. */
TEST(test_pools_a_cold_one_that_cannot_be_handed_out_goes)
{
	static const char *const calls[] = { "open_file", "set_mark" };
	struct world *world = *state;
	struct registry_pool *pool;
	int fd;

	serve_cold(world, false);
	for (size_t i = 0; i < 2; i++) {
		faults_order(calls[i], 0, 8, EIO);
		assert_int_equal(take_any(world, &pool, &fd), HANDOUT_NONE_READY);
		/* and one is made in vain, not one after another */
		assert_int_equal(count(world, REGISTRY_FAILED), 1);
		faults_clear();
		turn_until_gone(world);
	}
	assert_int_equal(take_any(world, &pool, &fd), HANDOUT_COLD);
	close(fd);
	turn_until_gone(world);
}
