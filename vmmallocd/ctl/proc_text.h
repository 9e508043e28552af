/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proc_text -- the kernel's words in /proc about a process, made sense of. Pure: it opens nothing.
 *
 * Names in them are what their owners chose: a file may be called "#7 (deleted)", a program "a) Z 1 (b".
 */
#ifndef VMMALLOCD_CTL_PROC_TEXT_H
#define VMMALLOCD_CTL_PROC_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_TEXT_COMMAND_BYTES 64   /* kernel threads have longer ones than the 16 of others */

/* A line of /proc/PID/maps. The path points into the line, and is "" where there is none. */
struct proc_mapping {
	uint64_t start, end, offset;
	uint64_t inode;
	bool is_private;
	const char *path;
};

/* Of /proc/PID/stat. */
struct proc_stat {
	char command[PROC_TEXT_COMMAND_BYTES];   /* can be printed */
	bool has_ended;                          /* only its parent has not noticed yet */
	bool is_kernel;                          /* a thread of the kernel's */
	uint64_t start;                          /* ticks since the boot */
};

/* Changes the line, and cuts its newline. False: it is no such line. */
bool proc_text_mapping(char *line, struct proc_mapping *ret_mapping);

bool proc_text_stat(const char *text, struct proc_stat *ret_stat);

/*
 * Of /proc/PID/status: its effective user, and its number in the innermost of its PID namespaces. That stays as it is
 * if the kernel knows no such namespaces.
 */
bool proc_text_status(const char *text, uid_t *ret_uid, pid_t *ret_inner);

/*
 * Whether a file of that path may be a pool, or must have been made for one; that a file without a name may be one only
 * its header tells.
 */
enum proc_path { PROC_PATH_OTHER, PROC_PATH_MAYBE, PROC_PATH_POOL, PROC_PATH_LIBRARY };
enum proc_path proc_text_path(const char *path);

/* A number of a process, as somebody gave it: digits alone. False: it is none. */
bool proc_text_pid(const char *text, pid_t *ret_pid);

#endif
