/* SPDX-License-Identifier: BSD-3-Clause */
/* work -- see work.h. */
#include "vmmallocd/base/work.h"

#include <errno.h>

#define STACK_BYTES ((size_t)1 << 20)    /* a sanitizer's frames are large */

static void *run_in_thread(void *argument)
{
	struct work *work = argument;

	while (sem_wait(&work->go) < 0)
		;
	work->run(work);
	(void)uv_async_send(&work->finished);
	return NULL;
}

static void closed(uv_handle_t *handle)
{
	struct work *work = handle->data;

	work->done(work);
}

static void on_finished(uv_async_t *async)
{
	struct work *work = async->data;

	(void)pthread_join(work->thread, NULL);
	(void)sem_destroy(&work->go);
	uv_close((uv_handle_t *)async, closed);
}

static int start_thread(struct work *work)
{
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&work->thread, &attributes, run_in_thread, work);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

int work_start(uv_loop_t *loop, struct work *work, void (*run_)(struct work *work), void (*done)(struct work *work))
{
	int r;

	work->run = run_;
	work->done = done;
	/* the thread waits for its handle: a handle cannot be taken back in the turn in which there is no thread */
	if (sem_init(&work->go, 0, 0) < 0)
		return -errno;
	r = start_thread(work);
	if (r < 0) {
		(void)sem_destroy(&work->go);
		return r;
	}
	/* fails only without the loop's own descriptor, which is there since the loop is */
	(void)uv_async_init(loop, &work->finished, on_finished);
	work->finished.data = work;
	(void)sem_post(&work->go);
	return 0;
}

void work_abandon(struct work *work)
{
	uv_unref((uv_handle_t *)&work->finished);
}
