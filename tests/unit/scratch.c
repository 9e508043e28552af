/* SPDX-License-Identifier: BSD-3-Clause */
/* scratch -- see scratch.h. */
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void scratch_make(const char *parent, char path[SCRATCH_PATH])
{
	snprintf(path, SCRATCH_PATH, "%s/vmmalloc-test.XXXXXX", parent);
	assert_non_null(mkdtemp(path));
}

static void remove_files(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

void scratch_remove(const char *path)
{
	(void)umount2(path, MNT_DETACH);
	remove_files(path);
	(void)rmdir(path);
}

bool scratch_mount(const char *path, size_t bytes)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%zu", bytes);
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("scratch", path, "tmpfs", 0, options) == 0)
		return true;
	print_message("skipped: a small tmpfs cannot be mounted: %s\n", strerror(errno));
	return false;
}

size_t scratch_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return n;
}

bool scratch_maps_have(const char *words)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[1024];
	bool found = false;

	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, words);
	fclose(maps);
	return found;
}

size_t scratch_allocated(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (size_t)st.st_blocks * 512;
}

bool scratch_readable(const void *address)
{
	int ends[2];
	bool readable;

	assert_int_equal(pipe(ends), 0);
	readable = write(ends[1], address, 1) == 1;
	close(ends[0]);
	close(ends[1]);
	return readable;
}
