/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * faults -- calls that fail when a test says so.
 *
 *   wrap: openat fsync malloc strdup              in the comment at a test's beginning: these are called through here
 *   faults_order("openat", 2, 1, ENOSPC);         two go well, then one fails
 *   faults_order("memory", 0, FAULTS_ALWAYS, ENOMEM);  malloc, calloc, realloc, reallocarray, strdup, asprintf
 *   FAULTS_AT_EACH(n, "memory", ENOMEM) { ... }   the n-th of them in the n-th run, until one meets none that fails
 *
 * A test that wants more of a call than that it fails has a wrapper of its own, which goes before the one here and
 * begins with faults_strike(). Any name will do there, so functions of our own can be made to fail as well.
 *
 * Threads may strike at any time. A fixture calls faults_clear(), so that no test finds what another one left.
 */
#ifndef TESTS_UNIT_FAULTS_H
#define TESTS_UNIT_FAULTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define FAULTS_ALWAYS INT_MAX

/* Of the calls from now on, `after` go well, `times` fail with `error`, and the others go well. */
void faults_order(const char *call, int after, int times, int error);

/* Nothing fails, and nothing was counted or written down. */
void faults_clear(void);

/* For a wrapper, at each call: the error with which it shall fail, or 0. Counts it, and writes it down. */
int faults_strike(const char *call);

/* The same for a call that says -1 and sets errno; false: it shall go well. */
bool faults_strike_errno(const char *call);

/* How many are still to fail. */
int faults_left(const char *call);

/* How many there were since faults_clear(). */
int faults_calls(const char *call);

/* All of them but for "memory", each with a space before it. */
const char *faults_log(void);
void faults_clear_log(void);

/* So many calls go well, then the process is killed. */
void faults_kill_after(int calls);

/* read() and pwrite() take no more bytes at a time. 0: as many as they like. */
void faults_limit(size_t bytes);

/* What stands in it does not call faults_clear(): the runs that failed are n in the end. */
#define FAULTS_AT_EACH(n, call, error) for ((n) = 0; faults_go_on(call, n, error); (n)++)
bool faults_go_on(const char *call, int n, int error);

#endif
