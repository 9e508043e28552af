/* SPDX-License-Identifier: BSD-3-Clause */
/* test_settings -- what those are told who ask for the configuration to be read again. */
/* objects: vmmallocd/settings.c vmmallocd/reload.c vmmallocd/notify.c vmmallocd/base/ vmmallocd/config/ */
/* objects: common/base/ common/util/ */
/* packages: libuv libsystemd */
/* wrap: config_read */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "vmmallocd/settings.h"

static struct fixture {
	uv_loop_t loop;
	struct log log;
	struct daemon_options options;
	struct notify *notify;
	struct settings settings;
	unsigned reads;               /* by the thread */
	unsigned wrong;               /* bit N: the reading N finds a mistake; the first is 0 */
	unsigned uses, refusals, reloads, failures;
} f;

int __wrap_config_read(const char *file, struct config *ret_config)
{
	struct config config = { .runtime_dir = strdup("/run/a"), .state_dir = strdup("/a") };

	(void)file;
	if (f.wrong & 1u << f.reads++) {
		config.mistakes = malloc(sizeof(*config.mistakes));
		config.mistakes[config.mistake_count++] = strdup("a mistake");
		config.problem = config.mistakes[0];
	}
	*ret_config = config;
	return 0;
}

static void on_use(void *context)
{
	assert_ptr_equal(context, &f);
	f.uses++;
}

static void on_refused(void *context)
{
	assert_ptr_equal(context, &f);
	f.refusals++;
}

static void on_reloaded(void *context)
{
	assert_ptr_equal(context, &f);
	f.reloads++;
}

static void on_failed(void *context, const char *reason, bool log)
{
	assert_ptr_equal(context, &f);
	assert_string_equal(reason, "a mistake");
	assert_false(log);
	f.failures++;
}

static const struct settings_events events = {
	.use = on_use, .refused = on_refused, .reloaded = on_reloaded, .failed = on_failed,
};

static int set_up(void **state)
{
	(void)state;
	f = (struct fixture){ .options = { .config_file = "/a.conf" } };
	log_init(&f.log, STDERR_FILENO, CONFIG_LOG_ERROR);
	assert_int_equal(uv_loop_init(&f.loop), 0);
	assert_int_equal(notify_open(&f.loop, &f.notify), 0);
	assert_int_equal(settings_read(&f.settings, &f.options, &f.log, false), 0);
	assert_int_equal(settings_open(&f.settings, &f.loop, f.notify, &events, &f), 0);
	f.reads = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	settings_close(&f.settings);
	notify_close(f.notify);
	(void)uv_run(&f.loop, UV_RUN_DEFAULT);
	assert_false(settings_are_read(&f.settings));
	settings_done(&f.settings);
	assert_int_equal(uv_loop_close(&f.loop), 0);
	log_done(&f.log);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

static int result_of(uint64_t number, char words[64])
{
	struct text error = { .data = words, .size = 64 };

	words[0] = '\0';
	return settings_reload_result(&f.settings, number, &error);
}

static void turn_until_done(uint64_t number)
{
	char words[64];

	while (result_of(number, words) == -EINPROGRESS)
		(void)uv_run(&f.loop, UV_RUN_ONCE);
}

/* The files become wrong after they were read for the first, who looks when they were read again. */
TEST(test_settings_each_request_has_a_result_of_its_own)
{
	uint64_t first, second;
	char words[64];

	f.wrong = 1 << 1;
	first = settings_reload(&f.settings, false);
	second = settings_reload(&f.settings, false);
	turn_until_done(second);
	assert_int_equal(f.uses, 1);
	assert_int_equal(f.refusals, 1);
	assert_int_equal(f.reloads, 1);
	assert_int_equal(f.failures, 1);
	assert_int_equal(result_of(first, words), 0);
	assert_string_equal(words, "");
	assert_int_equal(result_of(second, words), -EINVAL);
	assert_string_equal(words, "a mistake");
}

/* It is not there that long, and is told what is known. */
TEST(test_settings_tells_a_late_request_the_oldest_result)
{
	uint64_t first = settings_reload(&f.settings, false), last = first;
	char words[64];

	f.wrong = ~1u;
	turn_until_done(first);
	assert_int_equal(result_of(first, words), 0);
	for (int i = 0; i < SETTINGS_RESULTS; i++) {
		last = settings_reload(&f.settings, false);
		turn_until_done(last);
	}
	assert_int_equal(result_of(first, words), -EINVAL);
	assert_int_equal(result_of(last, words), -EINVAL);
}
