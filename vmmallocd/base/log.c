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
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

	*log = (struct log){
		.fd = fd, .level = level, .prefixed = log_is_journal(fd, getenv("JOURNAL_STREAM")), .journal_fd = -1,
	};
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

void log_use_journal(struct log *log, const char *path)
{
	log->journal_path = path;
	if (log->prefixed && strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path))
		log->journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void log_done(struct log *log)
{
	if (log->journal_fd >= 0)
		close(log->journal_fd);
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

/* What is said once. */
struct entry {
	int priority;
	char message[LOG_LINE_BYTES];
	const struct log_field *fields;
	size_t count;
};

static void tidy_words(char *words, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)words[i] < ' ' || words[i] == 0x7f)
			words[i] = '?';
}

/* NAME=value and a newline. The number of bytes, 0 if there is no room for them. */
static size_t write_field(char *data, size_t size, const char *name, const char *value)
{
	int length = snprintf(data, size, "%s=%s", name, value);

	if (length < 0 || (size_t)length + 1 > size)
		return 0;
	tidy_words(data, (size_t)length);
	data[length] = '\n';
	return (size_t)length + 1;
}

/* One datagram: the journal's own protocol. sd_journal_sendv(3) would wait for a journal that does not read. */
static int put_into_journal(const struct log *log, const struct entry *entry)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char data[LOG_ENTRY_BYTES], priority[12];
	size_t length = 0;

	snprintf(priority, sizeof(priority), "%d", entry->priority);
	strcpy(address.sun_path, log->journal_path);
	length += write_field(data, sizeof(data), "PRIORITY", priority);
	length += write_field(data + length, sizeof(data) - length, "SYSLOG_IDENTIFIER", "vmmallocd");
	length += write_field(data + length, sizeof(data) - length, "MESSAGE", entry->message);
	for (size_t i = 0; i < entry->count; i++)
		if (entry->fields[i].value)
			length += write_field(data + length, sizeof(data) - length, entry->fields[i].name,
					      entry->fields[i].value);
	/* by its path each time: the journal may have been started anew */
	return sendto(log->journal_fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
		      sizeof(address)) < 0 ? -errno : 0;
}

static bool put_entry(const struct log *log, const struct entry *entry)
{
	char line[LOG_LINE_BYTES];
	size_t length;

	if (log->journal_fd >= 0) {
		int r = put_into_journal(log, entry);

		if (r == 0 || r == -EAGAIN || r == -ENOBUFS)
			return r == 0;
	}
	length = begin_line(log, entry->priority, line, sizeof(line));
	length += (size_t)snprintf(line + length, sizeof(line) - length, "%s", entry->message);
	if (length > sizeof(line) - 1)
		length = sizeof(line) - 1;
	line[length++] = '\n';
	return put(log, line, length);
}

static bool say_lost(const struct log *log)
{
	struct entry entry = { .priority = LOG_WARNING };

	snprintf(entry.message, sizeof(entry.message), "log: %lu lines were lost: nobody read them", log->lost);
	return put_entry(log, &entry);
}

void log_fields(struct log *log, int priority, const struct log_field *fields, size_t count, const char *format,
		va_list args)
{
	struct entry entry = { .priority = priority, .fields = fields, .count = count };
	int saved_errno = errno;

	if (priority > log->level)
		return;
	/* errno is what it was, for %m */
	(void)vsnprintf(entry.message, sizeof(entry.message), format, args);
	tidy_words(entry.message, strlen(entry.message));
	if (log->lost > 0 && say_lost(log))
		log->lost = 0;
	/* lines stay in order: none is written before it was said how many are missing */
	if (log->lost > 0 || !put_entry(log, &entry))
		log->lost++;
	errno = saved_errno;
}

void log_line(struct log *log, int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_fields(log, priority, NULL, 0, format, args);
	va_end(args);
}
