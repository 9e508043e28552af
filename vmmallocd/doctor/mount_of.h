/* SPDX-License-Identifier: BSD-3-Clause */
/* mount_of -- the mount that an open directory is on, as /proc/self/mountinfo has it. */
#ifndef VMMALLOCD_DOCTOR_MOUNT_OF_H
#define VMMALLOCD_DOCTOR_MOUNT_OF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define MOUNT_OF_OPTIONS_BYTES 1024
#define MOUNT_OF_LINE_BYTES (4 * PATH_MAX)

struct mount_of {
	int id;
	unsigned major, minor;                  /* of the file system's device */
	char type[64];
	char point[PATH_MAX], source[PATH_MAX];
	char options[MOUNT_OF_OPTIONS_BYTES];   /* of the mount and of the file system, with commas between them */
};

/* False: it cannot be known. */
bool mount_of_directory(int fd, struct mount_of *ret_mount);

/* One line. False: it is none. For the above, and for a fuzzer. */
bool mount_of_parse(const char *line, struct mount_of *ret_mount);

/* What follows the '=' of the option, "" of one without; NULL: there is no such option. */
const char *mount_of_option(const struct mount_of *mount, const char *name, char *value, size_t bytes);

#endif
