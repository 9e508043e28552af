/* SPDX-License-Identifier: BSD-3-Clause */
/* runtime_dir -- see runtime_dir.h. */
#include "common/util/runtime_dir.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base/paths.h"

static int format(char *path, size_t bytes, const char *parent, const char *name)
{
	int length = snprintf(path, bytes, "%s%s", parent, name);

	return length < 0 || (size_t)length >= bytes ? -ENAMETOOLONG : 0;
}

int runtime_dir_of_user(const char *xdg_runtime_dir, char *path, size_t bytes)
{
	/* a relative path is to be ignored, says the specification of the variable */
	if (!xdg_runtime_dir || xdg_runtime_dir[0] != '/')
		return -ENXIO;
	return format(path, bytes, xdg_runtime_dir, "/" PATHS_USER_RUNTIME_NAME);
}

int runtime_dir_of_daemon(uid_t uid, const char *xdg_runtime_dir, char *path, size_t bytes)
{
	if (uid == 0)
		return format(path, bytes, PATHS_RUNTIME_DIR, "");
	return runtime_dir_of_user(xdg_runtime_dir, path, bytes);
}

void runtime_dir_of_client(uid_t uid, const char *xdg_runtime_dir, char *path, size_t bytes)
{
	char socket[4096];
	struct stat st;

	if (uid != 0 && runtime_dir_of_user(xdg_runtime_dir, path, bytes) == 0 &&
	    format(socket, sizeof(socket), path, "/" RUNTIME_DIR_CONTROL_SOCKET) == 0 && stat(socket, &st) == 0)
		return;
	(void)format(path, bytes, PATHS_RUNTIME_DIR, "");
}
