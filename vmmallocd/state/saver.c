/* SPDX-License-Identifier: BSD-3-Clause */
/* saver -- see saver.h. */
#include "vmmallocd/state/saver.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/util/whole_file.h"
#include "vmmallocd/base/make_dir.h"
#include "vmmallocd/base/resource.h"
#include "vmmallocd/base/work.h"

#define FILE_MODE 0600

/* A hundredth of the time may go into what keeps the loop from clients; a tenth into what a thread does. */
#define LOOP_SHARE 100
#define THREAD_SHARE 10

#define LOOK_MS 1000

struct saver {
	uv_timer_t timer;
	struct work work;
	struct saver_source source;
	struct log *log;
	char path[PATH_MAX];
	bool writing, waiting, stopped;
	uint64_t saved_generation, writing_generation;
	uint64_t began_ns, loop_ns;
	unsigned pause_ms, retry_ms;
	void *taken;             /* of which the thread makes the text; NULL: it is made */
	char *text;
	size_t bytes;
	int result;
	struct stat written;     /* the file, as it was left */
	uint64_t looked_ms;
	char problem[512];
};

/* Writes the file. Its directory may have been removed as well. */
static int save(struct saver *saver)
{
	char dir[PATH_MAX];
	int r = whole_file_write(saver->path, FILE_MODE, saver->text, saver->bytes);

	if (r == -ENOENT) {
		snprintf(dir, sizeof(dir), "%s", saver->path);
		*strrchr(dir, '/') = '\0';
		if (make_dir(dir, 0700) == 0)
			r = whole_file_write(saver->path, FILE_MODE, saver->text, saver->bytes);
	}
	if (r == 0 && lstat(saver->path, &saver->written) < 0)
		r = -errno;
	return r;
}

static int make_text_and_save(struct saver *saver)
{
	int r = 0;

	if (saver->taken) {
		r = saver->source.make_text(saver->taken, &saver->text, &saver->bytes);
		saver->source.drop(saver->taken);
		saver->taken = NULL;
	}
	return r < 0 ? r : save(saver);
}

static void save_in_thread(struct work *work)
{
	struct saver *saver = work->data;

	saver->result = make_text_and_save(saver);
}

static void note_result(struct saver *saver, int result)
{
	struct resource_reason reason;

	if (saver->taken)
		saver->source.drop(saver->taken);
	saver->taken = NULL;
	free(saver->text);
	saver->text = NULL;
	if (result == 0) {
		if (saver->problem[0] != '\0')
			log_line(saver->log, LOG_INFO, "%s '%s': saved again", saver->source.what, saver->path);
		saver->saved_generation = saver->writing_generation;
		saver->problem[0] = '\0';
		saver->retry_ms = 0;
		if (saver->source.saved)
			saver->source.saved(saver->source.context);
		return;
	}
	reason = resource_reason(result == -EAGAIN ? RESOURCE_THREAD : RESOURCE_DESCRIPTOR, result);
	if (saver->problem[0] == '\0')
		log_line(saver->log, LOG_WARNING, "%s '%s': save: %s; pools are served all the same",
			 saver->source.what, saver->path, reason.text);
	snprintf(saver->problem, sizeof(saver->problem), "%s %.290s: save: %s", saver->source.what, saver->path,
		 reason.text);
	saver->retry_ms = saver->retry_ms == 0 ? SAVER_RETRY_MS :
			  saver->retry_ms > SAVER_RETRY_MOST_MS / 2 ? SAVER_RETRY_MOST_MS : saver->retry_ms * 2;
}

static unsigned clamp_pause(const struct saver *saver, uint64_t pause_ms)
{
	return pause_ms < saver->source.pause_ms ? saver->source.pause_ms
	       : pause_ms > SAVER_PAUSE_MOST_MS  ? SAVER_PAUSE_MOST_MS
						 : (unsigned)pause_ms;
}

static void on_saved(struct work *work)
{
	struct saver *saver = work->data;
	uint64_t thread_ns = uv_hrtime() - saver->began_ns - saver->loop_ns;
	uint64_t loop_pause_ms = saver->loop_ns * LOOP_SHARE / 1000000,
		 thread_pause_ms = thread_ns * THREAD_SHARE / 1000000;

	saver->writing = false;
	note_result(saver, saver->result);
	saver->pause_ms = clamp_pause(saver, loop_pause_ms > thread_pause_ms ? loop_pause_ms : thread_pause_ms);
	saver_poke(saver);
}

static uint64_t generation(const struct saver *saver)
{
	return saver->source.generation(saver->source.context);
}

/* What there is now, copied or as a text. */
static int take_content(struct saver *saver)
{
	saver->writing_generation = generation(saver);
	return saver->source.take ?
		       saver->source.take(saver->source.context, &saver->taken) :
		       saver->source.make_text(saver->source.context, &saver->text, &saver->bytes);
}

static void on_save_timer(uv_timer_t *timer)
{
	struct saver *saver = timer->data;
	int r;

	saver->waiting = false;
	saver->began_ns = uv_hrtime();
	r = take_content(saver);
	saver->loop_ns = uv_hrtime() - saver->began_ns;
	if (r == 0)
		r = work_start(timer->loop, &saver->work, save_in_thread, on_saved);
	if (r == 0) {
		saver->writing = true;
		return;
	}
	note_result(saver, r);
	saver_poke(saver);
}

/* Looks once a second whether somebody else has removed or changed the file. */
static bool was_changed(struct saver *saver)
{
	uint64_t now_ms = uv_now(saver->timer.loop);
	struct stat st;

	if (now_ms - saver->looked_ms < LOOK_MS)
		return false;
	saver->looked_ms = now_ms;
	if (lstat(saver->path, &st) == 0 && st.st_ino == saver->written.st_ino && st.st_dev == saver->written.st_dev &&
	    st.st_size == saver->written.st_size && st.st_mtim.tv_sec == saver->written.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == saver->written.st_mtim.tv_nsec)
		return false;
	log_line(saver->log, LOG_WARNING, "%s '%s': removed or changed by somebody else; written again",
		 saver->source.what, saver->path);
	return true;
}

void saver_poke(struct saver *saver)
{
	if (saver->writing || saver->waiting || saver->stopped)
		return;
	if (generation(saver) == saver->saved_generation && !was_changed(saver))
		return;
	saver->waiting = true;
	(void)uv_timer_start(&saver->timer, on_save_timer, saver->retry_ms ? saver->retry_ms : saver->pause_ms, 0);
}

int saver_open(uv_loop_t *loop, const struct saver_source *source, const char *path, struct log *log,
	       struct saver **ret_saver)
{
	struct saver *saver;

	if (strlen(path) >= sizeof(saver->path))
		return -ENAMETOOLONG;
	saver = calloc(1, sizeof(*saver));
	if (!saver)
		return -ENOMEM;
	snprintf(saver->path, sizeof(saver->path), "%s", path);
	saver->source = *source;
	saver->log = log;
	saver->pause_ms = source->pause_ms;
	saver->saved_generation = UINT64_MAX;
	(void)uv_timer_init(loop, &saver->timer);
	saver->timer.data = saver;
	saver->work.data = saver;
	*ret_saver = saver;
	return 0;
}

void saver_stop(struct saver *saver)
{
	saver->stopped = true;
	(void)uv_timer_stop(&saver->timer);
}

void saver_finish(struct saver *saver)
{
	int r;

	if (generation(saver) == saver->saved_generation)
		return;
	r = take_content(saver);
	if (r == 0)
		r = make_text_and_save(saver);
	note_result(saver, r);
}

static void free_saver(uv_handle_t *handle)
{
	free(handle->data);
}

void saver_close(struct saver *saver)
{
	if (saver)
		uv_close((uv_handle_t *)&saver->timer, free_saver);
}

const char *saver_problem(const struct saver *saver)
{
	return saver->problem[0] != '\0' ? saver->problem : NULL;
}
