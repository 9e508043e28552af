/* SPDX-License-Identifier: BSD-3-Clause */
/* registry_store -- see registry_store.h. */
#include "vmmallocd/state/registry_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/write_all.h"
#include "vmmallocd/state/registry_json.h"

static int write_temporary(int dir, const char *name, const char *text, size_t bytes)
{
	int fd, r;

	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, bytes, 0);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* what could not be written may show only now */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, name, 0);
	return r;
}

static int save_in(int dir, const char *name, const char *text, size_t bytes)
{
	char temporary[NAME_MAX + 1];
	int r;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.tmp", name) >= sizeof(temporary))
		return -ENAMETOOLONG;
	r = write_temporary(dir, temporary, text, bytes);
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

int registry_store_save(const char *path, const char *text, size_t bytes)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char directory[PATH_MAX];

	/* with its slash, and "." behind it: so the root directory and no directory need no case of their own */
	if ((size_t)snprintf(directory, sizeof(directory), "%.*s.", (int)(name - path), path) >= sizeof(directory))
		return -ENAMETOOLONG;
	CLEANUP(cleanup_fd) int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	return *name ? save_in(dir, name, text, bytes) : -EISDIR;
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

static int load_open(int fd, struct registry *registry, char ret_boot_id[BOOT_ID_TEXT_BYTES], struct text *error)
{
	struct stat st;
	size_t bytes = 0;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		text_add(error, "not a regular file");
		return -EBADMSG;
	}
	if ((uintmax_t)st.st_size > REGISTRY_STORE_BYTES_MOST) {
		text_add(error, "%lld bytes: more than %zu", (long long)st.st_size, REGISTRY_STORE_BYTES_MOST);
		return -EBADMSG;
	}
	CLEANUP(cleanup_free) char *text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = read_whole(fd, text, (size_t)st.st_size, &bytes);
	return r < 0 ? r : registry_json_decode(text, bytes, registry, ret_boot_id, error);
}

int registry_store_load(const char *path, struct registry *registry, char ret_boot_id[BOOT_ID_TEXT_BYTES],
			struct text *error)
{
	/* O_NONBLOCK: a FIFO must not hold us until somebody writes to it */
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r = fd < 0 ? -errno : load_open(fd, registry, ret_boot_id, error);

	if (r == -ELOOP || r == -ENXIO) {
		text_add(error, "not a regular file");
		return -EBADMSG;
	}
	return r;
}
