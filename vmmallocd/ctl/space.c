/* SPDX-License-Identifier: BSD-3-Clause */
/* space -- see space.h. */
#include "vmmallocd/ctl/space.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

struct space_job {
	atomic_bool done;
	size_t count;
	struct space_place places[];
};

static void free_paths(struct space_place *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(places[i].path);
}

static void *ask_each(void *argument)
{
	struct space_job *job = argument;

	for (size_t i = 0; i < job->count; i++) {
		struct space_place *place = &job->places[i];
		struct statvfs space;

		place->error = statvfs(place->path, &space) == 0 ? 0 : -errno;
		if (place->error < 0)
			continue;
		place->free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
		place->size_bytes = (uint64_t)space.f_blocks * space.f_frsize;
	}
	job->done = true;
	return NULL;
}

/* Signals are for the thread that draws. */
static int start_asking(struct space_job *job)
{
	sigset_t all, old;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&thread, NULL, ask_each, job);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_detach(thread);
	return r;
}

static void take_answer(struct space *space)
{
	struct space_job *job = space->job;

	if (!job || !job->done)
		return;
	free_paths(space->places, space->count);
	free(space->places);
	space->count = job->count;
	space->places = malloc((job->count + 1) * sizeof(*space->places));
	if (space->places)
		memcpy(space->places, job->places, job->count * sizeof(*space->places));
	else
		free_paths(job->places, space->count);
	if (!space->places)
		space->count = 0;
	free(job);
	space->job = NULL;
}

int space_ask(struct space *space, const char *const *paths, size_t count)
{
	struct space_job *job;
	bool has_all = true;
	int r = -ENOMEM;

	take_answer(space);
	if (space->job)
		return 0;
	job = calloc(1, sizeof(*job) + count * sizeof(job->places[0]));
	if (!job)
		return -ENOMEM;
	job->count = count;
	for (size_t i = 0; i < count; i++) {
		job->places[i].path = strdup(paths[i]);
		has_all = has_all && job->places[i].path;
	}
	if (has_all)
		r = start_asking(job);
	if (r < 0) {
		free_paths(job->places, count);
		free(job);
		return r;
	}
	space->job = job;
	return 0;
}

const struct space_place *space_find(struct space *space, const char *path)
{
	take_answer(space);
	for (size_t i = 0; i < space->count; i++)
		if (strcmp(space->places[i].path, path) == 0)
			return &space->places[i];
	return NULL;
}
