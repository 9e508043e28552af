/* SPDX-License-Identifier: BSD-3-Clause */
/* whole_file -- see whole_file.h. */
#include "common/util/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/write_all.h"

static int write_temporary(int dir, const char *name, mode_t mode, const char *text, size_t bytes)
{
	int fd, r;

	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, bytes, 0);
	/* whatever the umask is */
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	/* what could not be written may show only now */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, name, 0);
	return r;
}

static int save_in(int dir, const char *name, mode_t mode, const char *text, size_t bytes)
{
	char temporary[NAME_MAX + 1];
	int r;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.tmp", name) >= sizeof(temporary))
		return -ENAMETOOLONG;
	r = write_temporary(dir, temporary, mode, text, bytes);
	if (r < 0)
		return r;
	if (renameat(dir, temporary, dir, name) < 0) {
		r = -errno;
		(void)unlinkat(dir, temporary, 0);
		return r;
	}
	/* EINVAL: a file system that knows no sync of directories, where this is all that can be done */
	return fsync(dir) < 0 && errno != EINVAL ? -errno : 0;
}

int whole_file_write(const char *path, mode_t mode, const char *text, size_t bytes)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char directory[PATH_MAX];

	/* with its slash, and "." behind it: so the root directory and no directory need no case of their own */
	if ((size_t)snprintf(directory, sizeof(directory), "%.*s.", (int)(name - path), path) >= sizeof(directory))
		return -ENAMETOOLONG;
	CLEANUP(cleanup_fd) int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	return *name ? save_in(dir, name, mode, text, bytes) : -EISDIR;
}

static int read_whole(int fd, char *data, size_t size, size_t *ret_bytes)
{
	size_t bytes = 0;
	ssize_t n;

	do {
		n = read(fd, data + bytes, size - bytes);
		if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? (size_t)n : 0;
	} while (n != 0 && bytes < size);
	*ret_bytes = bytes;
	return 0;
}

static int read_regular(int fd, size_t most, char **ret_text, size_t *ret_bytes, struct text *error)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		text_add(error, "not a regular file");
		return -EBADMSG;
	}
	if ((uintmax_t)st.st_size > most) {
		text_add(error, "%lld bytes: more than %zu", (long long)st.st_size, most);
		return -EBADMSG;
	}
	CLEANUP(cleanup_free) char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = read_whole(fd, text, (size_t)st.st_size, ret_bytes);
	if (r == 0)
		*ret_text = steal_pointer(&text);
	return r;
}

int whole_file_read(const char *path, size_t most, char **ret_text, size_t *ret_bytes, struct text *error)
{
	/* O_NONBLOCK: a FIFO must not hold us until somebody writes to it */
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = fd < 0 ? -errno : read_regular(fd, most, ret_text, ret_bytes, error);

	if (r == -ELOOP || r == -ENXIO) {
		text_add(error, "not a regular file");
		return -EBADMSG;
	}
	return r;
}
