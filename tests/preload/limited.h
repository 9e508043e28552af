/* limited.h -- for programs whose process may have no more memory than it has: no addresses, so no mappings. */
#ifndef TESTS_PRELOAD_LIMITED_H
#define TESTS_PRELOAD_LIMITED_H

#include <sys/resource.h>
#include <unistd.h>

#include "tests/preload/check.h"

static inline void no_more_memory(void)
{
	struct rlimit limit = { 0 };
	unsigned long pages;
	FILE *statm = fopen("/proc/self/statm", "r");

	CHECK(statm && fscanf(statm, "%lu", &pages) == 1);
	fclose(statm);
	limit.rlim_cur = limit.rlim_max = (pages + 16) * (size_t)sysconf(_SC_PAGESIZE);
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

#endif
