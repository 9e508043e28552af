/* SPDX-License-Identifier: BSD-3-Clause */
/* mistakes -- notes in a struct config what is wrong with its files. All return 0 or -ENOMEM. */
#ifndef VMMALLOCD_CONFIG_MISTAKES_H
#define VMMALLOCD_CONFIG_MISTAKES_H

#include <stdarg.h>
#include <stdbool.h>

#include "vmmallocd/config/config.h"

/* Of no class alone: "WHERE: what". */
int mistakes_add(struct config *config, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of `class`, or of none if that is NULL, in a line of a file. `closes`: it closes the class. */
int mistakes_add_at(struct config *config, struct config_class *class, bool closes, const char *path, unsigned line,
		    const char *format, va_list args) __attribute__((format(printf, 6, 0)));

/* The mistake that was noted last is not of its class alone. */
void mistakes_concern_all(struct config *config);

#endif
