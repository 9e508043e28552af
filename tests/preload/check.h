/* check.h -- for the programs in this folder: what a test of theirs needs to say. */
#ifndef TESTS_PRELOAD_CHECK_H
#define TESTS_PRELOAD_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libvmmalloc.h>

#define CHECK(condition) \
	((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition), exit(1)))

/* The kernel's page. */
static inline size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

#endif
