/* SPDX-License-Identifier: BSD-3-Clause */
/* holdings -- see holdings.h. */
#include "vmmallocd/ctl/holdings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/pool_header_decode.h"

#define LINK_BYTES (sizeof("map_files/") + NAME_MAX)

static struct holding *add_holding(struct holdings *holdings, const char *path)
{
	struct holding *list = reallocarray(holdings->list, holdings->count + 1, sizeof(*list));

	if (!list)
		return NULL;
	holdings->list = list;
	list[holdings->count] = (struct holding){ .path = strdup(path), .descriptor = -1 };
	return list[holdings->count].path ? &list[holdings->count++] : NULL;
}

/* --- what is mapped --- */

/* A file by the kernel's number, and by its path: another file system has files of the same numbers. */
static struct holding *find_mapped(struct holdings *holdings, uint64_t inode, const char *path)
{
	for (size_t i = holdings->count; i-- > 0;)
		if (holdings->list[i].inode == inode && strcmp(holdings->list[i].path, path) == 0)
			return &holdings->list[i];
	return NULL;
}

static int note_mapping(struct holdings *holdings, const struct proc_mapping *mapping)
{
	enum proc_path kind = proc_text_path(mapping->path);
	struct holding *holding;

	holdings->has_library = holdings->has_library || kind == PROC_PATH_LIBRARY;
	if (kind == PROC_PATH_OTHER || kind == PROC_PATH_LIBRARY)
		return 0;
	holding = find_mapped(holdings, mapping->inode, mapping->path);
	if (!holding) {
		holding = add_holding(holdings, mapping->path);
		if (!holding)
			return -ENOMEM;
		holding->is_pool = kind == PROC_PATH_POOL;
		holding->is_mapped = true;
		holding->inode = mapping->inode;
		holding->start = mapping->start;
		holding->end = mapping->end;
	}
	if (mapping->offset == 0)
		holding->header_at = mapping->start;
	holding->is_private = holding->is_private || mapping->is_private;
	return 0;
}

static int look_at_maps(int proc, struct holdings *holdings)
{
	CLEANUP(cleanup_fd) int fd = openat(proc, "maps", O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_stream) FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	CLEANUP(cleanup_free) char *line = NULL;
	struct proc_mapping mapping;
	size_t size = 0;
	int r = 0;

	if (!maps)
		return -errno;
	(void)steal_fd(&fd);
	while (r == 0 && getline(&line, &size, maps) > 0)
		if (proc_text_mapping(line, &mapping))
			r = note_mapping(holdings, &mapping);
	return r;
}

/* --- what a file is --- */

static void note_data(struct holding *holding, const char *data, ssize_t bytes)
{
	int r = bytes < 0 ? -EIO : pool_header_decode(data, (size_t)bytes, &holding->header);

	holding->has_header = r == 0;
	if (r == 0)
		(void)pool_outside_decode(data, (size_t)bytes, &holding->outside);
	holding->is_pool = holding->is_pool || r == 0 || r == -EPROTO;
}

/* What the kernel knows of it: a file's server may not answer. False: it is no file, or may not be looked at. */
static bool ask_file(int proc, const char *link, struct statx *ret_file)
{
	return statx(proc, link, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | STATX_SIZE, ret_file) == 0 &&
	       S_ISREG(ret_file->stx_mode);
}

static void note_file(struct holding *holding, const struct statx *file)
{
	holding->has_file = true;
	holding->dev = makedev(file->stx_dev_major, file->stx_dev_minor);
	holding->inode = file->stx_ino;
	holding->bytes = file->stx_size;
}

/* Its memory is read, and not the file: that opens nothing, and asks for no permission that the file may not give. */
static int read_mapped(int proc, struct holding *holding)
{
	CLEANUP(cleanup_fd) int mem = openat(proc, "mem", O_RDONLY | O_CLOEXEC);
	char data[sizeof(struct pool_page)];
	ssize_t n = mem < 0 ? -1 : pread(mem, data, sizeof(data), (off_t)holding->header_at);

	note_data(holding, data, n);
	return n < 0 ? -errno : 0;
}

/*
 * Opened last, for no longer than it takes, and without waiting: whoever has the pool may hold its lock. What may have
 * taken the place of the file is not read.
 */
static int read_opened(int proc, const char *link, struct holding *holding)
{
	CLEANUP(cleanup_fd) int fd = openat(proc, link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char data[sizeof(struct pool_page)];
	const struct iovec part = { .iov_base = data, .iov_len = sizeof(data) };
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_dev != holding->dev || st.st_ino != holding->inode)
		return -ESTALE;
	n = preadv2(fd, &part, 1, 0, RWF_NOWAIT);
	if (n < 0 && errno == EOPNOTSUPP)
		n = pread(fd, data, sizeof(data), 0);
	note_data(holding, data, n);
	return n < 0 ? -errno : 0;
}

/* --- descriptors --- */

static struct holding *find_file(struct holdings *holdings, const struct statx *file, const char *path)
{
	dev_t dev = makedev(file->stx_dev_major, file->stx_dev_minor);

	for (size_t i = 0; i < holdings->count; i++) {
		const struct holding *holding = &holdings->list[i];

		if (holding->inode == file->stx_ino &&
		    (holding->has_file ? holding->dev == dev : strcmp(holding->path, path) == 0))
			return &holdings->list[i];
	}
	return NULL;
}

static int look_at_descriptor(int proc, const char *name, struct holdings *holdings)
{
	char link[LINK_BYTES], path[PATH_MAX];
	struct holding *holding;
	enum proc_path kind;
	struct statx file;
	ssize_t n;

	snprintf(link, sizeof(link), "fd/%s", name);
	n = readlinkat(proc, link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;  /* it was closed meanwhile */
	path[n] = '\0';
	kind = proc_text_path(path);
	if ((kind != PROC_PATH_MAYBE && kind != PROC_PATH_POOL) || !ask_file(proc, link, &file))
		return 0;
	holding = find_file(holdings, &file, path);
	if (!holding)
		holding = add_holding(holdings, path);
	if (!holding)
		return -ENOMEM;
	holding->is_pool = holding->is_pool || kind == PROC_PATH_POOL;
	holding->descriptor = atoi(name);
	note_file(holding, &file);
	return 0;
}

static int look_at_descriptors(int proc, struct holdings *holdings)
{
	CLEANUP(cleanup_fd) int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_dir) DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!entries)
		return -errno;
	(void)steal_fd(&fd);
	while (r == 0 && (entry = readdir(entries)))
		if (entry->d_name[0] != '.')
			r = look_at_descriptor(proc, entry->d_name, holdings);
	return r;
}

/* --- all of it --- */

static void name_mapping(const struct holding *holding, char link[LINK_BYTES])
{
	snprintf(link, LINK_BYTES, "map_files/%" PRIx64 "-%" PRIx64, holding->start, holding->end);
}

/* Who may not see the files that others map sees the descriptors, if there are any. */
static void look_at_mapped_files(int proc, struct holdings *holdings)
{
	for (size_t i = 0; i < holdings->count; i++) {
		char link[LINK_BYTES];
		struct statx file;

		name_mapping(&holdings->list[i], link);
		if (ask_file(proc, link, &file))
			note_file(&holdings->list[i], &file);
	}
}

/* 0: it was read, be it a header or not; -errno. */
static int read_header(int proc, struct holding *holding)
{
	char link[LINK_BYTES];
	int r = holding->header_at ? read_mapped(proc, holding) : -ENODATA;

	if (r < 0 && holding->descriptor >= 0) {
		snprintf(link, sizeof(link), "fd/%d", holding->descriptor);
		r = read_opened(proc, link, holding);
	}
	if (r < 0 && holding->is_mapped && holding->has_file) {
		name_mapping(holding, link);
		r = read_opened(proc, link, holding);
	}
	return r;
}

/* What is a pool stays. */
static void read_headers(int proc, struct holdings *holdings)
{
	size_t kept = 0;

	for (size_t i = 0; i < holdings->count; i++) {
		struct holding *holding = &holdings->list[i];
		int r = read_header(proc, holding);

		if (holding->is_pool) {
			holdings->list[kept++] = *holding;
			continue;
		}
		holdings->is_denied = holdings->is_denied || r == -EACCES || r == -EPERM;
		free(holding->path);
	}
	holdings->count = kept;
}

int holdings_look(int proc, struct holdings *ret_holdings)
{
	int r;

	*ret_holdings = (struct holdings){ 0 };
	r = look_at_maps(proc, ret_holdings);
	if (r < 0)
		return r;
	look_at_mapped_files(proc, ret_holdings);
	r = look_at_descriptors(proc, ret_holdings);
	if (r < 0)
		return r;
	read_headers(proc, ret_holdings);
	return 0;
}

void holdings_done(struct holdings *holdings)
{
	for (size_t i = 0; i < holdings->count; i++)
		free(holdings->list[i].path);
	free(holdings->list);
}
