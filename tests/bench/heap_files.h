/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_files -- how much the files take in which a running process, and those that it started, have their heaps. */
#ifndef TESTS_BENCH_HEAP_FILES_H
#define TESTS_BENCH_HEAP_FILES_H

#include <sys/types.h>

/*
 * KiB of all blocks of the files below `dir` that the process and its descendants have open, each file once; 0 where
 * there is none. Such a file mostly has no name any more.
 */
double heap_files_kib(pid_t pid, const char *dir);

#endif
