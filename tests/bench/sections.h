/* SPDX-License-Identifier: BSD-3-Clause */
/* sections -- the three comparisons: each runs its children, interleaved, and fills a struct results. */
#ifndef TESTS_BENCH_SECTIONS_H
#define TESTS_BENCH_SECTIONS_H

#include "tests/bench/allocators.h"
#include "tests/bench/results.h"

struct settings {
	const char *workloads_program;
	const char *const *workloads;   /* their names */
	size_t workload_count;
	const char *baseline;           /* whose figures the ratios are to */
	unsigned sections;              /* those that are wanted, of enum allocator_section */
	unsigned rounds;                /* of all workloads */
	unsigned percent;               /* of the workloads' operation counts */
	unsigned start_up_rounds;
};

/*
 * 0, or -errno: -EINTR when a signal asks to stop, -ENOENT when the program to run is not there. Runs that fail are
 * no error, but are in the results. On 0 the caller owns *ret_results; the settings have to outlive it.
 */
int section_workloads(const struct settings *settings, const struct allocators *allocators,
		      struct results *ret_results);
int section_start_up(const struct settings *settings, const struct allocators *allocators,
		     struct results *ret_results);
int section_instructions(const struct settings *settings, const struct allocators *allocators,
			 struct results *ret_results);

#endif
