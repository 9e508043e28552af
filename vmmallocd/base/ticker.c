/* SPDX-License-Identifier: BSD-3-Clause */
/* ticker -- see ticker.h. */
#include "vmmallocd/base/ticker.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void on_tick(int signal)
{
	(void)signal;
}

int ticker_start(struct ticker *ticker, unsigned interval_ms)
{
	/* no SA_RESTART: the call that it meets shall end */
	const struct sigaction action = { .sa_handler = on_tick };
	const struct timespec pause = { .tv_sec = interval_ms / 1000, .tv_nsec = interval_ms % 1000 * 1000000l };
	const struct itimerspec interval = { .it_interval = pause, .it_value = pause };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TICKER_SIGNAL };
	sigset_t tick;

	event.sigev_notify_thread_id = gettid();
	if (sigaction(TICKER_SIGNAL, &action, NULL) < 0 || timer_create(CLOCK_MONOTONIC, &event, &ticker->timer) < 0)
		return -errno;
	sigemptyset(&tick);
	sigaddset(&tick, TICKER_SIGNAL);
	(void)pthread_sigmask(SIG_UNBLOCK, &tick, &ticker->mask);
	(void)timer_settime(ticker->timer, 0, &interval, NULL);
	return 0;
}

void ticker_stop(struct ticker *ticker)
{
	(void)timer_delete(ticker->timer);
	(void)pthread_sigmask(SIG_SETMASK, &ticker->mask, NULL);
}
