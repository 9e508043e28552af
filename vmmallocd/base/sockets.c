/* SPDX-License-Identifier: BSD-3-Clause */
/* sockets -- see sockets.h. */
#include "vmmallocd/base/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKETS_NEW ".new"    /* behind the name of a socket that does not listen yet */

/*
 * The daemon's umask would hide it from clients; with chmod afterwards, for a moment. It is the process's, and two
 * threads that change it at a time could each make theirs with the other's, or leave none behind.
 */
static int make_with_mode(const char *path, unsigned mode)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	mode_t mask;
	int r, error;

	(void)pthread_mutex_lock(&mutex);
	mask = umask(0);
	r = mkdir(path, mode);
	error = errno;
	(void)umask(mask);
	(void)pthread_mutex_unlock(&mutex);
	errno = error;
	return r;
}

int sockets_make_dir(const char *path, unsigned mode)
{
	char part[PATH_MAX];
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, length + 1);
	for (size_t i = 1; i <= length; i++) {
		bool last = i == length;

		if (!last && part[i] != '/')
			continue;
		part[i] = '\0';
		if (make_with_mode(part, last ? mode : 0755) != 0 && errno != EEXIST)
			return -errno;
		part[i] = path[i];
	}
	return 0;
}

/* Others could take the lock first, or move our sockets away and put theirs in the place. */
static int check_dir(const char *path, struct text *error)
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
	int r, fd;

	r = sockets_make_dir(runtime_dir, 0755);
	if (r != 0) {
		text_add(error, "runtime directory '%s': %s", runtime_dir, strerror(-r));
		return r;
	}
	r = check_dir(runtime_dir, error);
	if (r != 0)
		return r;
	if (snprintf(path, sizeof(path), "%s/%s", runtime_dir, SOCKETS_LOCK_FILE) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		r = -errno;
		text_add(error, "lock file '%s': %s", path, strerror(-r));
		return r;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		r = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
		text_add(error, "runtime directory '%s': %s", runtime_dir,
			 r == -EADDRINUSE ? "another vmmallocd has it" : strerror(-r));
		close(fd);
		return r;
	}
	*ret_fd = fd;
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
	int r, fd;

	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	r = check_place(path);
	if (r == 0)
		r = check_place(address.sun_path);
	if (r != 0)
		return r;
	if (unlink(address.sun_path) != 0 && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || chmod(address.sun_path, 0666) != 0 ||
	    listen(fd, SOMAXCONN) != 0 || rename(address.sun_path, path) != 0) {
		r = -errno;
		(void)unlink(address.sun_path);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int sockets_listen(const char *runtime_dir, const char *name, int type, int *ret_fd, struct text *error)
{
	char path[PATH_MAX];
	int r = -ENAMETOOLONG;

	if (snprintf(path, sizeof(path), "%s/%s", runtime_dir, name) < (int)sizeof(path))
		r = listen_at(path, type, ret_fd);
	if (r != 0)
		text_add(error, "socket '%s/%s': %s", runtime_dir, name, strerror(-r));
	return r;
}

bool sockets_peer_has_gone(int fd)
{
	struct pollfd poll_fd = { .fd = fd };

	return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR));
}

void sockets_remove(const char *runtime_dir, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", runtime_dir, name) < (int)sizeof(path))
		(void)unlink(path);
}
