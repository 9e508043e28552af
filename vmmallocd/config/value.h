/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * value -- the values of vmmallocd.conf: from words in a line to fields of struct config.
 *
 * Every reader has one form. It fills the field, and returns 0; or leaves it alone, returns -errno, and says in
 * `expected` what would have been right, as words that follow "expected " (nothing if memory ran out). -ENOENT: names
 * or nodes were not found, and the field is filled, with CONFIG_ID_NOBODY for each such name. Readers of strings and
 * lists free what the field held before.
 */
#ifndef VMMALLOCD_CONFIG_VALUE_H
#define VMMALLOCD_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/text.h"

struct config_key {
	const char *name;
	int (*read)(const struct config_key *key, const char *value, void *field, struct text *expected);
	size_t offset;         /* of the field, in the structure that the key's section fills */
	unsigned least, most;  /* of config_value_number */
	bool names_unasked;    /* of config_value_users and config_value_groups: every name stands for nobody */
};

/* Puts a copy of the text into a field that may have one already. 0 or -ENOMEM. */
int config_value_set_text(char **field, const char *text);

int config_value_path(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_size(const struct config_key *key, const char *value, void *field, struct text *expected);
/* The same, or 0. */
int config_value_size_or_none(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_number(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_flag(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_recycle(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_on_pressure(const struct config_key *key, const char *value, void *field, struct text *expected);
/* "10%", "2.5%": hundredths of a percent, more than none and less than all. */
int config_value_share(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_log_level(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_users(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_groups(const struct config_key *key, const char *value, void *field, struct text *expected);
/* Of NUMA nodes, and written as the kernel does. -ENOENT: they are right, but some of them have no memory, yet. */
int config_value_nodes(const struct config_key *key, const char *value, void *field, struct text *expected);
int config_value_huge(const struct config_key *key, const char *value, void *field, struct text *expected);

#endif
