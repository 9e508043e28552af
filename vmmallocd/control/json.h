/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json -- pools, classes and the daemon itself as JSON objects of the types in org.vmmalloc.varlink.
 *
 * Text that is no UTF-8 (a process may call itself anything) has '?' for its bytes above 127; a number that JSON cannot
 * hold (a pool's header is its owner's to write) is the largest that it can.
 */
#ifndef VMMALLOCD_CONTROL_JSON_H
#define VMMALLOCD_CONTROL_JSON_H

#include <jansson.h>

#include "vmmallocd/control/control.h"
#include "vmmallocd/plan/events.h"

/* New objects, or NULL for want of memory. */
json_t *control_json_pool(const struct control_backend *backend, const struct registry_pool *pool);
json_t *control_json_waiting(const struct waiting_client *client, const char *class_name);
json_t *control_json_event(const struct event *event);
json_t *control_json_daemon(const struct control_backend *backend);

/* One of the configuration. */
json_t *control_json_class(const struct control_backend *backend, const char *class_name);

/* Those of the configuration in its order, then those that only have pools left. */
json_t *control_json_classes(const struct control_backend *backend);

/* A string object, whatever the bytes. */
json_t *control_json_text(const char *text);
json_t *control_json_number(uint64_t value);

#endif
