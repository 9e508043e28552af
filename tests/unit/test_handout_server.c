/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_handout_server -- clients of the hand-out socket that wait for pools: real sockets, real pools, the real loop.
 *
 * A client's user and process are in the name that its socket is bound to, and getsockopt says so: the tests need not
 * be root.
 */
/* objects: vmmallocd/ vmmallocd/pools/ vmmallocd/base/ vmmallocd/plan/ vmmallocd/config/ vmmallocd/files/ */
/* objects: common/base/ common/util/ */
/* wrap: getsockopt pool_file_create_cold pool_file_set_mark */
/* packages: libuv */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/faults.h"
#include "tests/unit/model.h"
#include "tests/unit/pools_world.h"
#include "tests/unit/test.h"
#include "vmmallocd/handout_server.h"

#define SIZE ((uint64_t)14 << 20)
#define FIRST_UID 1000
#define FIRST_PID 1000000000    /* there are none of such numbers */
#define CLIENTS 24
#define USERS 3
#define PROCESSES 5
#define STEPS 150
#define WALKS 6

/* --- who a client is, and what goes wrong --- */

int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *length);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
	struct sockaddr_un name = { 0 };
	socklen_t bytes = sizeof(name);
	int r = __real_getsockopt(fd, level, option, value, length);

	if (r == 0 && level == SOL_SOCKET && option == SO_PEERCRED &&
	    getpeername(fd, (struct sockaddr *)&name, &bytes) == 0 && name.sun_path[1] == 'u') {
		struct ucred *credentials = value;
		char *end;

		credentials->uid = (uid_t)strtoul(name.sun_path + 2, &end, 10);
		credentials->pid = (pid_t)strtoul(end + 1, NULL, 10);
	}
	return r;
}

int __real_pool_file_create_cold(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes,
				 struct pool_file *ret_file, struct text *error);
int __wrap_pool_file_create_cold(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes,
				 struct pool_file *ret_file, struct text *error)
{
	int r = -faults_strike("create_cold");

	return r ? r : __real_pool_file_create_cold(dir, class_name, size_bytes, ret_file, error);
}

int __real_pool_file_set_mark(const struct pool_dir *dir, struct pool_file *file, enum pool_file_mark mark);
int __wrap_pool_file_set_mark(const struct pool_dir *dir, struct pool_file *file, enum pool_file_mark mark)
{
	int r = -faults_strike("set_mark");

	return r ? r : __real_pool_file_set_mark(dir, file, mark);
}

/* --- a daemon's pools and its socket, without a daemon --- */

static struct {
	struct handout_server *server;
	struct sockaddr_un address;
	socklen_t address_bytes;
} socket_served;

static void on_changed(void *world)
{
	(void)world;
	if (socket_served.server)
		handout_server_look_again(socket_served.server);
}

/* A name that is no file's. */
__attribute__((format(printf, 2, 3)))
static socklen_t name_socket(struct sockaddr_un *address, const char *format, ...)
{
	va_list args;
	int length;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	va_start(args, format);
	length = vsnprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, format, args);
	va_end(args);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static int setup(void **state)
{
	const struct config_class class = {
		.size_bytes = SIZE, .max = 1, .cold = true, .max_waiting = 5000, .max_waiting_per_user = 4000,
	};
	struct world *world = pools_world_open(&class, on_changed);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*state = world;
	socket_served.address_bytes = name_socket(&socket_served.address, "server%d", getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&socket_served.address, socket_served.address_bytes), 0);
	assert_int_equal(listen(fd, 4096), 0);
	assert_int_equal(handout_server_open(&world->loop, fd, &world->pools, &world->log, &socket_served.server), 0);
	do
		uv_run(&world->loop, UV_RUN_NOWAIT);
	while (!pools_are_found(&world->pools));
	return 0;
}

static void close_server(void)
{
	handout_server_close(socket_served.server);
	socket_served.server = NULL;
}

static int teardown(void **state)
{
	faults_clear();
	close_server();
	pools_world_close(*state);
	return 0;
}

TEST_FIXTURE(setup, teardown);

static size_t leased(const struct world *world)
{
	return registry_class(world->pools.registry, "a")->counts[REGISTRY_LEASED];
}

static size_t waiting(void)
{
	return handout_server_waiting(socket_served.server, "a");
}

/* One of that process that has asked, with a wait or without; its socket. */
static int ask_as(unsigned user, unsigned process, unsigned wait_s)
{
	static unsigned number;
	const struct handout_long_request request = {
		.request = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .kind = HANDOUT_BY_CLASS,
			     .class_name = "a" },
		.flags = HANDOUT_TAKES_COLD, .wait_s = wait_s,
	};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un name;
	socklen_t bytes = name_socket(&name, "u%u-%u-%d-%u", FIRST_UID + user, process, getpid(), number++);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, bytes), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&socket_served.address, socket_served.address_bytes), 0);
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	return fd;
}

static int ask(unsigned user, unsigned wait_s)
{
	return ask_as(user, FIRST_PID, wait_s);
}

/* Its answer: a status, and a pool, -1 if there is none; -EAGAIN: none yet; -ECONNRESET: none. */
static int hear(int fd, int *ret_pool_fd)
{
	char packet[256];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { packet, sizeof(packet) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct handout_reply reply;

	*ret_pool_fd = -1;
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	assert_int_equal(handout_reply_decode(packet, (size_t)n, &reply), 0);
	if (handout_is_given(reply.status))
		memcpy(ret_pool_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return (int)reply.status;
}

/* The same, within 10 seconds; then the connection is closed. */
static int answer(struct world *world, int fd, int *ret_pool_fd)
{
	int r = -EAGAIN;

	for (int i = 0; i < 10000 && r == -EAGAIN; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		r = hear(fd, ret_pool_fd);
		if (r == -EAGAIN)
			usleep(1000);
	}
	close(fd);
	return r;
}

static int given(struct world *world, int fd)
{
	int pool_fd, status = answer(world, fd, &pool_fd);

	assert_int_equal(status, HANDOUT_COLD);
	return pool_fd;
}

static int refused(struct world *world, int fd)
{
	int pool_fd, status = answer(world, fd, &pool_fd);

	assert_int_equal(pool_fd, -1);
	return status;
}

static void turn_until_waiting(struct world *world, size_t n)
{
	for (int i = 0; i < 10000 && waiting() != n; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(waiting(), n);
}

/* So many requests of one user, all of which wait. */
static void wait_all(struct world *world, int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fds[i] = ask(0, 60);
	turn_until_waiting(world, n);
}

TEST(test_handout_server_gives_pools_in_the_order_of_the_requests)
{
	struct world *world = *state;
	int pool = given(world, ask(0, 0)), fds[5], none;

	for (unsigned i = 0; i < 5; i++) {
		fds[i] = ask(i % 2, 60);
		turn_until_waiting(world, i + 1);
	}
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned later = i; later < 5; later++)
			assert_int_equal(hear(fds[later], &none), -EAGAIN);
		close(pool);
		pool = given(world, fds[i]);
		assert_int_equal(waiting(), 4 - i);
	}
	assert_int_equal(world->pools.refused, 0);
	close(pool);
}

TEST(test_handout_server_refuses_at_the_deadline_and_says_what_is_in_the_way)
{
	struct world *world = *state;
	int pool = given(world, ask(0, 0)), fd;

	fd = ask(0, 1);
	turn_until_waiting(world, 1);
	world->class.max_per_user = 1;
	assert_int_equal(refused(world, fd), HANDOUT_LIMIT);
	assert_int_equal(waiting(), 0);
	assert_int_equal(refused(world, ask(1, 1)), HANDOUT_FULL);
	assert_int_equal(world->pools.refused, 2);
	close(pool);
}

TEST(test_handout_server_forgets_clients_that_are_gone)
{
	struct world *world = *state;
	int pool = given(world, ask(0, 0)), fds[3];

	wait_all(world, fds, 3);
	close(fds[1]);
	turn_until_waiting(world, 2);
	/* its end, and that a pool comes back, are seen in the same turn */
	close(fds[0]);
	close(pool);
	close(given(world, fds[2]));
	assert_int_equal(waiting(), 0);
	assert_int_equal(world->pools.handed_out, 2);
}

TEST(test_handout_server_lets_nobody_overtake_who_waits)
{
	struct world *world = *state;

	for (int i = 0; i < 20; i++) {
		int pool = given(world, ask(0, 0)), first, late;

		first = ask(0, 60);
		turn_until_waiting(world, 1);
		late = ask(1, 0);
		close(pool);
		pool = given(world, first);
		assert_int_equal(refused(world, late), HANDOUT_FULL);
		close(pool);
	}
}

/* On a disk a pool no longer counts as soon as it is closed, and whoever asks hears of that at once. */
TEST(test_handout_server_serves_who_waits_before_whoever_hears_first_that_a_pool_is_closed)
{
	struct world *world = *state;
	int pool, first, late;

	served_dirs_find(&world->pools.directories, world->path)->dir.tmpfs = false;
	world->class.ready = world->class.max = 5;
	world->class.max_per_user = 1;
	pools_configure(&world->pools, &world->config);
	while (registry_class(world->pools.registry, "a")->counts[REGISTRY_READY] < 5)
		uv_run(&world->loop, UV_RUN_NOWAIT);
	assert_int_equal(answer(world, ask(0, 0), &pool), HANDOUT_OK);
	first = ask(0, 60);
	turn_until_waiting(world, 1);
	late = ask(0, 0);
	close(pool);
	assert_int_equal(refused(world, late), HANDOUT_LIMIT);
	assert_int_equal(answer(world, first, &pool), HANDOUT_OK);
	close(pool);
}

TEST(test_handout_server_passes_over_a_user_at_his_limit)
{
	struct world *world = *state;
	int a, b, more_of_a, more_of_b;

	world->class.max = 2;
	world->class.max_per_user = 1;
	a = given(world, ask(0, 0));
	b = given(world, ask(1, 0));
	more_of_a = ask(0, 60);
	turn_until_waiting(world, 1);
	more_of_b = ask(1, 60);
	turn_until_waiting(world, 2);
	close(b);
	b = given(world, more_of_b);
	assert_int_equal(waiting(), 1);
	close(a);
	close(given(world, more_of_a));
	close(b);
}

TEST(test_handout_server_passes_over_a_process_at_its_limit_and_not_its_user)
{
	struct world *world = *state;
	int has, more, other;

	world->class.max = 3;
	world->class.max_per_process = 1;
	has = given(world, ask(0, 0));
	assert_int_equal(refused(world, ask(0, 0)), HANDOUT_PROCESS_LIMIT);
	more = ask(0, 60);
	turn_until_waiting(world, 1);
	world->class.max = 1;
	other = ask_as(0, FIRST_PID + 1, 60);
	turn_until_waiting(world, 2);
	world->class.max = 3;
	pools_configure(&world->pools, &world->config);
	other = given(world, other);
	assert_int_equal(waiting(), 1);
	close(has);
	close(given(world, more));
	close(other);
}

TEST(test_handout_server_lets_no_more_wait_than_may)
{
	struct world *world = *state;
	int pool = given(world, ask(0, 0)), fds[3];

	world->class.max_waiting = 3;
	world->class.max_waiting_per_user = 2;
	for (unsigned i = 0; i < 3; i++) {
		fds[i] = ask(i / 2, 60);
		turn_until_waiting(world, i + 1);
		if (i == 1)
			assert_int_equal(refused(world, ask(0, 60)), HANDOUT_CROWDED);
	}
	assert_int_equal(refused(world, ask(2, 60)), HANDOUT_CROWDED);
	world->class.max_waiting = 0;
	assert_int_equal(refused(world, ask(2, 60)), HANDOUT_FULL);
	/* who waits already goes on */
	world->class.max_waiting = 3;
	close(pool);
	for (unsigned i = 0; i < 3; i++)
		close(given(world, fds[i]));
}

/* They are no longer among the connections that a user may have open, of which the oldest is closed for the next. */
TEST(test_handout_server_waiting_does_not_count_as_a_connection)
{
	struct world *world = *state;
	int pool = given(world, ask(0, 0)), fds[30];

	wait_all(world, fds, 30);
	close(pool);
	for (unsigned i = 0; i < 30; i++)
		close(given(world, fds[i]));
}

TEST(test_handout_server_tells_who_waits_that_it_ends)
{
	struct world *world = *state;
	int pool = given(world, ask(0, 0)), first = ask(0, 60), second = ask(1, 60);

	turn_until_waiting(world, 2);
	close_server();
	assert_int_equal(refused(world, first), HANDOUT_ENDING);
	assert_int_equal(refused(world, second), HANDOUT_ENDING);
	close(pool);
}

TEST(test_handout_server_answers_when_the_class_is_no_more)
{
	struct world *world = *state;
	int pool = given(world, ask(0, 0)), fd = ask(0, 60);

	turn_until_waiting(world, 1);
	world->config.class_count = 0;
	pools_configure(&world->pools, &world->config);
	assert_int_equal(refused(world, fd), HANDOUT_NO_SUCH_CLASS);
	close(pool);
}

/* What cannot be made changes something each time that it is tried. */
TEST(test_handout_server_does_not_try_without_a_pause_what_fails)
{
	struct world *world = *state;
	uint64_t before, began_ns, ms = 0;
	int fd;

	faults_order("set_mark", 0, 1000000, EIO);
	fd = ask(0, 60);
	turn_until_waiting(world, 1);
	before = world->pools.destroyed;
	for (began_ns = uv_hrtime(); ms < 300; ms = (uv_hrtime() - began_ns) / 1000000)
		uv_run(&world->loop, UV_RUN_NOWAIT);
	assert_true(world->pools.destroyed - before > 0);
	assert_true(world->pools.destroyed - before <= ms / 5 + 2);
	faults_clear();
	close(given(world, fd));
}

/* --- clients that come, wait, die, give up and give back --- */

struct client {
	int fd, pool;           /* -1: none */
	unsigned user, process, wait_s;
	uint64_t order;
	bool waits;
};

static struct model {
	struct world *world;
	struct client clients[CLIENTS];
	uint64_t order;
} model;

static size_t count_holders(unsigned user)
{
	size_t n = 0;

	for (size_t i = 0; i < CLIENTS; i++)
		n += model.clients[i].pool >= 0 && (user == USERS || model.clients[i].user == user);
	return n;
}

static size_t count_of_process(unsigned process)
{
	size_t n = 0;

	for (size_t i = 0; i < CLIENTS; i++)
		n += model.clients[i].pool >= 0 && model.clients[i].process == process;
	return n;
}

static bool may_have_one(const struct client *client)
{
	const struct config_class *class = &model.world->class;

	return count_holders(USERS) < class->max &&
	       (class->max_per_user == 0 || count_holders(client->user) < class->max_per_user) &&
	       (class->max_per_process == 0 || count_of_process(client->process) < class->max_per_process);
}

/* Whether who may have one says that the other may. */
static bool may_have_the_same(const struct client *served, const struct client *other)
{
	const struct config_class *class = &model.world->class;

	return (class->max_per_user == 0 || other->user == served->user) &&
	       (class->max_per_process == 0 || other->process == served->process);
}

/* Nobody before it, who could have had that pool as well, still waits. */
static void expect_in_turn(const struct client *served)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		const struct client *other = &model.clients[i];

		if (other->waits && other->order < served->order && may_have_the_same(served, other))
			model_fail("%zu is served before %zu", served - model.clients, i);
	}
}

static void hear_all(void)
{
	struct client *served[CLIENTS];
	size_t n = 0;

	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &model.clients[i];
		int status = client->waits ? hear(client->fd, &client->pool) : -EAGAIN, none;

		if (status == -EAGAIN)
			continue;
		model_expect(status >= 0, "%zu: %s", i, strerrorname_np(-status));
		client->waits = false;
		model_expect(hear(client->fd, &none) == -ECONNRESET, "%zu has another answer", i);
		close(client->fd);
		client->fd = -1;
		if (client->pool >= 0)
			served[n++] = client;
		else
			model_expect(client->wait_s <= 1 && request_can_wait((enum handout_status)status),
				     "%zu waits %u s, and is told %s", i, client->wait_s,
				     handout_status_text((uint32_t)status));
	}
	while (n > 0)
		expect_in_turn(served[--n]);
}

/* Everybody has what he can have, and nothing is lost. */
static bool is_settled(void)
{
	size_t waiters = 0;

	for (size_t i = 0; i < CLIENTS; i++) {
		const struct client *client = &model.clients[i];

		if (client->waits && (client->wait_s == 0 || may_have_one(client)))
			return false;
		waiters += client->waits;
	}
	return leased(model.world) == count_holders(USERS) && waiting() == waiters;
}

static void settle(void)
{
	for (int i = 0; i < 10000; i++) {
		uv_run(&model.world->loop, UV_RUN_NOWAIT);
		hear_all();
		if (is_settled())
			return;
		usleep(500);
	}
	model_fail("%zu are leased, %zu are had; %zu wait", leased(model.world), count_holders(USERS),
		   waiting());
}

static void give_back(struct client *client)
{
	model_step("%zu gives its pool back", client - model.clients);
	close(client->pool);
	client->pool = -1;
}

static void step(void)
{
	struct client *client = &model.clients[model_below(CLIENTS)];

	if (model_below(20) == 0) {
		model.world->class.max = 1 + (unsigned)model_below(5);
		model.world->class.max_per_user = (unsigned)model_below(3);
		model.world->class.max_per_process = (unsigned)model_below(3);
		model_step("max = %u, max_per_user = %u, max_per_process = %u", model.world->class.max,
			   model.world->class.max_per_user, model.world->class.max_per_process);
		pools_configure(&model.world->pools, &model.world->config);
	} else if (client->pool >= 0) {
		give_back(client);
	} else if (client->waits) {
		model_step("%zu dies", client - model.clients);
		close(client->fd);
		*client = (struct client){ .fd = -1, .pool = -1 };
	} else {
		static const unsigned waits[] = { 60, 60, 60, 60, 60, 0, 1 };

		*client = (struct client){ .pool = -1, .user = (unsigned)model_below(USERS),
					   .process = FIRST_PID + (unsigned)model_below(PROCESSES),
					   .wait_s = waits[model_below(sizeof(waits) / sizeof(waits[0]))],
					   .order = ++model.order, .waits = true };
		model_step("%zu of user %u, process %u, asks, and waits %u s", client - model.clients, client->user,
			   client->process - FIRST_PID, client->wait_s);
		client->fd = ask_as(client->user, client->process, client->wait_s);
	}
	/* or what comes next comes in the same turn */
	if (model_below(3) > 0)
		settle();
}

static void walk(void)
{
	for (size_t i = 0; i < CLIENTS; i++)
		model.clients[i] = (struct client){ .fd = -1, .pool = -1 };
	for (int i = 0; i < STEPS; i++)
		step();
	/* each gives back what he has, until all have had one */
	model.world->class.max_per_user = model.world->class.max_per_process = 0;
	pools_configure(&model.world->pools, &model.world->config);
	settle();
	while (count_holders(USERS) > 0) {
		for (size_t i = 0; i < CLIENTS; i++)
			if (model.clients[i].pool >= 0)
				give_back(&model.clients[i]);
		settle();
	}
	model_expect(waiting() == 0 && leased(model.world) == 0, "somebody waits for ever");
}

TEST(test_handout_server_serves_all_who_wait_once_and_loses_no_pool)
{
	model.world = *state;
	model_run(walk, WALKS);
}
