/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suggest -- which word was probably meant by one that is not known.
 *
 *     struct suggest suggest = { .word = word };
 *     suggest_offer(&suggest, candidate);   for each that there is
 *     suggest_say(&suggest, hint)           "; did you mean 'list'?", or nothing
 */
#ifndef COMMON_UTIL_SUGGEST_H
#define COMMON_UTIL_SUGGEST_H

#include <stddef.h>

#define SUGGEST_WORD_BYTES 64    /* nothing is said of longer ones */
#define SUGGEST_BYTES (SUGGEST_WORD_BYTES + 24)

struct suggest {
	const char *word;
	const char *nearest;     /* of those that were offered; NULL: none is near */
	size_t distance;
};

/* `candidate` must last as long as the suggestion. Upper and lower case are the same. */
void suggest_offer(struct suggest *suggest, const char *candidate);
/* Returns `hint`. */
const char *suggest_say(const struct suggest *suggest, char hint[SUGGEST_BYTES]);

#endif
