/* SPDX-License-Identifier: BSD-3-Clause */
/* driver -- what the files of the driver share. */
#ifndef TESTS_STORM_DRIVER_H
#define TESTS_STORM_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define DRIVER_PATH 256
#define DRIVER_UIDS 4

struct driver {
	const char *bin, *work, *pools;    /* programs, files, and the parent of both directories of pools */
	uint64_t seed, random;
	unsigned violations;
	uid_t uids[DRIVER_UIDS];           /* of tenants; one if this is not root */
	size_t uid_count;
};

extern struct driver driver;

int64_t driver_now_ms(void);
unsigned driver_between(unsigned from, unsigned to);
bool driver_chance(unsigned percent);

/* Something that must not be: printed and counted. */
void driver_violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The storm itself cannot go on: ends it. */
_Noreturn void driver_die(const char *what);

/* For a child before exec: what it writes there is appended to a file of that name; it becomes that user. */
void driver_redirect(int fd, const char *name);
void driver_become(uid_t uid);

/* --- tenants.c: who has a pool --- */

/* Starts a tenant of that kind and sees to it until its end. */
void tenants_start_client(void);
void tenants_start_program(void);

/* Reads all reports; ended tenants are forgotten. */
void tenants_listen(int timeout_ms);
/* True: the process was one of ours. */
bool tenants_reaped(pid_t pid, int status);
size_t tenants_count(void);
/* SIGKILL for one process, or for all. */
void tenants_kill_one(void);
void tenants_kill_all(void);
void tenants_print_figures(void);

/* --- pins.c: pages that outlive their mappings --- */

struct storm_report;
/* The pipe becomes its own. */
void pins_keep(int pipe, uint32_t lease, const struct storm_report *report);
/* Looks into the pipes whose time has come, or into all. */
void pins_check(bool all);
void pins_print_figures(void);

/* --- real.c: programs that know nothing of the storm --- */

/* What they print must be what they print without the library: that is found out here. */
void real_prepare(void);
void real_start(void);
bool real_reaped(pid_t pid, int status);
size_t real_count(void);
void real_kill_one(void);
void real_kill_all(void);
void real_print_figures(void);

/* --- service.c: the daemon --- */

struct service_class {
	const char *name;
	char directory[DRIVER_PATH];
	unsigned size_mib, ready, max, max_per_user, max_per_process;
	bool warm, destroy, restricted;    /* restricted: to the second of the uids, and the daemon's */
	bool configured;
};

#define SERVICE_CLASSES 7
extern struct service_class service_classes[SERVICE_CLASSES];
extern char service_runtime_dir[DRIVER_PATH], service_state_dir[DRIVER_PATH];

void service_prepare(void);
/* Starts it, and restarts it when it is not there by then. */
void service_keep_up(void);
bool service_is_serving(void);
/* One thing that may happen to a daemon: killed, stopped, reloaded. `gently`: it stays. */
void service_disturb(bool gently);
/* Whether vmmallocctl waits for an answer. The daemon is not disturbed then. */
bool service_has_ctl(void);
void service_kill(void);
/* SIGTERM; it must end well. */
void service_stop(void);
pid_t service_pid(void);
bool service_reaped(pid_t pid, int status);
const struct service_class *service_class(const char *name);
/* Also one that is not configured now. */
const struct service_class *service_any_class(void);
void service_print_figures(void);

/* --- account.c: what is left --- */

/*
 * Polls, for a minute at most, until every pool is ready and what the daemon says is what lies in the directories and
 * in the registry; then looks into each for bytes that are not zero. 0, or -1 and it is a violation.
 */
int account_settle(void);
/* The daemon's descriptors and resident memory, in KiB. */
void account_measure(size_t *ret_descriptors, size_t *ret_resident_kib);
/* After the daemon was stopped: nothing is left but the pools and the registry. */
void account_leftovers(void);

#endif
