/* SPDX-License-Identifier: BSD-3-Clause */
/* test_log -- lines of the log, for people and for the journal. */
/* objects: vmmallocd/base/ */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "vmmallocd/base/log.h"

static int ends[2];
static char text[2 * LOG_LINE_BYTES];

static int open_pipe(void **state)
{
	(void)state;
	return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int close_pipe(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return unsetenv("JOURNAL_STREAM");
}

TEST_FIXTURE(open_pipe, close_pipe);

static const char *said(void)
{
	ssize_t n = read(ends[0], text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/* JOURNAL_STREAM as the service manager sets it for the pipe. */
static void set_journal(long off_by)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(ends[1], &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + off_by);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
}

TEST(test_log_line_names_the_daemon)
{
	struct log log;

	log_init(&log, ends[1], LOG_INFO);
	log_line(&log, LOG_WARNING, "class '%s': %d pools", "a", 3);
	assert_string_equal(said(), "vmmallocd: class 'a': 3 pools\n");
	log_done(&log);
}

TEST(test_log_line_begins_with_its_priority_under_the_journal)
{
	struct log log;

	set_journal(0);
	log_init(&log, ends[1], LOG_DEBUG);
	log_line(&log, LOG_ERR, "one");
	log_line(&log, LOG_DEBUG, "two");
	assert_string_equal(said(), "<3>one\n<7>two\n");
	log_done(&log);
}

/* A journal: its socket, and what came last. */
static struct sockaddr_un journal_address = { .sun_family = AF_UNIX };

static int open_journal(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(journal_address.sun_path, sizeof(journal_address.sun_path), "/tmp/test_log.%d", (int)getpid());
	(void)unlink(journal_address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&journal_address, sizeof(journal_address)), 0);
	return fd;
}

static void close_journal(int fd)
{
	close(fd);
	(void)unlink(journal_address.sun_path);
}

static const char *told(int fd)
{
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void log_with(struct log *log, const struct log_field *fields, size_t count, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_fields(log, LOG_WARNING, fields, count, format, args);
	va_end(args);
}

TEST(test_log_entry_has_fields_in_the_journal)
{
	const struct log_field fields[] = { { "CLASS", "a" }, { "POOL", NULL }, { "REASON", "x\nMESSAGE=y" } };
	int journal = open_journal();
	struct log log;

	set_journal(0);
	log_init(&log, ends[1], LOG_INFO);
	log_use_journal(&log, journal_address.sun_path);
	log_with(&log, fields, 3, "class '%s'\n", "a");
	assert_string_equal(told(journal), "PRIORITY=4\nSYSLOG_IDENTIFIER=vmmallocd\nMESSAGE=class 'a'?\nCLASS=a\n"
					   "REASON=x?MESSAGE=y\n");
	log_line(&log, LOG_INFO, "no fields");
	assert_string_equal(told(journal), "PRIORITY=6\nSYSLOG_IDENTIFIER=vmmallocd\nMESSAGE=no fields\n");
	log_line(&log, LOG_DEBUG, "not said");
	assert_string_equal(told(journal), "");
	assert_string_equal(said(), "");
	log_done(&log);
	close_journal(journal);
}

TEST(test_log_entry_leaves_out_fields_that_have_no_room)
{
	char words[LOG_ENTRY_BYTES];
	const struct log_field fields[] = { { "A", words }, { "B", "b" } };
	int journal = open_journal();
	struct log log;

	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	set_journal(0);
	log_init(&log, ends[1], LOG_INFO);
	log_use_journal(&log, journal_address.sun_path);
	log_with(&log, fields, 2, "m");
	assert_string_equal(told(journal), "PRIORITY=4\nSYSLOG_IDENTIFIER=vmmallocd\nMESSAGE=m\nB=b\n");
	log_done(&log);
	close_journal(journal);
}

/* Standard error is no journal; or the journal's socket is not there, or not any more. */
TEST(test_log_line_goes_to_standard_error_where_there_is_no_journal)
{
	int journal = open_journal();
	struct log log;

	log_init(&log, ends[1], LOG_INFO);
	log_use_journal(&log, journal_address.sun_path);
	log_line(&log, LOG_INFO, "one");
	assert_string_equal(said(), "vmmallocd: one\n");
	log_done(&log);
	set_journal(0);
	log_init(&log, ends[1], LOG_INFO);
	log_use_journal(&log, journal_address.sun_path);
	close(journal);
	log_line(&log, LOG_INFO, "two");
	assert_string_equal(said(), "<6>two\n");
	(void)unlink(journal_address.sun_path);
	log_line(&log, LOG_INFO, "three");
	assert_string_equal(said(), "<6>three\n");
	/* and comes back */
	journal = open_journal();
	log_line(&log, LOG_INFO, "four");
	assert_non_null(strstr(told(journal), "MESSAGE=four\n"));
	assert_string_equal(said(), "");
	log_done(&log);
	close_journal(journal);
}

TEST(test_log_does_not_wait_for_a_journal_that_does_not_read)
{
	int journal = open_journal(), count = 0;
	struct log log;
	char expected[128];

	set_journal(0);
	log_init(&log, ends[1], LOG_INFO);
	log_use_journal(&log, journal_address.sun_path);
	while (log.lost < 5 && count++ < 100000)
		log_line(&log, LOG_INFO, "line %d", count);
	assert_int_equal(log.lost, 5);
	for (int i = 1; i <= count - 5; i++) {
		snprintf(expected, sizeof(expected), "MESSAGE=line %d\n", i);
		assert_non_null(strstr(told(journal), expected));
	}
	assert_string_equal(told(journal), "");
	log_line(&log, LOG_INFO, "after");
	assert_non_null(strstr(told(journal), "PRIORITY=4\n"));
	assert_non_null(strstr(text, "MESSAGE=log: 5 lines were lost: nobody read them\n"));
	assert_non_null(strstr(told(journal), "MESSAGE=after\n"));
	assert_string_equal(said(), "");
	log_done(&log);
	close_journal(journal);
}

TEST(test_log_knows_when_the_stream_is_another)
{
	static const char *const malformed[] = { "", "x", "1", "1:", ":1", "1:2:3", "1:2x" };

	assert_false(log_is_journal(ends[1], NULL));
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		assert_false(log_is_journal(ends[1], malformed[i]));
	set_journal(1);
	assert_false(log_is_journal(ends[1], getenv("JOURNAL_STREAM")));
	set_journal(0);
	assert_true(log_is_journal(ends[1], getenv("JOURNAL_STREAM")));
	assert_false(log_is_journal(-1, getenv("JOURNAL_STREAM")));
}

TEST(test_log_drops_what_is_below_its_level)
{
	struct log log;

	log_init(&log, ends[1], LOG_WARNING);
	log_line(&log, LOG_INFO, "not said");
	log_line(&log, LOG_WARNING, "said");
	assert_string_equal(said(), "vmmallocd: said\n");
	log_done(&log);
}

TEST(test_log_line_is_one_line_whatever_a_client_is_called)
{
	struct log log;

	set_journal(0);
	log_init(&log, ends[1], LOG_INFO);
	log_line(&log, LOG_INFO, "handed to %s", "a\n<0>panic\033[31m\x7f");
	assert_string_equal(said(), "<6>handed to a?<0>panic?[31m?\n");
	log_done(&log);
}

TEST(test_log_line_that_is_too_long_is_cut_off)
{
	char words[3 * LOG_LINE_BYTES];
	struct log log;

	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	log_init(&log, ends[1], LOG_INFO);
	log_line(&log, LOG_INFO, "%s", words);
	assert_int_equal(strlen(said()), LOG_LINE_BYTES);
	assert_int_equal(text[LOG_LINE_BYTES - 1], '\n');
	assert_int_equal(text[LOG_LINE_BYTES - 2], 'w');
	log_done(&log);
}

TEST(test_log_leaves_errno_alone_also_when_it_cannot_write)
{
	struct log log;

	log_init(&log, ends[1], LOG_INFO);
	errno = ENOSPC;
	log_line(&log, LOG_INFO, "save: %m");
	assert_int_equal(errno, ENOSPC);
	assert_string_equal(said(), "vmmallocd: save: No space left on device\n");
	log_done(&log);
	log_init(&log, -1, LOG_INFO);
	errno = ENOSPC;
	log_line(&log, LOG_INFO, "lost");
	assert_int_equal(errno, ENOSPC);
}

/* Nobody reads; then somebody does. The descriptor that others have too stays one that waits. */
static void check_full(int fd, bool shared)
{
	int flags = fcntl(fd, F_GETFL);
	char all[LOG_LINE_BYTES * 2];
	struct log log;
	size_t lines = 0;

	log_init(&log, fd, LOG_INFO);
	if (shared) {
		log_done(&log);
		log.way = LOG_TO_SHARED;
		log.fd = fd;
	}
	alarm(10);
	while (log.lost < 3 && lines++ < 1000000)
		log_line(&log, LOG_INFO, "line %zu", lines);
	assert_int_equal(log.lost, 3);
	assert_int_equal(fcntl(fd, F_GETFL), flags);
	while (read(ends[0], all, sizeof(all)) > 0)
		;
	log_line(&log, LOG_INFO, "heard again");
	alarm(0);
	assert_string_equal(said(), "vmmallocd: log: 3 lines were lost: nobody read them\nvmmallocd: heard again\n");
	assert_int_equal(log.lost, 0);
	log_done(&log);
}

TEST(test_log_waits_for_nobody_and_says_what_was_lost)
{
	assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
	check_full(ends[1], false);
	check_full(ends[1], true);
}

TEST(test_log_waits_for_no_socket_either)
{
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	check_full(ends[1], false);
}
