/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon_refusals -- one client that is told no, again and again.
 *
 *   daemon_refusals SOCKET CLASS REFUSALS
 *
 * Prints, in microseconds, what the exchanges took, connecting included: "refusals N p50 US p99 US max US". The class
 * must have no pool that is ready.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/daemon_take.h"

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t count = argc == 4 ? (size_t)atol(argv[3]) : 0;
	int64_t *took_ns = calloc(count, sizeof(int64_t));

	if (count == 0)
		return 2;
	if (!took_ns)
		die("calloc", ENOMEM);
	for (size_t i = 0; i < count; i++) {
		struct handout_reply reply = { .status = HANDOUT_OK };
		int64_t began = now_ns();
		int fd, r = daemon_take(argv[1], argv[2], &reply, &fd);

		took_ns[i] = now_ns() - began;
		if (r != 0)
			die("request", -r);
		if (reply.status == HANDOUT_OK)
			die("a pool came", EEXIST);
	}
	qsort(took_ns, count, sizeof(int64_t), compare);
	printf("refusals %zu p50 %.1f p99 %.1f max %.1f\n", count, (double)took_ns[count / 2] / 1e3,
	       (double)took_ns[count - 1 - count / 100] / 1e3, (double)took_ns[count - 1] / 1e3);
	free(took_ns);
	return 0;
}
