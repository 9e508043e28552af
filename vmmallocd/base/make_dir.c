/* SPDX-License-Identifier: BSD-3-Clause */
/* make_dir -- see make_dir.h. */
#include "vmmallocd/base/make_dir.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/*
 * The daemon's umask would hide the directory from clients; with a chmod afterwards it would for a moment. The umask is
 * the process's: two threads that change it at a time could each make theirs with the other's, or leave none behind.
 */
static int make_with_mode(const char *path, unsigned mode)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	mode_t mask;
	int r;

	(void)pthread_mutex_lock(&mutex);
	mask = umask(0);
	r = mkdir(path, mode) < 0 ? -errno : 0;
	(void)umask(mask);
	(void)pthread_mutex_unlock(&mutex);
	return r;
}

int make_dir(const char *path, unsigned mode)
{
	char part[PATH_MAX];
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, length + 1);
	for (size_t i = 1; i <= length; i++) {
		bool last = i == length;
		int r;

		if (!last && part[i] != '/')
			continue;
		part[i] = '\0';
		r = make_with_mode(part, last ? mode : 0755);
		if (r < 0 && r != -EEXIST)
			return r;
		part[i] = path[i];
	}
	return 0;
}
