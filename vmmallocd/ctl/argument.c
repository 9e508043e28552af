/* SPDX-License-Identifier: BSD-3-Clause */
/* argument -- see argument.h. */
#include "vmmallocd/ctl/argument.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/handout.h"
#include "vmmallocd/ctl/ctl.h"

int argument_number(const char *option, const char *value, long long least, long long most, long long *ret_number)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno != 0 || number < least || number > most) {
		ctl_complain("%s (%s): expected a number from %lld to %lld", option, value, least, most);
		return CTL_USAGE;
	}
	*ret_number = number;
	return -1;
}

int argument_class(const char *option, const char *value)
{
	if (handout_class_name_check(value) == 0)
		return -1;
	ctl_complain("%s (%s): expected up to 63 letters, digits, '-' and '_'", option, value);
	return CTL_USAGE;
}
