/* SPDX-License-Identifier: BSD-3-Clause */
/* reload -- see reload.h. */
#include "vmmallocd/reload.h"

#include <errno.h>
#include <stdlib.h>

#include "vmmallocd/base/work.h"

struct reload {
	uv_loop_t *loop;
	uv_timer_t retry_timer, late_timer;
	const char *file;
	const struct reload_events *events;
	void *context;
	/* Numbers of requests: the last one; the last that the thread reads for; the last that it has read for. */
	uint64_t asked, begun, done;
	bool names_missing;        /* in what is in use */
	bool late;                 /* a request is waited for, and was said to be late */
	bool closed;
	bool reading;              /* a thread has what follows */
	struct work work;
	struct config config;
	int result;                /* of config_read */
};

static void set_retry_timer(struct reload *reload);

static void on_late(uv_timer_t *timer)
{
	struct reload *reload = timer->data;

	reload->late = true;
	reload->events->late(reload->context);
}

/* Those of all requests that the thread had before it began; `result` and the configuration are what it read. */
static void finish_requests(struct reload *reload)
{
	bool is_asked_for = reload->begun > reload->done;
	bool is_right = reload->result == 0 && !reload->config.problem && !reload->config.names_missing;

	reload->done = reload->begun;
	if (reload_is_idle(reload)) {
		(void)uv_timer_stop(&reload->late_timer);
		reload->late = false;
	}
	/* what nobody asked for is old when somebody has asked by now */
	if (is_asked_for || (is_right && reload->names_missing && reload_is_idle(reload)))
		reload->events->read(reload->context, reload->done, reload->result, &reload->config);
	else if (reload->result == 0)
		config_done(&reload->config);
}

static void read_in_thread(struct work *work)
{
	struct reload *reload = work->data;

	reload->result = config_read(reload->file, &reload->config);
}

static void on_read(struct work *work);

static void begin_reading(struct reload *reload)
{
	int r;

	reload->begun = reload->asked;
	r = work_start(reload->loop, &reload->work, read_in_thread, on_read);
	reload->reading = r == 0;
	if (r < 0) {
		reload->result = r;
		finish_requests(reload);
	}
	set_retry_timer(reload);
}

static void on_read(struct work *work)
{
	struct reload *reload = work->data;

	reload->reading = false;
	if (reload->closed) {
		if (reload->result == 0)
			config_done(&reload->config);
		return;
	}
	finish_requests(reload);
	if (!reload_is_idle(reload) && !reload->reading)
		begin_reading(reload);
	set_retry_timer(reload);
}

static void on_retry(uv_timer_t *timer)
{
	struct reload *reload = timer->data;

	if (!reload->reading)
		begin_reading(reload);
}

static void set_retry_timer(struct reload *reload)
{
	if (reload->closed)
		return;
	if (reload->names_missing && !reload->reading)
		(void)uv_timer_start(&reload->retry_timer, on_retry, RELOAD_RETRY_MS, 0);
	else
		(void)uv_timer_stop(&reload->retry_timer);
}

int reload_open(uv_loop_t *loop, const char *file, const struct reload_events *events, void *context,
		struct reload **ret_reload)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return -ENOMEM;
	(void)uv_timer_init(loop, &reload->retry_timer);
	(void)uv_timer_init(loop, &reload->late_timer);
	reload->retry_timer.data = reload->late_timer.data = reload->work.data = reload;
	reload->loop = loop;
	reload->file = file;
	reload->events = events;
	reload->context = context;
	*ret_reload = reload;
	return 0;
}

void reload_names_missing(struct reload *reload, bool missing)
{
	reload->names_missing = missing;
	set_retry_timer(reload);
}

uint64_t reload_ask(struct reload *reload)
{
	uint64_t number = ++reload->asked;

	if (!uv_is_active((uv_handle_t *)&reload->late_timer))
		(void)uv_timer_start(&reload->late_timer, on_late, RELOAD_LATE_MS, 0);
	if (!reload->reading)
		begin_reading(reload);
	return number;
}

bool reload_is_done(const struct reload *reload, uint64_t number)
{
	return reload->done >= number;
}

bool reload_is_idle(const struct reload *reload)
{
	return reload->done == reload->asked;
}

const char *reload_problem(const struct reload *reload)
{
	return reload && reload->late ? "a reload waits for the configuration's files or the user database" : NULL;
}

void reload_close(struct reload *reload)
{
	if (!reload || reload->closed)
		return;
	reload->closed = true;
	uv_close((uv_handle_t *)&reload->retry_timer, NULL);
	uv_close((uv_handle_t *)&reload->late_timer, NULL);
	if (reload->reading)
		work_abandon(&reload->work);
}

bool reload_is_reading(const struct reload *reload)
{
	return reload && reload->reading;
}

void reload_free(struct reload *reload)
{
	free(reload);
}
