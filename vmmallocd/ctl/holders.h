/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * holders -- the processes that have one pool's file, as pidfds: a signal through one never reaches another process
 * that has got its number since.
 */
#ifndef VMMALLOCD_CTL_HOLDERS_H
#define VMMALLOCD_CTL_HOLDERS_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "vmmallocd/ctl/proc_text.h"

struct holder {
	pid_t pid;              /* for people to read */
	uid_t uid;
	char command[PROC_TEXT_COMMAND_BYTES];
	int pidfd;
};

struct holders {
	struct holder *list;
	size_t count;
};

/*
 * Those that map the file or have it open now, but for this process, process 1, and the daemon whose file it is: a
 * vmmallocd of the file's owner. 0 or -errno; the holders are the caller's in any case.
 */
int holders_find(const struct stat *file, struct holders *ret_holders);
void holders_done(struct holders *holders);

#endif
