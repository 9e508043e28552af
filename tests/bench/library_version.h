/* SPDX-License-Identifier: BSD-3-Clause */
/* library_version -- which version of a library it is that the distribution has installed. */
#ifndef TESTS_BENCH_LIBRARY_VERSION_H
#define TESTS_BENCH_LIBRARY_VERSION_H

/* A new string: the version of the package with that file, or of the C library for NULL; "unknown" if none says so. */
char *library_version(const char *path);

#endif
