/* SPDX-License-Identifier: BSD-3-Clause */
/* preload -- where the library is, and how LD_PRELOAD names it. */
#ifndef VMMALLOCD_CTL_PRELOAD_H
#define VMMALLOCD_CTL_PRELOAD_H

#include <stddef.h>

#define PRELOAD_SONAME "libvmmalloc.so.1"

/*
 * The library that belongs to the program in `directory`: beside it, where `make install` puts it as seen from there,
 * or in ../lib, ../lib64, or ../lib/MULTIARCH; else its bare name, for the dynamic linker to find. 0 or -ENAMETOOLONG.
 */
int preload_find(const char *directory, char *path, size_t bytes);

/*
 * A new LD_PRELOAD, malloc'ed: the library, and the entries of `list` (it may be NULL). A list that names the library
 * already (any path, any version: a debug build, say) stays as it is, but for a path that is relative. -EINVAL: the
 * path has a character in it that separates entries; -ENOMEM.
 */
int preload_list(const char *library, const char *list, char **ret_list);

#endif
