/* thread_count.h -- whether this process has other threads. */
#ifndef TESTS_PRELOAD_THREAD_COUNT_H
#define TESTS_PRELOAD_THREAD_COUNT_H

#include <dirent.h>
#include <stdbool.h>
#include <unistd.h>

/* 0: that cannot be known. */
static inline int thread_count(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

/* A thread that has been joined is there for an instant yet, in which others may run for long. */
static inline bool thread_is_alone(void)
{
	for (int i = 0; i < 10000 && thread_count() > 1; i++)
		usleep(1000);
	return thread_count() == 1;
}

#endif
