/* SPDX-License-Identifier: BSD-3-Clause */
/* shape -- JSON on standard output, in the shape that vmmallocctl(1) promises, whatever more the daemon says. */
#ifndef VMMALLOCD_CTL_SHAPE_H
#define VMMALLOCD_CTL_SHAPE_H

#include <jansson.h>

/* A new object: the values of these keys (the last is NULL) as they came, null where nothing did. NULL: no memory. */
json_t *shape_copy(const json_t *object, const char *const *keys);

/*
 * Prints an object, which it takes over; NULL: there was no memory for it. Returns an exit status; the complaint is
 * that `what` cannot be printed.
 */
int shape_print(json_t *object, const char *what);

/* A new object of such a kind, or NULL: a class that Status says. */
json_t *shape_class(const json_t *class);
/* New arrays of such objects, of what List and Status say; or NULL. */
json_t *shape_held_pools(const json_t *pools);   /* with their "holders" */
json_t *shape_waiting(const json_t *waiting);
json_t *shape_classes(const json_t *classes);

/* {"version":1,"pools":[...],"waiting":[...]} */
int shape_print_list(const json_t *pools, const json_t *waiting);

#endif
