/* forking.h -- for the programs about forks: where the heap is, and what can be told of a child. */
#ifndef TESTS_PRELOAD_FORKING_H
#define TESTS_PRELOAD_FORKING_H

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

static inline struct vmmalloc_stats stats(void)
{
	struct vmmalloc_stats now;

	vmmalloc_stats(&now, sizeof(now));
	return now;
}

static inline void sleep_ms(int ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) < 0)
		;
}

/* Allocating is when a heap may return. */
static inline void allocate(void)
{
	free(malloc(1 << 20));
}

/*
 * Returning is rationed, and after an attempt that took long, as on a busy disk, it is long until the next: small
 * activity until then.
 */
static inline int comes_back(void)
{
	for (int i = 0; i < 8000 && stats().mode != VMMALLOC_MODE_POOL; i++) {
		sleep_ms(10);
		allocate();
	}
	return stats().mode == VMMALLOC_MODE_POOL;
}

/* Whether the child ended, and well. */
static inline int ended_well(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Open files that are pools: each copy for a child must be gone when its fork is over. */
static inline int pools_open(void)
{
	struct stat st;
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == stats().pool_bytes;
	return n;
}

/* Bytes of this process, by their name in /proc/self/status: "VmRSS:". */
static inline size_t status_bytes(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	size_t kib = 0;

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoull(line + strlen(name), NULL, 10);
	fclose(file);
	return kib << 10;
}

/* Whether a fork, its child, and malloc in both work. */
static inline int forks_well(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		allocate();
		_exit(pools_open() > 1);
	}
	allocate();
	return ended_well(pid);
}

#endif
