/* SPDX-License-Identifier: BSD-3-Clause */
/* results_print -- the tables and the JSON of results.h. */
#include "tests/bench/results.h"

#include <math.h>
#include <string.h>

#define ROW_WIDTH 14
#define COLUMN_WIDTH 15
#define LIST_WIDTH 30

static void print_number(double number, int width, int digits)
{
	if (isfinite(number))
		printf("%*.*f", width, digits, number);
	else
		printf("%*s", width, "-");
}

static void print_cell(const struct results *results, size_t row, size_t column)
{
	if (results_has_failed(results, row, column)) {
		printf("%*s", COLUMN_WIDTH, "failed");
		return;
	}
	print_number(results_median(results, row, column, RESULTS_MEASURED), COLUMN_WIDTH - 6, results->digits);
	print_number(results_ratio(results, row, column), 6, 2);
}

static void print_failures(const struct results *results)
{
	for (size_t row = 0; row < results->row_count; row++)
		for (size_t column = 0; column < results->column_count; column++)
			if (results_has_failed(results, row, column))
				printf("failed: %s, %s: %s\n", results->columns[column]->name, results->rows[row],
				       results->cells[row * results->column_count + column].failure);
}

static void print_geomeans(const struct results *results)
{
	printf("%-*s", ROW_WIDTH, "geomean");
	for (size_t column = 0; column < results->column_count; column++) {
		size_t rows;

		print_number(results_geomean(results, column, &rows), COLUMN_WIDTH, 2);
	}
	printf("\n%-*s", ROW_WIDTH, "  of");
	for (size_t column = 0; column < results->column_count; column++) {
		size_t rows;

		results_geomean(results, column, &rows);
		printf("%*zu", COLUMN_WIDTH, rows);
	}
	printf("\n");
}

void results_print_grid(const struct results *results)
{
	printf("\n%s (%s, ratio to %s)\n\n%-*s", results->title, results->unit, results->baseline, ROW_WIDTH, "");
	for (size_t column = 0; column < results->column_count; column++)
		printf("%*s", COLUMN_WIDTH, results->columns[column]->name);
	printf("\n");
	for (size_t row = 0; row < results->row_count; row++) {
		printf("%-*s", ROW_WIDTH, results->rows[row]);
		for (size_t column = 0; column < results->column_count; column++)
			print_cell(results, row, column);
		printf("\n");
	}
	print_geomeans(results);
	print_failures(results);
}

void results_print_list(const struct results *results)
{
	printf("\n%s (%s, ratio to %s)\n\n", results->title, results->unit, results->baseline);
	for (size_t column = 0; column < results->column_count; column++) {
		printf("%-*s", LIST_WIDTH, results->columns[column]->name);
		print_cell(results, 0, column);
		printf("\n");
	}
	print_failures(results);
}

void results_write_json_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(file, "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			fprintf(file, "\\u%04x", c);
		else
			fputc(c, file);
	}
	fputc('"', file);
}

static void write_member(FILE *file, const char *name, double number)
{
	if (isfinite(number))
		fprintf(file, "\"%s\": %.6g", name, number);
	else
		fprintf(file, "\"%s\": null", name);
}

/* What a run costs besides. */
static void write_costs(const struct results *results, size_t row, size_t column, FILE *file)
{
	static const char *const names[RESULTS_FIGURES] = {
		[RESULTS_USER_S] = "user_s", [RESULTS_SYSTEM_S] = "system_s", [RESULTS_FAULTS] = "faults",
		[RESULTS_PEAK_KIB] = "peak_kib", [RESULTS_FILE_KIB] = "file_kib",
	};

	for (enum results_figure figure = RESULTS_USER_S; figure < RESULTS_FIGURES; figure++) {
		fprintf(file, ", ");
		write_member(file, names[figure], results_median(results, row, column, figure));
	}
}

static void write_cell(const struct results *results, size_t row, size_t column, FILE *file)
{
	const struct results_cell *cell = &results->cells[row * results->column_count + column];

	fprintf(file, "        ");
	results_write_json_string(file, results->columns[column]->name);
	fprintf(file, ": { ");
	write_member(file, "median", results_median(results, row, column, RESULTS_MEASURED));
	fprintf(file, ", ");
	write_member(file, "ratio", results_ratio(results, row, column));
	fprintf(file, ", \"failure\": ");
	if (cell->failure[0] != '\0')
		results_write_json_string(file, cell->failure);
	else
		fprintf(file, "null");
	fprintf(file, ", \"samples\": [");
	for (size_t i = 0; i < cell->count; i++)
		fprintf(file, "%s%.6g", i ? ", " : "", cell->samples[RESULTS_MEASURED][i]);
	fprintf(file, "]");
	write_costs(results, row, column, file);
	fprintf(file, " }");
}

void results_write_json(const struct results *results, FILE *file)
{
	fprintf(file, "  \"%s\": {\n    \"unit\": ", results->name);
	results_write_json_string(file, results->unit);
	fprintf(file, ",\n    \"baseline\": ");
	results_write_json_string(file, results->baseline);
	fprintf(file, ",\n    \"geomean_ratio\": { ");
	for (size_t column = 0; column < results->column_count; column++) {
		size_t rows;

		fprintf(file, "%s", column ? ", " : "");
		write_member(file, results->columns[column]->name, results_geomean(results, column, &rows));
	}
	fprintf(file, " },\n    \"results\": {\n");
	for (size_t row = 0; row < results->row_count; row++) {
		fprintf(file, "      ");
		results_write_json_string(file, results->rows[row]);
		fprintf(file, ": {\n");
		for (size_t column = 0; column < results->column_count; column++) {
			write_cell(results, row, column, file);
			fprintf(file, "%s\n", column + 1 < results->column_count ? "," : "");
		}
		fprintf(file, "      }%s\n", row + 1 < results->row_count ? "," : "");
	}
	fprintf(file, "    }\n  }");
}
