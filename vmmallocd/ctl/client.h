/* SPDX-License-Identifier: BSD-3-Clause */
/* client -- one call to the daemon, in CTL_PATIENCE_MS at most as a rule. */
#ifndef VMMALLOCD_CTL_CLIENT_H
#define VMMALLOCD_CTL_CLIENT_H

#include <jansson.h>

#include "vmmallocd/ctl/ctl.h"

/*
 * Calls org.vmmalloc.METHOD with an object of parameters, or NULL, which it takes over. Returns an exit status, and has
 * complained if it is not CTL_OK; then *ret_reply, the reply's parameters, is the caller's.
 */
int client_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply);

#endif
