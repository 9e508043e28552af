/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon_reclaim -- how soon after the death of its last user a pool is recycled.
 *
 *   daemon_reclaim SOCKET CLASS DIRECTORY ROUNDS
 *
 * A child takes a pool, writes to all of it, and forks; its own child is killed first, then it. Prints a line for each
 * round, microseconds from before kill(2): "dead US known US began US". dead: the kernel has closed the pool for its
 * last user; known: the daemon's probe of it is over, it is not leased any more; began: a worker takes its pages out.
 * inotify tells them all: the probe's descriptor is the only one for reading, and the work begins with a truncation.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/daemon_take.h"

#define PATIENCE_MS 20000

struct user {
	pid_t pid, child;
	uint8_t pool_id[16];
};

static _Noreturn void hold(void)
{
	for (;;)
		pause();
}

static _Noreturn void use(const char *socket, const char *class_name, int report)
{
	struct handout_reply reply = { .status = HANDOUT_NONE_READY };
	struct user user = { .pid = getpid() };
	int fd, r;
	char *pool;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((r = daemon_take(socket, class_name, &reply, &fd)) == 0 && reply.status == HANDOUT_NONE_READY)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	if (r != 0 || reply.status != HANDOUT_OK)
		die("no pool", r ? -r : EACCES);
	pool = mmap(NULL, reply.pool_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pool == MAP_FAILED)
		die("mmap", errno);
	memset(pool, 1, reply.pool_bytes);
	memcpy(user.pool_id, reply.pool_id, sizeof(user.pool_id));
	user.child = fork();
	if (user.child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		hold();
	}
	signal(SIGCHLD, SIG_IGN);
	if (user.child < 0 || write(report, &user, sizeof(user)) != sizeof(user))
		die("report", errno);
	hold();
}

static void format_id(const uint8_t id[16], char text[33])
{
	for (int i = 0; i < 16; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
}

struct moments {
	int64_t dead_ns, known_ns, began_ns;
};

/* Until the file of that pool is changed; -ETIMEDOUT. */
static int await_change(int events_fd, const char *id, struct moments *ret_moments)
{
	char buffer[16384];
	const struct inotify_event *event;
	ssize_t n;

	for (;;) {
		if (poll(&(struct pollfd){ .fd = events_fd, .events = POLLIN }, 1, PATIENCE_MS) != 1)
			return -ETIMEDOUT;
		n = read(events_fd, buffer, sizeof(buffer));
		for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const void *)(buffer + at);
			if (event->len == 0 || !strstr(event->name, id))
				continue;
			if (event->mask & IN_CLOSE_WRITE)
				ret_moments->dead_ns = now_ns();
			if (event->mask & IN_CLOSE_NOWRITE)
				ret_moments->known_ns = now_ns();
			ret_moments->began_ns = now_ns();
			if (event->mask & IN_MODIFY)
				return 0;
		}
	}
}

static void drain(int events_fd)
{
	char buffer[16384];

	while (poll(&(struct pollfd){ .fd = events_fd, .events = POLLIN }, 1, 0) == 1)
		if (read(events_fd, buffer, sizeof(buffer)) <= 0)
			return;
}

static void one_round(char **argv, int events_fd)
{
	struct moments moments = { 0 };
	struct user user;
	int channel[2];
	char id[33];
	pid_t pid;
	int64_t began;

	if (pipe(channel) < 0)
		die("pipe", errno);
	pid = fork();
	if (pid == 0)
		use(argv[1], argv[2], channel[1]);
	close(channel[1]);
	if (pid < 0 || read(channel[0], &user, sizeof(user)) != sizeof(user))
		die("the user of a pool has failed", ECHILD);
	close(channel[0]);
	format_id(user.pool_id, id);
	kill(user.child, SIGKILL);
	/* its parent ignores SIGCHLD: gone is gone */
	while (kill(user.child, 0) == 0)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	drain(events_fd);
	began = now_ns();
	kill(pid, SIGKILL);
	if (await_change(events_fd, id, &moments) < 0)
		die("the pool is not recycled", ETIMEDOUT);
	waitpid(pid, NULL, 0);
	printf("dead %.1f known %.1f began %.1f\n", (double)(moments.dead_ns - began) / 1e3,
	       (double)(moments.known_ns - began) / 1e3, (double)(moments.began_ns - began) / 1e3);
}

int main(int argc, char **argv)
{
	int events_fd = inotify_init1(IN_CLOEXEC);

	if (argc != 5)
		return 2;
	if (events_fd < 0 || inotify_add_watch(events_fd, argv[3], IN_MODIFY | IN_CLOSE) < 0)
		die(argv[3], errno);
	for (int i = 0; i < atoi(argv[4]); i++)
		one_round(argv, events_fd);
	return 0;
}
