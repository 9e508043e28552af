/* SPDX-License-Identifier: BSD-3-Clause */
/* model -- see model.h. */
#include "tests/unit/model.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* The sanitizers'; a program that is cross-built has none. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

#define STEPS_KEPT 32
#define STEP_BYTES 160

static struct {
	uint64_t seed, random;
	size_t steps;
	char words[STEPS_KEPT][STEP_BYTES];  /* of step n: [n % STEPS_KEPT] */
	bool is_child;
} run;

size_t model_below(size_t limit)
{
	run.random = run.random * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(run.random >> 33) % limit;
}

static char *words_of(size_t step)
{
	return run.words[step % STEPS_KEPT];
}

void model_step(const char *format, ...)
{
	va_list args;

	run.steps++;
	va_start(args, format);
	vsnprintf(words_of(run.steps), STEP_BYTES, format, args);
	va_end(args);
}

void model_result(const char *format, ...)
{
	char *words = words_of(run.steps);
	size_t length = strlen(words);
	va_list args;

	va_start(args, format);
	vsnprintf(words + length, STEP_BYTES - length, format, args);
	va_end(args);
}

size_t model_steps(void)
{
	return run.steps;
}

void model_print(void)
{
	size_t first = run.steps < STEPS_KEPT ? 1 : run.steps - STEPS_KEPT + 1;

	fprintf(stderr, "MODEL_SEED=%llu%s, the last steps:\n", (unsigned long long)run.seed,
		run.is_child ? ", in a child" : "");
	for (size_t step = first; step <= run.steps; step++)
		fprintf(stderr, "  %zu: %s\n", step, words_of(step));
}

void model_fail(const char *format, ...)
{
	char reason[512];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	model_print();
	fprintf(stderr, "step %zu: %s\n", run.steps, reason);
	if (run.is_child)
		_exit(1);
	fail_msg("MODEL_SEED=%llu, step %zu: %s", (unsigned long long)run.seed, run.steps, reason);
	abort();
}

void model_is_child(uint64_t seed)
{
	run.random = seed;
	run.is_child = true;
}

static void walk_one(void (*walk)(void), uint64_t seed)
{
	run.seed = seed;
	/* of neighbours the first numbers would be alike */
	run.random = seed * 0x9e3779b97f4a7c15u;
	run.random ^= run.random >> 29;
	run.steps = 0;
	walk();
}

static uint64_t number(const char *name)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : 0;
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
	model_print();
	fprintf(stderr, "step %zu: it takes too long\n", run.steps);
	_exit(1);
}

void model_run(void (*walk)(void), unsigned walks)
{
	uint64_t seed = number("MODEL_SEED"), wanted = number("MODEL_WALKS");

	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(model_print);
	(void)signal(SIGALRM, on_alarm);
	alarm(wanted ? 0 : MODEL_DEADLINE_S);
	if (seed) {
		walk_one(walk, seed);
		return;
	}
	seed = wanted ? (uint64_t)time(NULL) << 16 : 1;
	for (uint64_t i = 0; i < (wanted ? wanted : walks); i++)
		walk_one(walk, seed + i);
	alarm(0);
}
