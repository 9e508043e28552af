/* SPDX-License-Identifier: BSD-3-Clause */
/* words -- see words.h. */
#include "vmmallocd/ctl/words.h"

#include <jansson.h>

#include "vmmallocd/ctl/argument.h"
#include "vmmallocd/ctl/ctl.h"

bool words_number(const char *what, const char *text, unsigned least, unsigned most, unsigned *ret_number)
{
	long long number;

	if (argument_number(what, text, least, most, &number) >= 0)
		return false;
	*ret_number = (unsigned)number;
	return true;
}

/* JSON is UTF-8, and so is what an order says. */
static bool can_be_said(const char *word)
{
	json_t *string = json_string(word);

	json_decref(string);
	return string;
}

int words_take(const char *what, int argc, char **argv, const char **ret_word)
{
	if (optind >= argc) {
		ctl_complain("%s: %s is missing; try vmmallocctl %s --help", argv[0], what, argv[0]);
		return CTL_USAGE;
	}
	if (!can_be_said(argv[optind])) {
		ctl_complain("%s (%s): expected %s, by its name", argv[0], argv[optind], what);
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
