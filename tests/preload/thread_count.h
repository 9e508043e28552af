/* thread_count.h -- how many threads this process has. */
#ifndef TESTS_PRELOAD_THREAD_COUNT_H
#define TESTS_PRELOAD_THREAD_COUNT_H

#include <dirent.h>

#include "tests/preload/check.h"

static inline int thread_count(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

#endif
