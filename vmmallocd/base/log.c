/* SPDX-License-Identifier: BSD-3-Clause */
/* log -- see log.h. A line is one write(2): lines of several processes on one terminal do not mix. */
#include "vmmallocd/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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

/*
 * O_NONBLOCK belongs to the open file, which others have as their standard error: a pipe or terminal is opened once
 * more. Where that is refused, as another user made the pipe, poll() says that there is room for a line.
 */
static int open_own(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void log_init(struct log *log, int fd, int level)
{
	struct stat st;
	int own;

	*log = (struct log){ .fd = fd, .level = level, .prefixed = log_is_journal(fd, getenv("JOURNAL_STREAM")) };
	if (fstat(fd, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode)) {
		log->way = LOG_TO_SOCKET;
	} else if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		own = open_own(fd);
		log->way = own >= 0 ? LOG_TO_OWN : LOG_TO_SHARED;
		log->fd = own >= 0 ? own : fd;
	}
}

void log_done(struct log *log)
{
	if (log->way == LOG_TO_OWN)
		close(log->fd);
}

static bool put(const struct log *log, const char *line, size_t length)
{
	struct pollfd poll_fd = { .fd = log->fd, .events = POLLOUT };

	if (log->way == LOG_TO_SOCKET)
		return send(log->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	if (log->way == LOG_TO_SHARED && (poll(&poll_fd, 1, 0) != 1 || !(poll_fd.revents & POLLOUT)))
		return false;
	return write(log->fd, line, length) >= 0;
}

/* "<4>" or "vmmallocd: ", and its length. */
static size_t begin_line(const struct log *log, int priority, char *line, size_t size)
{
	if (log->prefixed)
		return (size_t)snprintf(line, size, "<%d>", priority);
	return (size_t)snprintf(line, size, "vmmallocd: ");
}

static bool say_lost(const struct log *log)
{
	char line[128];
	size_t length = begin_line(log, LOG_WARNING, line, sizeof(line));

	length += (size_t)snprintf(line + length, sizeof(line) - length,
				   "log: %lu lines were lost: nobody read them\n", log->lost);
	return put(log, line, length);
}

void log_line(struct log *log, int priority, const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	int saved_errno = errno;
	size_t start, length;
	va_list args;

	if (priority > log->level)
		return;
	start = begin_line(log, priority, line, sizeof(line));
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
	if (log->lost > 0 && say_lost(log))
		log->lost = 0;
	/* lines stay in order: none is written before it was said how many are missing */
	if (log->lost > 0 || !put(log, line, length))
		log->lost++;
	errno = saved_errno;
}
