/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork_cost -- what one fork costs a single-threaded parent with a heap of some size, in a process of its own.
 *
 *   fork_cost MIB PERCENT        MIB of live heap, all of it written; the child ends at once
 *
 * Prints "fork US again US back US step US": the first fork(), the median of later ones, and what it takes to get the
 * heap back to its pool after PERCENT of its pages were changed: the processor's time, in all and in the longest of the
 * steps. "-" stands for what does not apply: `again` is for small heaps, `back` for those that fork takes off their
 * pool. Exits with 1 if the parent does not get back.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/libvmmalloc.h"

#pragma weak vmmalloc_stats

#define PAGE 4096
#define BLOCK ((size_t)64 << 10)
#define AGAIN 21
#define AGAIN_MIB_MOST 64
#define BACK_MOST_MS 60000

static double now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int fail(const char *what)
{
	fprintf(stderr, "fork_cost: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int mode(void)
{
	struct vmmalloc_stats stats = { 0 };

	return vmmalloc_stats && vmmalloc_stats(&stats, sizeof(stats)) == 0 ? (int)stats.mode : VMMALLOC_MODE_ORDINARY;
}

static pid_t timed_fork(double *ret_us)
{
	double began = now_us();
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	*ret_us = now_us() - began;
	return pid < 0 ? fail("fork") : pid;
}

/* No wait: that is what is to be measured. */
static void await_end(pid_t pid)
{
	struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };

	if (end.fd < 0 || poll(&end, 1, 20000) != 1)
		fail("the child does not end");
	close(end.fd);
}

static char **build(size_t blocks)
{
	char **heap = malloc(blocks * sizeof(*heap));

	for (size_t i = 0; heap && i < blocks; i++) {
		heap[i] = malloc(BLOCK);
		if (!heap[i])
			fail("malloc");
		memset(heap[i], (int)i | 1, BLOCK);
	}
	return heap ? heap : (fail("malloc"), NULL);
}

/* Evenly spread over the heap. */
static void change(char **heap, size_t blocks, unsigned percent)
{
	size_t pages = blocks * (BLOCK / PAGE);

	for (size_t i = 0; i < pages; i++)
		if ((i + 1) * percent / 100 > i * percent / 100)
			heap[i / (BLOCK / PAGE)][i % (BLOCK / PAGE) * PAGE]++;
}

static double spent_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double note_step(double began, double *longest)
{
	double took = spent_us() - began;

	*longest = took > *longest ? took : *longest;
	return took;
}

/* The wait begins it, and allocating goes on with it. */
static double come_back(pid_t pid, double *ret_longest)
{
	struct timespec rest = { .tv_nsec = 1000000 };
	double began = spent_us(), sum;

	if (waitpid(pid, NULL, 0) != pid)
		fail("waitpid");
	sum = note_step(began, ret_longest);
	for (int ms = 0; ms < BACK_MOST_MS && mode() == VMMALLOC_MODE_PRIVATE; ms++) {
		nanosleep(&rest, NULL);
		began = spent_us();
		free(malloc(1 << 20));
		sum += note_step(began, ret_longest);
	}
	return sum;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double fork_again(void)
{
	double us[AGAIN];

	for (size_t i = 0; i < AGAIN; i++) {
		pid_t pid = timed_fork(&us[i]);

		await_end(pid);
		if (waitpid(pid, NULL, 0) != pid)
			fail("waitpid");
	}
	qsort(us, AGAIN, sizeof(*us), compare);
	return us[AGAIN / 2];
}

static void print(const char *name, double us)
{
	if (us < 0)
		printf("%s - ", name);
	else
		printf("%s %.2f ", name, us);
}

int main(int argc, char **argv)
{
	const char *fork_mode = getenv("VMMALLOC_FORK");
	bool automatic = mode() != VMMALLOC_MODE_ORDINARY && (!fork_mode || strcmp(fork_mode, "auto") == 0);
	size_t mib = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned percent = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	size_t blocks = (mib << 20) / BLOCK;
	double first, back = -1, longest = -1;
	char **heap;

	if (mib == 0 || percent > 100)
		return 2;
	heap = build(blocks);

	pid_t pid = timed_fork(&first);
	await_end(pid);
	if (automatic && mode() != VMMALLOC_MODE_PRIVATE)
		return fprintf(stderr, "fork_cost: mode %d after the fork, expected a private heap\n", mode()), 1;
	change(heap, blocks, percent);

	if (automatic) {
		back = come_back(pid, &longest);
		if (mode() != VMMALLOC_MODE_POOL)
			return fprintf(stderr, "fork_cost: mode %d after the wait, expected back\n", mode()), 1;
	} else if (waitpid(pid, NULL, 0) != pid) {
		fail("waitpid");
	}
	print("fork", first);
	print("again", mib <= AGAIN_MIB_MOST ? fork_again() : -1);
	print("back", back);
	print("step", longest);
	printf("\n");
	return 0;
}
