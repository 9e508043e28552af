/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exporter -- metrics for whoever comes by HTTP: GET /metrics, in the format that the client asks for.
 *
 * A daemon that does not answer is no failure of the exporter's: the answer is 200, and vmmalloc_up in it is 0. So one
 * who watches can tell a daemon that is down from an exporter that is, and from a file that nobody writes any more.
 *
 * libmicrohttpd is loaded when it is needed: with what it needs itself, it would cost each `vmmallocctl run` as much as
 * the rest of it.
 */
#ifndef VMMALLOCD_CTL_EXPORTER_H
#define VMMALLOCD_CTL_EXPORTER_H

#include <signal.h>

#include "vmmallocd/ctl/ctl.h"

/*
 * Serves on `where`: ADDRESS:PORT, [ADDRESS]:PORT, or the path of a socket, which has a slash in it; until one of the
 * signals in `ends`, which are blocked. Returns an exit status, and has complained if it is not CTL_OK.
 */
int exporter_run(const struct ctl *ctl, const char *where, const sigset_t *ends);

#endif
