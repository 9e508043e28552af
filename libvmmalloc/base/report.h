/* SPDX-License-Identifier: BSD-3-Clause */
/* report -- the few words that the library ever says: on standard error, when it cannot go on. */
#ifndef LIBVMMALLOC_BASE_REPORT_H
#define LIBVMMALLOC_BASE_REPORT_H

/* Writes "Error (libvmmalloc): " and the message as one line, in one write, and ends the process with status 1. */
void vmm_report_fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn, cold));

#endif
