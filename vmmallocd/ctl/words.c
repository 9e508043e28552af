/* SPDX-License-Identifier: BSD-3-Clause */
/* words -- see words.h. */
#include "vmmallocd/ctl/words.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "vmmallocd/ctl/ctl.h"

uint64_t words_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool words_number(const char *what, const char *text, unsigned least, unsigned most, unsigned *ret_number)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < least || number > most) {
		ctl_complain("%s (%s): expected a number from %u to %u", what, text, least, most);
		return false;
	}
	*ret_number = (unsigned)number;
	return true;
}

int words_take(const char *what, int argc, char **argv, const char **ret_word)
{
	if (optind >= argc) {
		ctl_complain("%s: %s is missing; try vmmallocctl %s --help", argv[0], what, argv[0]);
		return CTL_USAGE;
	}
	*ret_word = argv[optind++];
	return -1;
}

int words_take_last(const char *what, int argc, char **argv, const char **ret_word)
{
	int status = words_take(what, argc, argv, ret_word);

	if (status < 0 && ctl_no_more(argc, argv) != CTL_OK)
		status = CTL_USAGE;
	return status;
}
