/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon_process -- the process behind a control socket at which nobody answers, and what to do with it. */
#ifndef VMMALLOCD_CTL_DAEMON_PROCESS_H
#define VMMALLOCD_CTL_DAEMON_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/text.h"
#include "vmmallocd/ctl/ctl.h"

struct daemon_process {
	pid_t pid;              /* 0: not known */
	bool is_elsewhere;      /* in a PID namespace of which this process sees nothing */
	bool is_stopped;        /* by a signal, or a debugger */
	enum { DAEMON_BY_HAND, DAEMON_OF_SYSTEM, DAEMON_OF_USER } started;   /* by whose service manager */
};

/* Who listens at the socket. Zeroed where that cannot be said. */
void daemon_process_find(const struct ctl *ctl, struct daemon_process *ret_process);
/* The process that the daemon calls by that number, its own, as it is called here; 0: that is not known. */
pid_t daemon_process_here(const struct daemon_process *process, long long number);
/* The command, or the words, that let it answer again. */
void daemon_process_say_mend(const struct daemon_process *process, struct text *words);

#endif
