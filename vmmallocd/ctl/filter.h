/* SPDX-License-Identifier: BSD-3-Clause */
/* filter -- which of the pools, requests or processes are to be shown. */
#ifndef VMMALLOCD_CTL_FILTER_H
#define VMMALLOCD_CTL_FILTER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/util/suggest.h"
#include "vmmallocd/ctl/ctl.h"

#define FILTER_USERS_MOST 64

/* Zeroed, all pass. */
struct filter {
	char *const *classes;    /* any of these */
	size_t class_count;
	const char *states;      /* any of these, with commas between them; NULL: all */
	uid_t users[FILTER_USERS_MOST];
	size_t user_count;
};

/* Take what an option said. Exit statuses. */
int filter_set_states(struct filter *filter, const char *states);
int filter_set_users(struct filter *filter, const char *users);
/* Whether it is one of those of `status`; if not, `hint` is which one was meant, or "". */
bool filter_has_class(const json_t *classes, const char *name, char hint[SUGGEST_BYTES]);
/* The same, and complains if not. An exit status. */
int filter_check_class(const json_t *classes, const char *name);
/* Of those that the daemon knows. An exit status. */
int filter_set_classes(struct filter *filter, const struct ctl *ctl, char *const *classes, size_t count);

/* A new array of those that pass; NULL: no memory. */
json_t *filter_rows(const struct filter *filter, const json_t *rows);

#endif
