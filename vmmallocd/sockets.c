/* SPDX-License-Identifier: BSD-3-Clause */
/* sockets -- see sockets.h. */
#include "vmmallocd/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/base/make_dir.h"

#define SOCKETS_NEW ".new"    /* behind the name of a socket that does not listen yet */

/* Others could take the lock first, or move our sockets away and put theirs in the place. */
static int check_runtime_dir(const char *path, struct text *error)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH) == 0)
		return 0;
	text_add(error, "runtime directory '%s': everybody may write to it, expected one that is the daemon's own",
		 path);
	return -EPERM;
}

int sockets_lock(const char *runtime_dir, int *ret_fd, struct text *error)
{
	char path[PATH_MAX];
	int r = make_dir(runtime_dir, 0755);

	if (r < 0) {
		text_add(error, "runtime directory '%s': %s", runtime_dir, strerrordesc_np(-r));
		return r;
	}
	r = check_runtime_dir(runtime_dir, error);
	if (r < 0)
		return r;
	if (snprintf(path, sizeof(path), "%s/%s", runtime_dir, SOCKETS_LOCK_FILE) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	CLEANUP(cleanup_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		r = -errno;
		text_add(error, "lock file '%s': %s", path, strerrordesc_np(-r));
		return r;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
		text_add(error, "runtime directory '%s': %s", runtime_dir,
			 r == -EADDRINUSE ? "another vmmallocd has it" : strerrordesc_np(-r));
		return r;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

bool sockets_lock_is_held(const char *runtime_dir, int fd)
{
	char path[PATH_MAX];
	struct stat held, named;

	return snprintf(path, sizeof(path), "%s/%s", runtime_dir, SOCKETS_LOCK_FILE) < (int)sizeof(path) &&
	       fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_dev == named.st_dev &&
	       held.st_ino == named.st_ino;
}

/* 0: there is nothing, or a socket of a daemon that is dead: a living one would hold the lock. */
static int check_place(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode) ? -EEXIST : 0;
}

/*
 * The socket gets its name when it is open to all and listens. Bound by that name it would refuse other users for a
 * moment, as the umask has it, and a client would take that for the administrator's will.
 */
static int listen_at(const char *path, int type, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s" SOCKETS_NEW, path);
	int r;

	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	r = check_place(path);
	if (r == 0)
		r = check_place(address.sun_path);
	if (r < 0)
		return r;
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return -errno;
	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || chmod(address.sun_path, 0666) < 0 ||
	    listen(fd, SOMAXCONN) < 0 || rename(address.sun_path, path) < 0) {
		r = -errno;
		(void)unlink(address.sun_path);
		return r;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

int sockets_listen(const char *runtime_dir, const char *name, int type, int *ret_fd, struct text *error)
{
	char path[PATH_MAX];
	int r = -ENAMETOOLONG;

	if (snprintf(path, sizeof(path), "%s/%s", runtime_dir, name) < (int)sizeof(path))
		r = listen_at(path, type, ret_fd);
	if (r < 0)
		text_add(error, "socket '%s/%s': %s", runtime_dir, name, strerrordesc_np(-r));
	return r;
}

void sockets_remove(const char *runtime_dir, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", runtime_dir, name) < (int)sizeof(path))
		(void)unlink(path);
}
