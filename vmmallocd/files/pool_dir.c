/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_dir -- a directory of pools: whether it can be trusted with them, and which are in it. See pool_dir.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/lease_trial.h"
#include "vmmallocd/files/internal.h"

static bool is_mounted_at(int fd, const struct stat *st)
{
	struct stat above;

	return fstatat(fd, "..", &above, 0) == 0 && above.st_dev != st->st_dev;
}

/* `options`: NULL, or those of the tmpfs that must be mounted there. */
static int open_mounted(const char *path, const char *options, struct pool_dir *ret_dir, struct text *error)
{
	struct statfs fs;
	struct stat st;
	bool is_mounted;
	int r;

	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return pool_dir_explain(path, -errno, error);
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0) {
		r = -errno;
		text_add(error, "%s: %s: expected a working file system", path, strerrordesc_np(-r));
		return r;
	}
	is_mounted = is_mounted_at(fd, &st);
	/* whose the directory beneath is does not matter */
	if (options && !(is_mounted && fs.f_type == TMPFS_MAGIC)) {
		pool_dir_say_no_tmpfs(path, options, error);
		return -ENODEV;
	}
	r = pool_dir_access(path, fd, &st, error);
	if (r < 0)
		return r;

	CLEANUP(cleanup_free) char *copy = strdup(path);
	if (!copy) {
		text_add(error, "%s: out of memory", path);
		return -ENOMEM;
	}
	*ret_dir = (struct pool_dir){
		.fd = steal_fd(&fd),
		.lock_fd = -1,
		.path = steal_pointer(&copy),
		.dev = st.st_dev,
		.ino = st.st_ino,
		.grain = fs.f_type == HUGETLBFS_MAGIC ? (size_t)fs.f_bsize : pool_file_page(),
		.hugetlbfs = fs.f_type == HUGETLBFS_MAGIC,
		.tmpfs = fs.f_type == TMPFS_MAGIC,
		.mounted = is_mounted,
	};
	return 0;
}

int pool_dir_open(const char *path, struct pool_dir *ret_dir, struct text *error)
{
	return open_mounted(path, NULL, ret_dir, error);
}

int pool_dir_open_tmpfs(const char *path, const char *options, struct pool_dir *ret_dir, struct text *error)
{
	return open_mounted(path, options, ret_dir, error);
}

bool pool_dir_is_mounted_tmpfs(const struct pool_dir *dir)
{
	return dir->tmpfs && dir->mounted;
}

void pool_dir_close(struct pool_dir *dir)
{
	cleanup_fd(&dir->lock_fd);
	(void)close(dir->fd);
	free(dir->path);
	*dir = (struct pool_dir){ .fd = -1, .lock_fd = -1 };
}

/*
 * The names are taken down first, and visited afterwards: a visitor may rename a file, and a directory that is being
 * read may then show it once more.
 */
struct names {
	struct pool_file *files;
	size_t count, room;
};

static void names_done(struct names *names)
{
	free(names->files);
}

static int names_add(struct names *names, const struct pool_file *file)
{
	if (names->count == names->room) {
		size_t room = names->room ? 2 * names->room : 64;
		struct pool_file *files = reallocarray(names->files, room, sizeof(*files));

		if (!files)
			return -ENOMEM;
		names->files = files;
		names->room = room;
	}
	names->files[names->count++] = *file;
	return 0;
}

static int names_read(const struct pool_dir *dir, struct names *names)
{
	CLEANUP(cleanup_dir) DIR *entries = NULL;
	struct pool_file file = { 0 };
	const struct dirent *entry;
	int r = pool_dir_read(dir, &entries);

	while (r == 0 && (errno = 0, entry = readdir(entries)))
		if (pool_file_name_parse(entry->d_name, file.id, &file.mark))
			r = names_add(names, &file);
	return r < 0 ? r : -errno;
}

/*
 * The header may be on the disk only, and then it has to be waited for. That is safe where nobody has the file: nobody
 * can keep us waiting.
 */
static int read_any_header(const struct pool_dir *dir, const struct pool_file *file, struct pool_header *ret_header)
{
	int r = pool_file_read_header(dir, file, ret_header);
	struct stat st;

	if (r != -EAGAIN)
		return r;
	CLEANUP(cleanup_fd) int fd = pool_file_open_as(dir, file, O_RDONLY, &st);
	if (fd < 0)
		return fd;
	r = lease_trial_probe(fd);
	return r < 0 ? r : pool_file_header_read(fd, ret_header);
}

/* False: it is gone, or not ours. */
static bool look_at_file(const struct pool_dir *dir, struct pool_file *file, bool *ret_has_header,
		    struct pool_header *ret_header)
{
	char name[POOL_FILE_NAME_BYTES];
	struct stat st;

	pool_file_name_format(file, name);
	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !pool_file_is_ours(&st))
		return false;
	file->size_bytes = (uint64_t)st.st_size;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	*ret_has_header = read_any_header(dir, file, ret_header) == 0;
	return true;
}

int pool_dir_scan(const struct pool_dir *dir,
		  int (*visit)(void *context, const struct pool_file *file, const struct pool_header *header),
		  void *context)
{
	CLEANUP(names_done) struct names names = { 0 };
	int r = names_read(dir, &names);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		struct pool_header header;
		bool has_header;

		if (look_at_file(dir, &names.files[i], &has_header, &header))
			r = visit(context, &names.files[i], has_header ? &header : NULL);
	}
	return r;
}
