/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_files -- see heap_files.h. */
#include "tests/bench/heap_files.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MOST 256

struct heap_files {
	const char *dir;
	ino_t seen[FILES_MOST];
	size_t count;
	double kib;
};

static bool is_new(struct heap_files *files, ino_t inode)
{
	for (size_t i = 0; i < files->count; i++)
		if (files->seen[i] == inode)
			return false;
	if (files->count < FILES_MOST)
		files->seen[files->count++] = inode;
	return true;
}

static void add_descriptor(struct heap_files *files, int fds, const char *name)
{
	char path[PATH_MAX];
	size_t length = strlen(files->dir);
	ssize_t n = readlinkat(fds, name, path, sizeof(path));
	struct stat stat;

	if (n > (ssize_t)length && memcmp(path, files->dir, length) == 0 && path[length] == '/' &&
	    fstatat(fds, name, &stat, 0) == 0 && S_ISREG(stat.st_mode) && is_new(files, stat.st_ino))
		files->kib += (double)stat.st_blocks / 2;
}

static void add_process(struct heap_files *files, const char *pid)
{
	char path[64];
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	fds = opendir(path);
	if (!fds)
		return;
	for (struct dirent *entry; (entry = readdir(fds));)
		add_descriptor(files, dirfd(fds), entry->d_name);
	closedir(fds);
}

/* Those that its first thread started; kernels without that list say nothing. */
static void add_descendants(struct heap_files *files, const char *pid)
{
	char path[64], children[4096], *rest = NULL;
	size_t length;
	FILE *list;

	add_process(files, pid);
	snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s/children", pid, pid);
	list = fopen(path, "re");
	if (!list)
		return;
	length = fread(children, 1, sizeof(children) - 1, list);
	fclose(list);
	children[length] = '\0';
	for (char *child = strtok_r(children, " ", &rest); child; child = strtok_r(NULL, " ", &rest))
		add_descendants(files, child);
}

double heap_files_kib(pid_t pid, const char *dir)
{
	struct heap_files files = { .dir = dir };
	char text[24];

	snprintf(text, sizeof(text), "%ld", (long)pid);
	add_descendants(&files, text);
	return files.kib;
}
