/* SPDX-License-Identifier: BSD-3-Clause */
/* test_work -- the loop is told of work that is done, and waits for no thread. */
/* objects: vmmallocd/base/ common/base/ common/util/ */
/* packages: libuv */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "vmmallocd/base/work.h"

static struct fixture {
	uv_loop_t loop;
	pthread_key_t key;       /* a thread that has a value of it cannot end until the gate is open */
	sem_t gate;
	unsigned ran, done;
} f;

static void wait_at_gate(void *value)
{
	(void)value;
	while (sem_wait(&f.gate) != 0)
		;
}

static int set_up(void **state)
{
	(void)state;
	f.ran = f.done = 0;
	assert_int_equal(sem_init(&f.gate, 0, 0), 0);
	assert_int_equal(pthread_key_create(&f.key, wait_at_gate), 0);
	return uv_loop_init(&f.loop);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(uv_loop_close(&f.loop), 0);
	return pthread_key_delete(f.key);
}

TEST_FIXTURE(set_up, tear_down);

static void run(struct work *work)
{
	(void)work;
	f.ran++;
}

static void run_and_end_late(struct work *work)
{
	run(work);
	assert_int_equal(pthread_setspecific(f.key, &f), 0);
}

static void done(struct work *work)
{
	f.done++;
	free(work);
}

/* Without it the thread does not end; a loop that waits for that does not come here. */
static void done_and_open_gate(struct work *work)
{
	done(work);
	(void)sem_post(&f.gate);
}

static struct work *new_work(void)
{
	struct work *work = malloc(sizeof(*work));

	assert_non_null(work);
	return work;
}

TEST(test_work_is_done_before_the_loop_ends)
{
	assert_int_equal(work_start(&f.loop, new_work(), run, done), 0);
	assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(f.ran, 1);
	assert_int_equal(f.done, 1);
}

TEST(test_work_that_is_done_does_not_wait_for_the_end_of_its_thread)
{
	assert_int_equal(work_start(&f.loop, new_work(), run_and_end_late, done_and_open_gate), 0);
	(void)alarm(30);
	assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
	(void)alarm(0);
	assert_int_equal(f.done, 1);
}

static void open_gate(uv_timer_t *timer)
{
	(void)sem_post(&f.gate);
	uv_close((uv_handle_t *)timer, NULL);
}

TEST(test_work_the_loop_goes_on_while_a_thread_ends)
{
	uv_timer_t timer;

	assert_int_equal(uv_timer_init(&f.loop, &timer), 0);
	assert_int_equal(uv_timer_start(&timer, open_gate, 20, 0), 0);
	assert_int_equal(work_start(&f.loop, new_work(), run_and_end_late, done), 0);
	(void)alarm(30);
	assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
	(void)alarm(0);
	assert_int_equal(f.done, 1);
}

static void start_again(struct work *work)
{
	if (++f.done < 3)
		assert_int_equal(work_start(&f.loop, work, run, start_again), 0);
	else
		free(work);
}

TEST(test_work_may_be_started_again_when_it_is_done)
{
	assert_int_equal(work_start(&f.loop, new_work(), run, start_again), 0);
	assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(f.ran, 3);
}
