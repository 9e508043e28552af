/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * holdings -- what one process has of pools: mapped, or by a descriptor, as /proc/PID tells.
 *
 * Files that are no pools by their path are not touched, and no pool is opened that can be read where it is mapped: the
 * daemon takes an opened one for held.
 */
#ifndef VMMALLOCD_CTL_HOLDINGS_H
#define VMMALLOCD_CTL_HOLDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/pool_header.h"
#include "vmmallocd/ctl/proc_text.h"

struct holding {
	char *path;                    /* as the process sees it */
	bool is_pool;                  /* a pool, and not only called like one */
	bool has_file, has_header;     /* what is known of it besides its inode number */
	dev_t dev;
	uint64_t inode, bytes;
	struct pool_header header;     /* as its owner wrote it, */
	struct pool_outside outside;   /*   and this, of which there may be no reasons */
	int descriptor;                /* -1: none */
	bool is_mapped;
	bool is_private;               /* some of it is mapped privately: since a fork */
	uint64_t start, end;           /* its first mapping */
	uint64_t header_at;            /* where its header is mapped, or 0 */
};

struct holdings {
	struct holding *list;
	size_t count;
	bool has_library;              /* the library is mapped */
	bool is_denied;                /* some of it could not be looked at */
};

/*
 * Of the process with that directory in /proc. What it gets or gives away meanwhile may be in it or not. 0; -EACCES,
 * -EPERM: the caller may not look; -ENOENT, -ESRCH: it has ended; -ENOMEM; -errno. The holdings are the caller's in any
 * case.
 */
int holdings_look(int proc, struct holdings *ret_holdings);
void holdings_done(struct holdings *holdings);

#endif
