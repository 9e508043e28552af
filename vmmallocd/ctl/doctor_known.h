/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor_known -- what doctor asks others for first: the daemon, by vmmallocctl status --json, and vmmallocd itself, by
 * --check --json, about its configuration. Each is another process, that is not waited for long.
 */
#ifndef VMMALLOCD_CTL_DOCTOR_KNOWN_H
#define VMMALLOCD_CTL_DOCTOR_KNOWN_H

#include <jansson.h>
#include <limits.h>

#include "vmmallocd/ctl/ctl.h"
#include "vmmallocd/doctor/directory.h"
#include "vmmallocd/doctor/machine.h"

#define DOCTOR_DIRECTORIES_MOST 256
#define DOCTOR_SELF "/proc/self/exe"

struct doctor_known {
	char library[PATH_MAX];
	const char *config_file;     /* as asked for; NULL: the daemon's, or the usual one */
	json_t *status, *check;      /* what they said; NULL: nothing */
	const json_t *classes;       /* of the one or the other; NULL: there are none */
	bool daemon_hangs;
	pid_t daemon_pid;            /* as it is called here; 0: not known */
	uid_t daemon_uid;            /* -1: not known */
	uint64_t pool_bytes;         /* the largest pool that anybody asks for */
};

/* Asks, and adds what is found of the configuration, the daemon and its classes. */
void doctor_ask(const struct ctl *ctl, struct doctor_known *known, struct findings *findings);
/* About the library, by a process that has it loaded. */
void doctor_ask_library(struct doctor_known *known, struct findings *findings);
void doctor_known_done(struct doctor_known *known);

/* The directory, with what the classes have there. */
struct directory_order doctor_directory(const struct doctor_known *known, const char *path);
struct machine_order doctor_machine(const struct doctor_known *known);

#endif
