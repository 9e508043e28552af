/* SPDX-License-Identifier: BSD-3-Clause */
/* reload -- see reload.h. */
#include "vmmallocd/reload.h"

#include <errno.h>
#include <stdlib.h>

#include "vmmallocd/base/work.h"

struct names {
	uv_timer_t timer;
	const char *file;
	void (*found)(void *context, struct config *config);
	void *context;
	bool missing;              /* in what is in use */
	bool looking;              /* a thread is at it */
	bool old;                  /* what it finds is not what the files say any more */
	bool closed;               /* the timer is */
	struct work work;
	struct config config;
	int result;                /* of config_read */
};

static void free_if_done(struct names *names)
{
	if (names->closed && !names->looking)
		free(names);
}

/* In a thread: the user database may let it wait. */
static void look(struct work *work)
{
	struct names *names = work->data;

	names->result = config_read(names->file, &names->config);
}

static void looked(struct work *work)
{
	struct names *names = work->data;
	bool right = names->result == 0 && names->config.mistake_count == 0;

	names->looking = false;
	/* it may have been read again meanwhile, and be right */
	if (right && names->missing && !names->old)
		names->found(names->context, &names->config);
	else if (names->result == 0)
		config_done(&names->config);
	names_look(names, names->missing);
	free_if_done(names);
}

static void on_timer(uv_timer_t *timer)
{
	struct names *names = timer->data;

	names->old = false;
	names->looking = work_start(timer->loop, &names->work, look, looked) == 0;
	/* there may be a thread the next time */
	names_look(names, names->missing);
}

int names_open(uv_loop_t *loop, const char *file, void (*found)(void *context, struct config *config), void *context,
	       struct names **ret_names)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	(void)uv_timer_init(loop, &names->timer);
	names->timer.data = names->work.data = names;
	names->file = file;
	names->found = found;
	names->context = context;
	*ret_names = names;
	return 0;
}

void names_look(struct names *names, bool missing)
{
	names->missing = missing;
	if (names->closed || uv_is_closing((uv_handle_t *)&names->timer))
		return;
	if (missing && !names->looking)
		(void)uv_timer_start(&names->timer, on_timer, NAMES_RETRY_MS, 0);
	else
		(void)uv_timer_stop(&names->timer);
}

void names_read_elsewhere(struct names *names)
{
	names->old = true;
}

static void on_closed(uv_handle_t *handle)
{
	struct names *names = handle->data;

	names->closed = true;
	free_if_done(names);
}

void names_close(struct names *names)
{
	if (!names)
		return;
	names->missing = false;
	uv_close((uv_handle_t *)&names->timer, on_closed);
}
