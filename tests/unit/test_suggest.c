/* SPDX-License-Identifier: BSD-3-Clause */
/* test_suggest -- which word was meant. */
/* objects: common/util/ common/base/ */
#include <stdlib.h>
#include <string.h>

#include "common/util/suggest.h"
#include "tests/unit/test.h"

static const char *nearest_of(const char *word, const char *const *candidates)
{
	struct suggest suggest = { .word = word };

	while (*candidates)
		suggest_offer(&suggest, *candidates++);
	return suggest.nearest;
}

static void assert_meant(const char *word, const char *expected)
{
	static const char *const candidates[] = { "run", "list", "ps", "status", "prune", "reload", "resize", NULL };
	const char *nearest = nearest_of(word, candidates);

	if (expected)
		assert_string_equal(nearest ? nearest : "nothing", expected);
	else
		assert_null(nearest);
}

TEST(test_suggest_finds_what_was_meant)
{
	assert_meant("lits", "list");      /* neighbours */
	assert_meant("lst", "list");       /* one too few */
	assert_meant("lisst", "list");     /* one too many */
	assert_meant("kist", "list");      /* another */
	assert_meant("LIST", "list");
	assert_meant("stat", "status");    /* begun */
	assert_meant("res", "resize");
	assert_meant("rleaod", "reload");  /* two of six */
	assert_meant("pss", "ps");
}

TEST(test_suggest_says_nothing_where_it_would_guess)
{
	assert_meant("", NULL);
	assert_meant("l", NULL);
	assert_meant("ls", NULL);
	assert_meant("top", NULL);
	assert_meant("start", NULL);
	assert_meant("rxlxax", NULL);
}

TEST(test_suggest_has_words_of_any_length)
{
	char word[4 * SUGGEST_WORD_BYTES], hint[SUGGEST_BYTES];
	const char *const candidates[] = { "a", word, NULL };

	for (size_t length = 0; length < sizeof(word); length++) {
		struct suggest suggest = { .word = word };

		memset(word, 'b', length);
		word[length] = '\0';
		suggest_offer(&suggest, "a");
		suggest_offer(&suggest, word);
		suggest_say(&suggest, hint);
		assert_int_equal(strlen(hint), length > 0 && length < SUGGEST_WORD_BYTES ? length + 18 : 0);
	}
	assert_ptr_equal(nearest_of("c", candidates), NULL);
}

/* The distance that is found by trying all ways, of short words of three letters. */
static size_t slow_distance(const char *a, const char *b)
{
	size_t best, more;

	if (!*a || !*b)
		return strlen(a) + strlen(b);
	best = slow_distance(a + 1, b + 1) + (*a != *b);
	more = slow_distance(a + 1, b) + 1;
	best = more < best ? more : best;
	more = slow_distance(a, b + 1) + 1;
	best = more < best ? more : best;
	if (a[0] == b[1] && a[1] == b[0] && a[1]) {
		more = slow_distance(a + 2, b + 2) + 1;
		best = more < best ? more : best;
	}
	return best;
}

static void make_word(char word[8])
{
	size_t length = 1 + (size_t)rand() % 6;

	for (size_t i = 0; i < length; i++)
		word[i] = (char)('a' + rand() % 3);
	word[length] = '\0';
}

TEST(test_suggest_knows_the_distance)
{
	srand(1);
	for (int i = 0; i < 20000; i++) {
		char word[8], candidate[8];
		struct suggest suggest = { .word = word };
		size_t distance;

		make_word(word);
		make_word(candidate);
		distance = slow_distance(word, candidate);
		if (strlen(word) > 1 && strncmp(candidate, word, strlen(word)) == 0)
			distance = 0;
		suggest_offer(&suggest, candidate);
		assert_int_equal(suggest.nearest != NULL, distance * 3 <= strlen(word));
		if (suggest.nearest)
			assert_int_equal(suggest.distance, distance);
	}
}
