/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model -- what the random model tests share: numbers that a seed decides, the last steps, and what a failure prints.
 *
 * A test makes walks; a walk is a number of random steps, each followed by a comparison with the model. MODEL_SEED=N
 * makes the one walk of that seed alone; MODEL_WALKS=N as many walks from a seed that nobody knows before. A failure,
 * a report of a sanitizer or a signal of a fault prints the seed and the last steps.
 */
#ifndef TESTS_UNIT_MODEL_H
#define TESTS_UNIT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_DEADLINE_S 600   /* of all walks: whoever waits for ever is ended by SIGALRM */

/* Calls `walk` once for each seed: by default `walks` of them, from 1 on. */
void model_run(void (*walk)(void), unsigned walks);

/* A number below `limit`, which is not 0. */
size_t model_below(size_t limit);

/* Notes a step. Only the last ones are kept, and printed after a failure. */
void model_step(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds words to the step that was noted last: what came of it. */
void model_result(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many steps this walk has made. */
size_t model_steps(void);

/* Prints the seed and the last steps. */
void model_print(void);

/* Fails the test unless `right`. In a child process: prints, and ends it with status 1. */
#define model_expect(right, ...) ((right) ? (void)0 : model_fail(__VA_ARGS__))
void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* This is a child process from now on, with numbers of its own. */
void model_is_child(uint64_t seed);

#endif
