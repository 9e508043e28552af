/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * marker -- whether a forked child is left that neither ended nor called exec, as the kernel knows it.
 *
 * A page of a marker file is mapped before the fork, and unmapped in the parent before it asks: then only children map
 * it. fcntl(F_SETLEASE, F_WRLCK) on another descriptor of that file is granted exactly when nobody does. A child can
 * close all descriptors, and change its user: the mapping stays. The kernel counts users of a file that was opened by
 * path, so the file is a memfd opened again through /proc/self/fd (fs/locks.c: check_conflicting_open).
 *
 * The caller serialises. Nothing here allocates; all is async-signal-safe.
 */
#ifndef LIBVMMALLOC_MARKER_H
#define LIBVMMALLOC_MARKER_H

#include <stdbool.h>
#include <sys/types.h>

struct vmm_marker {
	int fd;       /* read-only; 0: not made yet */
	dev_t dev;    /* with ino: the program may have closed the descriptor and reused its number */
	ino_t ino;
	void *page;   /* in the parent from a fork until it asks who is left; in the child for good; else NULL */
};

/* Before a fork; it may be planted already. 0 or -errno, and then children cannot be noticed. */
int vmm_marker_plant(struct vmm_marker *marker);

/* Before vmm_marker_alone; and in a child that does not need the parent's file any more. */
void vmm_marker_pull(struct vmm_marker *marker);

/* In a child: the marker is its parent's, and only the mapping counts from now on. */
void vmm_marker_forget(struct vmm_marker *marker);

/* No child is left that was forked with the marker planted. False if that cannot be proved. */
bool vmm_marker_alone(const struct vmm_marker *marker);

#endif
