/* SPDX-License-Identifier: BSD-3-Clause */
/* cleanup -- variables that tidy up after themselves when they go out of scope. errno is left alone. */
#ifndef COMMON_UTIL_CLEANUP_H
#define COMMON_UTIL_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* CLEANUP(cleanup_fd) int fd = ...; a negative one is none */
static inline void cleanup_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

/* CLEANUP(cleanup_dir) DIR *entries = ...; NULL is none */
static inline void cleanup_dir(DIR **entries)
{
	int saved = errno;

	if (*entries)
		(void)closedir(*entries);
	errno = saved;
}

/* CLEANUP(cleanup_stream) FILE *stream = ...; NULL is none */
static inline void cleanup_stream(FILE **stream)
{
	int saved = errno;

	if (*stream)
		(void)fclose(*stream);
	errno = saved;
}

/* CLEANUP(cleanup_free) char *string = ...; */
static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

/* Takes a descriptor out of its variable, which then has none to close. */
static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/* The same for what was malloc'ed. */
static inline void *steal_pointer(void *pointer)
{
	void *stolen = *(void **)pointer;

	*(void **)pointer = NULL;
	return stolen;
}

#endif
