/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log -- one line for each event, on standard error. Only the loop's thread logs.
 *
 * Under the journal (JOURNAL_STREAM names the descriptor) a line goes to the journal's own socket, with fields, of
 * which systemd.journal-fields(7) has those that all programs use. Where that socket is not to be had, the line is
 * written to standard error and begins with its priority, "<4>", as sd-daemon(3) has it; elsewhere with the daemon's
 * name. What a client can choose may be in a line, or a field: control characters become '?'.
 *
 * The daemon does not wait for whoever reads the log: a line for which there is no room is lost, and the next line that
 * is written follows one that says how many were.
 */
#ifndef VMMALLOCD_BASE_LOG_H
#define VMMALLOCD_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#define LOG_LINE_BYTES 1024      /* a longer line is cut off */
#define LOG_ENTRY_BYTES 8192     /* in the journal: fields for which there is no room are left out */
#define LOG_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* What the journal keeps beside a line: NAME=value. The name has capital letters and underscores. */
struct log_field {
	const char *name, *value;
};

struct log {
	int fd;
	enum { LOG_TO_FILE, LOG_TO_SOCKET, LOG_TO_OWN, LOG_TO_SHARED } way;   /* how it is written without waiting */
	unsigned long lost;      /* lines since the last that was written */
	int level;               /* lines of a less important priority, which is a higher number, are dropped */
	bool prefixed;
	int journal_fd;          /* -1: none */
	const char *journal_path;
};

void log_init(struct log *log, int fd, int level);
/* From now on lines go to the journal's socket of that path, which lasts as long as the log; if `fd` is the journal. */
void log_use_journal(struct log *log, const char *path);
void log_done(struct log *log);

/* Whether `fd` is what JOURNAL_STREAM ("DEVICE:INODE", or NULL) names. */
bool log_is_journal(int fd, const char *journal_stream);

/* `priority` is LOG_ERR, LOG_WARNING, LOG_INFO or LOG_DEBUG. Leaves errno alone. */
void log_line(struct log *log, int priority, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* With fields for the journal; one without a value (NULL) is left out. */
void log_fields(struct log *log, int priority, const struct log_field *fields, size_t count, const char *format,
		va_list args) __attribute__((format(printf, 5, 0)));

#endif
