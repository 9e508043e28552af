/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * marker -- whether a forked child is left that neither ended nor called exec, as the kernel knows it.
 *
 * A page of a marker file, a memfd, is mapped shared before the fork, and unmapped in the parent before it asks: then
 * only children map it. fcntl(F_ADD_SEALS, F_SEAL_WRITE) says EBUSY while anybody has a shared mapping that may be
 * written to (mm/memfd.c; mapping_deny_writable). A child can close all descriptors, and change its user: the mapping
 * stays. Nobody is signalled, and whoever opens the file for reading, through /proc/PID/fd, is not counted.
 *
 * A file that was sealed is spent: the next fork makes another.
 *
 * The caller holds the heap's lock. Nothing allocates, and all is async-signal-safe.
 */
#ifndef LIBVMMALLOC_FORK_MARKER_H
#define LIBVMMALLOC_FORK_MARKER_H

#include <stdbool.h>
#include <sys/types.h>

struct vmm_marker {
	int fd;       /* 0: there is none, and so there is nobody who was forked with it */
	dev_t dev;    /* with ino: the program may have closed the descriptor and reused its number */
	ino_t ino;
	void *page;   /* mapped in the parent from a fork until it asks who is left, in the child for good; else NULL */
};

/* Called before a fork. It may be planted already. Returns 0; or -errno, and then children cannot be noticed. */
int vmm_marker_plant(struct vmm_marker *marker);

/* Called before vmm_marker_alone, and in a child that does not need the parent's file any more. */
void vmm_marker_pull(struct vmm_marker *marker);

/* Called in a child: the marker is its parent's, and of it the child needs only the mapping. */
void vmm_marker_forget(struct vmm_marker *marker);

/*
 * Whether no child is left that was forked with the marker planted. False if that cannot be proved. If true, the marker
 * is as new.
 */
bool vmm_marker_alone(struct vmm_marker *marker);

#endif
