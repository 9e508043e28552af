/* SPDX-License-Identifier: BSD-3-Clause */
/* path -- names of files that are good for longer than the working directory. Allocates nothing. */
#ifndef LIBVMMALLOC_BASE_PATH_H
#define LIBVMMALLOC_BASE_PATH_H

#include "common/base/text.h"

/* Adds `path`, behind the working directory if it is relative and that has a path. */
void path_add(struct text *text, const char *path);

#endif
