/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * child -- one measured process: started, waited for under a deadline, its output kept.
 *
 * The child gets exactly the given environment, /dev/null as its input and no core file. Past the deadline it is
 * killed by its pid. One thread only.
 */
#ifndef TESTS_BENCH_CHILD_H
#define TESTS_BENCH_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#define CHILD_OUTPUT_MOST 4096  /* bytes kept of each stream, of the 64 KiB that a child may write */

struct child {
	double seconds;                         /* from before its start to its end */
	int wait_status;                        /* as waitpid has it */
	bool timed_out;
	/* with what it started and waited for */
	double user_s, system_s, faults;
	double peak_kib;                        /* of the largest process of them */
	double file_kib;                        /* of the files below the watched directory, the most at a time */
	char output[CHILD_OUTPUT_MOST];         /* what it wrote to standard output, cut off, ending in NUL */
	char errors[CHILD_OUTPUT_MOST];         /* the same of standard error */
};

/* Lets SIGINT and SIGTERM end child_run early: it kills the child and returns -EINTR, then and always thereafter. */
void child_catch_signals(void);

/* Children have their heaps on files below that directory, which are looked at while they run; NULL for none. */
void child_watch_files(const char *dir);

/*
 * argv[0] is looked for in PATH. 0 when the child was started and has ended, however it did; or -errno. Fills
 * *ret_child only on 0.
 */
int child_run(const char *const argv[], char *const environment[], int deadline_s, struct child *ret_child);

/* Whether it ended other than by exit(0); then says how, with the first line of its standard error. */
bool child_failed(const struct child *child, char *ret_text, size_t size);

#endif
