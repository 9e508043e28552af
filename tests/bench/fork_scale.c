/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork_scale -- one fork of a large process, what its threads wait for, and the way back to the pool.
 *
 *   fork_scale THREADS MIB PERCENT [GIB]
 *
 * That many threads allocate, write and rest, besides the one that forks. MIB of live heap are there, all of it
 * written, and GIB of blocks of which a page in 64 MiB was. The child stays until PERCENT of the pages of the heap were
 * changed. From its end on the thread that forked allocates without a pause, and the processor's time in each malloc,
 * write and free is taken, until the heap is on its pool again, or as far as it gets with threads; half a second where
 * there is no pool.
 *
 * Prints names and figures: "spawn" and "vfork", the processor's time in one of each before (us); "fork" (us), and
 * "work", the processor's time in it (us); "stall", the longest step of a thread besides around the fork (us); "wait"
 * (us); "back", from the child's end on (ms); "p50", "p99", "p999" and "most" of the steps meanwhile (us); "maps" and
 * "tables", the mappings, and KiB of page tables, at the most; "rss", MiB.
 */
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/libvmmalloc.h"

#pragma weak vmmalloc_stats

#define PAGE 4096
#define BLOCK ((size_t)64 << 10)
#define APART ((size_t)64 << 20)
#define STEPS_MOST 4000000
#define BACK_MOST_US 30e6
#define PLAIN_US 5e5
#define SETTLED_US 3e5                   /* with threads: nothing more has come back for so long */

static struct {
	char **heap;
	size_t blocks;
	uint64_t stall_ns;               /* the longest step of any thread */
	bool stop;
	size_t maps, tables, rss;
} scale;

static uint64_t ns_by(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t now_ns(void)
{
	return ns_by(CLOCK_MONOTONIC);
}

static void *fail(const char *what)
{
	fprintf(stderr, "fork_scale: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static struct vmmalloc_stats pool(void)
{
	struct vmmalloc_stats stats = { .mode = VMMALLOC_MODE_ORDINARY };

	if (vmmalloc_stats)
		(void)vmmalloc_stats(&stats, sizeof(stats));
	return stats;
}

/* --- what threads do --- */

/* A malloc, a write and a free: nanoseconds. */
static uint64_t step(clockid_t clock, unsigned *seed)
{
	size_t bytes = 64 + (size_t)rand_r(seed) % BLOCK;
	uint64_t began = ns_by(clock);
	char *block = malloc(bytes);

	if (!block)
		fail("malloc");
	*(volatile char *)block = 1;
	free(block);
	return ns_by(clock) - began;
}

static void *work(void *number)
{
	unsigned seed = (unsigned)(uintptr_t)number;
	struct timespec rest = { .tv_nsec = 5000000 };

	while (!__atomic_load_n(&scale.stop, __ATOMIC_RELAXED)) {
		uint64_t longest = __atomic_load_n(&scale.stall_ns, __ATOMIC_RELAXED);
		uint64_t took = step(CLOCK_MONOTONIC, &seed);

		while (took > longest &&
		       !__atomic_compare_exchange_n(&scale.stall_ns, &longest, took, true, __ATOMIC_RELAXED,
						    __ATOMIC_RELAXED))
			;
		/* in memory that was there before the fork, too */
		scale.heap[(uintptr_t)number % scale.blocks][(uintptr_t)number % PAGE]++;
		nanosleep(&rest, NULL);
	}
	return NULL;
}

static void begin_threads(size_t threads)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 << 10);
	for (size_t i = 0; i < threads; i++)
		if ((errno = pthread_create(&thread, &small, work, (void *)(uintptr_t)(i + 1))) != 0)
			fail("pthread_create");
	pthread_attr_destroy(&small);
}

/* --- the heap --- */

static void build(size_t mib, size_t gib)
{
	scale.blocks = (mib << 20) / BLOCK;
	scale.heap = malloc(scale.blocks * sizeof(*scale.heap));
	for (size_t i = 0; scale.heap && i < scale.blocks; i++)
		if ((scale.heap[i] = malloc(BLOCK)))
			memset(scale.heap[i], (int)i | 1, BLOCK);
		else
			fail("malloc");
	for (size_t i = 0; i < gib; i++) {
		char *block = malloc((size_t)1 << 30);

		for (size_t at = 0; block && at < (size_t)1 << 30; at += APART)
			block[at] = 1;
		if (!block)
			fail("malloc of a GiB");
	}
}

/* Evenly spread over the heap. */
static void change(unsigned percent)
{
	size_t pages = scale.blocks * (BLOCK / PAGE);

	for (size_t i = 0; i < pages; i++)
		if ((i + 1) * percent / 100 > i * percent / 100)
			scale.heap[i / (BLOCK / PAGE)][i % (BLOCK / PAGE) * PAGE]++;
}

static size_t status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	size_t kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoull(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

static void look_at_memory(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	size_t lines = 0, tables = status_kib("VmPTE:"), rss = status_kib("VmRSS:") >> 10;
	int c;

	while (file && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	scale.maps = lines > scale.maps ? lines : scale.maps;
	scale.tables = tables > scale.tables ? tables : scale.tables;
	scale.rss = rss > scale.rss ? rss : scale.rss;
}

/* --- the way back --- */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Whether the heap is back, as far as it gets. `since` and `left` are when less was private last, and how much. */
static bool is_back(uint64_t *since, size_t *left)
{
	struct vmmalloc_stats now = pool();

	if (now.mode == VMMALLOC_MODE_POOL)
		return true;
	if (now.mode != VMMALLOC_MODE_RETURNING || now.private_bytes != *left) {
		*left = now.private_bytes;
		*since = now_ns();
	}
	return !scale.stop && now.mode == VMMALLOC_MODE_RETURNING &&
	       (double)(now_ns() - *since) > SETTLED_US * 1e3;
}

static void print_back(double ms, uint32_t *steps, size_t count)
{
	qsort(steps, count, sizeof(*steps), compare);
	printf("back %.1f p50 %.2f p99 %.2f p999 %.2f most %.2f ", ms, steps[count / 2] / 1e3,
	       steps[count * 99 / 100] / 1e3, steps[count * 999 / 1000] / 1e3, steps[count - 1] / 1e3);
}

static void come_back(uint64_t began)
{
	uint32_t *steps = calloc(STEPS_MOST, sizeof(*steps));
	bool has_pool = pool().mode != VMMALLOC_MODE_ORDINARY, done = false;
	uint64_t since = began, now = began;
	size_t left = 0, count = 0;
	unsigned seed = 1;

	while (!done && (double)(now - began) < (has_pool ? BACK_MOST_US : PLAIN_US) * 1e3) {
		uint64_t took = step(CLOCK_THREAD_CPUTIME_ID, &seed);

		now = now_ns();
		steps[count % STEPS_MOST] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
		count++;
		if (count % 4096 == 0)
			look_at_memory();
		done = has_pool && count % 64 == 0 && is_back(&since, &left);
	}
	print_back(has_pool ? (double)(since - began) / 1e6 : 0, steps, count < STEPS_MOST ? count : STEPS_MOST);
}

/* --- what makes a process, and leaves the heap alone --- */

static void print_spawn(void)
{
	char name[] = "true", *arguments[] = { name, NULL }, *environment[] = { NULL };
	uint64_t began = ns_by(CLOCK_THREAD_CPUTIME_ID), spent;
	pid_t pid;

	if ((errno = posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment)) != 0)
		fail("posix_spawn");
	spent = ns_by(CLOCK_THREAD_CPUTIME_ID) - began;
	if (waitpid(pid, NULL, 0) != pid)
		fail("waitpid");
	printf("spawn %.1f ", (double)spent / 1e3);
}

static void print_vfork(void)
{
	uint64_t began = ns_by(CLOCK_THREAD_CPUTIME_ID), spent;
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	spent = ns_by(CLOCK_THREAD_CPUTIME_ID) - began;
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		fail("vfork");
	printf("vfork %.1f ", (double)spent / 1e3);
}

int main(int argc, char **argv)
{
	size_t threads = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
	size_t mib = argc > 3 ? strtoul(argv[2], NULL, 10) : 0;
	unsigned percent = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	struct timespec rest = { .tv_nsec = 200000000 };
	uint64_t began, ended, spent;
	int gate[2];
	char byte;
	pid_t pid;

	if (mib == 0 || percent > 100 || pipe(gate) < 0)
		return 2;
	scale.stop = threads == 0;
	build(mib, argc > 4 ? strtoul(argv[4], NULL, 10) : 0);
	begin_threads(threads);
	nanosleep(&rest, NULL);
	print_spawn();
	print_vfork();
	fflush(stdout);

	__atomic_store_n(&scale.stall_ns, 0, __ATOMIC_RELAXED);
	began = now_ns();
	spent = ns_by(CLOCK_THREAD_CPUTIME_ID);
	pid = fork();
	spent = ns_by(CLOCK_THREAD_CPUTIME_ID) - spent;
	ended = now_ns();
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0);
	}
	if (pid < 0)
		fail("fork");
	printf("fork %.1f work %.1f ", (double)(ended - began) / 1e3, (double)spent / 1e3);
	nanosleep(&rest, NULL);
	printf("stall %.1f ", (double)__atomic_load_n(&scale.stall_ns, __ATOMIC_RELAXED) / 1e3);
	change(percent);
	look_at_memory();
	close(gate[1]);
	began = now_ns();
	if (waitpid(pid, NULL, 0) != pid)
		fail("waitpid");
	ended = now_ns();
	printf("wait %.1f ", (double)(ended - began) / 1e3);
	come_back(ended);
	look_at_memory();
	printf("maps %zu tables %zu rss %zu\n", scale.maps, scale.tables, scale.rss);
	fflush(stdout);
	_exit(0);
}
