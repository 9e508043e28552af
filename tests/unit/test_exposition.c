/* SPDX-License-Identifier: BSD-3-Clause */
/* test_exposition -- metrics as text, whatever is in the daemon's reply; and which format a client of HTTP wants. */
/* objects: vmmallocd/ctl/ common/base/ common/util/ */
/* packages: jansson */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/model.h"
#include "tests/unit/test.h"
#include "vmmallocd/ctl/accept.h"
#include "vmmallocd/ctl/families.h"

/* What is written of a reply; malloc'ed. */
static char *expose(enum exposition_format format, const json_t *reply)
{
	struct exposition out = { .format = format };
	char *text;
	size_t bytes;

	out.stream = open_memstream(&text, &bytes);
	assert_non_null(out.stream);
	families_write(&out, reply);
	fclose(out.stream);
	assert_int_equal(strlen(text), bytes);
	return text;
}

/* The same of a reply as text; only lines that do not begin with "#". */
static void assert_samples(enum exposition_format format, const char *reply, const char *expected)
{
	json_t *object = json_loads(reply, 0, NULL);
	char *text = expose(format, object), *to = text;

	assert_non_null(object);
	for (char *from = text; *from;) {
		size_t length = strcspn(from, "\n") + 1;

		if (*from != '#') {
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	*to = '\0';
	assert_string_equal(text, expected);
	free(text);
	json_decref(object);
}

TEST(test_exposition_of_a_daemon_that_does_not_answer)
{
	char *text = expose(EXPOSITION_OPENMETRICS, NULL);

	assert_string_equal(text, "# HELP vmmalloc_up Whether the daemon has answered.\n# TYPE vmmalloc_up gauge\n"
				  "vmmalloc_up 0\n# EOF\n");
	free(text);
	text = expose(EXPOSITION_PROMETHEUS, NULL);
	assert_string_equal(text, "# HELP vmmalloc_up Whether the daemon has answered.\n# TYPE vmmalloc_up gauge\n"
				  "vmmalloc_up 0\n");
	free(text);
}

TEST(test_exposition_names_types_as_each_format_does)
{
	json_t *reply = json_object();
	char *open = expose(EXPOSITION_OPENMETRICS, reply), *plain = expose(EXPOSITION_PROMETHEUS, reply);

	assert_non_null(strstr(open, "# TYPE vmmalloc_build info\n"));
	assert_non_null(strstr(plain, "# TYPE vmmalloc_build_info gauge\n"));
	assert_non_null(strstr(open, "# TYPE vmmalloc_handouts counter\n"));
	assert_non_null(strstr(plain, "# TYPE vmmalloc_handouts_total counter\n"));
	assert_non_null(strstr(open, "# UNIT vmmalloc_used_bytes bytes\n"));
	assert_null(strstr(plain, "# UNIT"));
	assert_null(strstr(plain, "# EOF"));
	assert_string_equal(open + strlen(open) - 7, "\n# EOF\n");
	free(open);
	free(plain);
	json_decref(reply);
}

#define HISTOGRAM                                                                                                      \
	"{\"classes\":[{\"name\":\"a\",\"counted\":{\"warm\":{\"bounds\":[0.025,1.0,300],\"counts\":[1,0,2,4],"      \
	"\"sum\":1e3}}}]}"

TEST(test_exposition_of_a_histogram_is_cumulative)
{
	const char *build = "vmmalloc_build_info{version=\"\"} 1\n";
	char expected[1024];

	snprintf(expected, sizeof(expected), "vmmalloc_up 1\n%svmmalloc_class_info{class=\"a\",directory=\"\"} 1\n%s",
		 build,
		 "vmmalloc_warm_seconds_bucket{class=\"a\",le=\"0.025\"} 1\n"
		 "vmmalloc_warm_seconds_bucket{class=\"a\",le=\"1.0\"} 1\n"
		 "vmmalloc_warm_seconds_bucket{class=\"a\",le=\"300.0\"} 3\n"
		 "vmmalloc_warm_seconds_bucket{class=\"a\",le=\"+Inf\"} 7\n"
		 "vmmalloc_warm_seconds_sum{class=\"a\"} 1000\nvmmalloc_warm_seconds_count{class=\"a\"} 7\n");
	assert_samples(EXPOSITION_OPENMETRICS, HISTOGRAM, expected);
	snprintf(expected, sizeof(expected), "vmmalloc_up 1\n%svmmalloc_class_info{class=\"a\",directory=\"\"} 1\n%s",
		 build,
		 "vmmalloc_warm_seconds_bucket{class=\"a\",le=\"0.025\"} 1\n"
		 "vmmalloc_warm_seconds_bucket{class=\"a\",le=\"1\"} 1\n"
		 "vmmalloc_warm_seconds_bucket{class=\"a\",le=\"300\"} 3\n"
		 "vmmalloc_warm_seconds_bucket{class=\"a\",le=\"+Inf\"} 7\n"
		 "vmmalloc_warm_seconds_sum{class=\"a\"} 1000\nvmmalloc_warm_seconds_count{class=\"a\"} 7\n");
	assert_samples(EXPOSITION_PROMETHEUS, HISTOGRAM, expected);
}

/* The last label's text, taken back out of a line of a sample of 1; false: it is none. */
static bool read_label(const char *line, const char *name, char *text, size_t size)
{
	size_t length = 0;

	line = strstr(line, name);
	if (!line)
		return false;
	line += strlen(name);
	if (strncmp(line, "=\"", 2) != 0)
		return false;
	for (line += 2; *line != '"'; line++) {
		bool escaped = *line == '\\';

		line += escaped;
		if (*line == '\n' || *line == '\0' || length + 1 >= size || (escaped && !strchr("n\"\\", *line)))
			return false;
		text[length++] = escaped && *line == 'n' ? '\n' : *line;
	}
	text[length] = '\0';
	return strncmp(line, "\"} 1\n", 5) == 0;
}

/* Whatever a name is made of, it comes back, and its sample is one line. */
static void write_name_and_read_it(void)
{
	static const char *const pieces[] = { "\"", "\\", "\n", "n", "{", "}", ",", "=", "# EOF", " ", "\xc3\xa4",
					      "\r", "\x01", "le=\"1\"" };
	char name[64] = "", back[64];
	json_t *reply;
	char *text, *line;

	for (size_t n = model_below(7); n > 0; n--)
		strcat(name, pieces[model_below(sizeof(pieces) / sizeof(*pieces))]);
	model_step("a directory '%s'", name);
	reply = json_pack("{s:[{s:s, s:s}]}", "classes", "name", "a", "directory", name);
	assert_non_null(reply);
	text = expose(EXPOSITION_OPENMETRICS, reply);
	line = strstr(text, "\nvmmalloc_class_info{");
	model_expect(line && read_label(line, "directory", back, sizeof(back)), "no such line: %s", text);
	model_expect(strcmp(back, name) == 0, "it came back as '%s'", back);
	free(text);
	json_decref(reply);
}

TEST(test_exposition_bears_any_names)
{
	model_run(write_name_and_read_it, 1000);
}

/* What is of another type than it should be is left out. */
TEST(test_exposition_leaves_out_what_makes_no_sense)
{
	assert_samples(EXPOSITION_PROMETHEUS,
		       "{\"daemon\":{\"version\":[],\"start_time\":\"x\",\"problems\":7,\"reloads\":{},"
		       "\"refused\":[1]},"
		       "\"classes\":[{\"name\":5,\"counts\":{\"ready\":true,\"leased\":null},\"counted\":{\"warm\":{"
		       "\"bounds\":[1],\"counts\":[1]},\"created\":\"1\"}}],\"users\":5,\"directories\":{\"a\":1}}",
		       "vmmalloc_up 1\nvmmalloc_build_info{version=\"\"} 1\n"
		       "vmmalloc_class_info{class=\"\",directory=\"\"} 1\n"
		       "vmmalloc_pools{class=\"\",state=\"ready\"} 1\n");
}

TEST(test_accept_finds_the_format_that_a_client_wants)
{
	static const struct {
		const char *header;
		enum exposition_format format;
	} cases[] = {
		{ NULL, EXPOSITION_PROMETHEUS },
		{ "", EXPOSITION_PROMETHEUS },
		{ "*/*", EXPOSITION_PROMETHEUS },
		{ "text/plain", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics-text", EXPOSITION_OPENMETRICS },
		{ "Application/OpenMetrics-Text ; Version=1.0.0 ; charset=utf-8", EXPOSITION_OPENMETRICS },
		{ "application/openmetrics-text;version=\"1.0.0\"", EXPOSITION_OPENMETRICS },
		/* Prometheus 2.42, and 3.0 */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", EXPOSITION_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
		  "version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;"
		  "q=0.2,*/*;q=0.1", EXPOSITION_OPENMETRICS },
		{ "application/openmetrics-text;version=0.0.1", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics-text;version=2.0.0, text/plain;q=0.1", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics-text;q=0", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics-text;q=0.4, text/plain;q=0.5", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics-text;q=0.5, text/plain;q=0.5", EXPOSITION_OPENMETRICS },
		{ "application/openmetrics-text;q=0.001", EXPOSITION_OPENMETRICS },
		{ "application/openmetrics-text;q=2", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics-text;q=x", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics-text;q", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics-text;q=0.1234567", EXPOSITION_PROMETHEUS },
		{ ",;=,;q=,application/openmetrics-text", EXPOSITION_OPENMETRICS },
		{ "application/openmetrics-texts", EXPOSITION_PROMETHEUS },
		{ "application/openmetrics", EXPOSITION_PROMETHEUS },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (accept_format(cases[i].header) != cases[i].format)
			fail_msg("%s", cases[i].header);
}
