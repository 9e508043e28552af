/* SPDX-License-Identifier: BSD-3-Clause */
/* results -- see results.h. Printing is in results_print.c. */
#include "tests/bench/results.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct results_cell *cell_of(const struct results *results, size_t row, size_t column)
{
	return &results->cells[row * results->column_count + column];
}

int results_init(struct results *results)
{
	size_t cells = results->row_count * results->column_count;

	results->cells = calloc(cells, sizeof(*results->cells));
	for (size_t i = 0; results->cells && i < cells * RESULTS_FIGURES; i++) {
		double **samples = &results->cells[i / RESULTS_FIGURES].samples[i % RESULTS_FIGURES];

		*samples = calloc(results->samples_most, sizeof(double));
		if (!*samples)
			results_done(results);
	}
	return results->cells ? 0 : -ENOMEM;
}

void results_done(struct results *results)
{
	size_t cells = results->row_count * results->column_count;

	for (size_t i = 0; results->cells && i < cells * RESULTS_FIGURES; i++)
		free(results->cells[i / RESULTS_FIGURES].samples[i % RESULTS_FIGURES]);
	free(results->cells);
	results->cells = NULL;
}

void results_add(struct results *results, size_t row, size_t column, const double figures[RESULTS_FIGURES])
{
	struct results_cell *cell = cell_of(results, row, column);

	if (cell->count == results->samples_most)
		return;
	for (size_t i = 0; i < RESULTS_FIGURES; i++)
		cell->samples[i][cell->count] = figures[i];
	cell->count++;
}

void results_fail(struct results *results, size_t row, size_t column, const char *reason)
{
	snprintf(cell_of(results, row, column)->failure, RESULTS_FAILURE_MOST, "%s", reason);
}

bool results_has_failed(const struct results *results, size_t row, size_t column)
{
	return cell_of(results, row, column)->failure[0] != '\0';
}

bool results_any_failed(const struct results *results, const char *allocator)
{
	for (size_t row = 0; row < results->row_count; row++)
		for (size_t column = 0; column < results->column_count; column++)
			if (results_has_failed(results, row, column) &&
			    strncmp(results->columns[column]->name, allocator, strlen(allocator)) == 0)
				return true;
	return false;
}

double results_sum(const struct results *results, size_t row, size_t column)
{
	const struct results_cell *cell = cell_of(results, row, column);
	double sum = 0;

	for (size_t i = 0; i < cell->count; i++)
		sum += cell->samples[RESULTS_MEASURED][i];
	return sum;
}

static int compare_samples(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double results_median(const struct results *results, size_t row, size_t column, enum results_figure figure)
{
	const struct results_cell *cell = cell_of(results, row, column);
	size_t middle = cell->count / 2;
	double median;

	if (cell->failure[0] != '\0' || cell->count == 0)
		return NAN;

	double *sorted = malloc(cell->count * sizeof(*sorted));
	if (!sorted)
		return NAN;
	memcpy(sorted, cell->samples[figure], cell->count * sizeof(*sorted));
	qsort(sorted, cell->count, sizeof(*sorted), compare_samples);
	median = cell->count % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
	free(sorted);
	return median;
}

double results_ratio(const struct results *results, size_t row, size_t column)
{
	for (size_t i = 0; i < results->column_count; i++)
		if (strcmp(results->columns[i]->name, results->baseline) == 0)
			return results_median(results, row, column, RESULTS_MEASURED) /
			       results_median(results, row, i, RESULTS_MEASURED);
	return NAN;
}

double results_geomean(const struct results *results, size_t column, size_t *ret_rows)
{
	double sum = 0;

	*ret_rows = 0;
	for (size_t row = 0; row < results->row_count; row++) {
		double ratio = results_ratio(results, row, column);

		if (!isfinite(ratio) || ratio <= 0)
			continue;
		sum += log(ratio);
		++*ret_rows;
	}
	return *ret_rows ? exp(sum / (double)*ret_rows) : NAN;
}
