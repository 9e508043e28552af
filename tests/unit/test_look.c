/* SPDX-License-Identifier: BSD-3-Clause */
/* test_look -- what another process finds, to its end or up to where it is stopped; and findings as bytes. */
/* objects: vmmallocd/doctor/ common/base/ common/util/ */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "vmmallocd/doctor/look.h"

static void find_many(struct findings *findings, void *context)
{
	const unsigned *count = context;

	for (unsigned i = 0; i < *count; i++)
		findings_add(findings, i % FINDING_LEVELS, CHECK_SPACE, i % 2 ? "mend" : NULL, "finding %u", i);
}

static void assert_finding(const struct finding *finding, enum finding_level level, enum check check, const char *found)
{
	assert_int_equal(finding->level, level);
	assert_int_equal(finding->check, check);
	assert_string_equal(finding->found, found);
}

TEST(test_look_has_all_that_was_found)
{
	struct findings findings = FINDINGS_INIT;
	unsigned counts[] = { 0, 1, 5000 };
	char found[64];

	for (size_t i = 0; i < 3; i++) {
		look(&findings, "a subject", CHECK_DIRECTORY, find_many, &counts[i]);
		assert_int_equal(findings.count, counts[i]);
		for (unsigned j = 0; j < counts[i]; j++) {
			snprintf(found, sizeof(found), "finding %u", j);
			assert_finding(&findings.list[j], j % FINDING_LEVELS, CHECK_SPACE, found);
			assert_string_equal(findings.list[j].subject, "a subject");
			assert_string_equal(findings.list[j].mend, j % 2 ? "mend" : "");
		}
		findings_done(&findings);
	}
}

static void find_long(struct findings *findings, void *context)
{
	char words[2 * FINDINGS_WORDS_BYTES];

	(void)context;
	memset(words, 'x', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	findings_add(findings, FINDING_NOTE, CHECK_SPACE, words, "%s", words);
	findings_add(findings, FINDING_NOTE, CHECK_SPACE, "\033[2J", "a\nb\tc\x7f");
}

TEST(test_look_bears_long_and_odd_words)
{
	struct findings findings = FINDINGS_INIT;

	look(&findings, "s\n", CHECK_DIRECTORY, find_long, NULL);
	assert_int_equal(findings.count, 2);
	assert_int_equal(strlen(findings.list[0].found), FINDINGS_WORDS_BYTES - 1);
	assert_int_equal(strlen(findings.list[0].mend), FINDINGS_WORDS_BYTES - 1);
	assert_finding(&findings.list[1], FINDING_NOTE, CHECK_SPACE, "a?b?c?");
	assert_string_equal(findings.list[1].mend, "?[2J");
	assert_string_equal(findings.list[1].subject, "s?");
	findings_done(&findings);
}

static void find_and_die(struct findings *findings, void *context)
{
	(void)context;
	findings_add(findings, FINDING_OK, CHECK_SPACE, NULL, "before");
	raise(SIGKILL);
}

TEST(test_look_says_that_it_was_stopped)
{
	struct findings findings = FINDINGS_INIT;

	look(&findings, "s", CHECK_DIRECTORY, find_and_die, NULL);
	assert_int_equal(findings.count, 2);
	assert_finding(&findings.list[0], FINDING_OK, CHECK_SPACE, "before");
	assert_finding(&findings.list[1], FINDING_PROBLEM, CHECK_DIRECTORY, "could not be looked at: SIGKILL");
	findings_done(&findings);
}

/* Cut anywhere, bytes of findings are those findings once all have come. */
TEST(test_findings_take_bytes_in_any_pieces)
{
	static const char bytes[] = "\0\5subject\0found\0\0\2\6subject\0more\0mend\0\7\6of no level\0a\0b\0\1";
	const size_t whole = sizeof(bytes) - 2;

	for (size_t cut = 0; cut <= whole; cut++) {
		struct findings findings = FINDINGS_INIT;
		size_t taken = findings_take(&findings, bytes, cut);

		assert_true(taken <= cut);
		taken += findings_take(&findings, bytes + taken, whole + 1 - taken);
		assert_int_equal(taken, whole);
		assert_int_equal(findings.count, 2);
		assert_finding(&findings.list[0], FINDING_OK, 5, "found");
		assert_finding(&findings.list[1], FINDING_PROBLEM, 6, "more");
		assert_int_equal(findings_count(&findings, FINDING_NOTE), 1);
		findings_done(&findings);
	}
}

static int run_shell(const char *script, bool with_errors, int timeout_ms, struct look_output *ret_output)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };

	return look_run(argv, environ, with_errors, timeout_ms, ret_output);
}

TEST(test_look_run_has_output_and_status)
{
	static struct look_output output;

	assert_int_equal(run_shell("echo out; echo err >&2; exit 3", false, 10000, &output), 0);
	assert_string_equal(output.text, "out\n");
	assert_int_equal(WEXITSTATUS(output.status), 3);
	assert_int_equal(run_shell("echo out; echo err >&2", true, 10000, &output), 0);
	assert_string_equal(output.text, "out\nerr\n");
	/* more than there is room for */
	assert_int_equal(run_shell("head -c 1000000 /dev/zero | tr '\\0' x", true, 10000, &output), 0);
	assert_int_equal(strlen(output.text), LOOK_OUTPUT_BYTES - 1);
}

TEST(test_look_run_says_what_cannot_be_run)
{
	const char *const argv[] = { "/none/such", NULL };
	static struct look_output output;

	assert_int_equal(look_run(argv, environ, true, 10000, &output), -ENOENT);
	assert_int_equal(run_shell("echo begun; sleep 100", true, 2000, &output), -ETIMEDOUT);
	assert_string_equal(output.text, "begun\n");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}
