/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon_clients -- many clients at once, each a process that takes pools, one after the other.
 *
 *   daemon_clients SOCKET CLASS CLIENTS HAND-OUTS warm|cold
 *
 * A client maps the pool that it gets, writes to it, and gives it back by unmapping and closing it. Told that none is
 * ready it asks again after ten milliseconds. Prints, in microseconds, what the exchanges that brought a pool took:
 * "handouts N retries N failures N p50 US p99 US max US persecond N". Exit status 1 if anything but a pool or "none
 * ready" came. A class for cold pools must have none ready.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/daemon_take.h"

#define RETRY_NS 10000000
#define PAGE 4096

struct shared {
	atomic_uint begun, done, retries, failures;
	int64_t took_ns[];
};

static void use(int fd, size_t bytes, struct shared *shared)
{
	char *pool = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (pool == MAP_FAILED) {
		shared->failures++;
		return;
	}
	for (size_t i = PAGE; i < bytes; i += bytes / 8)
		pool[i]++;
	munmap(pool, bytes);
}

static void client(char **argv, struct shared *shared, unsigned handouts)
{
	bool cold = strcmp(argv[5], "cold") == 0;

	while (shared->begun++ < handouts) {
		struct handout_reply reply = { .status = HANDOUT_NONE_READY };
		int fd;

		for (;;) {
			int64_t began = now_ns();
			int r = daemon_take_any(argv[1], argv[2], cold, &reply, &fd);

			if (r == 0 && reply.status == (cold ? HANDOUT_COLD : HANDOUT_OK)) {
				shared->took_ns[shared->done++] = now_ns() - began;
				use(fd, reply.pool_bytes, shared);
				break;
			}
			if (r != 0 || reply.status != HANDOUT_NONE_READY) {
				shared->failures++;
				fprintf(stderr, "daemon_clients: %s\n",
					r ? strerrordesc_np(-r) : handout_status_text(reply.status));
				break;
			}
			shared->retries++;
			nanosleep(&(struct timespec){ .tv_nsec = RETRY_NS }, NULL);
		}
	}
	_exit(0);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	unsigned clients = argc == 6 ? (unsigned)atoi(argv[3]) : 0, handouts = argc == 6 ? (unsigned)atoi(argv[4]) : 0;
	size_t bytes = sizeof(struct shared) + handouts * sizeof(int64_t);
	struct shared *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t began = now_ns(), took;
	int status;
	unsigned n;

	if (clients == 0 || handouts == 0)
		return 2;
	if (shared == MAP_FAILED)
		die("mmap", errno);
	for (unsigned i = 0; i < clients; i++) {
		pid_t pid = fork();

		if (pid == 0)
			client(argv, shared, handouts);
		if (pid < 0)
			die("fork", errno);
	}
	while (wait(&status) > 0)
		shared->failures += status != 0;
	took = now_ns() - began;
	n = shared->done;
	if (n == 0)
		die("no pool", ENOENT);
	qsort(shared->took_ns, n, sizeof(int64_t), compare);
	printf("handouts %u retries %u failures %u p50 %.1f p99 %.1f max %.1f persecond %.0f\n", n, shared->retries,
	       shared->failures, (double)shared->took_ns[n / 2] / 1e3, (double)shared->took_ns[n - 1 - n / 100] / 1e3,
	       (double)shared->took_ns[n - 1] / 1e3, n / ((double)took / 1e9));
	return shared->failures > 0;
}
