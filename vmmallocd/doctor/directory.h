/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * directory -- a directory that pools are to lie in: what its file system can do, and what is in the way.
 *
 *     directory.c   is it there, and may this user have files in it; then, in this order,
 *     file_system.c   what kind it is and how it is mounted
 *     trial.c         a file without a name, with which everything is tried that a pool needs
 *     room.c          space, inodes, quota
 *     heap.c          a program on a pool
 */
#ifndef VMMALLOCD_DOCTOR_DIRECTORY_H
#define VMMALLOCD_DOCTOR_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "vmmallocd/doctor/findings.h"
#include "vmmallocd/doctor/mount_of.h"

struct directory_order {
	const char *path;
	bool of_class;             /* a class has its pools there */
	bool releases;             /* one of them has on_memory_pressure = release */
	uid_t daemon_uid;          /* whose they are; -1: not known */
	uint64_t pool_bytes;       /* of the largest that is to be there */
	uint64_t most_bytes;       /* of all that may be there; 0: not known */
	uint64_t made_bytes;       /* of those that are there already */
	const char *mount_options; /* of the tmpfs that the configuration has mounted there; "" or NULL: it has none */
	uint64_t tmpfs_bytes;      /* of that */
	const char *self, *library;   /* paths: of vmmallocctl, and of the library */
};

/* One that is open. */
struct directory {
	const struct directory_order *order;
	int fd;
	struct stat st;
	struct statfs fs;
	bool has_mount;            /* `mount` is known */
	struct mount_of mount;
	bool can_write;            /* this user can have files in it */
};

/* For look(): of a struct directory_order. */
void directory_look(struct findings *findings, void *order);

static inline bool directory_is(const struct directory *directory, const char *type)
{
	return directory->has_mount && strcmp(directory->mount.type, type) == 0;
}

/* What does not work is a problem where a class has its pools there, since the daemon needs it; else a note. */
static inline enum finding_level directory_level(const struct directory *directory)
{
	return directory->order->of_class ? FINDING_PROBLEM : FINDING_NOTE;
}

void file_system_look(struct findings *findings, const struct directory *directory);
void trial_look(struct findings *findings, const struct directory *directory);
void room_look(struct findings *findings, const struct directory *directory);
void heap_look(struct findings *findings, const struct directory *directory);

#endif
