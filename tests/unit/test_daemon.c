/* SPDX-License-Identifier: BSD-3-Clause */
/* test_daemon -- the library asks for a pool: daemons that give one, refuse, lie, are slow or silent. */
/* objects: libvmmalloc/start/ libvmmalloc/base/ libvmmalloc/ common/base/ */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/handout.h"
#include "libvmmalloc/start/handout_client.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

/* What the daemon of a test does with the request that it gets. */
struct daemon {
	char directory[SCRATCH_PATH], path[SCRATCH_PATH + 16];
	int listening;
	pthread_t thread;
	int hang_ups;                      /* so many connections are closed before one is served */
	bool old;                          /* it is of before long requests, and may be asked twice */
	struct handout_long_request request;    /* that it got, */
	size_t request_bytes;              /* so many bytes of it */
	struct handout_reply reply;        /* that it gives, */
	size_t reply_bytes;                /* so many bytes of it; 0: none, it hangs up */
	int fds[2];                        /* with these descriptors, and closes them */
	size_t fd_count;
	useconds_t pause_us;               /* before it answers */
};

/* The next connection, and its request. */
static int hear(struct daemon *daemon)
{
	int connection = accept(daemon->listening, NULL, NULL);
	ssize_t n = recv(connection, &daemon->request, sizeof(daemon->request), 0);

	daemon->request_bytes = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -1 : connection;
}

static void *serve(void *argument)
{
	struct daemon *daemon = argument;
	char packet[sizeof(daemon->reply) + 100] = "";
	char control[CMSG_SPACE(sizeof(daemon->fds))] = "";
	struct iovec part = { .iov_base = packet, .iov_len = daemon->reply_bytes };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int connection;

	for (int i = 0; i < daemon->hang_ups; i++) {
		connection = hear(daemon);
		usleep(daemon->pause_us);
		close(connection);
	}
	connection = hear(daemon);
	memcpy(packet, &daemon->reply, sizeof(daemon->reply));
	if (daemon->old && daemon->request_bytes != sizeof(struct handout_request)) {
		const struct handout_reply refusal = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION,
						       .status = HANDOUT_BAD_REQUEST };

		(void)!send(connection, &refusal, sizeof(refusal), MSG_NOSIGNAL);
		close(connection);
		connection = hear(daemon);
	}
	if (connection < 0)
		return NULL;
	if (daemon->fd_count) {
		size_t bytes = daemon->fd_count * sizeof(int);

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(bytes);
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
							     .cmsg_len = CMSG_LEN(bytes) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), daemon->fds, bytes);
	}
	if (daemon->pause_us)
		usleep(daemon->pause_us);
	if (daemon->reply_bytes)
		(void)!sendmsg(connection, &message, MSG_NOSIGNAL);
	close(connection);
	for (size_t i = 0; i < daemon->fd_count; i++)
		close(daemon->fds[i]);
	return NULL;
}

static void listen_at(struct daemon *daemon, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	scratch_make("/tmp", daemon->directory);
	snprintf(daemon->path, sizeof(daemon->path), "%s/pool.sock", daemon->directory);
	assert_true(strlen(daemon->path) < sizeof(address.sun_path));
	memcpy(address.sun_path, daemon->path, strlen(daemon->path) + 1);
	daemon->listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(daemon->listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(daemon->listening, backlog), 0);
}

static void start_daemon(struct daemon *daemon)
{
	listen_at(daemon, 8);
	assert_int_equal(pthread_create(&daemon->thread, NULL, serve, daemon), 0);
}

static void stop_daemon(struct daemon *daemon)
{
	pthread_join(daemon->thread, NULL);
	close(daemon->listening);
	scratch_remove(daemon->directory);
}

static int make_file(size_t bytes)
{
	int fd = memfd_create("pool", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

/* A daemon that gives a pool of 16 MiB. */
static struct daemon generous(void)
{
	return (struct daemon){
		.reply = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = HANDOUT_OK,
			   .pool_bytes = 16 * MIB, .pool_id = { 1 }, .class_name = "fast" },
		.reply_bytes = sizeof(struct handout_reply),
		.fds = { make_file(16 * MIB) },
		.fd_count = 1,
	};
}

/* Asks, and sees to it that no descriptor is lost. */
/* As config.c does it: what is too long fills it. */
static void set_socket(struct vmm_config *config, const char *path)
{
	memcpy(config->socket, path, strnlen(path, sizeof(config->socket) - 1));
}

/* As another program than whoever asked before. */
static int ask_for_any(const struct vmm_config *config, int *ret_fd, bool *ret_is_cold, char words[512])
{
	struct text error = { .data = words, .size = 512 };

	vmm_handout_silence = (struct vmm_handout_silence){ 0 };
	words[0] = '\0';
	alarm(20);
	int r = vmm_handout_ask(config, 0, config->wait_seconds, ret_fd, ret_is_cold, &error);
	alarm(0);
	return r;
}

/* It must not be cold. */
static int ask(const struct vmm_config *config, int *ret_fd, char words[512])
{
	bool is_cold = true;
	int r = ask_for_any(config, ret_fd, &is_cold, words);

	assert_true(r < 0 || !is_cold);
	return r;
}

/* The daemon gives that, and the library does not take it: with this error. */
static void assert_refuses(struct daemon *daemon, int expected, const char *expected_words)
{
	struct vmm_config config = { .tiers[0].pool_class = "fast" };
	size_t before = scratch_entries("/proc/self/fd") - daemon->fd_count;
	char words[512], line[512];
	int fd = -7;

	start_daemon(daemon);
	set_socket(&config, daemon->path);
	assert_int_equal(ask(&config, &fd, words), expected);
	assert_int_equal(fd, -7);
	snprintf(line, sizeof(line), "vmmallocd (%s): %s", daemon->path, expected_words);
	assert_string_equal(words, line);
	stop_daemon(daemon);
	assert_int_equal(scratch_entries("/proc/self/fd"), before);
}

/* A daemon that hangs up is an error of write(), not the end of us. */
static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

TEST_FIXTURE(set_up, NULL);

TEST(test_daemon_gives_a_pool_of_a_class)
{
	struct daemon daemon = generous();
	/* the size is of a pool that is made if the class has none */
	struct vmm_config config = { .tiers[0].pool_class = "fast", .tiers[0].bytes = 100 * MIB };
	struct stat given, got;
	char words[512];
	int fd;

	assert_int_equal(fstat(daemon.fds[0], &given), 0);
	start_daemon(&daemon);
	set_socket(&config, daemon.path);
	assert_int_equal(ask(&config, &fd, words), 0);
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(got.st_ino, given.st_ino);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	stop_daemon(&daemon);
	assert_int_equal(daemon.request.request.kind, HANDOUT_BY_CLASS);
	assert_int_equal(daemon.request.request.least_bytes, 0);
	assert_string_equal(daemon.request.request.class_name, "fast");
	assert_int_equal(handout_long_request_decode(&daemon.request, sizeof(daemon.request), &daemon.request), 0);
}

TEST(test_daemon_is_asked_for_a_directory_as_the_kernel_knows_it)
{
	struct daemon daemon = generous();
	struct vmm_config config = { .tiers[0].dir = "/tmp/.", .tiers[0].bytes = 16 * MIB };
	struct stat st;
	char words[512];
	int fd;

	start_daemon(&daemon);
	set_socket(&config, daemon.path);
	assert_int_equal(ask(&config, &fd, words), 0);
	close(fd);
	stop_daemon(&daemon);
	assert_int_equal(stat("/tmp", &st), 0);
	assert_int_equal(daemon.request.request.kind, HANDOUT_BY_DIRECTORY);
	assert_int_equal(daemon.request.request.dir_dev, st.st_dev);
	assert_int_equal(daemon.request.request.dir_ino, st.st_ino);
	assert_int_equal(handout_long_request_decode(&daemon.request, sizeof(daemon.request), &daemon.request), 0);
}

TEST(test_daemon_that_gives_a_cold_pool_is_understood)
{
	struct daemon daemon = generous();
	struct vmm_config config = { .tiers[0].pool_class = "fast" };
	char words[512];
	bool is_cold = false;
	int fd;

	daemon.reply.status = HANDOUT_COLD;
	start_daemon(&daemon);
	set_socket(&config, daemon.path);
	assert_int_equal(ask_for_any(&config, &fd, &is_cold, words), 0);
	assert_true(is_cold);
	close(fd);
	stop_daemon(&daemon);
	assert_int_equal(daemon.request_bytes, sizeof(daemon.request));
	assert_int_equal(daemon.request.flags, HANDOUT_TAKES_COLD);
}

TEST(test_daemon_of_before_cold_pools_is_asked_as_it_was)
{
	struct daemon daemon = generous();
	struct vmm_config config = { .tiers[0].pool_class = "fast" };
	char words[512];
	int fd;

	daemon.old = true;
	start_daemon(&daemon);
	set_socket(&config, daemon.path);
	assert_int_equal(ask(&config, &fd, words), 0);
	close(fd);
	stop_daemon(&daemon);
	assert_int_equal(daemon.request_bytes, sizeof(struct handout_request));
	assert_string_equal(daemon.request.request.class_name, "fast");
}

/* Asks with VMMALLOC_WAIT. */
static int ask_and_wait(struct daemon *daemon, unsigned seconds, int *ret_fd, char words[512])
{
	struct vmm_config config = { .tiers[0].pool_class = "fast", .wait_seconds = seconds };
	int r;

	start_daemon(daemon);
	set_socket(&config, daemon->path);
	r = ask(&config, ret_fd, words);
	stop_daemon(daemon);
	return r;
}

/* "N s)", where N is at least 1: how large it is depends on the machine. */
static void assert_in_seconds(const char *words)
{
	char *end;

	assert_true(strtoul(words, &end, 10) >= 1);
	assert_string_equal(end, " s)");
}

TEST(test_daemon_is_waited_for_as_long_as_it_is_told)
{
	struct daemon daemon = generous();
	char words[512];
	int fd;

	/* longer than an answer may take without */
	daemon.pause_us = (HANDOUT_TIMEOUT_MS + 500) * 1000;
	assert_int_equal(ask_and_wait(&daemon, 20, &fd, words), 0);
	close(fd);
	assert_int_equal(daemon.request_bytes, sizeof(daemon.request));
	assert_int_equal(daemon.request.wait_s, 20);
}

TEST(test_daemon_that_refuses_after_a_wait_is_quoted_and_the_wait_is_said)
{
	struct daemon daemon = {
		.reply = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = HANDOUT_FULL },
		.reply_bytes = sizeof(struct handout_reply),
		.pause_us = 1000000,
	};
	char words[512], line[512];
	int fd = -7;

	assert_int_equal(ask_and_wait(&daemon, 1, &fd, words), -EAGAIN);
	snprintf(line, sizeof(line), "vmmallocd (%s): %s (waited ", daemon.path, handout_status_text(HANDOUT_FULL));
	assert_ptr_equal(strstr(words, line), words);
	assert_in_seconds(words + strlen(line));
	assert_int_equal(fd, -7);
}

TEST(test_daemon_that_hangs_up_or_keeps_silent_is_not_waited_for_longer)
{
	struct daemon hangs_up = { .hang_ups = 1, .pause_us = 600000 }, silent = { .pause_us = 3000000 };
	char words[512], line[512];
	int fd = -7;

	assert_int_equal(ask_and_wait(&hangs_up, 60, &fd, words), -ECONNRESET);
	snprintf(line, sizeof(line), "vmmallocd (%s): Connection reset by peer (waited ", hangs_up.path);
	assert_ptr_equal(strstr(words, line), words);
	assert_in_seconds(words + strlen(line));
	assert_int_equal(ask_and_wait(&silent, 1, &fd, words), -ETIMEDOUT);
	snprintf(line, sizeof(line), "vmmallocd (%s): Connection timed out (waited ", silent.path);
	assert_ptr_equal(strstr(words, line), words);
	assert_in_seconds(words + strlen(line));
	assert_int_equal(fd, -7);
}

TEST(test_daemon_of_before_is_not_waited_for_and_that_is_said)
{
	struct daemon daemon = {
		.old = true,
		.reply = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = HANDOUT_NONE_READY },
		.reply_bytes = sizeof(struct handout_reply),
	};
	char words[512], line[512];
	int fd = -7;

	assert_int_equal(ask_and_wait(&daemon, 60, &fd, words), -EAGAIN);
	snprintf(line, sizeof(line), "vmmallocd (%s): no pool is ready (it is too old to know VMMALLOC_WAIT)",
		 daemon.path);
	assert_string_equal(words, line);
	assert_int_equal(daemon.request_bytes, sizeof(struct handout_request));
}

TEST(test_daemon_that_refuses_is_quoted)
{
	for (uint32_t status = HANDOUT_NONE_READY; status < HANDOUT_STATUSES; status++) {
		struct daemon daemon = {
			.old = status == HANDOUT_BAD_REQUEST,
			.reply = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = status },
			.reply_bytes = sizeof(struct handout_reply),
		};

		if (!handout_is_given(status))
			assert_refuses(&daemon, -EAGAIN, handout_status_text(status));
	}
}

TEST(test_daemon_that_refuses_and_sends_a_descriptor_leaves_none_behind)
{
	struct daemon daemon = generous();

	daemon.reply = (struct handout_reply){ .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION,
					       .status = HANDOUT_NONE_READY };
	assert_refuses(&daemon, -EAGAIN, "no pool is ready");
}

TEST(test_daemon_that_is_not_there_is_said)
{
	struct vmm_config config = { .tiers[0].pool_class = "fast", .socket = "/tmp/vmmalloc-no-such/pool.sock" };
	char words[512], long_path[200] = "/";
	int fd = -7;

	assert_int_equal(ask(&config, &fd, words), -ENOENT);
	assert_string_equal(words, "vmmallocd (/tmp/vmmalloc-no-such/pool.sock): No such file or directory");
	memset(long_path + 1, 'x', sizeof(long_path) - 2);
	set_socket(&config, long_path);
	assert_int_equal(ask(&config, &fd, words), -ENAMETOOLONG);
	assert_int_equal(fd, -7);
}

static struct daemon refuses_with(enum handout_status status)
{
	return (struct daemon){
		.reply = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = status },
		.reply_bytes = sizeof(struct handout_reply),
	};
}

/* Asks the user's own daemon, and then the other; NULL: it is not there. */
static int ask_both(struct daemon *users, struct daemon *systems, int *ret_fd, char words[512])
{
	struct vmm_config config = { .tiers[0].pool_class = "fast", .user_socket = "/tmp/vmmalloc-no-such/pool.sock",
				     .socket = "/tmp/vmmalloc-no-such/pool.sock" };
	int r;

	if (users) {
		start_daemon(users);
		memcpy(config.user_socket, users->path, strlen(users->path) + 1);
	}
	if (systems) {
		start_daemon(systems);
		set_socket(&config, systems->path);
	}
	r = ask(&config, ret_fd, words);
	if (users)
		stop_daemon(users);
	if (systems)
		stop_daemon(systems);
	return r;
}

TEST(test_daemon_of_the_system_is_asked_if_the_users_is_not_there_or_has_no_such_class)
{
	static const enum handout_status goes_on[] = { HANDOUT_NO_SUCH_CLASS, HANDOUT_ENDING };
	struct daemon systems = generous();
	char words[512];
	int fd;

	assert_int_equal(ask_both(NULL, &systems, &fd, words), 0);
	close(fd);
	for (size_t i = 0; i < sizeof(goes_on) / sizeof(*goes_on); i++) {
		struct daemon users = refuses_with(goes_on[i]);

		systems = generous();
		assert_int_equal(ask_both(&users, &systems, &fd, words), 0);
		assert_string_equal(users.request.request.class_name, "fast");
		close(fd);
	}
}

/* One that has the class has the last word: who limits or drains it means it. */
TEST(test_daemon_of_the_user_that_has_the_class_is_the_only_one)
{
	for (uint32_t status = HANDOUT_NONE_READY; status < HANDOUT_STATUSES; status++) {
		struct daemon users = refuses_with(status);
		/* it would be said that nobody listens there */
		struct vmm_config config = { .tiers[0].pool_class = "fast", .socket = "/dev/null" };
		char words[512], line[512];
		int fd = -7;

		if (handout_is_given(status) || status == HANDOUT_NO_SUCH_CLASS || status == HANDOUT_ENDING ||
		    status == HANDOUT_BAD_REQUEST)
			continue;
		start_daemon(&users);
		memcpy(config.user_socket, users.path, strlen(users.path) + 1);
		assert_int_equal(ask(&config, &fd, words), -EAGAIN);
		stop_daemon(&users);
		snprintf(line, sizeof(line), "vmmallocd (%s): %s", users.path, handout_status_text(status));
		assert_string_equal(words, line);
	}
	struct daemon users = generous();
	char words[512];
	int fd;

	assert_int_equal(ask_both(&users, NULL, &fd, words), 0);
	close(fd);
}

TEST(test_daemons_that_both_refuse_are_both_quoted_and_one_that_is_not_there_is_not)
{
	struct daemon users = refuses_with(HANDOUT_NO_SUCH_CLASS), systems = refuses_with(HANDOUT_FULL);
	char words[512], line[1024];
	int fd = -7;

	assert_int_equal(ask_both(&users, &systems, &fd, words), -EAGAIN);
	snprintf(line, sizeof(line), "vmmallocd (%s): %s; vmmallocd (%s): %s", users.path,
		 handout_status_text(HANDOUT_NO_SUCH_CLASS), systems.path, handout_status_text(HANDOUT_FULL));
	assert_string_equal(words, line);
	users = refuses_with(HANDOUT_NO_SUCH_CLASS);
	assert_int_equal(ask_both(&users, NULL, &fd, words), -EAGAIN);
	snprintf(line, sizeof(line), "vmmallocd (%s): %s", users.path, handout_status_text(HANDOUT_NO_SUCH_CLASS));
	assert_string_equal(words, line);
	systems = refuses_with(HANDOUT_FULL);
	assert_int_equal(ask_both(NULL, &systems, &fd, words), -EAGAIN);
	snprintf(line, sizeof(line), "vmmallocd (%s): %s", systems.path, handout_status_text(HANDOUT_FULL));
	assert_string_equal(words, line);
	assert_int_equal(ask_both(NULL, NULL, &fd, words), -ENOENT);
	assert_string_equal(words, "vmmallocd (/tmp/vmmalloc-no-such/pool.sock): No such file or directory");
}

TEST(test_daemon_that_hangs_up_is_an_error)
{
	struct daemon daemon = generous();

	daemon.hang_ups = 1;
	daemon.reply_bytes = 0;
	assert_refuses(&daemon, -ECONNRESET, "Connection reset by peer");
}

/* The one that is there then has the connections that nobody has answered. */
TEST(test_daemon_that_is_started_anew_is_asked_again)
{
	struct daemon daemon = generous();
	char words[512];
	int fd;

	daemon.hang_ups = 1;
	daemon.pause_us = 1100000;
	assert_int_equal(ask_and_wait(&daemon, 5, &fd, words), 0);
	close(fd);
	assert_int_equal(daemon.request.wait_s, 4);
	assert_string_equal(daemon.request.request.class_name, "fast");
}

TEST(test_daemon_that_is_silent_is_left)
{
	struct daemon daemon = generous();

	daemon.pause_us = 1500000;
	assert_refuses(&daemon, -ETIMEDOUT, "Connection timed out");
}

TEST(test_daemon_that_never_accepts_is_left)
{
	struct daemon daemon = { 0 };
	struct vmm_config config = { .tiers[0].pool_class = "fast" };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct text error = { .data = (char[512]){ "" }, .size = 512 };
	char words[512], line[512];
	bool is_cold;
	int fd = -7, waiting;

	listen_at(&daemon, 0);
	strcpy(address.sun_path, daemon.path);
	waiting = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(waiting, (struct sockaddr *)&address, sizeof(address)), 0);
	set_socket(&config, daemon.path);
	assert_int_equal(ask(&config, &fd, words), -ETIMEDOUT);
	assert_int_equal(fd, -7);
	close(waiting);
	close(daemon.listening);
	/* nor is it asked for the next tier: there is nobody by now, and that is not seen */
	assert_int_equal(vmm_handout_ask(&config, 0, 0, &fd, &is_cold, &error), -ETIMEDOUT);
	snprintf(line, sizeof(line), "vmmallocd (%s): Connection timed out", daemon.path);
	assert_string_equal(error.data, line);
	vmm_handout_silence.others_until_ns = 1;
	assert_int_equal(vmm_handout_ask(&config, 0, 0, &fd, &is_cold, &error), -ECONNREFUSED);
	assert_int_equal(vmm_handout_silence.others_until_ns, 0);
	scratch_remove(daemon.directory);
}

static void on_alarm(int signal)
{
	(void)signal;
}

TEST(test_daemon_is_waited_for_through_signals)
{
	bool is_cold;
	struct daemon daemon = generous();
	struct vmm_config config = { .tiers[0].pool_class = "fast" };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	struct itimerval often = { .it_interval.tv_usec = 2000, .it_value.tv_usec = 2000 };
	struct text error = { .data = (char[512]){ "" }, .size = 512 };
	int fd;

	daemon.pause_us = 200000;
	start_daemon(&daemon);
	set_socket(&config, daemon.path);
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(vmm_handout_ask(&config, 0, 0, &fd, &is_cold, &error), 0);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	sigaction(SIGALRM, &before, NULL);
	close(fd);
	stop_daemon(&daemon);
}

TEST(test_daemon_that_lies_is_not_believed)
{
	struct daemon daemon;
	int pipe_ends[2];

	daemon = generous();
	daemon.reply.magic[0] = 'X';
	assert_refuses(&daemon, -EBADMSG, "Bad message");
	daemon = generous();
	daemon.reply_bytes--;
	assert_refuses(&daemon, -EBADMSG, "Bad message");
	daemon = generous();
	daemon.reply_bytes++;
	assert_refuses(&daemon, -EBADMSG, "Bad message");
	daemon = generous();
	close(daemon.fds[0]);
	daemon.fd_count = 0;
	assert_refuses(&daemon, -EBADMSG, "Bad message");

	/* the file is not what the reply says, or too small */
	daemon = generous();
	daemon.reply.pool_bytes = 32 * MIB;
	assert_refuses(&daemon, -EBADMSG, "Bad message");
	daemon = generous();
	assert_int_equal(ftruncate(daemon.fds[0], 4096), 0);
	daemon.reply.pool_bytes = 4096;
	assert_refuses(&daemon, -EBADMSG, "Bad message");

	/* it is none that a heap can be on */
	daemon = generous();
	close(daemon.fds[0]);
	daemon.fds[0] = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_refuses(&daemon, -EBADMSG, "Bad message");
	daemon = generous();
	close(daemon.fds[0]);
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
	daemon.fds[0] = pipe_ends[0];
	daemon.fds[1] = pipe_ends[1];
	daemon.fd_count = 2;
	assert_refuses(&daemon, -EBADMSG, "Bad message");
	daemon = generous();
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", daemon.fds[0]);
	int read_only = open(path, O_RDONLY | O_CLOEXEC);
	close(daemon.fds[0]);
	daemon.fds[0] = read_only;
	assert_refuses(&daemon, -EBADMSG, "Bad message");
}

TEST(test_daemon_pool_that_is_too_small_is_not_taken)
{
	struct daemon daemon = generous();
	struct vmm_config config = { .tiers[0].dir = "/tmp/.", .tiers[0].bytes = 17 * MIB };
	char words[512];
	int fd = -7;

	start_daemon(&daemon);
	set_socket(&config, daemon.path);
	assert_int_equal(ask(&config, &fd, words), -EBADMSG);
	assert_int_equal(fd, -7);
	stop_daemon(&daemon);
}
