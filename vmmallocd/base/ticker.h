/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ticker -- signals that come to the calling thread at intervals, so that a system call that waits for somebody ends
 * with EINTR. One that comes too early to meet the call is followed by others.
 */
#ifndef VMMALLOCD_BASE_TICKER_H
#define VMMALLOCD_BASE_TICKER_H

#include <signal.h>
#include <time.h>

#define TICKER_SIGNAL (SIGRTMIN + 6)    /* the process takes it for this alone */

struct ticker {
	timer_t timer;
	sigset_t mask;                  /* of the thread, as it was */
};

/* 0 or -errno: -EAGAIN: RLIMIT_SIGPENDING. */
int ticker_start(struct ticker *ticker, unsigned interval_ms);
void ticker_stop(struct ticker *ticker);

#endif
