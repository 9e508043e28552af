/* SPDX-License-Identifier: BSD-3-Clause */
/* report -- the few words that the library ever says, on standard error: it cannot go on, or not as it was asked to. */
#ifndef LIBVMMALLOC_BASE_REPORT_H
#define LIBVMMALLOC_BASE_REPORT_H

/* Writes "Warning (libvmmalloc): " and the message as one line, in one write. */
void vmm_report_warning(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/* Writes "Error (libvmmalloc): " and the message likewise, and ends the process with status 1. */
void vmm_report_fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn, cold));

#endif
