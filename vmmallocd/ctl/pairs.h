/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pairs -- a table of two columns on standard output: what, and what it is. The first error is kept until the end, and
 * what is added after it is passed over.
 */
#ifndef VMMALLOCD_CTL_PAIRS_H
#define VMMALLOCD_CTL_PAIRS_H

#include <libsmartcols/libsmartcols.h>
#include <stddef.h>

struct pairs {
	struct libscols_table *table;
	size_t count;
	int result;
};

void pairs_begin(struct pairs *pairs);
void pairs_add(struct pairs *pairs, const char *what, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Prints the table and frees it. 0 or -errno. */
int pairs_end(struct pairs *pairs);

#endif
