/* SPDX-License-Identifier: BSD-3-Clause */
/* test_reload -- who asks for the configuration gets what the files say then, however long they take to be read. */
/* objects: vmmallocd/reload.c vmmallocd/base/ vmmallocd/config/ common/base/ common/util/ */
/* packages: libuv */
/* wrap: config_read work_start */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "vmmallocd/base/work.h"
#include "vmmallocd/reload.h"

static struct fixture {
	uv_loop_t loop;
	struct reload *reload;
	sem_t begun, gate;       /* a thread reads; it may go on */
	unsigned version;        /* of the files; a thread reads it when it begins */
	bool wrong;              /* what it reads has a mistake */
	int start_error;         /* of work_start */
	/* what the events said */
	unsigned reads, version_read, lates;
	int result;
} f;

int __wrap_config_read(const char *file, struct config *ret_config)
{
	struct config config = { .workers = f.version };

	assert_string_equal(file, "/a.conf");
	(void)sem_post(&f.begun);
	while (sem_wait(&f.gate) != 0)
		;
	if (f.wrong) {
		config.mistakes = malloc(sizeof(*config.mistakes));
		config.mistakes[config.mistake_count++] = strdup("a mistake");
		config.problem = config.mistakes[0];
	}
	*ret_config = config;
	return 0;
}

int __real_work_start(uv_loop_t *loop, struct work *work, void (*run)(struct work *work),
		      void (*done)(struct work *work));
int __wrap_work_start(uv_loop_t *loop, struct work *work, void (*run)(struct work *work),
		      void (*done)(struct work *work))
{
	return f.start_error ? f.start_error : __real_work_start(loop, work, run, done);
}

static void on_read(void *context, uint64_t number, int result, struct config *config)
{
	assert_ptr_equal(context, &f);
	assert_true(reload_is_done(f.reload, number));
	f.reads++;
	f.result = result;
	if (result < 0)
		return;
	f.version_read = config->workers;
	config_done(config);
}

static void on_late(void *context)
{
	assert_ptr_equal(context, &f);
	f.lates++;
}

static const struct reload_events events = { .read = on_read, .late = on_late };

static int set_up(void **state)
{
	(void)state;
	f = (struct fixture){ .version = 1 };
	assert_int_equal(sem_init(&f.begun, 0, 0) + sem_init(&f.gate, 0, 0), 0);
	assert_int_equal(uv_loop_init(&f.loop), 0);
	assert_int_equal(reload_open(&f.loop, "/a.conf", &events, &f, &f.reload), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	reload_close(f.reload);
	(void)uv_run(&f.loop, UV_RUN_DEFAULT);
	assert_false(reload_is_reading(f.reload));
	reload_free(f.reload);
	assert_int_equal(uv_loop_close(&f.loop), 0);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

static void wait_for_reader(void)
{
	while (sem_wait(&f.begun) != 0)
		;
}

static void turn_until_idle(void)
{
	while (!reload_is_idle(f.reload))
		(void)uv_run(&f.loop, UV_RUN_ONCE);
}

TEST(test_reload_reads_in_a_thread)
{
	uint64_t number = reload_ask(f.reload);

	wait_for_reader();
	(void)uv_run(&f.loop, UV_RUN_NOWAIT);
	assert_int_equal(f.reads, 0);
	assert_false(reload_is_done(f.reload, number));
	sem_post(&f.gate);
	turn_until_idle();
	assert_true(reload_is_done(f.reload, number));
	assert_int_equal(f.reads, 1);
	assert_int_equal(f.result, 0);
	assert_int_equal(f.version_read, 1);
}

/* The files may have changed after the thread began. */
TEST(test_reload_reads_once_more_for_all_who_ask_meanwhile)
{
	uint64_t first = reload_ask(f.reload), second, third;

	wait_for_reader();
	f.version = 2;
	second = reload_ask(f.reload);
	third = reload_ask(f.reload);
	sem_post(&f.gate);
	while (!reload_is_done(f.reload, first))
		(void)uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(f.version_read, 1);
	assert_false(reload_is_done(f.reload, second));
	assert_false(reload_is_idle(f.reload));
	sem_post(&f.gate);
	turn_until_idle();
	assert_true(reload_is_done(f.reload, third));
	assert_int_equal(f.version_read, 2);
	assert_int_equal(f.reads, 2);
}

TEST(test_reload_tells_mistakes_to_those_who_ask)
{
	f.wrong = true;
	(void)reload_ask(f.reload);
	sem_post(&f.gate);
	turn_until_idle();
	assert_int_equal(f.reads, 1);
}

TEST(test_reload_without_a_thread_says_so_at_once)
{
	uint64_t number;

	f.start_error = -EAGAIN;
	number = reload_ask(f.reload);
	assert_true(reload_is_done(f.reload, number));
	assert_int_equal(f.reads, 1);
	assert_int_equal(f.result, -EAGAIN);
	f.start_error = 0;
	(void)reload_ask(f.reload);
	sem_post(&f.gate);
	turn_until_idle();
	assert_int_equal(f.result, 0);
}

static void on_turn(uv_timer_t *timer)
{
	(void)timer;
}

TEST(test_reload_reads_no_more_after_it_was_closed)
{
	uv_timer_t timer;

	(void)reload_ask(f.reload);
	wait_for_reader();
	(void)reload_ask(f.reload);
	reload_close(f.reload);
	/* does not wait for the thread */
	(void)uv_run(&f.loop, UV_RUN_DEFAULT);
	assert_true(reload_is_reading(f.reload));
	f.wrong = true;
	sem_post(&f.gate);
	/* a loop that goes on for other reasons hears of its end */
	assert_int_equal(uv_timer_init(&f.loop, &timer), 0);
	assert_int_equal(uv_timer_start(&timer, on_turn, 0, 1), 0);
	while (reload_is_reading(f.reload))
		(void)uv_run(&f.loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&f.loop, UV_RUN_DEFAULT);
	assert_int_equal(f.reads, 0);
}

TEST(test_reload_has_no_problem_before_it_is_late)
{
	assert_null(reload_problem(NULL));
	(void)reload_ask(f.reload);
	assert_null(reload_problem(f.reload));
	sem_post(&f.gate);
	turn_until_idle();
	assert_int_equal(f.lates, 0);
}
