/* SPDX-License-Identifier: BSD-3-Clause */
/* resource -- see resource.h. */
#include "vmmallocd/base/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* inotify's limit on instances has the same error as the limit on descriptors. */
static bool has_descriptor(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return errno != EMFILE;
	close(fd);
	return true;
}

static const char *limit_name(enum resource resource, int error, char *text, size_t size)
{
	struct rlimit limit;

	if (error == ENFILE)
		return "fs.file-max";
	if (error == EAGAIN && resource == RESOURCE_THREAD)
		return "pids.max of its control group, RLIMIT_NPROC or kernel.threads-max";
	if (error == ENOSPC && resource == RESOURCE_INOTIFY)
		return "fs.inotify.max_user_watches";
	if (error != EMFILE)
		return NULL;
	if (resource == RESOURCE_INOTIFY && has_descriptor())
		return "fs.inotify.max_user_instances";
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return "RLIMIT_NOFILE";
	snprintf(text, size, "RLIMIT_NOFILE is %llu", (unsigned long long)limit.rlim_cur);
	return text;
}

struct resource_reason resource_reason(enum resource resource, int error)
{
	struct resource_reason reason;
	char text[64];
	const char *name = limit_name(resource, error < 0 ? -error : error, text, sizeof(text));
	const char *words = strerrordesc_np(error < 0 ? -error : error);

	if (name)
		snprintf(reason.text, sizeof(reason.text), "%s (%s)", words, name);
	else
		snprintf(reason.text, sizeof(reason.text), "%s", words);
	return reason;
}

bool resource_has_run_out(int result)
{
	switch (-result) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS: return true;
	default: return false;
	}
}
