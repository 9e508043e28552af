/* SPDX-License-Identifier: BSD-3-Clause */
/* test_proc_text -- what vmmallocctl makes of /proc, where names are what others chose. */
/* objects: vmmallocd/ctl/ common/base/ common/util/ */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "vmmallocd/ctl/proc_text.h"

static bool read_line(const char *text, struct proc_mapping *mapping)
{
	static char line[256];

	strcpy(line, text);
	return proc_text_mapping(line, mapping);
}

TEST(test_proc_text_reads_a_line_of_maps)
{
	struct proc_mapping mapping;

	assert_true(read_line("7f622a600000-7f622de00000 rw-p 00600000 103:1b 1765401                    "
			      "/dev/shm/#1765401 (deleted)\n", &mapping));
	assert_int_equal(mapping.start, 0x7f622a600000);
	assert_int_equal(mapping.end, 0x7f622de00000);
	assert_int_equal(mapping.offset, 0x600000);
	assert_int_equal(mapping.inode, 1765401);
	assert_true(mapping.is_private);
	assert_string_equal(mapping.path, "/dev/shm/#1765401 (deleted)");
	assert_true(read_line("00400000-00401000 ---s ffffffffff000000 00:01 18446744073709551615 /x", &mapping));
	assert_false(mapping.is_private);
	assert_true(mapping.offset == 0xffffffffff000000);
	assert_true(mapping.inode == UINT64_MAX);
}

TEST(test_proc_text_takes_a_path_as_it_is)
{
	static const char *const paths[] = { "", "[heap]", "/a b  c/d\t", "/x (deleted) (deleted)", "/a\\013\\01",
					     "/7f000-7f001 rw-s 00000000 00:1b 7 /dev/shm/#7 (deleted)", "/\xff\xfe" };
	struct proc_mapping mapping;
	char line[256];

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		snprintf(line, sizeof(line), "7f000-7f001 r--s 00000000 00:1b 7      %s\n", paths[i]);
		assert_true(proc_text_mapping(line, &mapping));
		assert_string_equal(mapping.path, paths[i]);
	}
}

TEST(test_proc_text_has_newlines_as_the_name_has_them)
{
	struct proc_mapping mapping;

	assert_true(read_line("7f000-7f001 r--s 00000000 00:1b 7 /a\\012b\\012\\012/#7\\012\n", &mapping));
	assert_string_equal(mapping.path, "/a\nb\n\n/#7\n");
}

TEST(test_proc_text_refuses_what_is_no_line_of_maps)
{
	static const char whole[] = "7f000-7f001 r--s 00000000 00:1b 7";
	struct proc_mapping mapping;
	char line[sizeof(whole)];

	for (size_t length = 0; length < strlen(whole) - 1; length++) {
		memcpy(line, whole, length);
		line[length] = '\0';
		assert_false(proc_text_mapping(line, &mapping));
	}
	assert_false(read_line("7f001-7f001 r--s 00000000 00:1b 7 /x", &mapping));
	assert_false(read_line("7f002-7f001 r--s 00000000 00:1b 7 /x", &mapping));
	assert_false(read_line("7f000-7f001 r-s 00000000 00:1b 7 /x", &mapping));
	assert_false(read_line("VmFlags: rd mr mw me", &mapping));
	assert_false(read_line("\n", &mapping));
}

/* What stat has behind the name, until after the start. */
#define STAT_REST " 1 2 3 4 5 %u 7 8 9 10 11 12 13 14 -15 -16 17 18 1900 20 21"

static bool stat_of(const char *name, char state, unsigned flags, struct proc_stat *stat)
{
	char text[512];

	snprintf(text, sizeof(text), "77 (%s) %c" STAT_REST "\n", name, state, flags);
	return proc_text_stat(text, stat);
}

TEST(test_proc_text_finds_the_state_behind_any_name)
{
	static const char *const names[] = { "", "a) Z 1 (b", ")", "(", "((", "))", "a b", "x) R 0 0 0 0 0 0" };
	struct proc_stat stat;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_true(stat_of(names[i], 'S', 0x400040, &stat));
		assert_string_equal(stat.command, names[i]);
		assert_false(stat.has_ended);
		assert_false(stat.is_kernel);
		assert_int_equal(stat.start, 1900);
	}
	assert_true(stat_of("gone", 'Z', 0, &stat) && stat.has_ended);
	assert_true(stat_of("gone", 'X', 0, &stat) && stat.has_ended);
	assert_true(stat_of("kworker/0:1-events", 'I', 0x4208060, &stat) && stat.is_kernel);
}

TEST(test_proc_text_makes_names_printable_and_short)
{
	char name[2 * PROC_TEXT_COMMAND_BYTES];
	struct proc_stat stat;

	assert_true(stat_of("a\033[2J\n\xff", 'S', 0, &stat));
	assert_string_equal(stat.command, "a?[2J??");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_true(stat_of(name, 'S', 0, &stat));
	assert_int_equal(strlen(stat.command), PROC_TEXT_COMMAND_BYTES - 1);
}

TEST(test_proc_text_refuses_what_is_no_stat)
{
	struct proc_stat stat;

	assert_false(proc_text_stat("", &stat));
	assert_false(proc_text_stat("1 (a", &stat));
	assert_false(proc_text_stat("1 a) S 1", &stat));
	assert_false(proc_text_stat("1 )a( S 1", &stat));
	assert_false(proc_text_stat("1 (a) S 1 2 3", &stat));
}

TEST(test_proc_text_reads_status)
{
	uid_t uid = 7;
	pid_t inner = 77;

	assert_true(proc_text_status("Name:\ta\\nUid:\\t9\nTgid:\t5\nUid:\t1000\t1001\t1002\t1003\nGid:\t4\n"
				     "NStgid:\t55\t8\t2\nNSpid:\t55\t8\t1\nNSpgid:\t3\n", &uid, &inner));
	assert_int_equal(uid, 1001);
	assert_int_equal(inner, 1);
	assert_true(proc_text_status("Name:\ta\nUid:\t4294967294\t4294967294\t0\t0\nNSpid:\t55\n", &uid, &inner));
	assert_true(uid == 4294967294u);
	assert_int_equal(inner, 55);
	/* a kernel without namespaces says nothing of them */
	assert_true(proc_text_status("Name:\ta\nUid:\t1\t2\t3\t4\n", &uid, &inner));
	assert_int_equal(inner, 55);
	assert_int_equal(uid, 2);
	assert_false(proc_text_status("", &uid, &inner));
	assert_false(proc_text_status("Name:\ta\nNSpid:\t55\n", &uid, &inner));
	assert_false(proc_text_status("Name:\ta\nUid:\t1\t2\nNSpid:\t\n", &uid, &inner));
	assert_false(proc_text_status("Name:\ta\nUid:\t1\t2\nNSpid:\t99999999999\n", &uid, &inner));
	assert_int_equal(uid, 2);
}

TEST(test_proc_text_reads_of_the_kernel_what_it_says_of_us)
{
	char text[8192];
	FILE *status = fopen("/proc/self/status", "r"), *stat = fopen("/proc/self/stat", "r");
	struct proc_stat parsed;
	pid_t inner = 0;
	uid_t uid;

	text[fread(text, 1, sizeof(text) - 1, status)] = '\0';
	assert_true(proc_text_status(text, &uid, &inner));
	assert_int_equal(uid, geteuid());
	assert_int_equal(inner, getpid());
	text[fread(text, 1, sizeof(text) - 1, stat)] = '\0';
	assert_true(proc_text_stat(text, &parsed));
	assert_string_equal(parsed.command, "test_proc_text");
	assert_true(parsed.start > 0 && !parsed.is_kernel && !parsed.has_ended);
	fclose(status);
	fclose(stat);
}

TEST(test_proc_text_knows_the_paths_of_pools)
{
	static const struct {
		const char *path;
		enum proc_path expected;
	} paths[] = {
		{ "/dev/shm/#1765401 (deleted)", PROC_PATH_MAYBE },
		{ "/#1 (deleted)", PROC_PATH_MAYBE },
		{ "/a b\\012/#1 (deleted)", PROC_PATH_MAYBE },
		{ "/dev/shm/#1765401", PROC_PATH_OTHER },
		{ "/dev/shm/# (deleted)", PROC_PATH_OTHER },
		{ "/dev/shm/#1 (deleted) (deleted)", PROC_PATH_OTHER },
		{ "/dev/shm/#1x (deleted)", PROC_PATH_OTHER },
		{ "/dev/shm/x#1 (deleted)", PROC_PATH_OTHER },
		{ "/#1 (deleted)/file", PROC_PATH_OTHER },
		{ "/mnt/vmmalloc.12.5f3c (deleted)", PROC_PATH_POOL },
		{ "/mnt/vmmalloc.12.5f3c", PROC_PATH_OTHER },
		{ "/mnt/vmmalloc.12. (deleted)", PROC_PATH_OTHER },
		{ "/mnt/vmmalloc..5f (deleted)", PROC_PATH_OTHER },
		{ "/mnt/vmmalloc.12 (deleted)", PROC_PATH_OTHER },
		{ "/p/vmmalloc-0123456789abcdef0123456789abcdef.used", PROC_PATH_POOL },
		{ "/p/vmmalloc-0123456789abcdef0123456789abcdef.used (deleted)", PROC_PATH_POOL },
		{ "/p/vmmalloc-0123456789abcdef0123456789abcde.used", PROC_PATH_OTHER },
		{ "/p/vmmalloc-0123456789abcdef0123456789abcdef", PROC_PATH_OTHER },
		{ "/memfd:vmmalloc-marker (deleted)", PROC_PATH_OTHER },
		{ "/usr/lib/libvmmalloc.so.1", PROC_PATH_LIBRARY },
		{ "/usr/lib/libvmmalloc.so.1.3.0 (deleted)", PROC_PATH_LIBRARY },
		{ "", PROC_PATH_OTHER },
		{ "[heap]", PROC_PATH_OTHER },
		{ "#1 (deleted)", PROC_PATH_OTHER },
		{ "pipe:[1]", PROC_PATH_OTHER },
		{ "/", PROC_PATH_OTHER },
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (proc_text_path(paths[i].path) != paths[i].expected)
			fail_msg("%s", paths[i].path);
}

TEST(test_proc_text_takes_digits_alone_for_a_number)
{
	static const char *const wrong[] = { "", "0", "-1", "+1", " 1", "1 ", "1x", "0x1", "2147483648",
					     "99999999999999999999", "self" };
	pid_t pid = 7;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(proc_text_pid(wrong[i], &pid));
	assert_int_equal(pid, 7);
	assert_true(proc_text_pid("2147483647", &pid));
	assert_int_equal(pid, INT_MAX);
	assert_true(proc_text_pid("0012", &pid));
	assert_int_equal(pid, 12);
}
