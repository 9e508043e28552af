/* SPDX-License-Identifier: BSD-3-Clause */
/* tunable -- small files of the kernel's, in /proc and /sys: a line each. */
#ifndef VMMALLOCD_DOCTOR_TUNABLE_H
#define VMMALLOCD_DOCTOR_TUNABLE_H

#include <stdbool.h>
#include <stddef.h>

/* The beginning of it, without the newline at its end. False, and "": it cannot be read. */
bool tunable_text(const char *path, char *text, size_t bytes);
/* False: it is no number, "max" for one. */
bool tunable_number(const char *path, unsigned long long *ret_number);
/* The word in brackets: "always [madvise] never". */
bool tunable_choice(const char *path, char *word, size_t bytes);
/* What follows "NAME:" and white space in a line of it: /proc/self/status, /proc/meminfo. */
bool tunable_field(const char *path, const char *name, char *text, size_t bytes);

#endif
