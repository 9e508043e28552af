/* SPDX-License-Identifier: BSD-3-Clause */
/* mount_of -- see mount_of.h. Whoever may mount chooses the words: no word is trusted to fit. */
#include "vmmallocd/doctor/mount_of.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/doctor/tunable.h"

/* The next word, in which the kernel writes white space and backslashes as three octal digits. NULL: it does not fit.
 */
static const char *copy_word(const char *line, char *word, size_t bytes)
{
	size_t length = 0;

	for (line += strspn(line, " "); *line && !strchr(" \n", *line); line++) {
		unsigned octal;
		int digits = 0;

		if (length + 1 >= bytes)
			return NULL;
		word[length] = *line;
		if (*line == '\\' && sscanf(line + 1, "%3o%n", &octal, &digits) == 1 && digits == 3) {
			word[length] = (char)octal;
			line += 3;
		}
		length++;
	}
	word[length] = '\0';
	return length ? line : NULL;
}

/* ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL...] - TYPE SOURCE OPTIONS */
bool mount_of_parse(const char *line, struct mount_of *ret_mount)
{
	struct mount_of mount = { 0 };
	char root[PATH_MAX], of_mount[MOUNT_OF_OPTIONS_BYTES / 4], of_system[MOUNT_OF_OPTIONS_BYTES / 2];
	int length = 0;

	if (sscanf(line, "%d %*d %u:%u%n", &mount.id, &mount.major, &mount.minor, &length) != 3 || length == 0)
		return false;
	line += length;
	if (!(line = copy_word(line, root, sizeof(root))) ||
	    !(line = copy_word(line, mount.point, sizeof(mount.point))) ||
	    !(line = copy_word(line, of_mount, sizeof(of_mount))) || !(line = strstr(line, " - ")))
		return false;
	line += 3;
	if (!(line = copy_word(line, mount.type, sizeof(mount.type))) ||
	    !(line = copy_word(line, mount.source, sizeof(mount.source))))
		return false;
	/* overlayfs may have more than there is room for */
	line += strspn(line, " ");
	snprintf(of_system, sizeof(of_system), "%.*s", (int)strcspn(line, " \n"), line);
	snprintf(mount.options, sizeof(mount.options), "%s,%s", of_mount, of_system);
	*ret_mount = mount;
	return true;
}

bool mount_of_directory(int fd, struct mount_of *ret_mount)
{
	CLEANUP(cleanup_stream) FILE *stream = fopen("/proc/self/mountinfo", "re");
	char path[64], line[MOUNT_OF_LINE_BYTES], id[32];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (!stream || !tunable_field(path, "mnt_id", id, sizeof(id)))
		return false;
	while (fgets(line, sizeof(line), stream))
		if (atoi(line) == atoi(id) && mount_of_parse(line, ret_mount))
			return true;
	return false;
}

const char *mount_of_option(const struct mount_of *mount, const char *name, char *value, size_t bytes)
{
	size_t length = strlen(name);

	for (const char *option = mount->options; *option; option += strspn(option, ",")) {
		size_t all = strcspn(option, ",");

		if (all >= length && strncmp(option, name, length) == 0 && (all == length || option[length] == '=')) {
			snprintf(value, bytes, "%.*s", (int)(all == length ? 0 : all - length - 1),
				 option + length + (all > length));
			return value;
		}
		option += all;
	}
	return NULL;
}
