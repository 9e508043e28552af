/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * results -- the samples of one section: a grid of what was run (rows) by allocator (columns), and what is printed of
 * it, as a table and as JSON. Medians; ratios to the column `baseline`; lower is better everywhere.
 *
 * A cell with one failed run has failed as a whole.
 */
#ifndef TESTS_BENCH_RESULTS_H
#define TESTS_BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tests/bench/allocators.h"

#define RESULTS_FAILURE_MOST 160

/* What is known of each run. A figure that there is not is NAN. */
enum results_figure {
	RESULTS_MEASURED,                       /* what the section is about, in its unit */
	RESULTS_USER_S,
	RESULTS_SYSTEM_S,
	RESULTS_FAULTS,
	RESULTS_PEAK_KIB,
	RESULTS_FILE_KIB,
	RESULTS_FIGURES
};

struct results_cell {
	double *samples[RESULTS_FIGURES];
	size_t count;
	char failure[RESULTS_FAILURE_MOST];     /* empty, or why */
};

struct results {
	const char *name;                       /* in JSON */
	const char *title, *unit;
	const char *baseline;                   /* the column that ratios are to */
	int digits;                             /* after the decimal point of a figure in that unit */
	const char *const *rows;                /* borrowed */
	size_t row_count;
	const struct allocator *columns[ALLOCATORS_MOST];
	size_t column_count;
	size_t samples_most;                    /* of one cell */
	struct results_cell *cells;
};

/* The caller has set name to samples_most; allocates the cells, 0 or -ENOMEM. */
int results_init(struct results *results);
void results_done(struct results *results);

void results_add(struct results *results, size_t row, size_t column, const double figures[RESULTS_FIGURES]);
void results_fail(struct results *results, size_t row, size_t column, const char *reason);
bool results_has_failed(const struct results *results, size_t row, size_t column);
/* Any failed cell in a column of that allocator. */
bool results_any_failed(const struct results *results, const char *allocator);

double results_sum(const struct results *results, size_t row, size_t column);
/* NAN where there is no figure. */
double results_median(const struct results *results, size_t row, size_t column, enum results_figure figure);
/* Of what was measured. */
double results_ratio(const struct results *results, size_t row, size_t column);
/* The geometric mean of a column's ratios over the rows that have one; ret_rows says how many. */
double results_geomean(const struct results *results, size_t column, size_t *ret_rows);

/* A grid with a column an allocator; or, for a section of one row, a list with a line an allocator. */
void results_print_grid(const struct results *results);
void results_print_list(const struct results *results);
/* Its member of a JSON object, without a comma. */
void results_write_json(const struct results *results, FILE *file);
/* A string, quoted. */
void results_write_json_string(FILE *file, const char *text);

#endif
