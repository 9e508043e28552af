/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lease_trial -- whether the kernel tells of a file what the daemon's reclaim relies on: one that is mapped, and whose
 * descriptor is closed, must refuse a write lease; once unmapped it must grant one, and IN_CLOSE_WRITE must come.
 * Where it does not, a heap in use would be taken for a free one: overlayfs is such a place.
 */
#ifndef COMMON_UTIL_LEASE_TRIAL_H
#define COMMON_UTIL_LEASE_TRIAL_H

#include <stddef.h>

struct lease_trial {
	void *context;                 /* argument of the functions */
	int (*open)(void *context);    /* the file once more, for reading and writing: a descriptor, or -errno */
	int (*probe)(void *context);   /* a write lease on it, given back at once: 0; -EAGAIN: it is in use; -errno */
	int inotify;                   /* of lease_trial_watch */
	const char *name;              /* of the file in the directory that is watched; NULL: it is watched itself */
	size_t bytes;                  /* of its beginning, which is mapped */
};

/* Watches an open directory or file, whatever its path names by now. A descriptor or -errno. */
int lease_trial_watch(int fd);

/*
 * Maps the file as a program does that has it for a heap, and lets it go. 0; or -errno, and *ret_what says at what, or
 * what is wrong. SIGIO must be ignored in the process. Takes milliseconds, at most a second.
 */
int lease_trial_run(const struct lease_trial *trial, const char **ret_what);

/* A write lease on an open file, given back at once. 0; -EAGAIN: it is open elsewhere; -errno. */
int lease_trial_probe(int fd);

#endif
