/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure -- what one run of a program costs.
 *
 *   measure SECONDS DIR [NAME=VALUE]... COMMAND [ARGUMENT]...
 *
 * Runs the command with these variables, PATH, HOME and LC_ALL and no others, for so many seconds at most, and prints
 * "time S user S system S faults N peak KIB file KIB": of it and what it started and waited for; the file is what
 * there is of its heap below DIR. What the command says is thrown away, unless it fails.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/child.h"

#define FAILURE_MOST 256

int main(int argc, char **argv)
{
	char **environment = calloc((size_t)argc + 3, sizeof(char *));
	char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", locale[] = "LC_ALL=C", home[] = "HOME=/nonexistent";
	char failure[FAILURE_MOST];
	struct child child;
	int next = 3, count = 0, seconds, r;

	if (argc < 4 || !environment || (seconds = atoi(argv[1])) <= 0) {
		fprintf(stderr, "usage: measure SECONDS DIR [NAME=VALUE]... COMMAND [ARGUMENT]...\n");
		return 2;
	}
	environment[count++] = path;
	environment[count++] = locale;
	environment[count++] = home;
	while (next < argc - 1 && strchr(argv[next], '='))
		environment[count++] = argv[next++];
	child_catch_signals();
	child_watch_files(argv[2]);
	r = child_run((const char *const *)&argv[next], environment, seconds, &child);
	free(environment);
	if (r < 0 || child_failed(&child, failure, sizeof(failure))) {
		fprintf(stderr, "measure: %s: %s\n", argv[next], r < 0 ? strerror(-r) : failure);
		return 1;
	}
	printf("time %.6f user %.6f system %.6f faults %.0f peak %.0f file %.0f\n", child.seconds, child.user_s,
	       child.system_s, child.faults, child.peak_kib, child.file_kib);
	return 0;
}
