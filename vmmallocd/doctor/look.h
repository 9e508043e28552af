/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * look -- looks at something that may hang: in a process of its own, which is killed when its time is over, and with
 * this one. So nothing that a check opened or made without a name outlives it.
 */
#ifndef VMMALLOCD_DOCTOR_LOOK_H
#define VMMALLOCD_DOCTOR_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "vmmallocd/doctor/findings.h"

#define LOOK_SECONDS 8           /* for a directory, say: a busy machine needs one */
#define LOOK_OUTPUT_BYTES ((size_t)64 << 10)

/*
 * Calls `function` there, and adds what it finds; up to then if it is stopped, and that is a problem, of `check`. SIGIO
 * is ignored there.
 */
void look(struct findings *findings, const char *subject, enum check check,
	  void (*function)(struct findings *findings, void *context), void *context);

struct look_output {
	char text[LOOK_OUTPUT_BYTES];    /* of standard output, or of both; cut off */
	size_t length;
	int status;                      /* as of waitpid(2) */
};

/*
 * Runs a program to its end, with that environment. What it says on standard error is put with what it says on standard
 * output, or else is lost. 0; -ETIMEDOUT: it was killed, after `timeout_ms`; -errno: it could not be run.
 */
int look_run(const char *const argv[], char *const envp[], bool with_errors, int timeout_ms,
	     struct look_output *ret_output);

#endif
