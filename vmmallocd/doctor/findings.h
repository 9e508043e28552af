/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * findings -- what was looked at, what was found, and what mends it.
 *
 * Whoever looks may be another process (look.h): then a finding is bytes in a pipe until the first process has it.
 */
#ifndef VMMALLOCD_DOCTOR_FINDINGS_H
#define VMMALLOCD_DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#define FINDINGS_WORDS_BYTES 1024    /* of each of a finding's texts, with its NUL; a longer one is cut off */

/* FINDING_PROBLEM: something does not work. FINDING_NOTE: it works, and not as well as it may, or not for all. */
enum finding_level { FINDING_OK, FINDING_NOTE, FINDING_PROBLEM, FINDING_LEVELS };

/* What is looked at. findings.c has their names; vmmallocctl(1) describes them, in this order. */
enum check {
	/* of each directory */
	CHECK_DIRECTORY, CHECK_FILE_SYSTEM, CHECK_OPTIONS, CHECK_DAX, CHECK_HUGE_PAGES, CHECK_FILES, CHECK_RESERVING,
	CHECK_PUNCHING, CHECK_MAPPING, CHECK_FORKS, CHECK_RECLAIM, CHECK_SPACE, CHECK_INODES, CHECK_QUOTA, CHECK_NODES,
	CHECK_SWAP, CHECK_POOL,
	/* of the machine */
	CHECK_KERNEL, CHECK_PAGE_SIZE, CHECK_TRANSPARENT, CHECK_OVERCOMMIT, CHECK_MAPPINGS, CHECK_CGROUP,
	CHECK_PRESSURE, CHECK_LIMITS, CHECK_INOTIFY, CHECK_CORES, CHECK_PTRACE, CHECK_PROC, CHECK_NUMA,
	/* of the environment, and of a program */
	CHECK_PRELOAD, CHECK_AUDIT, CHECK_CONFINEMENT, CHECK_PROGRAM, CHECK_SCRIPT, CHECK_ARCHITECTURE, CHECK_LINKING,
	CHECK_LIBC, CHECK_PRIVILEGES, CHECK_ALLOCATOR, CHECK_SANITIZER, CHECK_RUNTIME, CHECK_SANDBOX,
	/* of the configuration, the daemon and the library */
	CHECK_CONFIGURATION, CHECK_DAEMON, CHECK_CLASS, CHECK_LIBRARY,
	CHECKS
};

struct finding {
	enum finding_level level;
	enum check check;
	char *subject, *found;
	char *mend;                /* "": nothing is to be mended, or nobody knows how */
};

struct findings {
	int fd;                    /* of a pipe that each goes into; -1: they are kept here */
	const char *subject;       /* of those that are added next */
	struct finding *list;
	size_t count;
	bool out_of_memory;        /* some are missing */
};

#define FINDINGS_INIT { .fd = -1, .subject = "" }

/* Words for people may come from anywhere; what is no text, or moves a terminal's cursor, is replaced. */
void findings_add(struct findings *findings, enum finding_level level, enum check check, const char *mend,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Takes out of `bytes` what of whole findings is there, and adds them. Returns how many bytes those were. */
size_t findings_take(struct findings *findings, const char *bytes, size_t count);

/* Of that level at least. */
size_t findings_count(const struct findings *findings, enum finding_level level);
void findings_done(struct findings *findings);

const char *finding_level_name(enum finding_level level);
const char *check_name(enum check check);
/* In a few words, what is looked at. */
const char *check_words(enum check check);

#endif
