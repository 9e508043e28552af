/* SPDX-License-Identifier: BSD-3-Clause */
/* options -- what bench is told on its command line. */
#ifndef TESTS_BENCH_OPTIONS_H
#define TESTS_BENCH_OPTIONS_H

#include "tests/bench/allocators.h"
#include "tests/bench/sections.h"

struct options {
	struct settings settings;       /* without the program */
	struct allocators_order order;  /* without the directory */
	const char *dir;                /* where pool files go */
	const char *json;               /* or NULL */
};

/* Prints what is wrong and returns -EINVAL; after --help it does not return. Borrows from argv. */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
