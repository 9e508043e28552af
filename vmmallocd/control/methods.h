/* SPDX-License-Identifier: BSD-3-Clause */
/* methods -- what a call asks, done; no libuv, no sockets. org.vmmalloc.varlink says what there is to ask. */
#ifndef VMMALLOCD_CONTROL_METHODS_H
#define VMMALLOCD_CONTROL_METHODS_H

#include "vmmallocd/control/control.h"
#include "vmmallocd/control/reply.h"

/*
 * Does what a message asks. `is_trusted`: the caller may change something. `gone`: nobody waits for an answer
 * any more, and a call that wants one is not carried out (-EPIPE): its caller was told that no daemon answers. 0, and a
 * reply (an error, it may be), or NULL if the caller wants none; -EBADMSG: it is no call, end the connection; -ENOMEM:
 * likewise.
 */
int control_methods_call(const struct control_backend *backend, bool is_trusted, bool gone, const char *message,
			 size_t bytes, struct control_reply **ret_reply);

#endif
