/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * work -- see work.h.
 *
 * A thread that has said that it is done is a few instructions before its end, but may have lost its processor there,
 * to the loop that it has woken or to anybody. So its work is given back at once. The thread is joined when it has
 * ended, for which the loop never waits.
 */
#include "vmmallocd/base/work.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/util/cleanup.h"

#define STACK_BYTES ((size_t)1 << 20)    /* a sanitizer's frames are large */
#define LOOK_MS 1                        /* whether a thread has ended; twice as long each time */
#define LOOK_MOST_MS 100

struct work_thread {
	pthread_t thread;
	uv_async_t finished;
	uv_timer_t look;
	unsigned look_ms;        /* 0: the timer is not initialised */
	unsigned handles;        /* not closed yet */
	sem_t go;
	struct work *work;
	atomic_bool ran;         /* what the thread wrote before is there for the loop */
};

static void *run_in_thread(void *argument)
{
	struct work_thread *thread = argument;

	while (sem_wait(&thread->go) < 0)
		;
	thread->work->run(thread->work);
	atomic_store(&thread->ran, true);
	(void)uv_async_send(&thread->finished);
	return NULL;
}

static void closed(uv_handle_t *handle)
{
	struct work_thread *thread = handle->data;

	if (--thread->handles > 0)
		return;
	(void)sem_destroy(&thread->go);
	free(thread);
}

static void on_look_for_end(uv_timer_t *timer);

static void look_later(struct work_thread *thread)
{
	if (thread->look_ms == 0) {
		(void)uv_timer_init(thread->finished.loop, &thread->look);
		thread->look.data = thread;
		thread->handles++;
	}
	thread->look_ms = thread->look_ms == 0 ? LOOK_MS : thread->look_ms * 2;
	if (thread->look_ms > LOOK_MOST_MS)
		thread->look_ms = LOOK_MOST_MS;
	(void)uv_timer_start(&thread->look, on_look_for_end, thread->look_ms, 0);
}

/* Not before the thread has ended: to close the handle, too, would wait for a thread that is still in uv_async_send. */
static void join_if_ended(struct work_thread *thread)
{
	if (pthread_tryjoin_np(thread->thread, NULL) == EBUSY) {
		look_later(thread);
		return;
	}
	uv_close((uv_handle_t *)&thread->finished, closed);
	if (thread->look_ms > 0)
		uv_close((uv_handle_t *)&thread->look, closed);
}

static void on_look_for_end(uv_timer_t *timer)
{
	join_if_ended(timer->data);
}

static void on_finished(uv_async_t *async)
{
	struct work_thread *thread = async->data;

	if (!atomic_load(&thread->ran))
		return;
	thread->work->done(thread->work);
	join_if_ended(thread);
}

static int start_thread(struct work_thread *thread)
{
	pthread_attr_t attributes;
	int r = pthread_attr_init(&attributes);

	if (r != 0)
		return -r;
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&thread->thread, &attributes, run_in_thread, thread);
	(void)pthread_attr_destroy(&attributes);
	return -r;
}

int work_start(uv_loop_t *loop, struct work *work, void (*run_)(struct work *work), void (*done)(struct work *work))
{
	CLEANUP(cleanup_free) struct work_thread *thread = calloc(1, sizeof(*thread));
	int r;

	if (!thread)
		return -ENOMEM;
	work->run = run_;
	work->done = done;
	thread->work = work;
	/* the thread waits for its handle: a handle cannot be taken back in the turn in which there is no thread */
	if (sem_init(&thread->go, 0, 0) < 0)
		return -errno;
	r = start_thread(thread);
	if (r < 0) {
		(void)sem_destroy(&thread->go);
		return r;
	}
	/* fails only without the loop's own descriptor, which is there since the loop is */
	(void)uv_async_init(loop, &thread->finished, on_finished);
	thread->finished.data = thread;
	thread->handles = 1;
	work->thread = thread;
	(void)sem_post(&thread->go);
	(void)steal_pointer(&thread);
	return 0;
}

void work_abandon(struct work *work)
{
	uv_unref((uv_handle_t *)&work->thread->finished);
}
