/* SPDX-License-Identifier: BSD-3-Clause */
/* accept -- see accept.h. */
#include "vmmallocd/ctl/accept.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* A piece of the header, without blanks around it. */
struct piece {
	const char *text;
	size_t length;
};

/* Cuts off what is before the next `end`, and moves *rest behind it. False: there is nothing left. */
static bool cut_piece(struct piece *rest, char end, struct piece *ret_piece)
{
	const char *found = memchr(rest->text, end, rest->length);
	size_t length = found ? (size_t)(found - rest->text) : rest->length;
	struct piece piece = { rest->text, length };

	if (rest->length == 0)
		return false;
	length += found ? 1 : 0;
	rest->text += length;
	rest->length -= length;
	while (piece.length > 0 && strchr(BLANKS, piece.text[0])) {
		piece.text++;
		piece.length--;
	}
	while (piece.length > 0 && strchr(BLANKS, piece.text[piece.length - 1]))
		piece.length--;
	*ret_piece = piece;
	return true;
}

static bool piece_is(const struct piece *piece, const char *word)
{
	return piece->length == strlen(word) && strncasecmp(piece->text, word, piece->length) == 0;
}

/* "1", "0.75": in thousandths; -1: it is no weight. */
static int parse_weight(const struct piece *piece)
{
	int weight = 0, unit = 1000;

	for (size_t i = 0; i < piece->length; i++) {
		char c = piece->text[i];

		if (i == 1 ? c != '.' : (c < '0' || c > '9' || unit == 0))
			return -1;
		if (i == 1)
			continue;
		weight += (c - '0') * unit;
		unit /= 10;
	}
	return piece->length > 0 && weight <= 1000 ? weight : -1;
}

/* The weight of a range in the header, in thousandths; 0: it does not count. *ret_open: it is OpenMetrics. */
static int weigh_range(struct piece range, bool *ret_open, bool *ret_plain)
{
	struct piece name, parameter;
	int weight = 1000;
	bool known = true;

	if (!cut_piece(&range, ';', &name))
		return 0;
	*ret_open = piece_is(&name, "application/openmetrics-text");
	*ret_plain = piece_is(&name, "text/plain");
	while (cut_piece(&range, ';', &parameter)) {
		struct piece key, value = parameter;

		(void)(cut_piece(&value, '=', &key) && cut_piece(&value, '\0', &value));
		if (piece_is(&key, "q"))
			weight = parse_weight(&value);
		else if (piece_is(&key, "version") && *ret_open)
			known = piece_is(&value, "1.0.0") || piece_is(&value, "\"1.0.0\"");
	}
	return known && weight > 0 ? weight : 0;
}

enum exposition_format accept_format(const char *header)
{
	struct piece rest = { header ? header : "", header ? strlen(header) : 0 }, range;
	int open = 0, plain = 0;

	while (cut_piece(&rest, ',', &range)) {
		bool is_open = false, is_plain = false;
		int weight = weigh_range(range, &is_open, &is_plain);

		if (is_open && weight > open)
			open = weight;
		if (is_plain && weight > plain)
			plain = weight;
	}
	return open > 0 && open >= plain ? EXPOSITION_OPENMETRICS : EXPOSITION_PROMETHEUS;
}
