/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log -- one line for each event, on standard error. Only the loop's thread logs.
 *
 * Under the journal (JOURNAL_STREAM names the descriptor) a line begins with its priority, "<4>", as sd-daemon(3) has
 * it; elsewhere with the daemon's name. What a client can choose may be in a line: control characters become '?'.
 *
 * The daemon does not wait for whoever reads the log: a line for which there is no room is lost, and the next line that
 * is written follows one that says how many were.
 */
#ifndef VMMALLOCD_BASE_LOG_H
#define VMMALLOCD_BASE_LOG_H

#include <stdbool.h>
#include <syslog.h>

#define LOG_LINE_BYTES 1024      /* a longer line is cut off */

struct log {
	int fd;
	enum { LOG_TO_FILE, LOG_TO_SOCKET, LOG_TO_OWN, LOG_TO_SHARED } way;   /* how it is written without waiting */
	unsigned long lost;      /* lines since the last that was written */
	int level;               /* lines of a less important priority, which is a higher number, are dropped */
	bool prefixed;
};

void log_init(struct log *log, int fd, int level);
void log_done(struct log *log);

/* Whether `fd` is what JOURNAL_STREAM ("DEVICE:INODE", or NULL) names. */
bool log_is_journal(int fd, const char *journal_stream);

/* `priority` is LOG_ERR, LOG_WARNING, LOG_INFO or LOG_DEBUG. Leaves errno alone. */
void log_line(struct log *log, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
