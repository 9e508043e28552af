/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * orders -- what an operator has ordered for classes while the daemon runs, over what the configuration says of them.
 *
 *     orders_set_service, orders_resize --> orders --> orders_apply --> struct config_class
 *
 * A drained or disabled class stays so, through reloads and restarts, until it is enabled, and though it is not
 * configured meanwhile: a class that served again because the daemon had crashed would give pools of a directory that
 * somebody is about to unmount. The text of these orders is one line for each, which is kept in a file:
 *
 *     drained NAME
 *     disabled NAME
 *
 * A resized class is so until the configuration is read again. Plain data: no clock, no files, no libuv.
 */
#ifndef VMMALLOCD_PLAN_ORDERS_H
#define VMMALLOCD_PLAN_ORDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/handout.h"
#include "vmmallocd/config/config.h"

struct order {
	char name[HANDOUT_CLASS_BYTES];
	enum config_service service;
	bool resized;
	unsigned ready, max;     /* if it is */
};

struct orders {
	struct order *list;      /* in the order in which they were given */
	size_t count;
};

void orders_done(struct orders *orders);

/* 0 or -ENOMEM. The name is one of a class (handout_class_name_check). */
int orders_set_service(struct orders *orders, const char *name, enum config_service service);
/* The same; `ready` is at most `max`. */
int orders_resize(struct orders *orders, const char *name, unsigned ready, unsigned max);
/* No class is resized any more. */
void orders_forget_sizes(struct orders *orders);

/* Sets what orders say, and takes back what they said before, in classes whose file_ready and file_max are set. */
void orders_apply(const struct orders *orders, struct config *config);

/* Those of drained and disabled classes as a text, which is malloc'ed. 0 or -ENOMEM. */
int orders_format(const struct orders *orders, char **ret_text);
/*
 * Adds those of a text. 0; -ENOMEM; -EBADMSG: a line is none, whose number is in *ret_line; the others are added all
 * the same.
 */
int orders_parse(struct orders *orders, const char *text, size_t *ret_line);

/* "serving", "drained" or "disabled". */
const char *orders_service_name(enum config_service service);

#endif
