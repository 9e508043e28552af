/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon_handouts -- one client that takes a pool after another, and gives each back at once.
 *
 *   daemon_handouts SOCKET CLASS HANDOUTS warm|cold
 *
 * Prints, in microseconds, what the exchanges took, connecting included: "handouts N p50 US p99 US max US". A warm pool
 * is waited for, outside of that time; a class for cold ones must have none ready.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/daemon_take.h"

#define PAUSE_US 2000     /* for the daemon to take it back */

static int by_length(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* How long the one took that had a pool. */
static int64_t take_one(char **argv)
{
	bool cold = strcmp(argv[4], "cold") == 0;

	for (;;) {
		struct handout_reply reply = { .status = HANDOUT_NONE_READY };
		int64_t began = now_ns(), took;
		int fd, r = daemon_take_any(argv[1], argv[2], cold, &reply, &fd);

		took = now_ns() - began;
		if (r != 0)
			die("request", -r);
		if (handout_is_given(reply.status)) {
			if ((reply.status == HANDOUT_COLD) != cold)
				die("a pool of the other kind", EINVAL);
			close(fd);
			usleep(PAUSE_US);
			return took;
		}
		usleep(PAUSE_US);
	}
}

int main(int argc, char **argv)
{
	size_t count = argc == 5 ? (size_t)atol(argv[3]) : 0;
	int64_t *took_ns = calloc(count, sizeof(int64_t));

	if (count == 0)
		return 2;
	if (!took_ns)
		die("calloc", ENOMEM);
	for (size_t i = 0; i < count; i++)
		took_ns[i] = take_one(argv);
	qsort(took_ns, count, sizeof(int64_t), by_length);
	printf("handouts %zu p50 %.1f p99 %.1f max %.1f\n", count, (double)took_ns[count / 2] / 1e3,
	       (double)took_ns[count - 1 - count / 100] / 1e3, (double)took_ns[count - 1] / 1e3);
	free(took_ns);
	return 0;
}
