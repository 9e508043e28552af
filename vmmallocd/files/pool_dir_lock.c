/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_dir_lock -- one daemon of a user in a directory at a time. See pool_dir.h.
 *
 * The lock is on a file that nobody else can open: whoever may read a directory could lock that, and keep it. In a
 * sticky directory everybody may make a file of that name first, and nobody but its owner can remove it. So the name
 * may have an end that nobody can guess:
 *
 *     .vmmallocd.lock, or, where that is somebody else's, .vmmallocd.lock.0123456789abcdef
 *
 * Two daemons that start together may each make one. Both look what there is only after that, and lock all of it, in
 * the order of the names: the one that comes second finds a locked file, whichever that is. The one that has them all
 * keeps the first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/files/internal.h"
#include "vmmallocd/base/resource.h"

#define LOCKS_MOST 16     /* there is one, or two for a moment */
#define ATTEMPTS 5        /* somebody removes them while they are locked */

struct locks {
	char names[LOCKS_MOST][POOL_DIR_LOCK_NAME_BYTES];
	int fds[LOCKS_MOST];
	size_t count;
};

static bool is_lock_of_ours(const struct stat *st)
{
	/* with a length it is something else, whoever gave it that name */
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_size == 0;
}

static bool is_lock_name(const char *name)
{
	size_t length = sizeof(POOL_DIR_LOCK_FILE) - 1;

	return strncmp(name, POOL_DIR_LOCK_FILE, length) == 0 && strlen(name) < POOL_DIR_LOCK_NAME_BYTES &&
	       (name[length] == '\0' || name[length] == '.');
}

static int by_lock_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The names of ours, in order; none is open. */
static int locks_find(const struct pool_dir *dir, struct locks *locks)
{
	CLEANUP(cleanup_dir) DIR *entries = NULL;
	const struct dirent *entry;
	struct stat st;
	int r = pool_dir_read(dir, &entries);

	locks->count = 0;
	while (r == 0 && (errno = 0, entry = readdir(entries))) {
		if (!is_lock_name(entry->d_name) || fstatat(dir->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !is_lock_of_ours(&st))
			continue;
		if (locks->count == LOCKS_MOST)
			r = -E2BIG;
		else
			strcpy(locks->names[locks->count++], entry->d_name);
	}
	if (r == 0)
		r = -errno;
	qsort(locks->names, locks->count, sizeof(locks->names[0]), by_lock_name);
	return r;
}

static int lock_create(const struct pool_dir *dir)
{
	const int flags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	char name[POOL_DIR_LOCK_NAME_BYTES];
	uint64_t end;
	int fd = openat(dir->fd, POOL_DIR_LOCK_FILE, flags, POOL_FILE_MODE);

	if (fd < 0 && errno == EEXIST) {
		if (getrandom(&end, sizeof(end), 0) != (ssize_t)sizeof(end))
			return -EIO;
		(void)snprintf(name, sizeof(name), POOL_DIR_LOCK_FILE ".%016" PRIx64, end);
		fd = openat(dir->fd, name, flags, POOL_FILE_MODE);
	}
	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

static bool is_named(const struct pool_dir *dir, const char *name, int fd)
{
	struct stat named, open;

	return fstat(fd, &open) == 0 && fstatat(dir->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

/* Whether it is the lock that is held already, by another name now. */
static bool is_held(const struct pool_dir *dir, const struct stat *st)
{
	struct stat held;

	return dir->lock_fd >= 0 && fstat(dir->lock_fd, &held) == 0 && held.st_dev == st->st_dev &&
	       held.st_ino == st->st_ino;
}

/* An open and locked descriptor; -EAGAIN: it is another file by now; -errno. */
static int lock_take(const struct pool_dir *dir, const char *name)
{
	struct stat st;

	CLEANUP(cleanup_fd) int fd = openat(dir->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? -EAGAIN : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_lock_of_ours(&st))
		return -EAGAIN;
	/* whoever may open it could lock it */
	if ((st.st_mode & 07777) != POOL_FILE_MODE && fchmod(fd, POOL_FILE_MODE) < 0)
		return -errno;
	if (is_held(dir, &st)) {
		int same = fcntl(dir->lock_fd, F_DUPFD_CLOEXEC, 0);

		return same < 0 ? -errno : same;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return is_named(dir, name, fd) ? steal_fd(&fd) : -EAGAIN;
}

static void locks_release(struct locks *locks, size_t from)
{
	while (locks->count > from)
		(void)close(locks->fds[--locks->count]);
}

static int locks_take(const struct pool_dir *dir, struct locks *locks)
{
	size_t found = locks->count;

	for (locks->count = 0; locks->count < found; locks->count++) {
		int fd = lock_take(dir, locks->names[locks->count]);

		if (fd < 0) {
			locks_release(locks, 0);
			return fd;
		}
		locks->fds[locks->count] = fd;
	}
	return 0;
}

static int try_to_lock(struct pool_dir *dir)
{
	struct locks locks;
	int r = locks_find(dir, &locks);

	if (r == 0 && locks.count == 0) {
		r = lock_create(dir);
		/* another daemon may have made one as well */
		if (r == 0)
			r = locks_find(dir, &locks);
		if (r == 0 && locks.count == 0)
			r = -EAGAIN;
	}
	if (r == 0)
		r = locks_take(dir, &locks);
	if (r < 0)
		return r;
	for (size_t i = 1; i < locks.count; i++)
		(void)unlinkat(dir->fd, locks.names[i], 0);
	locks_release(&locks, 1);
	cleanup_fd(&dir->lock_fd);
	dir->lock_fd = locks.fds[0];
	strcpy(dir->lock_name, locks.names[0]);
	return 0;
}

int pool_dir_lock(struct pool_dir *dir, struct text *error)
{
	int r = -EAGAIN;

	for (int i = 0; i < ATTEMPTS && r == -EAGAIN; i++)
		r = try_to_lock(dir);
	if (r == -EBUSY)
		text_add(error, "pool directory %s: another daemon has it, or another path of this one's classes",
			 dir->path);
	else if (resource_has_run_out(r))
		text_add(error, "pool directory %s: %s", dir->path, resource_reason(RESOURCE_DESCRIPTOR, r).text);
	else if (r < 0)
		text_add(error, "pool directory %s: " POOL_DIR_LOCK_FILE ": %s", dir->path, strerrordesc_np(-r));
	return r;
}

bool pool_dir_is_locked(const struct pool_dir *dir)
{
	return is_named(dir, dir->lock_name, dir->lock_fd);
}
