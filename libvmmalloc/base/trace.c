/* SPDX-License-Identifier: BSD-3-Clause */
/* trace -- see trace.h. Part of the debug build only. */
#include "libvmmalloc/base/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/base/text.h"
#include "include/libvmmalloc.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/path.h"
#include "libvmmalloc/base/report.h"
#include "libvmmalloc/base/write.h"

#define LEVEL_MOST 4
#define LEVEL_STATS 3  /* from here on statistics are logged at exit */
#define LINE_BYTES 1024

static bool has_log_fd(void)
{
	struct stat st;

	return vmm_trace_log.fd > 0 && kernel_fstat(vmm_trace_log.fd, &st) == 0 && st.st_dev == vmm_trace_log.dev &&
	       st.st_ino == vmm_trace_log.ino;
}

/* The log file, opened anew if our descriptor is no longer ours. Standard error if it cannot be opened. */
static int log_fd(void)
{
	struct stat st;
	char path[PATH_MAX + 16];
	struct text text = TEXT_INIT(path);

	if (vmm_trace_log.path[0] == '\0')
		return STDERR_FILENO;
	if (has_log_fd())
		return vmm_trace_log.fd;

	text_add(&text, "%s", vmm_trace_log.path);
	if (vmm_trace_log.per_process)
		text_add(&text, "%d", (int)kernel_getpid());
	vmm_trace_log.fd = kernel_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (vmm_trace_log.fd < 0 || kernel_fstat(vmm_trace_log.fd, &st) < 0)
		return STDERR_FILENO;
	vmm_trace_log.dev = st.st_dev;
	vmm_trace_log.ino = st.st_ino;
	return vmm_trace_log.fd;
}

void vmm_trace(int level, const char *function, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_BYTES];
	struct text text = TEXT_INIT(line);
	va_list args;

	if (level > vmm_trace_log.level)
		return;
	text_add(&text, "<libvmmalloc>: <%d> [%s] ", level, function);
	va_start(args, format);
	text_add_va(&text, format, args);
	va_end(args);
	if (text.length + 1 == text.size)
		text.length--;
	text_add(&text, "\n");
	(void)write_all(log_fd(), text.data, text.length, WRITE_IN_ORDER);
	errno = saved_errno;
}

void vmm_trace_assert(const char *condition, const char *file, int line)
{
	char message[LINE_BYTES];
	struct text text = TEXT_INIT(message);

	text_add(&text, "<libvmmalloc>: assertion failed: %s:%d: %s\n", file, line, condition);
	(void)write_all(log_fd(), text.data, text.length, WRITE_IN_ORDER);
	abort();
}

static int read_level(char *const *environment)
{
	const char *value = environment_value(environment, ENVIRONMENT_LOG_LEVEL);

	if (!value)
		return 0;
	if (value[0] < '0' || value[0] > '0' + LEVEL_MOST || value[1] != '\0')
		vmm_report_fatal("incorrect " ENVIRONMENT_LOG_LEVEL " value (%s), expected a number from 0 to %d",
				 value, LEVEL_MOST);
	return value[0] - '0';
}

void vmm_trace_start(char *const *environment)
{
	const char *path = environment_value(environment, ENVIRONMENT_LOG_FILE);
	const char *stats = environment_value(environment, ENVIRONMENT_LOG_STATS);
	struct text text = TEXT_INIT(vmm_trace_log.path);

	vmm_trace_log.level = read_level(environment);
	vmm_trace_log.stats = vmm_trace_log.level >= LEVEL_STATS || (stats && strcmp(stats, "1") == 0);
	if (path && strlen(path) >= sizeof(vmm_trace_log.path))
		vmm_report_fatal(ENVIRONMENT_LOG_FILE " is too long, expected at most %d bytes", PATH_MAX - 1);
	if (path && *path) {
		path_add(&text, path);  /* it is opened again after a fork, wherever the program works by then */
		vmm_trace_log.per_process = path[strlen(path) - 1] == '-';
		if (log_fd() == STDERR_FILENO)
			vmm_report_fatal(ENVIRONMENT_LOG_FILE " (%s) cannot be opened: %s", path,
					 strerrordesc_np(vmm_trace_log.fd < 0 ? -vmm_trace_log.fd : EBADF));
	}
	TRACE(1, "libvmmalloc %s", VMMALLOC_VERSION);
}

void vmm_trace_after_fork(bool shares_descriptors)
{
	if (!vmm_trace_log.per_process)
		return;
	if (!shares_descriptors && has_log_fd())
		(void)kernel_close(vmm_trace_log.fd);
	vmm_trace_log.fd = -1;
}

bool vmm_trace_wants_stats(void)
{
	return vmm_trace_log.stats;
}

void vmm_trace_text(const char *string)
{
	(void)write_all(log_fd(), string, strlen(string), WRITE_IN_ORDER);
}
