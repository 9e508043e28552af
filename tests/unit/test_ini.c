/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ini -- a line is a section, a key, nothing, or a mistake of one kind. */
/* objects: vmmallocd/config/ */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"
#include "vmmallocd/config/ini.h"

TEST(test_lines_are_split)
{
	static const struct { const char *text; enum ini_kind kind; const char *name, *value; } lines[] = {
		{ "", INI_NOTHING, NULL, NULL }, { " \t", INI_NOTHING, NULL, NULL },
		{ " # a = b", INI_NOTHING, NULL, NULL }, { ";", INI_NOTHING, NULL, NULL },
		{ "[a]", INI_SECTION, "a", NULL },
		{ " [ a b ]; c", INI_SECTION, "a b", NULL }, { "[]#", INI_SECTION, "", NULL },
		{ "[a", INI_NO_SECTION, "[a", NULL }, { " [a] = b ", INI_NO_SECTION, "[a] = b", NULL },
		{ "a = b", INI_KEY, "a", "b" }, { "a:b=c", INI_KEY, "a", "b=c" }, { "=", INI_KEY, "", "" },
		{ "a b = c d ; e", INI_KEY, "a b", "c d" }, { "a = b;c # d", INI_KEY, "a", "b;c # d" },
		{ "a =;b", INI_KEY, "a", ";b" }, { "a = ;b", INI_KEY, "a", "" }, { "a;b = c", INI_KEY, "a;b", "c" },
		{ "a", INI_NO_KEY, NULL, NULL }, { "a ; = b", INI_NO_KEY, NULL, NULL },
		{ "a = \x01", INI_NO_TEXT, NULL, NULL }, { "a\r = b", INI_NO_TEXT, NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct ini ini = { .stream = tmpfile() };
		struct ini_line line;

		assert_non_null(ini.stream);
		fprintf(ini.stream, "\n%s\r\n", lines[i].text);
		rewind(ini.stream);
		assert_int_equal(ini_next(&ini, &line), 1);
		assert_int_equal(ini_next(&ini, &line), 1);
		assert_int_equal(ini.number, 2);
		assert_int_equal(line.kind, lines[i].kind);
		if (lines[i].name)
			assert_string_equal(line.name, lines[i].name);
		if (lines[i].value)
			assert_string_equal(line.value, lines[i].value);
		assert_int_equal(ini_next(&ini, &line), 0);
		ini_done(&ini);
		fclose(ini.stream);
	}
}

/* One, at the beginning: what looks like another one is text. */
TEST(test_byte_order_mark_is_no_part_of_the_first_line)
{
	struct ini ini = { .stream = tmpfile() };
	struct ini_line line;

	assert_non_null(ini.stream);
	fputs("\xef\xbb\xbf\xef\xbb\xbf""a = b\n\xef\xbb\xbf[c]", ini.stream);
	rewind(ini.stream);
	assert_int_equal(ini_next(&ini, &line), 1);
	assert_int_equal(line.kind, INI_KEY);
	assert_string_equal(line.name, "\xef\xbb\xbf""a");
	assert_int_equal(ini_next(&ini, &line), 1);
	assert_int_equal(line.kind, INI_NO_KEY);
	assert_int_equal(ini_next(&ini, &line), 0);
	ini_done(&ini);
	fclose(ini.stream);
}

TEST(test_reading_fails)
{
	/* nothing is mapped at address 0 */
	struct ini ini = { .stream = fopen("/proc/self/mem", "re") };
	struct ini_line line;

	assert_non_null(ini.stream);
	assert_int_equal(ini_next(&ini, &line), -EIO);
	assert_int_equal(ini.number, 1);
	ini_done(&ini);
	fclose(ini.stream);
}
