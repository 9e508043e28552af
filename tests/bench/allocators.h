/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * allocators -- what is compared: the allocators of this machine, each with the environment that makes a program
 * use it.
 */
#ifndef TESTS_BENCH_ALLOCATORS_H
#define TESTS_BENCH_ALLOCATORS_H

#include <stddef.h>

#define ALLOCATORS_MOST 16
#define ALLOCATOR_BASELINE "jemalloc"

/* In which sections an allocator takes part. */
enum allocator_section {
	ALLOCATOR_WORKLOADS = 1,
	ALLOCATOR_START_UP = 2,
	ALLOCATOR_INSTRUCTIONS = 4,
};

struct allocator {
	const char *name;
	unsigned sections;
	char *library;                  /* its path; NULL for the C library's own */
	char *environment[8];           /* all of a child's, ending in NULL; strings owned */
};

struct allocators {
	struct allocator list[ALLOCATORS_MOST];
	size_t count;
};

/*
 * Those whose library the dynamic linker's cache knows, glibc's and our own. `pool_dir` is where the ones that keep
 * the heap in a file put it. -errno when there is no memory or our library is not at `our_library`.
 */
int allocators_find(const char *our_library, const char *pool_dir, struct allocators *ret_allocators);
void allocators_done(struct allocators *allocators);

/* Those of one section: fills ret_list, which borrows, and returns how many. */
size_t allocators_select(const struct allocators *allocators, unsigned section,
			 const struct allocator *ret_list[ALLOCATORS_MOST]);

#endif
