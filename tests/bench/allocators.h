/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * allocators -- what is compared: the allocators of this machine, each with the environment that makes a program
 * use it.
 */
#ifndef TESTS_BENCH_ALLOCATORS_H
#define TESTS_BENCH_ALLOCATORS_H

#include <stdbool.h>
#include <stddef.h>

#define ALLOCATORS_MOST 32
#define ALLOCATOR_VARIANTS_MOST 8

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
	char *version;                  /* of its package */
	char *environment[12];          /* all of a child's, ending in NULL; strings owned */
};

struct allocators {
	struct allocator list[ALLOCATORS_MOST];
	size_t count;
};

/* What is to be compared. */
struct allocators_order {
	const char *our_library;
	const char *other_library;      /* another build of it, or NULL */
	const char *pool_dir;           /* where those that keep the heap in a file put it */
	const char *only;               /* names with commas between them, or NULL for all */
	const char *variants[ALLOCATOR_VARIANTS_MOST];  /* "NAME VARIABLE=VALUE": one of them, with that besides */
};

/* Whether the text begins with the name of what could be compared; it ends there or with `end`. */
bool allocators_know(const char *text, char end);

/*
 * Those whose library the dynamic linker's cache knows, glibc's and our own; the names and the order are borrowed.
 * -errno when there is no memory or, which it says, a build of our library is not where it should be.
 */
int allocators_find(const struct allocators_order *order, struct allocators *ret_allocators);
void allocators_done(struct allocators *allocators);

/* Those of one section: fills ret_list, which borrows, and returns how many. */
size_t allocators_select(const struct allocators *allocators, unsigned section,
			 const struct allocator *ret_list[ALLOCATORS_MOST]);

#endif
