/* SPDX-License-Identifier: BSD-3-Clause */
/* absolute_path -- see absolute_path.h. */
#include "common/util/absolute_path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int absolute_path(const char *path, char *ret_path, size_t bytes)
{
	char directory[PATH_MAX] = "";
	char made[2 * PATH_MAX];
	const char *slash;
	int length;

	if (path[0] != '/' && !getcwd(directory, sizeof(directory)))
		return errno == ERANGE ? -ENAMETOOLONG : -errno;
	/* "./x" is how one says that x is a path */
	while (strncmp(path, "./", 2) == 0) {
		path += 2;
		path += strspn(path, "/");
	}
	slash = path[0] == '/' || strcmp(directory, "/") == 0 ? "" : "/";
	length = snprintf(made, sizeof(made), "%s%s%s", directory, slash, path);
	if (length < 0 || (size_t)length >= sizeof(made) || (size_t)length >= bytes)
		return -ENAMETOOLONG;
	memcpy(ret_path, made, (size_t)length + 1);
	return 0;
}
