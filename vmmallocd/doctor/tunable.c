/* SPDX-License-Identifier: BSD-3-Clause */
/* tunable -- see tunable.h. */
#include "vmmallocd/doctor/tunable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"

#define LINE_BYTES 4096

bool tunable_text(const char *path, char *text, size_t bytes)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, bytes - 1);

	text[n > 0 ? n : 0] = '\0';
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return n >= 0;
}

bool tunable_number(const char *path, unsigned long long *ret_number)
{
	char text[64], *end;
	unsigned long long number;

	if (!tunable_text(path, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*ret_number = number;
	return true;
}

bool tunable_choice(const char *path, char *word, size_t bytes)
{
	char text[256];
	const char *begin;

	word[0] = '\0';
	if (!tunable_text(path, text, sizeof(text)) || !(begin = strchr(text, '[')))
		return false;
	snprintf(word, bytes, "%.*s", (int)strcspn(begin + 1, "]"), begin + 1);
	return true;
}

bool tunable_field(const char *path, const char *name, char *text, size_t bytes)
{
	CLEANUP(cleanup_stream) FILE *stream = fopen(path, "re");
	char line[LINE_BYTES];
	size_t length = strlen(name);

	text[0] = '\0';
	while (stream && fgets(line, sizeof(line), stream)) {
		const char *value = line + length + 1;

		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		value += strspn(value, " \t");
		snprintf(text, bytes, "%.*s", (int)strcspn(value, "\n"), value);
		return true;
	}
	return false;
}
