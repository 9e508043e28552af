/* SPDX-License-Identifier: BSD-3-Clause */
/* preload -- see preload.h. */
#include "vmmallocd/ctl/preload.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/base/paths.h"
#include "common/util/absolute_path.h"

#define SEPARATORS ENVIRONMENT_PRELOAD_SEPARATORS

int preload_find(const char *directory, char *path, size_t bytes)
{
	struct utsname machine;
	char multiarch[sizeof(machine.machine) + 32];
	const char *const places[] = { "", "/" PATHS_LIB_FROM_BIN, "/../lib", "/../lib64", multiarch };

	if (uname(&machine) < 0)
		return -errno;
	snprintf(multiarch, sizeof(multiarch), "/../lib/%s-linux-gnu", machine.machine);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int length = snprintf(path, bytes, "%s%s/" PRELOAD_SONAME, directory, places[i]);

		if (length < 0 || (size_t)length >= bytes)
			return -ENAMETOOLONG;
		if (access(path, R_OK) == 0)
			return 0;
	}
	if (bytes < sizeof(PRELOAD_SONAME))
		return -ENAMETOOLONG;
	strcpy(path, PRELOAD_SONAME);
	return 0;
}

static bool has_library(const char *list)
{
	size_t length;

	for (list += strspn(list, SEPARATORS); *list; list += length, list += strspn(list, SEPARATORS)) {
		length = strcspn(list, SEPARATORS);
		if (environment_is_library(list, length))
			return true;
	}
	return false;
}

/* An entry; our library's by a path that programs in other directories find as well, if a list can name that. */
static void copy_entry(FILE *copy, const char *entry, size_t length)
{
	char path[PATH_MAX], absolute[PATH_MAX];
	int printed = snprintf(path, sizeof(path), "%.*s", (int)length, entry);

	if (printed > 0 && printed < (int)sizeof(path) && environment_is_library(path, length) && strchr(path, '/') &&
	    absolute_path(path, absolute, sizeof(absolute)) == 0 && !strpbrk(absolute, SEPARATORS))
		fputs(absolute, copy);
	else
		fwrite(entry, 1, length, copy);
}

static int copy_list(const char *list, char **ret_list)
{
	size_t bytes;
	FILE *copy = open_memstream(ret_list, &bytes);

	if (!copy)
		return -ENOMEM;
	while (*list) {
		size_t separators = strspn(list, SEPARATORS), length = strcspn(list + separators, SEPARATORS);

		fwrite(list, 1, separators, copy);
		copy_entry(copy, list + separators, length);
		list += separators + length;
	}
	if (fclose(copy) == 0)
		return 0;
	free(*ret_list);
	return -ENOMEM;
}

int preload_list(const char *library, const char *list, char **ret_list)
{
	char *made;

	if (list && has_library(list))
		return copy_list(list, ret_list);
	if (strpbrk(library, SEPARATORS))
		return -EINVAL;
	if (asprintf(&made, "%s%s%s", library, list && *list ? ":" : "", list ? list : "") < 0)
		return -ENOMEM;
	*ret_list = made;
	return 0;
}
