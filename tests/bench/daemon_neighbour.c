/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon_neighbour -- a program that is sensitive to latency, and one that is in its way.
 *
 *   daemon_neighbour compute|faults MILLISECONDS
 *
 * Wakes each millisecond and works for a moment: it computes (0.2 ms or so), or maps 256 KiB of memory and writes to
 * each page. Prints how late it woke, how long the work took, the sum of both for each second, and how long the whole
 * took: "turns N late_p50 US late_p99 US late_max US work_p50 US work_p99 US work_max US all MS took MS".
 *
 *   daemon_neighbour fill DIRECTORY MIB THREADS
 *
 * So many threads fill nameless files there with memory, each one after the other, until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/daemon_take.h"

#define TURN_NS 1000000
#define WORDS 16384               /* computed with: 128 KiB, which a second-level cache holds */
#define ROUNDS 8
#define FAULT_BYTES ((size_t)256 << 10)
#define PAGE 4096

static void compute(void)
{
	static uint64_t words[WORDS];

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < WORDS; i++)
			words[i] = words[i] * 6364136223846793005u + i;
	/* the compiler may not leave it out */
	__asm__ volatile("" : : "r"(words) : "memory");
}

static void touch(char *memory, size_t bytes)
{
	if (memory == MAP_FAILED)
		die("mmap", errno);
	for (size_t i = 0; i < bytes; i += PAGE)
		((volatile char *)memory)[i] = 1;
	munmap(memory, bytes);
}

static void take_faults(void)
{
	touch(mmap(NULL, FAULT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), FAULT_BYTES);
}

static int by_length(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Returns their sum. */
static int64_t print_spread(const char *name, int64_t *ns, size_t count)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += ns[i];
	qsort(ns, count, sizeof(*ns), by_length);
	printf("%s_p50 %.1f %s_p99 %.1f %s_max %.1f ", name, (double)ns[count / 2] / 1e3, name,
	       (double)ns[count - 1 - count / 100] / 1e3, name, (double)ns[count - 1] / 1e3);
	return sum;
}

/* What was missed is not made up for: each turn is due at the next beat after the one before. */
static void keep_rhythm(void (*work)(void), size_t turns_most)
{
	int64_t *late_ns = calloc(turns_most, sizeof(*late_ns)), *work_ns = calloc(turns_most, sizeof(*work_ns)), sum;
	int64_t began = now_ns(), due = began, ended = began;
	size_t turns = 0;

	if (!late_ns || !work_ns)
		die("calloc", ENOMEM);
	while (turns < turns_most) {
		struct timespec until;
		int64_t woke;

		due += ((ended - due) / TURN_NS + 1) * TURN_NS;
		if (due - began > (int64_t)turns_most * TURN_NS)
			break;
		until = (struct timespec){ .tv_sec = due / 1000000000, .tv_nsec = due % 1000000000 };
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			;
		woke = now_ns();
		work();
		ended = now_ns();
		late_ns[turns] = woke - due;
		work_ns[turns++] = ended - woke;
	}
	if (turns == 0)
		die("no turn", ETIME);
	printf("turns %zu ", turns);
	sum = print_spread("late", late_ns, turns);
	sum += print_spread("work", work_ns, turns);
	printf("all %.1f took %.1f\n", (double)sum / (double)(ended - began) * 1e3, (double)(ended - began) / 1e6);
}

static void *fill(void *arguments)
{
	char **argv = arguments;
	size_t bytes = (size_t)atol(argv[3]) << 20;

	for (;;) {
		int fd = open(argv[2], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

		if (fd < 0)
			die(argv[2], errno);
		if (posix_fallocate(fd, 0, (off_t)bytes) != 0)
			die("posix_fallocate", ENOSPC);
		touch(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), bytes);
		close(fd);
	}
}

static void fill_in_threads(char **argv)
{
	pthread_t thread;

	for (int i = 1; i < atoi(argv[4]); i++)
		if (pthread_create(&thread, NULL, fill, argv) != 0)
			die("thread", EAGAIN);
	(void)fill(argv);
}

int main(int argc, char **argv)
{
	size_t turns = argc == 3 ? (size_t)atol(argv[2]) : 0;

	if (argc == 5 && strcmp(argv[1], "fill") == 0)
		fill_in_threads(argv);
	if (turns == 0)
		return 2;
	keep_rhythm(strcmp(argv[1], "faults") == 0 ? take_faults : compute, turns);
	return 0;
}
