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

#define LEVEL_MOST 4
#define LEVEL_STATS 3  /* from here on statistics are logged at exit */
#define LINE_BYTES 1024

static struct {
	int level;
	bool stats;
	char path[PATH_MAX];  /* as given, without the PID; empty: standard error */
	bool per_process;     /* the name ended in "-" */
	int fd;
	dev_t dev;            /* with ino: programs close descriptors and reuse their numbers */
	ino_t ino;
} log_to;

static bool has_log_fd(void)
{
	struct stat st;

	return log_to.fd > 0 && kernel_fstat(log_to.fd, &st) == 0 && st.st_dev == log_to.dev && st.st_ino == log_to.ino;
}

/* The log file, opened anew if our descriptor is no longer ours. Standard error if it cannot be opened. */
static int log_fd(void)
{
	struct stat st;
	char path[PATH_MAX + 16];
	struct text text = TEXT_INIT(path);

	if (log_to.path[0] == '\0')
		return STDERR_FILENO;
	if (has_log_fd())
		return log_to.fd;

	text_add(&text, "%s", log_to.path);
	if (log_to.per_process)
		text_add(&text, "%d", (int)kernel_getpid());
	log_to.fd = kernel_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_to.fd < 0 || kernel_fstat(log_to.fd, &st) < 0)
		return STDERR_FILENO;
	log_to.dev = st.st_dev;
	log_to.ino = st.st_ino;
	return log_to.fd;
}

void vmm_trace(int level, const char *function, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_BYTES];
	struct text text = TEXT_INIT(line);
	va_list args;

	if (level > log_to.level)
		return;
	text_add(&text, "<libvmmalloc>: <%d> [%s] ", level, function);
	va_start(args, format);
	text_add_va(&text, format, args);
	va_end(args);
	if (text.length + 1 == text.size)
		text.length--;
	text_add(&text, "\n");
	vmm_report_write(log_fd(), text.data, text.length);
	errno = saved_errno;
}

void vmm_trace_assert(const char *condition, const char *file, int line)
{
	char message[LINE_BYTES];
	struct text text = TEXT_INIT(message);

	text_add(&text, "<libvmmalloc>: assertion failed: %s:%d: %s\n", file, line, condition);
	vmm_report_write(log_fd(), text.data, text.length);
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
	struct text text = TEXT_INIT(log_to.path);

	log_to.level = read_level(environment);
	log_to.stats = log_to.level >= LEVEL_STATS || (stats && strcmp(stats, "1") == 0);
	if (path && strlen(path) >= sizeof(log_to.path))
		vmm_report_fatal(ENVIRONMENT_LOG_FILE " is too long, expected at most %d bytes", PATH_MAX - 1);
	if (path && *path) {
		path_add(&text, path);  /* it is opened again after a fork, wherever the program works by then */
		log_to.per_process = path[strlen(path) - 1] == '-';
		if (log_fd() == STDERR_FILENO)
			vmm_report_fatal(ENVIRONMENT_LOG_FILE " (%s) cannot be opened: %s", path,
					 strerrordesc_np(log_to.fd < 0 ? -log_to.fd : EBADF));
	}
	TRACE(1, "libvmmalloc %s", VMMALLOC_VERSION);
}

void vmm_trace_after_fork(bool shares_descriptors)
{
	if (!log_to.per_process)
		return;
	if (!shares_descriptors && has_log_fd())
		(void)kernel_close(log_to.fd);
	log_to.fd = -1;
}

bool vmm_trace_wants_stats(void)
{
	return log_to.stats;
}

void vmm_trace_text(const char *string)
{
	vmm_report_write(log_fd(), string, strlen(string));
}
