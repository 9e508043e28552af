/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon_take -- what the benchmarks of the daemon share: asking it for a pool, and time. */
#ifndef TESTS_BENCH_DAEMON_TAKE_H
#define TESTS_BENCH_DAEMON_TAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/handout.h"

/*
 * One exchange: connect, request, reply. Returns 0, *ret_reply says what came; with HANDOUT_OK *ret_fd is the pool.
 * -errno when there was no reply, or none that makes sense.
 */
int daemon_take(const char *socket_path, const char *class_name, struct handout_reply *ret_reply, int *ret_fd);
/* The same, and a cold pool will do. */
int daemon_take_any(const char *socket_path, const char *class_name, bool takes_cold, struct handout_reply *ret_reply,
		    int *ret_fd);

int64_t now_ns(void);           /* CLOCK_MONOTONIC */

/* Prints "PROGRAM: WHAT: the text of the error" and ends the program. */
_Noreturn void die(const char *what, int error);

#endif
