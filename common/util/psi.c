/* SPDX-License-Identifier: BSD-3-Clause */
/* psi -- see psi.h. */
#include "common/util/psi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/cleanup.h"

#define GROUP_FILE "memory.pressure"
#define TEXT_BYTES 256    /* of two lines of some 60 bytes */

/* "some avg10=1.25 avg60=...": 125. */
static int parse_share(const char *text, unsigned *ret_share)
{
	char whole[4], hundredths[3];
	unsigned long share;
	int end = 0;

	if (sscanf(text, "some avg10=%3[0-9].%2[0-9]%n", whole, hundredths, &end) != 2 || !hundredths[1] ||
	    text[end] != ' ')
		return -EBADMSG;
	share = strtoul(whole, NULL, 10) * 100 + strtoul(hundredths, NULL, 10);
	if (share > PSI_WHOLE)
		return -EBADMSG;
	*ret_share = (unsigned)share;
	return 0;
}

int psi_read(const char *path, unsigned *ret_share)
{
	/* O_NONBLOCK: nobody has to write to a FIFO for us */
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char text[TEXT_BYTES];
	struct stat st;
	ssize_t length;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	length = read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	return parse_share(text, ret_share);
}

/* The line "0::PATH" of /proc/self/cgroup. */
static bool find_own_path(char group[PATH_MAX])
{
	CLEANUP(cleanup_stream) FILE *stream = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 8];

	while (stream && fgets(line, sizeof(line), stream)) {
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		snprintf(group, PATH_MAX, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
		return true;
	}
	return false;
}

/* The file of that group below any of the places where it is mounted. */
static bool find_group_file(const char *group, char path[PATH_MAX])
{
	/* where service managers mount it; the second one where controllers are in version 1 */
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
		if (snprintf(path, PATH_MAX, "%s%s/" GROUP_FILE, mounts[i], group) < PATH_MAX &&
		    access(path, R_OK) == 0)
			return true;
	return false;
}

bool psi_find_own_group(char path[PATH_MAX])
{
	char group[PATH_MAX];

	/* a container without a namespace of groups sees the whole name, and only its own group is mounted in it */
	return find_own_path(group) && (find_group_file(group, path) || find_group_file("", path));
}
