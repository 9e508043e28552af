/* SPDX-License-Identifier: BSD-3-Clause */
/* sections -- see sections.h. */
#include "tests/bench/sections.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/child.h"

#define WORKLOAD_DEADLINE_S 60
#define CELL_BUDGET_S 4.0          /* of a workload at 100 percent: a much slower allocator gets fewer rounds */
#define START_UP_DEADLINE_S 20
#define INSTRUCTIONS_DEADLINE_S 120
#define PRELOAD_IGNORED "cannot be preloaded"    /* glibc says so, and runs the program on its own malloc */
#define EMPTY_PROGRAM "/bin/true"
#define COUNTED_PERCENT_LOW "2"
#define COUNTED_PERCENT_HIGH "7"

/* Once a cell has failed it is not run again: a run past its deadline costs a minute. */
static int run_cell(struct results *results, size_t row, size_t column, const char *const argv[], int deadline_s,
		    struct child *ret_child)
{
	char failure[RESULTS_FAILURE_MOST];
	int r;

	if (results_has_failed(results, row, column))
		return 0;
	if ((r = child_run(argv, results->columns[column]->environment, deadline_s, ret_child)) < 0)
		return r;
	if (child_failed(ret_child, failure, sizeof(failure)))
		results_fail(results, row, column, failure);
	else if (strstr(ret_child->errors, PRELOAD_IGNORED))
		results_fail(results, row, column, "the dynamic linker ignored the library");
	return 0;
}

/* A run that printed or took so much of what the section is about. */
static void add_run(struct results *results, size_t row, size_t column, double measured, const struct child *child)
{
	results_add(results, row, column, (double[RESULTS_FIGURES]){
		[RESULTS_MEASURED] = measured,
		[RESULTS_USER_S] = child->user_s,
		[RESULTS_SYSTEM_S] = child->system_s,
		[RESULTS_FAULTS] = child->faults,
		[RESULTS_PEAK_KIB] = child->peak_kib,
		[RESULTS_FILE_KIB] = child->file_kib,
	});
}

/* Every round begins with another allocator: what the one before leaves behind (caches, free pages) evens out. */
static size_t column_at(const struct results *results, size_t turn, size_t round)
{
	return (turn + round) % results->column_count;
}

static bool is_budget_spent(const struct settings *settings, const struct results *results, size_t row, size_t column)
{
	return results_sum(results, row, column) > CELL_BUDGET_S * settings->percent / 100;
}

static int run_workload(const struct settings *settings, struct results *results, size_t row, size_t column)
{
	char percent[16];
	const char *argv[] = { settings->workloads_program, results->rows[row], "4", percent, NULL };
	struct child child;
	double seconds;
	int r;

	if (is_budget_spent(settings, results, row, column))
		return 0;
	snprintf(percent, sizeof(percent), "%u", settings->percent);
	if ((r = run_cell(results, row, column, argv, WORKLOAD_DEADLINE_S, &child)) < 0)
		return r;
	if (results_has_failed(results, row, column))
		return 0;
	if (sscanf(child.output, "%lf", &seconds) == 1)
		add_run(results, row, column, seconds, &child);
	else
		results_fail(results, row, column, "printed no figure");
	return 0;
}

static int run_workload_round(const struct settings *settings, struct results *results, size_t round)
{
	for (size_t row = 0; row < results->row_count; row++)
		for (size_t turn = 0; turn < results->column_count; turn++) {
			int r = run_workload(settings, results, row, column_at(results, turn, round));

			if (r < 0)
				return r;
		}
	return 0;
}

int section_workloads(const struct settings *settings, const struct allocators *allocators,
		      struct results *ret_results)
{
	struct results results = {
		.name = "workloads",
		.title = "workloads",
		.unit = "seconds",
		.baseline = settings->baseline,
		.digits = 3,
		.rows = settings->workloads,
		.row_count = settings->workload_count,
		.samples_most = settings->rounds,
	};
	int r;

	results.column_count = allocators_select(allocators, ALLOCATOR_WORKLOADS, results.columns);
	if ((r = results_init(&results)) < 0)
		return r;
	for (size_t round = 0; r == 0 && round < settings->rounds; round++) {
		fprintf(stderr, "workloads: round %zu of %u\n", round + 1, settings->rounds);
		r = run_workload_round(settings, &results, round);
	}
	if (r < 0)
		results_done(&results);
	else
		*ret_results = results;
	return r;
}

static int run_empty_program(struct results *results, size_t column)
{
	const char *argv[] = { EMPTY_PROGRAM, NULL };
	struct child child;
	int r = run_cell(results, 0, column, argv, START_UP_DEADLINE_S, &child);

	if (r == 0 && !results_has_failed(results, 0, column))
		add_run(results, 0, column, child.seconds * 1000, &child);
	return r;
}

int section_start_up(const struct settings *settings, const struct allocators *allocators,
		     struct results *ret_results)
{
	static const char *const rows[] = { EMPTY_PROGRAM };
	struct results results = {
		.name = "start_up",
		.title = "start-up: posix_spawn and wait of " EMPTY_PROGRAM,
		.unit = "ms",
		.baseline = settings->baseline,
		.digits = 3,
		.rows = rows,
		.row_count = 1,
		.samples_most = settings->start_up_rounds,
	};
	int r;

	results.column_count = allocators_select(allocators, ALLOCATOR_START_UP, results.columns);
	if ((r = results_init(&results)) < 0)
		return r;
	fprintf(stderr, "start-up: %u rounds\n", settings->start_up_rounds);
	for (size_t round = 0; round < settings->start_up_rounds; round++)
		for (size_t turn = 0; r == 0 && turn < results.column_count; turn++)
			r = run_empty_program(&results, column_at(&results, turn, round));
	if (r < 0)
		results_done(&results);
	else
		*ret_results = results;
	return r;
}

/* Callgrind counts the program's instructions, the program counts its pairs. */
static int count_instructions(const struct settings *settings, struct results *results, size_t row, size_t column,
			      const char *percent, double *ret_instructions, double *ret_pairs)
{
	const char *argv[] = { "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
			 settings->workloads_program, results->rows[row], "1", percent, NULL };
	const char *collected;
	struct child child;
	int r = run_cell(results, row, column, argv, INSTRUCTIONS_DEADLINE_S, &child);

	if (r < 0 || results_has_failed(results, row, column))
		return r;
	collected = strstr(child.errors, "Collected : ");
	if (!collected || sscanf(collected, "Collected : %lf", ret_instructions) != 1 ||
	    sscanf(child.output, "%*f %lf", ret_pairs) != 1)
		results_fail(results, row, column, "valgrind printed no figure");
	return 0;
}

/* The difference of two runs leaves out what starting the program costs. */
static int count_pair(const struct settings *settings, struct results *results, size_t row, size_t column)
{
	double figures[RESULTS_FIGURES], low = 0, low_pairs = 0, high = 0, high_pairs = 0;
	int r;

	if ((r = count_instructions(settings, results, row, column, COUNTED_PERCENT_LOW, &low, &low_pairs)) < 0 ||
	    (r = count_instructions(settings, results, row, column, COUNTED_PERCENT_HIGH, &high, &high_pairs)) < 0)
		return r;
	for (size_t i = 0; i < RESULTS_FIGURES; i++)
		figures[i] = NAN;
	figures[RESULTS_MEASURED] = (high - low) / (high_pairs - low_pairs);
	if (!results_has_failed(results, row, column))
		results_add(results, row, column, figures);
	return 0;
}

int section_instructions(const struct settings *settings, const struct allocators *allocators,
			 struct results *ret_results)
{
	static const char *const rows[] = { "churn", "strings", "trees", "calloc", "batches" };
	struct results results = {
		.name = "instructions",
		.title = "instructions: a pair of malloc and free, the workload's loop included",
		.unit = "instructions",
		.baseline = settings->baseline,
		.digits = 1,
		.rows = rows,
		.row_count = sizeof(rows) / sizeof(rows[0]),
		.samples_most = 1,
	};
	int r;

	results.column_count = allocators_select(allocators, ALLOCATOR_INSTRUCTIONS, results.columns);
	if ((r = results_init(&results)) < 0)
		return r;
	fprintf(stderr, "instructions: under valgrind\n");
	for (size_t cell = 0; r == 0 && cell < results.row_count * results.column_count; cell++)
		r = count_pair(settings, &results, cell / results.column_count, cell % results.column_count);
	if (r < 0)
		results_done(&results);
	else
		*ret_results = results;
	return r;
}
