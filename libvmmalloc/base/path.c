/* SPDX-License-Identifier: BSD-3-Clause */
/* path -- see path.h. */
#include "libvmmalloc/base/path.h"

#include <limits.h>

#include "libvmmalloc/base/kernel.h"

void path_add(struct text *text, const char *path)
{
	char directory[PATH_MAX];

	/* one that was removed, or lies outside of the root, has none: "(unreachable)/..." */
	if (path[0] != '/' && kernel_getcwd(directory, sizeof(directory)) > 0 && directory[0] == '/')
		text_add(text, "%s/", directory[1] ? directory : "");
	text_add(text, "%s", path);
}
