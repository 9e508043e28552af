/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mount_words -- how a mount command for a tmpfs with such options begins, as mount(8) takes them or the kernel lists
 * them. With the newer system calls mount(8) takes what follows a comma, as in mpol=bind:0,2, for another option; a
 * remount repeats the options that there are.
 */
#ifndef COMMON_UTIL_MOUNT_WORDS_H
#define COMMON_UTIL_MOUNT_WORDS_H

#include <string.h>

static inline const char *mount_words(const char *options)
{
	const char *comma = strstr(options, "mpol=");

	while (comma && (comma = strchr(comma, ',')))
		if (*++comma >= '0' && *comma <= '9')
			return "LIBMOUNT_FORCE_MOUNT2=always mount";
	return "mount";
}

#endif
