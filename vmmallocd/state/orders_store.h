/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * orders_store -- the orders that outlast the daemon (vmmallocd/plan/orders.h) in a file of the state directory, and
 * back. Both block; no libuv, no logging.
 */
#ifndef VMMALLOCD_STATE_ORDERS_STORE_H
#define VMMALLOCD_STATE_ORDERS_STORE_H

#include "common/base/text.h"
#include "vmmallocd/plan/orders.h"

#define ORDERS_STORE_FILE "orders"
#define ORDERS_STORE_BYTES_MOST ((size_t)1 << 20)   /* a larger file is not ours */

/* Atomic and durable, as whole_file_write; the directory is made if it is not there. 0 or -errno. */
int orders_store_save(const char *path, const char *text);

/*
 * Adds what is in the file; there need not be one. 0; or -errno with `error`: it cannot be read, or something in it is
 * no order, and then all others are added.
 */
int orders_store_load(const char *path, struct orders *orders, struct text *error);

#endif
