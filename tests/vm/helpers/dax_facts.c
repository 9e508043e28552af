/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dax_facts DIRECTORY WORD... -- facts of a file system, one word each:
 *
 *     dax, no-dax      whether a new file there is STATX_ATTR_DAX
 *     sync, no-sync    whether it can be mapped with MAP_SYNC
 *
 * Exit status 0 if all the words are true; those that are not are printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES (4 << 20)

static bool is_dax(int fd)
{
	struct statx st = { 0 };

	return statx(fd, "", AT_EMPTY_PATH, 0, &st) == 0 && (st.stx_attributes & STATX_ATTR_DAX);
}

static bool is_sync(int fd)
{
	return mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0) != MAP_FAILED;
}

int main(int argc, char *argv[])
{
	int fd = open(argv[1], O_TMPFILE | O_RDWR, 0600), wrong = 0;

	if (fd < 0 || ftruncate(fd, FILE_BYTES) < 0) {
		perror(argv[1]);
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		const char *word = argv[i];
		bool wanted = strncmp(word, "no-", 3) != 0;
		const char *what = wanted ? word : word + 3;
		bool fact = strcmp(what, "dax") == 0 ? is_dax(fd) : is_sync(fd);

		if (fact != wanted) {
			printf("%s: not %s\n", argv[1], word);
			wrong = 1;
		}
	}
	return wrong;
}
