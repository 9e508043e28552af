/* SPDX-License-Identifier: BSD-3-Clause */
/* suggest -- see suggest.h. */
#include "common/util/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool is_same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/*
 * How many letters are to be put in, left out, replaced, or changed with their neighbour, to make one word of the other
 * (optimal string alignment). Rows of the table are those of the letters of `a`; three of them are needed.
 */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][SUGGEST_WORD_BYTES], a_length = strlen(a), b_length = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			row[j] = least_of(least_of(last[j], row[j - 1]) + 1,
					  last[j - 1] + !is_same_letter(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && is_same_letter(a[i - 1], b[j - 2]) && is_same_letter(a[i - 2], b[j - 1]))
				row[j] = least_of(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[b_length];
}

/* What is begun is meant. Else a third of the letters may be wrong. */
void suggest_offer(struct suggest *suggest, const char *candidate)
{
	size_t length = strlen(suggest->word), candidate_length = strlen(candidate), distance;

	if (length == 0 || length >= SUGGEST_WORD_BYTES || candidate_length >= SUGGEST_WORD_BYTES)
		return;
	distance = length > 1 && strncasecmp(candidate, suggest->word, length) == 0
			   ? 0 : edit_distance(suggest->word, candidate);
	if (distance * 3 > length || (suggest->nearest && distance >= suggest->distance))
		return;
	suggest->nearest = candidate;
	suggest->distance = distance;
}

const char *suggest_say(const struct suggest *suggest, char hint[SUGGEST_BYTES])
{
	hint[0] = '\0';
	if (suggest->nearest)
		snprintf(hint, SUGGEST_BYTES, "; did you mean '%s'?", suggest->nearest);
	return hint;
}
