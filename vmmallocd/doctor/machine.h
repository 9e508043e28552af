/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * machine -- the kernel and its settings, and what limits this process and those that it starts. For look(): each is of
 * a struct machine_order.
 */
#ifndef VMMALLOCD_DOCTOR_MACHINE_H
#define VMMALLOCD_DOCTOR_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmmallocd/doctor/findings.h"

struct machine_order {
	uint64_t pool_bytes;       /* the largest pool that a program is to have */
	bool has_classes;          /* of a daemon: pools whose files have names */
	pid_t daemon_pid;          /* 0: none is known */
	unsigned pressure_limit;   /* memory_pressure_limit, in hundredths of a percent */
	bool releases;             /* a class has on_memory_pressure = release */
	uint64_t warm_bytes;       /* of its pools in memory, at most */
};

void machine_look(struct findings *findings, void *order);    /* machine.c: the kernel, and its settings */
void limits_look(struct findings *findings, void *order);     /* limits.c: RLIMIT_*, inotify, core dumps */
void pressure_look(struct findings *findings, void *order);   /* pressure.c: whether memory is short */
void cgroup_look(struct findings *findings, void *order);     /* cgroup.c: limits of memory */

#endif
