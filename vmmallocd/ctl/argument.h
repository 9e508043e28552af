/* SPDX-License-Identifier: BSD-3-Clause */
/* argument -- the arguments of options. Each returns -1, go on; or complains of the value, and returns CTL_USAGE. */
#ifndef VMMALLOCD_CTL_ARGUMENT_H
#define VMMALLOCD_CTL_ARGUMENT_H

/* A whole number from `least` to `most`. */
int argument_number(const char *option, const char *value, long long least, long long most, long long *ret_number);
/* What can be the name of a class. */
int argument_class(const char *option, const char *value);

#endif
