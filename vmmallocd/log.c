/* SPDX-License-Identifier: BSD-3-Clause */
/* log -- see log.h. A line is one write(2): lines of several processes on one terminal do not mix. */
#include "vmmallocd/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool log_is_journal(int fd, const char *journal_stream)
{
	uint64_t device, inode;
	char behind;
	struct stat st;

	return journal_stream && sscanf(journal_stream, "%" SCNu64 ":%" SCNu64 "%c", &device, &inode, &behind) == 2 &&
	       fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_init(struct log *log, int fd, int level)
{
	*log = (struct log){ .fd = fd, .level = level, .prefixed = log_is_journal(fd, getenv("JOURNAL_STREAM")) };
}

void log_line(const struct log *log, int priority, const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	int saved_errno = errno;
	size_t start, length;
	va_list args;

	if (priority > log->level)
		return;
	if (log->prefixed)
		start = (size_t)snprintf(line, sizeof(line), "<%d>", priority);
	else
		start = (size_t)snprintf(line, sizeof(line), "vmmallocd: ");
	va_start(args, format);
	errno = saved_errno;  /* for %m */
	length = start + (size_t)vsnprintf(line + start, sizeof(line) - start, format, args);
	va_end(args);
	if (length > sizeof(line) - 1)
		length = sizeof(line) - 1;
	for (size_t i = start; i < length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	/* there is nobody to tell that the log cannot be written */
	if (write(log->fd, line, length) < 0)
		errno = saved_errno;
	errno = saved_errno;
}
