/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics_file -- see metrics_file.h. */
#include "vmmallocd/state/metrics_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "common/util/whole_file.h"
#include "vmmallocd/state/metrics_json.h"
#include "vmmallocd/state/saver.h"

#define FILE_BYTES_MOST ((size_t)16 << 20)    /* a larger one is not ours */

struct metrics_file {
	const struct metrics *metrics;
	struct metrics written, shown;    /* when the last text was made, and what was shown last */
	struct saver *saver;
};

static uint64_t metrics_generation(void *context)
{
	const struct metrics_file *file = context;

	return file->metrics->changes;
}

static int make_metrics_text(void *context, char **ret_text, size_t *ret_bytes)
{
	struct metrics_file *file = context;
	int r = metrics_copy(file->metrics, &file->written);

	return r < 0 ? r : metrics_json_encode(file->metrics, ret_text, ret_bytes);
}

/* What was shown while the file could not be written may be more. */
static void show_written(void *context)
{
	struct metrics_file *file = context;

	if (file->written.changes > file->shown.changes)
		(void)metrics_copy(&file->written, &file->shown);
}

const struct metrics *metrics_file_shown(struct metrics_file *file)
{
	if (saver_problem(file->saver))
		(void)metrics_copy(file->metrics, &file->shown);
	return &file->shown;
}

static void load_metrics(const char *path, struct metrics *metrics, struct log *log)
{
	char reason[LOG_LINE_BYTES] = "";
	struct text error = TEXT_INIT(reason);
	CLEANUP(cleanup_free) char *text = NULL;
	size_t bytes;
	int r = whole_file_read(path, FILE_BYTES_MOST, &text, &bytes, &error);

	if (r == 0)
		r = metrics_json_decode(text, bytes, metrics, &error);
	if (r < 0 && r != -ENOENT)
		log_line(log, LOG_WARNING, "metrics '%s': %s; counts begin anew", path,
			 error.length ? reason : strerrordesc_np(-r));
}

int metrics_file_open(uv_loop_t *loop, const char *directory, struct metrics *metrics, const struct config *config,
		      struct log *log, struct metrics_file **ret_file)
{
	CLEANUP(cleanup_free) struct metrics_file *file = calloc(1, sizeof(*file));
	const struct saver_source source = {
		.what = "metrics", .pause_ms = METRICS_FILE_PAUSE_MS, .context = file,
		.generation = metrics_generation, .make_text = make_metrics_text, .saved = show_written,
	};
	char path[PATH_MAX];
	int r;

	if (!file)
		return -ENOMEM;
	if (snprintf(path, sizeof(path), "%s/%s", directory, METRICS_FILE) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	load_metrics(path, metrics, log);
	metrics_keep_configured(metrics, config);
	file->metrics = metrics;
	r = metrics_copy(metrics, &file->shown);
	if (r == 0)
		r = saver_open(loop, &source, path, log, &file->saver);
	if (r < 0) {
		metrics_done(&file->shown);
		return r;
	}
	*ret_file = steal_pointer(&file);
	return 0;
}

void metrics_file_poke(struct metrics_file *file)
{
	saver_poke(file->saver);
}

const char *metrics_file_problem(const struct metrics_file *file)
{
	return saver_problem(file->saver);
}

void metrics_file_stop(struct metrics_file *file)
{
	saver_stop(file->saver);
}

void metrics_file_finish(struct metrics_file *file)
{
	saver_finish(file->saver);
}

void metrics_file_close(struct metrics_file *file)
{
	if (!file)
		return;
	saver_close(file->saver);
	metrics_done(&file->written);
	metrics_done(&file->shown);
	free(file);
}
