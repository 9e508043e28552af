/* SPDX-License-Identifier: BSD-3-Clause */
/* path -- names of files that stay good when the working directory changes. Allocates nothing. */
#ifndef LIBVMMALLOC_BASE_PATH_H
#define LIBVMMALLOC_BASE_PATH_H

#include "common/base/text.h"

/* Adds `path`. A relative one is added behind the working directory, if that has a path. */
void path_add(struct text *text, const char *path);

#endif
