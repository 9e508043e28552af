/* SPDX-License-Identifier: BSD-3-Clause */
/* test_control -- the control socket under clients that pipeline, trickle, flood, stay silent and do not read. */
/* objects: vmmallocd/control/ vmmallocd/base/ vmmallocd/plan/ vmmallocd/config/ common/util/ */
/* objects: common/base/ */
/* packages: jansson libuv */
/* wrap: getsockopt accept4 uv_now */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>
#include <uv.h>

#include "tests/unit/faults.h"
#include "tests/unit/test.h"
#include "vmmallocd/base/listener.h"
#include "vmmallocd/control/control.h"

#define DEADLINE_MS 60000
#define LIST "{\"method\":\"org.vmmalloc.List\"}"
#define INFO "{\"method\":\"org.varlink.service.GetInfo\"}"

static uid_t peer_uid;           /* what SO_PEERCRED says */
static uint64_t clock_ahead_ms;

int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *length);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	int r = __real_getsockopt(fd, level, option, value, length);

	if (r == 0 && level == SOL_SOCKET && option == SO_PEERCRED)
		((struct ucred *)value)->uid = peer_uid;
	return r;
}

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
	return __real_uv_now(loop) + clock_ahead_ms;
}

struct fixture {
	uv_loop_t loop;
	uv_timer_t pace;   /* ends a turn of the loop in which nothing happens */
	struct registry *registry;
	struct events events;
	struct config config;
	struct control *control;
	struct sockaddr_un address;
	socklen_t address_bytes;
	int reloads, refusals;
	int prunes, looks_left;       /* what is removed is at work for so many looks */
};

static const struct config *get_config(void *context)
{
	return &((struct fixture *)context)->config;
}

static void daemon_info(void *context, struct control_daemon_info *ret)
{
	(void)context;
	*ret = (struct control_daemon_info){ .pid = 1, .config_file = "", .runtime_dir = "", .state_dir = "" };
}

static size_t count_waiting(void *context, const char *name)
{
	(void)context;
	(void)name;
	return 0;
}

static int each_waiting(void *context, uint64_t after,
			int (*visit)(void *visit_context, const struct waiting_client *client, const char *class_name),
			void *visit_context)
{
	(void)context;
	(void)after;
	(void)visit;
	(void)visit_context;
	return 0;
}

static const char *class_problem(void *context, const char *name)
{
	(void)context;
	(void)name;
	return NULL;
}

static bool class_releases(void *context, const char *name)
{
	(void)context;
	(void)name;
	return false;
}

static uint64_t pool_bytes(void *context, const char *directory, uint64_t size_bytes)
{
	const uint64_t grain = strcmp(directory, "/mnt/huge") == 0 ? 2 << 20 : 1;

	(void)context;
	return (size_bytes + grain - 1) & ~(grain - 1);
}

static int pool_figures(void *context, const struct registry_pool *pool, uint64_t *ret_used, uint64_t *ret_peak)
{
	(void)context;
	(void)pool;
	*ret_used = *ret_peak = 1;
	return 0;
}

static uint64_t reload(void *context)
{
	return (uint64_t)++((struct fixture *)context)->reloads;
}

static int reload_result(void *context, uint64_t number, struct text *error)
{
	struct fixture *f = context;

	(void)error;
	assert_int_equal(number, f->reloads);
	return f->looks_left > 0 && f->looks_left-- > 0 ? -EINPROGRESS : 0;
}

static int prune(void *context, bool dry_run, int (*visit)(void *visit_context, const struct registry_pool *pool),
		 void *visit_context)
{
	struct fixture *f = context;
	const struct registry_pool *pool = registry_class(f->registry, "fast")->first[REGISTRY_LEASED];

	(void)dry_run;
	f->prunes++;
	return visit(visit_context, pool);
}

static const char *not_removed(void *context, const uint8_t id[POOL_FILE_ID_BYTES], bool *ret_at_work)
{
	struct fixture *f = context;

	(void)id;
	*ret_at_work = f->looks_left > 0;
	return f->looks_left > 0 ? f->looks_left--, "at work" : NULL;
}

static void ran_out(void *context, int error)
{
	assert_int_equal(error, EMFILE);
	((struct fixture *)context)->refusals++;
}

static void on_pace(uv_timer_t *timer)
{
	(void)timer;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct control_backend backend = { .context = f, .config = get_config, .daemon_info = daemon_info,
					   .class_problem = class_problem,
					   .class_releases = class_releases, .waiting = count_waiting,
					   .each_waiting = each_waiting,
					   .pool_bytes = pool_bytes,
					   .pool_figures = pool_figures,
					   .prune = prune, .not_removed = not_removed, .reload = reload,
					   .reload_result = reload_result,
					   .ran_out = ran_out };

	peer_uid = geteuid();
	clock_ahead_ms = 0;
	faults_clear();
	f->registry = backend.registry = registry_new();
	assert_int_equal(events_init(&f->events, 1), 0);
	backend.events = &f->events;
	f->address.sun_family = AF_UNIX;
	/* the kernel picks an abstract name */
	assert_int_equal(bind(fd, (struct sockaddr *)&f->address, sizeof(sa_family_t)), 0);
	f->address_bytes = sizeof(f->address);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&f->address, &f->address_bytes), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	uv_timer_init(&f->loop, &f->pace);
	uv_timer_start(&f->pace, on_pace, 5, 5);
	assert_int_equal(control_open(&f->loop, fd, &backend, &f->control), 0);
	*state = f;
	return 0;
}

/* Nothing may be left in the loop. */
static int teardown(void **state)
{
	struct fixture *f = *state;

	control_close(f->control);
	uv_close((uv_handle_t *)&f->pace, NULL);
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	registry_free(f->registry);
	events_done(&f->events);
	free(f);
	return 0;
}

TEST_FIXTURE(setup, teardown);

static void add_pools(struct fixture *f, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct registry_pool pool = { .class_name = "fast", .directory = (char *)"/mnt" }, *added;

		memcpy(pool.id, &i, sizeof(i));
		memcpy(pool.file.id, pool.id, sizeof(pool.id));
		assert_int_equal(registry_add(f->registry, &pool, REGISTRY_LEASED, &added), 0);
	}
}

static void turn(struct fixture *f)
{
	uv_run(&f->loop, UV_RUN_ONCE);
}

static int client(struct fixture *f)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&f->address, f->address_bytes), 0);
	return fd;
}

static void put(int fd, const char *bytes, size_t count)
{
	assert_int_equal(send(fd, bytes, count, MSG_NOSIGNAL), count);
}

/* Runs the loop until the client has as many NULs, or the end; returns the bytes read. True if the end was reached. */
static bool get(struct fixture *f, int fd, size_t messages, size_t *ret_messages, size_t *ret_bytes)
{
	uint64_t deadline = uv_hrtime() + DEADLINE_MS * UINT64_C(1000000);
	size_t seen = 0, bytes = 0;
	bool end = false;

	while (!end && seen < messages) {
		char buffer[65536];
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

		if (n < 0 && errno == EAGAIN) {
			assert_true(uv_hrtime() < deadline);
			turn(f);
			continue;
		}
		end = n <= 0;
		for (ssize_t i = 0; i < n; i++)
			seen += buffer[i] == '\0';
		bytes += n > 0 ? (size_t)n : 0;
	}
	*ret_messages = seen;
	*ret_bytes = bytes;
	return end;
}

static void assert_answers(struct fixture *f, int fd)
{
	size_t messages, bytes;

	put(fd, INFO, sizeof(INFO));
	assert_false(get(f, fd, 1, &messages, &bytes));
}

static void assert_closed(struct fixture *f, int fd)
{
	size_t messages, bytes;

	assert_true(get(f, fd, SIZE_MAX, &messages, &bytes));
	assert_int_equal(messages, 0);
}

TEST(test_control_answers_byte_by_byte_calls)
{
	struct fixture *f = *state;
	int fd = client(f);
	size_t messages, bytes;

	for (size_t i = 0; i < sizeof(INFO); i++) {
		put(fd, INFO + i, 1);
		turn(f);
	}
	assert_false(get(f, fd, 1, &messages, &bytes));
	close(fd);
}

TEST(test_control_answers_pipelined_calls_in_order)
{
	static const char calls[] = INFO "\0{\"method\":\"org.vmmalloc.Reload\"}\0"
				    "{\"method\":\"org.vmmalloc.Reload\",\"oneway\":true}\0"
				    LIST "\0{\"method\":\"x\"}";
	static const char *const expected[] = { "vendor", "{\"parameters\":{}}", "pools", "InterfaceNotFound" };
	struct fixture *f = *state;
	int fd = client(f);
	char replies[4096];
	size_t have = 0, nuls = 0;
	const char *at = replies;

	put(fd, calls, sizeof(calls));
	for (int turns = 0; nuls < 4 && turns < 1000; turns++) {
		ssize_t n = recv(fd, replies + have, sizeof(replies) - have, 0);

		for (ssize_t i = 0; i < n; i++)
			nuls += replies[have + (size_t)i] == '\0';
		have += n > 0 ? (size_t)n : 0;
		turn(f);
	}
	assert_int_equal(nuls, 4);
	for (int i = 0; i < 4; i++) {
		assert_non_null(strstr(at, expected[i]));
		at += strlen(at) + 1;
	}
	assert_int_equal(f->reloads, 2);
	close(fd);
}

TEST(test_control_answers_what_came_before_the_end)
{
	struct fixture *f = *state;
	int fd = client(f);
	size_t messages, bytes;

	for (int i = 0; i < 100; i++)
		put(fd, INFO, sizeof(INFO));
	put(fd, "half", 4);
	shutdown(fd, SHUT_WR);
	assert_true(get(f, fd, SIZE_MAX, &messages, &bytes));
	assert_int_equal(messages, 100);
	close(fd);
}

static void turn_many(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		turn(f);
}

/* Such a client was told that no daemon answers, as it was stopped, and may have asked for the contrary since. */
TEST(test_control_does_nothing_for_a_client_that_has_gone)
{
	static const char reload_call[] = "{\"method\":\"org.vmmalloc.Reload\"}";
	static const char oneway[] = "{\"method\":\"org.vmmalloc.Reload\",\"oneway\":true}";
	struct fixture *f = *state;
	int fd = client(f);

	put(fd, reload_call, sizeof(reload_call));
	close(fd);
	turn_many(f);
	assert_int_equal(f->reloads, 0);
	/* it has accepted, and not read */
	fd = client(f);
	turn(f);
	put(fd, reload_call, sizeof(reload_call));
	put(fd, reload_call, sizeof(reload_call));
	close(fd);
	turn_many(f);
	assert_int_equal(f->reloads, 0);
	/* who wants no answer need not wait for it */
	fd = client(f);
	put(fd, oneway, sizeof(oneway));
	close(fd);
	turn_many(f);
	assert_int_equal(f->reloads, 1);
	/* nor has he gone who only says that he has no more to say */
	fd = client(f);
	put(fd, reload_call, sizeof(reload_call));
	shutdown(fd, SHUT_WR);
	turn_many(f);
	assert_int_equal(f->reloads, 2);
	close(fd);
}

#define PRUNE "{\"method\":\"org.vmmalloc.Prune\",\"parameters\":{\"dry_run\":false}}"

TEST(test_control_answers_when_the_work_is_done)
{
	struct fixture *f = *state;
	int fd = client(f), other = client(f);
	char reply[4096];
	ssize_t n = -1;

	add_pools(f, 1);
	f->looks_left = 10;
	put(fd, PRUNE, sizeof(PRUNE));
	for (int i = 0; i < 1000 && n < 0; i++) {
		turn(f);
		n = recv(fd, reply, sizeof(reply), 0);
		assert_true(n < 0 || f->looks_left == 0);
		if (i == 5)
			assert_answers(f, other);
	}
	assert_true(n > 0);
	assert_non_null(strstr(reply, "],\"failed\":[]}}"));
	/* not for ever */
	f->looks_left = INT32_MAX;
	put(fd, PRUNE, sizeof(PRUNE));
	turn_many(f);
	assert_int_equal(recv(fd, reply, sizeof(reply), 0), -1);
	clock_ahead_ms += CONTROL_WORK_MS;
	for (n = -1; n < 0;) {
		turn(f);
		n = recv(fd, reply, sizeof(reply), 0);
	}
	assert_non_null(strstr(reply, "\"pools\":[],\"failed\":[{\"pool\":{"));
	assert_non_null(strstr(reply, "\"reason\":\"at work\",\"at_work\":true}]}}"));
	assert_answers(f, fd);
	/* and a client that goes meanwhile is forgotten */
	put(fd, PRUNE, sizeof(PRUNE));
	turn_many(f);
	close(fd);
	turn_many(f);
	assert_int_equal(f->prunes, 3);
	assert_answers(f, other);
	close(other);
}

TEST(test_control_refuses_what_is_too_long_or_no_call)
{
	struct fixture *f = *state;
	static char spaces[CONTROL_MESSAGE_BYTES_MOST + 2];
	size_t messages, bytes;
	int fd = client(f);

	put(fd, "x", 2);
	assert_closed(f, fd);
	close(fd);
	memset(spaces, ' ', sizeof(spaces));
	fd = client(f);
	put(fd, spaces, sizeof(spaces));
	assert_closed(f, fd);
	close(fd);
	/* the longest that there may be */
	memcpy(spaces, INFO, sizeof(INFO) - 1);
	fd = client(f);
	put(fd, spaces, CONTROL_MESSAGE_BYTES_MOST);
	put(fd, "", 1);
	assert_false(get(f, fd, 1, &messages, &bytes));
	close(fd);
}

TEST(test_control_waits_for_a_client_that_does_not_read)
{
	struct fixture *f = *state;
	size_t messages, bytes, calls = 0;
	int slow = client(f), other = client(f);

	add_pools(f, 500);
	/* as many calls as the kernel takes: the server must stop reading them */
	for (int idle = 0; idle < 50; ) {
		ssize_t n = send(slow, LIST, sizeof(LIST), MSG_NOSIGNAL);

		idle = n < 0 ? idle + 1 : 0;
		calls += n == sizeof(LIST);
		assert_true(n < 0 || n == sizeof(LIST));
		assert_true(calls < 100000);
		turn(f);
	}
	assert_true(calls > 100);
	assert_answers(f, other);
	assert_false(get(f, slow, calls, &messages, &bytes));
	assert_int_equal(messages, calls);
	assert_true(bytes > calls * 500 * 100);
	close(slow);
	close(other);
}

TEST(test_control_gives_turns_to_others_while_one_asks_without_end)
{
	struct fixture *f = *state;
	char drained[65536];
	int greedy = client(f), other = client(f), turns = 0;

	add_pools(f, 5000);
	for (int i = 0; i < 100; i++)
		put(greedy, LIST, sizeof(LIST));
	for (int i = 0; i < 20; i++) {
		turn(f);
		while (recv(greedy, drained, sizeof(drained), 0) > 0)
			;
	}
	put(other, INFO, sizeof(INFO));
	while (recv(other, drained, sizeof(drained), 0) < 0) {
		while (recv(greedy, drained, sizeof(drained), 0) > 0)
			;
		turn(f);
		turns++;
	}
	/* one to hear of it, one or two for a turn */
	assert_true(turns < 10);
	close(greedy);
	close(other);
}

TEST(test_control_limits_the_connections_of_a_user)
{
	struct fixture *f = *state;
	int fds[CONTROL_CONNECTIONS_PER_UID], extra;

	peer_uid = geteuid() + 1;
	for (int i = 0; i < CONTROL_CONNECTIONS_PER_UID; i++) {
		fds[i] = client(f);
		assert_answers(f, fds[i]);
	}
	extra = client(f);
	assert_closed(f, extra);
	close(extra);
	peer_uid++;
	extra = client(f);
	assert_answers(f, extra);
	close(extra);
	/* one leaves, one may come */
	peer_uid--;
	close(fds[0]);
	for (int i = 0; i < 5; i++)
		turn(f);
	fds[0] = client(f);
	assert_answers(f, fds[0]);
	for (int i = 0; i < CONTROL_CONNECTIONS_PER_UID; i++)
		close(fds[i]);
}

TEST(test_control_has_a_place_for_who_comes_whoever_is_silent)
{
	struct fixture *f = *state;
	int fds[CONTROL_CONNECTIONS], extra;

	/* a user for each, as one who has a range of subordinate ids is */
	for (int i = 0; i < CONTROL_CONNECTIONS; i++) {
		peer_uid = geteuid() + 1 + (uid_t)i;
		fds[i] = client(f);
		assert_answers(f, fds[i]);
		clock_ahead_ms += 10;
	}
	peer_uid = geteuid() + 1000;
	extra = client(f);
	assert_answers(f, extra);
	close(extra);
	assert_closed(f, fds[0]);
	peer_uid = geteuid();
	extra = client(f);
	assert_answers(f, extra);
	close(extra);
	for (int i = 0; i < CONTROL_CONNECTIONS; i++)
		close(fds[i]);
}

TEST(test_control_closes_silent_connections_only)
{
	struct fixture *f = *state;
	int silent = client(f), half = client(f), alive = client(f);

	put(half, "{", 1);
	assert_answers(f, silent);
	assert_answers(f, alive);
	clock_ahead_ms = CONTROL_IDLE_MS - 1000;
	assert_answers(f, alive);
	clock_ahead_ms = CONTROL_IDLE_MS + 1;
	assert_closed(f, silent);
	assert_closed(f, half);
	assert_answers(f, alive);
	close(silent);
	close(half);
	close(alive);
}

TEST(test_control_goes_on_when_descriptors_come_back)
{
	struct fixture *f = *state;
	uint64_t began_ms = __real_uv_now(&f->loop);
	int fd;

	faults_clear();
	faults_order("accept4", 0, FAULTS_ALWAYS, EMFILE);
	fd = client(f);
	for (int i = 0; i < 100; i++)
		turn(f);
	/* it does not spin: one attempt, and one after each pause */
	assert_uint_in_range(faults_calls("accept4"), 1, 1 + (__real_uv_now(&f->loop) - began_ms) / LISTENER_PAUSE_MS);
	assert_int_equal(f->refusals, faults_calls("accept4"));
	faults_clear();
	assert_answers(f, fd);
	close(fd);
}

TEST(test_control_forgets_clients_that_leave_at_any_time)
{
	struct fixture *f = *state;
	int fd;

	add_pools(f, 3000);
	for (int turns = 0; turns < 60; turns++) {
		fd = client(f);
		put(fd, LIST, sizeof(LIST));
		put(fd, LIST, sizeof(LIST) / 2);
		for (int i = 0; i < turns; i++)
			turn(f);
		close(fd);
	}
	/* the teardown proves that nothing was left; what is open now is closed with it */
	peer_uid = geteuid() + 1;
	for (int i = 0; i < 5; i++) {
		fd = client(f);
		put(fd, LIST, sizeof(LIST));
		turn(f);
		turn(f);
		close(fd);
	}
	assert_answers(f, fd = client(f));
	close(fd);
}

/* --- subscriptions --- */

#define SUBSCRIBE "{\"method\":\"org.vmmalloc.Events\",\"more\":true}"
#define SUBSCRIBE_ALL "{\"method\":\"org.vmmalloc.Events\",\"more\":true,\"parameters\":{\"after\":0}}"

static void add_events(struct fixture *f, unsigned count)
{
	const struct event event = { .kind = EVENT_READY, .class_name = "fast" };

	for (unsigned i = 0; i < count; i++)
		events_add(&f->events, &event);
}

/* The next reply, whole; NULL: there is none, after some turns. */
static json_t *next_reply(struct fixture *f, int fd)
{
	static char text[65536];
	size_t have = 0;
	json_t *reply;

	for (int turns = 0; turns < 200 && (have == 0 || text[have - 1] != '\0'); turns++) {
		ssize_t n = recv(fd, text + have, 1, 0);

		while (n > 0 && text[have++] != '\0')
			n = recv(fd, text + have, 1, 0);
		if (n <= 0 && have == 0 && turns > 20)
			return NULL;
		if (have == 0 || text[have - 1] != '\0')
			turn(f);
	}
	reply = json_loads(text, 0, NULL);
	assert_non_null(reply);
	return reply;
}

static json_int_t number_in(const json_t *reply, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(reply, "parameters"), key));
}

/* Reads replies until it has the newest event; returns how many events were in them, and checks their numbers. */
static json_int_t read_events(struct fixture *f, int fd, json_int_t *after, json_int_t *ret_lost)
{
	json_int_t seen = 0;
	json_t *reply;

	*ret_lost = 0;
	while ((reply = next_reply(f, fd))) {
		json_t *events = json_object_get(json_object_get(reply, "parameters"), "events"), *event;
		size_t i;

		assert_true(json_is_true(json_object_get(reply, "continues")));
		*ret_lost += number_in(reply, "lost");
		*after += number_in(reply, "lost");
		json_array_foreach(events, i, event)
			assert_int_equal(json_integer_value(json_object_get(event, "number")), ++*after);
		seen += (json_int_t)json_array_size(events);
		json_decref(reply);
	}
	return seen;
}

TEST(test_control_tells_subscribers_what_comes)
{
	struct fixture *f = *state;
	int fd = client(f), all = client(f), dead = client(f);
	json_int_t after = 3, after_all = 0, lost;
	json_t *reply;

	add_events(f, 3);
	put(fd, SUBSCRIBE, sizeof(SUBSCRIBE));
	put(all, SUBSCRIBE_ALL, sizeof(SUBSCRIBE_ALL));
	put(dead, SUBSCRIBE, sizeof(SUBSCRIBE));
	/* at once, and that is all */
	reply = next_reply(f, fd);
	assert_int_equal(number_in(reply, "last"), 3);
	assert_true(json_is_true(json_object_get(reply, "continues")));
	json_decref(reply);
	assert_null(next_reply(f, fd));
	assert_int_equal(read_events(f, all, &after_all, &lost), 3);
	close(dead);
	for (int i = 0; i < 50; i++) {
		add_events(f, 1 + (unsigned)i % 3);
		assert_int_equal(read_events(f, fd, &after, &lost), 1 + i % 3);
		assert_int_equal(lost, 0);
	}
	assert_int_equal(read_events(f, all, &after_all, &lost), after - 3);
	close(fd);
	close(all);
}

TEST(test_control_keeps_silent_subscribers_while_they_live)
{
	struct fixture *f = *state;
	int fd = client(f), half = client(f), silent;
	json_int_t after = 0, after_half = 0, lost;

	put(fd, SUBSCRIBE, sizeof(SUBSCRIBE));
	put(half, SUBSCRIBE, sizeof(SUBSCRIBE));
	/* he has no more to say, and reads */
	shutdown(half, SHUT_WR);
	(void)read_events(f, fd, &after, &lost);
	(void)read_events(f, half, &after_half, &lost);
	/* one that only connected is closed, so it was looked for */
	silent = client(f);
	turn_many(f);
	clock_ahead_ms += CONTROL_IDLE_MS + 1;
	assert_closed(f, silent);
	close(silent);
	add_events(f, 1);
	assert_int_equal(read_events(f, fd, &after, &lost), 1);
	assert_int_equal(read_events(f, half, &after_half, &lost), 1);
	close(fd);
	close(half);
}

TEST(test_control_counts_for_slow_subscribers_what_they_missed)
{
	struct fixture *f = *state;
	int slow = client(f), other = client(f);
	json_int_t after = 0, lost, seen;

	put(slow, SUBSCRIBE_ALL, sizeof(SUBSCRIBE_ALL));
	for (int i = 0; i < 20; i++) {
		add_events(f, EVENTS_KEPT);
		turn_many(f);
		assert_answers(f, other);
	}
	seen = read_events(f, slow, &after, &lost);
	assert_int_equal(after, 20 * EVENTS_KEPT);
	assert_int_equal(seen + lost, 20 * EVENTS_KEPT);
	assert_true(lost > 10 * EVENTS_KEPT);
	/* and goes on */
	add_events(f, 7);
	assert_int_equal(read_events(f, slow, &after, &lost), 7);
	assert_int_equal(lost, 0);
	close(slow);
	close(other);
}

TEST(test_control_limits_the_subscriptions_of_a_user)
{
	struct fixture *f = *state;
	int fds[CONTROL_SUBSCRIBERS_PER_UID], extra = client(f);
	json_t *reply;

	for (int i = 0; i < CONTROL_SUBSCRIBERS_PER_UID; i++) {
		fds[i] = client(f);
		put(fds[i], SUBSCRIBE, sizeof(SUBSCRIBE));
		json_decref(next_reply(f, fds[i]));
	}
	put(extra, SUBSCRIBE, sizeof(SUBSCRIBE));
	reply = next_reply(f, extra);
	assert_string_equal(json_string_value(json_object_get(reply, "error")), "org.vmmalloc.TooManySubscribers");
	json_decref(reply);
	/* the connection goes on, and others have theirs */
	assert_answers(f, extra);
	peer_uid++;
	close(extra);
	extra = client(f);
	put(extra, SUBSCRIBE, sizeof(SUBSCRIBE));
	reply = next_reply(f, extra);
	assert_int_equal(number_in(reply, "last"), 0);
	json_decref(reply);
	close(extra);
	/* who has gone does not count, though nobody has looked yet */
	peer_uid--;
	extra = client(f);
	turn_many(f);
	close(fds[0]);
	put(extra, SUBSCRIBE, sizeof(SUBSCRIBE));
	reply = next_reply(f, extra);
	assert_null(json_object_get(reply, "error"));
	json_decref(reply);
	close(extra);
	for (int i = 1; i < CONTROL_SUBSCRIBERS_PER_UID; i++)
		close(fds[i]);
}

/* What is asked for behind a subscription has no answer, as that has no end. */
TEST(test_control_answers_nothing_behind_a_subscription)
{
	struct fixture *f = *state;
	int fd = client(f);
	json_int_t after = 0, lost;

	for (int i = 0; i < 100; i++)
		put(fd, SUBSCRIBE, sizeof(SUBSCRIBE));
	assert_int_equal(read_events(f, fd, &after, &lost), 0);
	add_events(f, 2);
	assert_int_equal(read_events(f, fd, &after, &lost), 2);
	close(fd);
	turn_many(f);
	fd = client(f);
	assert_answers(f, fd);
	close(fd);
}

TEST(test_control_forgets_subscribers_that_leave_at_any_time)
{
	struct fixture *f = *state;
	int fd;

	for (int turns = 0; turns < 60; turns++) {
		fd = client(f);
		put(fd, SUBSCRIBE_ALL, sizeof(SUBSCRIBE_ALL));
		for (int i = 0; i < turns; i++) {
			add_events(f, 100);
			turn(f);
		}
		close(fd);
	}
	assert_answers(f, fd = client(f));
	close(fd);
}

TEST(test_control_closes_with_clients_in_all_stages)
{
	struct fixture *f = *state;
	int silent = client(f), half = client(f), unread = client(f), waiting = client(f), subscriber = client(f);

	add_pools(f, 10000);
	put(half, "{", 1);
	put(unread, LIST, sizeof(LIST));
	put(subscriber, SUBSCRIBE, sizeof(SUBSCRIBE));
	for (int i = 0; i < 50; i++)
		turn(f);
	put(waiting, LIST, sizeof(LIST));
	turn(f);
	/* control_close comes next */
	close(silent);
	close(half);
	close(unread);
	close(waiting);
	close(subscriber);
}
