/* SPDX-License-Identifier: BSD-3-Clause */
/* test_daemon_config -- what vmmallocd.conf may say, and the exact words that refuse the rest. */
/* objects: vmmallocd/config/ common/base/ */
/* wrap: getpwnam_r getgrnam_r malloc strdup reallocarray asprintf sched_getaffinity */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/paths.h"
#include "include/libvmmalloc.h"
#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/config/tmpfs.h"

#define POOL "[pool a]\ndirectory = /mnt/a\nsize = 1G\n"
#define A50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

#define PROCESSOR_SETS 64

static char dir[SCRATCH_PATH], file[SCRATCH_PATH + 32], confd[SCRATCH_PATH + 32];

/* --- a machine that may have more processors than this one --- */

static size_t processors_possible;

int __real_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *ret_set);
int __wrap_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *ret_set)
{
	if (bytes < processors_possible / 8) {
		errno = EINVAL;
		return -1;
	}
	return __real_sched_getaffinity(pid, bytes, ret_set);
}

/* --- a user database of our own: alice 1000, bob 1001, and the group pmem, 200 --- */

static int database_error;
static size_t database_needs;  /* bytes of buffer */
static unsigned lookups;

static int database_answer(size_t bytes)
{
	lookups++;
	return bytes < database_needs ? ERANGE : database_error;
}

static int user_answer(const char *name, struct passwd *entry, size_t bytes, struct passwd **found)
{
	int r = database_answer(bytes);

	*found = NULL;
	if (r)
		return r;
	if (strcmp(name, "alice") == 0)
		*entry = (struct passwd){ .pw_name = (char *)"alice", .pw_uid = 1000, .pw_gid = 100 };
	else if (strcmp(name, "bob") == 0)
		*entry = (struct passwd){ .pw_name = (char *)"bob", .pw_uid = 1001, .pw_gid = 101 };
	else
		return 0;
	*found = entry;
	return 0;
}

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t bytes, struct passwd **found)
{
	(void)buffer;
	return user_answer(name, entry, bytes, found);
}

int __wrap_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t bytes, struct group **found)
{
	int r = database_answer(bytes);

	(void)buffer;
	*found = NULL;
	if (r)
		return r;
	if (strcmp(name, "pmem") != 0)
		return 0;
	*entry = (struct group){ .gr_name = (char *)"pmem", .gr_gid = 200 };
	*found = entry;
	return 0;
}

/* --- files --- */

static void write_bytes(const char *path, const char *bytes, size_t length)
{
	FILE *stream = fopen(path, "we");

	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, length, stream), length);
	assert_int_equal(fclose(stream), 0);
}

static void write_fragment(const char *name, const char *text)
{
	char path[SCRATCH_PATH + 128];

	assert_true(mkdir(confd, 0755) == 0 || errno == EEXIST);
	snprintf(path, sizeof(path), "%s/%s", confd, name);
	write_bytes(path, text, strlen(text));
}

static int setup(void **state)
{
	(void)state;
	database_error = 0;
	database_needs = 0;
	lookups = 0;
	processors_possible = 0;
	faults_clear();
	scratch_make("/tmp", dir);
	snprintf(file, sizeof(file), "%s/vmmallocd.conf", dir);
	snprintf(confd, sizeof(confd), "%s/conf.d", dir);
	return 0;
}

static int teardown(void **state)
{
	char name[SCRATCH_PATH + 64];

	(void)state;
	snprintf(name, sizeof(name), "%s/directory.conf", confd);
	(void)rmdir(name);
	scratch_remove(confd);
	scratch_remove(dir);
	return 0;
}

TEST_FIXTURE(setup, teardown);

static struct config read_files(void)
{
	struct config config;

	memset(&config, 0x5a, sizeof(config));
	assert_int_equal(config_read(file, &config), 0);
	return config;
}

static struct config read_text(const char *text)
{
	write_bytes(file, text, strlen(text));
	return read_files();
}

static struct config read_files_ok(void)
{
	struct config config = read_files();

	if (config.mistake_count > 0)
		fail_msg("refused: %s", config.mistakes[0]);
	assert_null(config.problem);
	assert_false(config.names_missing);
	return config;
}

static struct config read_ok(const char *text)
{
	write_bytes(file, text, strlen(text));
	return read_files_ok();
}

/* `expected` is what follows the directory of the file. */
static void assert_mistake(const struct config *config, size_t i, const char *expected)
{
	char words[1024];

	snprintf(words, sizeof(words), "%s/%s", dir, expected);
	assert_uint_in_range(i, 0, config->mistake_count - 1);
	assert_string_equal(config->mistakes[i], words);
}

/* The first mistake. */
static void assert_files_refused(const char *expected)
{
	struct config config = read_files();

	assert_int_not_equal(config.mistake_count, 0);
	assert_mistake(&config, 0, expected);
	config_done(&config);
}

static void assert_refused(const char *text, const char *expected)
{
	char words[1024];

	write_bytes(file, text, strlen(text));
	snprintf(words, sizeof(words), "vmmallocd.conf:%s", expected);
	assert_files_refused(words);
}

/* --- what is good --- */

TEST(test_config_has_defaults)
{
	struct config config = read_ok("");

	assert_string_equal(config.runtime_dir, PATHS_RUNTIME_DIR);
	assert_string_equal(config.state_dir, PATHS_STATE_DIR);
	assert_int_equal(config.log_level, CONFIG_LOG_INFO);
	assert_uint_in_range(config.workers, 1, 4);
	assert_int_equal(config.punch_timeout_s, 10);
	assert_int_equal(config.connections_per_user, 64);
	assert_int_equal(config.class_count, 0);
	config_done(&config);
	assert_null(config.runtime_dir);
}

static void assert_workers(unsigned expected)
{
	struct config config = read_ok("");

	assert_int_equal(config.workers, expected);
	config_done(&config);
}

TEST(test_config_has_no_more_workers_than_processors)
{
	cpu_set_t all[PROCESSOR_SETS], one[PROCESSOR_SETS];
	size_t first = 0, count;

	assert_int_equal(sched_getaffinity(0, sizeof(all), all), 0);
	while (!CPU_ISSET_S(first, sizeof(all), all))
		first++;
	CPU_ZERO_S(sizeof(one), one);
	CPU_SET_S(first, sizeof(one), one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), one), 0);
	assert_workers(1);
	/* a kernel for so many refuses the set that most programs have */
	processors_possible = 60000;
	assert_workers(1);
	processors_possible = 0;
	assert_int_equal(sched_setaffinity(0, sizeof(all), all), 0);
	count = (size_t)CPU_COUNT_S(sizeof(all), all);
	assert_workers(count < 4 ? (unsigned)count : 4);
	/* more than there can be, or a filter that says no */
	processors_possible = SIZE_MAX;
	assert_workers(4);
}

TEST(test_class_has_defaults)
{
	struct config config = read_ok(POOL);
	const struct config_class *class = &config.classes[0];
	char where[sizeof(file) + 8];

	snprintf(where, sizeof(where), "%s:1", file);
	assert_int_equal(config.class_count, 1);
	assert_string_equal(class->name, "a");
	assert_string_equal(class->directory, "/mnt/a");
	assert_int_equal(class->size_bytes, 1 << 30);
	assert_int_equal(class->ready, 1);
	assert_int_equal(class->max, 16);
	assert_true(class->warm);
	assert_int_equal(class->users.count, 0);
	assert_int_equal(class->groups.count, 0);
	assert_int_equal(class->max_per_user, 0);
	assert_int_equal(class->max_per_process, 0);
	assert_int_equal(class->recycle, CONFIG_RECYCLE_SCRUB);
	assert_true(class->cold);
	assert_int_equal(class->max_waiting, 1024);
	assert_int_equal(class->max_waiting_per_user, 256);
	assert_int_equal(class->on_memory_pressure, CONFIG_PRESSURE_KEEP);
	assert_int_equal(config.memory_pressure_limit, 1000);
	assert_int_equal(class->tmpfs_bytes, 0);
	assert_null(class->nodes);
	assert_null(class->huge);
	assert_string_equal(class->where, where);
	config_done(&config);
}

TEST(test_config_reads_all_keys)
{
	struct config config = read_ok("[daemon]\nlog_level = debug\nworkers = 64\nruntime_dir = /r\nstate_dir = /s/t\n"
				       "punch_timeout = 3600\nconnections_per_user = 10000\n"
				       "memory_pressure_limit = 2.5%\n"
				       "[pool fast-1_X]\ndirectory = /mnt/p/q\nsize = 14M\nready = 0\nmax = 65536\n"
				       "warm = no\nusers = alice, 7\ngroups = pmem,9\nmax_per_user = 65536\n"
				       "max_per_process = 65536\n"
				       "recycle = destroy\ncold = no\nmax_waiting = 65536\n"
				       "max_waiting_per_user = 0\non_memory_pressure = release\n");
	const struct config_class *class = config_find(&config, "fast-1_X");

	assert_int_equal(config.log_level, CONFIG_LOG_DEBUG);
	assert_int_equal(config.workers, 64);
	assert_string_equal(config.runtime_dir, "/r");
	assert_string_equal(config.state_dir, "/s/t");
	assert_int_equal(config.punch_timeout_s, 3600);
	assert_int_equal(config.connections_per_user, 10000);
	assert_int_equal(config.memory_pressure_limit, 250);
	assert_non_null(class);
	assert_int_equal(class->on_memory_pressure, CONFIG_PRESSURE_RELEASE);
	assert_string_equal(class->directory, "/mnt/p/q");
	assert_int_equal(class->size_bytes, VMMALLOC_MIN_POOL);
	assert_int_equal(class->ready, 0);
	assert_int_equal(class->max, 65536);
	assert_false(class->warm);
	assert_int_equal(class->users.count, 2);
	assert_int_equal(class->users.ids[0], 1000);
	assert_int_equal(class->users.ids[1], 7);
	assert_int_equal(class->groups.count, 2);
	assert_int_equal(class->groups.ids[0], 200);
	assert_int_equal(class->groups.ids[1], 9);
	assert_int_equal(class->max_per_user, 65536);
	assert_int_equal(class->max_per_process, 65536);
	assert_int_equal(class->max_waiting, 65536);
	assert_int_equal(class->max_waiting_per_user, 0);
	assert_int_equal(class->recycle, CONFIG_RECYCLE_DESTROY);
	assert_false(class->cold);
	config_done(&config);
}

TEST(test_percentages_are_read)
{
	static const struct { const char *value; unsigned share; } shares[] = {
		{ "10%", 1000 }, { "0.01%", 1 }, { "99.99%", 9999 }, { "2.5%", 250 }, { "05.05%", 505 },
	};
	char text[128];

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		struct config config;

		snprintf(text, sizeof(text), "[daemon]\nmemory_pressure_limit = %s\n", shares[i].value);
		config = read_ok(text);
		assert_int_equal(config.memory_pressure_limit, shares[i].share);
		config_done(&config);
	}
}

/* --- a tmpfs --- */

static void assert_options(const char *keys, const char *expected)
{
	char text[512], options[CONFIG_TMPFS_OPTIONS_BYTES] = "";
	struct text words = TEXT_INIT(options);
	struct config config;

	snprintf(text, sizeof(text), POOL "%s", keys);
	config = read_ok(text);
	config_tmpfs_options(&config.classes[0], &words);
	assert_string_equal(options, expected);
	config_done(&config);
}

TEST(test_tmpfs_has_options)
{
	assert_options("", "");
	assert_options("tmpfs = 64g\n", "size=64G,mode=0755,nosuid,nodev");
	assert_options("tmpfs = 1073745920\nhuge = advise\n", "size=1048580K,mode=0755,nosuid,nodev,huge=advise");
	/* node 0 is on any machine */
	assert_options("tmpfs = 02T\nnodes = 0 , 0-0\nhuge = within_size\n",
		       "size=2T,mode=0755,nosuid,nodev,mpol=bind:0,huge=within_size");
}

/* A node may come when the machine runs: the class is not closed, and the files are read again. */
TEST(test_node_without_memory_is_a_mistake_that_closes_nothing)
{
	struct config config = read_text(POOL "tmpfs = 2G\nnodes = 1021-1023, 7,1020\n");

	assert_int_equal(config.mistake_count, 1);
	assert_non_null(strstr(config.mistakes[0], ":5: nodes (1021-1023, 7,1020): expected nodes that have memory, "
						   "which are 0"));
	assert_true(config.names_missing);
	assert_null(config.problem);
	assert_false(config.classes[0].closed);
	assert_string_equal(config.classes[0].nodes, "7,1020-1023");
	config_done(&config);
}

TEST(test_tmpfs_fits_what_is_there)
{
	struct config config = read_ok(POOL "tmpfs = 1G\nready = 1\n" "[pool b]\ndirectory = /mnt//a/\nsize = 14M\n"
				       "tmpfs = 1024M\n");

	assert_int_equal(config.class_count, 2);
	config_done(&config);
	assert_refused(POOL "nodes = 0\n", "4: nodes (0): expected tmpfs beside it: it says how that is mounted");
	assert_refused(POOL "huge = always\n",
		       "4: huge (always): expected tmpfs beside it: it says how that is mounted");
	assert_refused(POOL "ready = 3\ntmpfs = 2G\n", "5: tmpfs (2G): expected room for the ready pools: 3 of 1G");
	assert_refused("[pool a]\ndirectory = /a\nsize = 8000000T\nready = 65536\nmax = 65536\ntmpfs = 1G\n",
		       "6: tmpfs (1G): expected room for the ready pools: 65536 of 8000000T");
	assert_refused("[pool a]\ndirectory = /\nsize = 1G\ntmpfs = 1G\n",
		       "4: tmpfs (1G): expected another directory than /");
}

/* One directory has one file system. A class that is closed says nothing of it. */
TEST(test_classes_of_a_directory_have_one_tmpfs)
{
	assert_refused(POOL "tmpfs = 2G\nhuge = always\n" "[pool b]\ndirectory = /mnt/a\nsize = 1G\ntmpfs = 3G\n",
		       "9: tmpfs (3G): expected 2G, huge always, as [pool a] has for the same directory");
	assert_refused(POOL "tmpfs = 2G\nnodes = 0\n" "[pool b]\ndirectory = /mnt/a\nsize = 1G\n",
		       "6: tmpfs (none): expected 2G, nodes 0, as [pool a] has for the same directory");
	assert_refused(POOL "[pool b]\ndirectory = /mnt/a\nsize = 1G\ntmpfs = 3G\n",
		       "7: tmpfs (3G): expected none, as [pool a] has for the same directory");
	assert_refused(POOL "tmpfs = 2G\nready = 17\n" "[pool b]\ndirectory = /mnt/a\nsize = 1G\ntmpfs = 3G\n",
		       "5: ready (17): expected at most max (16)");
}

TEST(test_size_is_rounded_up_to_whole_pages)
{
	struct config config = read_ok("[pool a]\ndirectory = /a\nsize = 14680065\n");

	assert_int_equal(config.classes[0].size_bytes, 14680064 + 4096);
	config_done(&config);
}

TEST(test_slashes_are_squeezed)
{
	static const struct { const char *path, *read; } paths[] = {
		{ "/mnt/a", "/mnt/a" }, { "/mnt/a/", "/mnt/a" }, { "//mnt///a//", "/mnt/a" }, { "/", "/" },
		{ "///", "/" }, { "/a/.../b", "/a/.../b" },
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char text[128];
		struct config config;

		snprintf(text, sizeof(text), "[daemon]\nstate_dir = %s\n[pool a]\nsize = 1G\ndirectory = %s\n",
			 paths[i].path, paths[i].path);
		config = read_ok(text);
		assert_string_equal(config.classes[0].directory, paths[i].read);
		assert_string_equal(config.state_dir, paths[i].read);
		config_done(&config);
	}
}

TEST(test_log_level_has_words_and_numbers)
{
	static const struct { const char *word; enum config_log_level level; } good[] = {
		{ "error", CONFIG_LOG_ERROR }, { "3", CONFIG_LOG_ERROR }, { "warning", CONFIG_LOG_WARNING },
		{ "4", CONFIG_LOG_WARNING }, { "info", CONFIG_LOG_INFO }, { "6", CONFIG_LOG_INFO },
		{ "debug", CONFIG_LOG_DEBUG }, { "7", CONFIG_LOG_DEBUG },
	};
	enum config_log_level level;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(config_log_level_parse(good[i].word, &level), 0);
		assert_int_equal(level, good[i].level);
	}
	level = CONFIG_LOG_ERROR;
	assert_int_equal(config_log_level_parse("5", &level), -EINVAL);
	assert_int_equal(config_log_level_parse("", &level), -EINVAL);
	assert_int_equal(config_log_level_parse("Info", &level), -EINVAL);
	assert_int_equal(level, CONFIG_LOG_ERROR);
}

TEST(test_comments_blanks_bom_and_crlf_are_understood)
{
	struct config config = read_ok("\xef\xbb\xbf[daemon] ; one\r\n\r\n# two\r\n; three = 3\r\n"
				       "  workers\t=  9 ; of them\r\n[ pool \t b ]# four\r\n\tdirectory=/b\r\n"
				       "\tsize=\t2g\r\n  # five\r\n ready = 3");

	assert_int_equal(config.workers, 9);
	assert_int_equal(config.class_count, 1);
	assert_string_equal(config.classes[0].name, "b");
	assert_string_equal(config.classes[0].directory, "/b");
	assert_int_equal(config.classes[0].size_bytes, (uint64_t)2 << 30);
	assert_int_equal(config.classes[0].ready, 3);
	config_done(&config);
}

TEST(test_values_may_have_spaces_and_other_alphabets)
{
#define DIRECTORY "/mnt/my p\xc3\xb6\xc3\xb6l;x/\xe2\x82\xac\xf0\x9f\x98\x80"
	struct config config = read_ok("[pool a]\nsize = 1G\ndirectory = " DIRECTORY "\n");

	assert_string_equal(config.classes[0].directory, DIRECTORY);
#undef DIRECTORY
	config_done(&config);
}

TEST(test_comments_may_be_long)
{
	char text[8192];
	struct config config;

	memset(text, 'x', sizeof(text) - 1);
	text[0] = '#';
	text[sizeof(text) - 1] = '\0';
	memcpy(text + 5000, "\n;", 2);
	memcpy(text + sizeof(text) - 1 - strlen("\n" POOL), "\n" POOL, strlen("\n" POOL));
	config = read_ok(text);
	assert_int_equal(config.class_count, 1);
	config_done(&config);
}

TEST(test_class_names_may_have_63_letters)
{
	struct config config = read_ok("[pool " A50 "fffffffffffff]\ndirectory = /a\nsize = 1G\n"
				       "[pool " A50 "ffffffffffffg]\ndirectory = /b\nsize = 1G\n");

	assert_int_equal(config.class_count, 2);
	assert_string_equal(config_find(&config, A50 "fffffffffffff")->directory, "/a");
	assert_string_equal(config_find(&config, A50 "ffffffffffffg")->directory, "/b");
	config_done(&config);
}

TEST(test_find_wants_the_whole_name)
{
	struct config config = read_ok("[pool ab]\ndirectory = /a\nsize = 1G\n");

	assert_non_null(config_find(&config, "ab"));
	assert_null(config_find(&config, "a"));
	assert_null(config_find(&config, "abc"));
	assert_null(config_find(&config, ""));
	config_done(&config);
}

TEST(test_daemon_section_may_be_continued)
{
	struct config config = read_ok("[daemon]\nworkers = 2\n" POOL "[daemon]\nlog_level = 7\n");

	assert_int_equal(config.workers, 2);
	assert_int_equal(config.log_level, CONFIG_LOG_DEBUG);
	config_done(&config);
}

/* The file that is installed: as it is, and with its examples in force. */
TEST(test_example_is_good)
{
	FILE *example = fopen("systemd/vmmallocd.conf", "re");
	char text[16384], active[16384];
	struct config config;
	size_t length;

	assert_non_null(example);
	length = fread(text, 1, sizeof(text) - 1, example);
	fclose(example);
	text[length] = '\0';
	assert_uint_in_range(length, 1, sizeof(text) - 2);
	config = read_ok(text);
	assert_int_equal(config.class_count, 0);
	config_done(&config);

	length = 0;
	for (const char *s = text; *s; s++)
		if (*s != '#' || (s > text && s[-1] != '\n') || s[1] == ' ' || s[1] == '\n')
			active[length++] = *s;
	active[length] = '\0';
	config = read_ok(active);
	assert_int_equal(config.class_count, 2);
	assert_int_equal(config.connections_per_user, 64);
	assert_int_equal(config.classes[0].users.count, 2);
	config_done(&config);
}

/* What the manual has as a key begins the line after .TP. Of two that share the line the first is looked for. */
TEST(test_example_has_every_key_of_the_manual)
{
	FILE *manual = fopen("doc/vmmallocd.conf.5", "re"), *example = fopen("systemd/vmmallocd.conf", "re");
	char text[16384], line[512], key[64];
	bool begins = false;
	unsigned keys = 0;

	assert_non_null(manual);
	assert_non_null(example);
	text[fread(text, 1, sizeof(text) - 1, example)] = '\0';
	fclose(example);
	while (fgets(line, sizeof(line), manual)) {
		if (begins && sscanf(line, ".B%*[R ]%60[a-z_]", key) == 1) {
			strcat(key, " =");
			if (!strstr(text, key))
				fail_msg("the example has no %s", key);
			keys++;
		}
		begins = strcmp(line, ".TP\n") == 0;
	}
	fclose(manual);
	assert_true(keys > 0);
}

/* --- what is refused --- */

TEST(test_config_refuses_wrong_sections)
{
	assert_refused("\n[daemons]\n", "2: section (daemons): expected [daemon] or [pool NAME]");
	assert_refused("[]\n", "1: section (): expected [daemon] or [pool NAME]");
	assert_refused("[poola]\n", "1: section (poola): expected [daemon] or [pool NAME]");
	assert_refused("[Daemon]\n", "1: section (Daemon): expected [daemon] or [pool NAME]");
	assert_refused("[daemon\n", "1: section ([daemon): expected [daemon] or [pool NAME]");
	assert_refused("[daemon] x\n", "1: section ([daemon] x): expected [daemon] or [pool NAME]");
	assert_refused("[pool]\n", "1: section (pool ): expected a name of 1 to 63 letters, digits, - and _");
	assert_refused("[pool a b]\n", "1: section (pool a b): expected a name of 1 to 63 letters, digits, - and _");
	assert_refused("[pool " A50 "ffffffffffffff]\n", "1: section (pool " A50 "ffffffffffffff): expected a name "
		       "of 1 to 63 letters, digits, - and _");
}

TEST(test_config_refuses_a_class_twice)
{
	char words[sizeof(file) + 128];

	snprintf(words, sizeof(words), "4: section (pool a): expected once; it is also at %s:1", file);
	assert_refused(POOL "[pool a]\n", words);
}

TEST(test_config_refuses_too_many_classes)
{
	char text[64 * 64 + 256] = "";
	struct config config;

	for (int i = 0; i < CONFIG_CLASSES_MOST; i++)
		sprintf(text + strlen(text), "[pool p%d]\ndirectory = /mnt/p\nsize = 1G\n", i);
	config = read_ok(text);
	assert_int_equal(config.class_count, 64);
	config_done(&config);
	strcat(text, "[pool p64]\n");
	assert_refused(text, "193: section (pool p64): expected at most 64 classes");
}

TEST(test_config_refuses_wrong_keys)
{
	assert_refused("size = 1G\n", "1: size (1G): expected [daemon] or [pool NAME] before it");
	assert_refused("[daemon]\nsize = 1G\n", "2: size (1G): expected one of log_level, workers, runtime_dir, "
		       "state_dir, punch_timeout, connections_per_user, max_bytes_per_user, memory_pressure_limit");
	assert_refused("[pool a]\nSize = 1G\n", "2: Size (1G): expected one of directory, size, ready, max, warm, "
		       "users, groups, max_per_user, max_per_process, recycle, cold, max_waiting, "
		       "max_waiting_per_user, on_memory_pressure, tmpfs, nodes, huge");
	assert_refused("[pool a]\n= 1G\n", "2:  (1G): expected one of directory, size, ready, max, warm, users, "
		       "groups, max_per_user, max_per_process, recycle, cold, max_waiting, max_waiting_per_user, "
		       "on_memory_pressure, tmpfs, nodes, huge");
	assert_refused(POOL "size = 2G\n", "4: size (2G): expected once; it is also at line 3");
	assert_refused("[daemon]\nworkers = 1\n[daemon]\nworkers = 1\n",
		       "4: workers (1): expected once; it is also at line 2");
}

TEST(test_config_refuses_lines_without_a_value)
{
	assert_refused("[daemon]\nworkers\n", "2: expected KEY = VALUE, a [section] or a comment");
	assert_refused("[daemon]\nworkers 4 ; = 4\n", "2: expected KEY = VALUE, a [section] or a comment");
	assert_refused(POOL "nonsense", "4: expected KEY = VALUE, a [section] or a comment");
	/* the first of several errors is the one that is told */
	assert_refused("[daemon]\nnonsense\nworkers = x\n", "2: expected KEY = VALUE, a [section] or a comment");
	assert_refused("[daemon]\nnonsense\n[x]\n", "2: expected KEY = VALUE, a [section] or a comment");
	assert_refused("[daemon]\nworkers = x\nnonsense\n", "2: workers (x): expected a whole number from 1 to 64");
	/* an indented line does not continue the one before */
	assert_refused("[daemon]\nworkers = 1\n  2\n", "3: expected KEY = VALUE, a [section] or a comment");
}

TEST(test_config_refuses_incomplete_classes)
{
	assert_refused("[pool a]\nsize = 1G\n", "1: directory (none): expected one in [pool a]");
	assert_refused("\n[pool a]\n[daemon]\n", "2: directory (none): expected one in [pool a]");
	assert_refused("[pool a]\ndirectory = /a\n" "[pool b]\n", "1: size (none): expected one in [pool a]");
	assert_refused(POOL "ready = 17\n", "4: ready (17): expected at most max (16)");
	assert_refused(POOL "ready = 3\nmax = 2\n", "4: ready (3): expected at most max (2)");
}

TEST(test_config_refuses_wrong_values)
{
	static const struct { const char *line, *expected; } bad[] = {
		{ "directory =", "directory (): expected an absolute path without . and .." },
		{ "directory = mnt/a", "directory (mnt/a): expected an absolute path without . and .." },
		{ "directory = /mnt/../a", "directory (/mnt/../a): expected an absolute path without . and .." },
		{ "directory = /mnt/.", "directory (/mnt/.): expected an absolute path without . and .." },
		{ "size =", "size (): expected a number of bytes or one with K, M, G or T" },
		{ "size = 12Q", "size (12Q): expected a number of bytes or one with K, M, G or T" },
		{ "size = -1G", "size (-1G): expected a number of bytes or one with K, M, G or T" },
		{ "size = 14680063", "size (14680063): expected at least 14680064 (14M)" },
		{ "size = 0", "size (0): expected at least 14680064 (14M)" },
		{ "size = 99999999999T", "size (99999999999T): expected at most 9223372036854771712" },
		{ "size = 9223372036854771713",
		  "size (9223372036854771713): expected at most 9223372036854771712" },
		{ "ready = x", "ready (x): expected a whole number from 0 to 65536" },
		{ "ready = -1", "ready (-1): expected a whole number from 0 to 65536" },
		{ "ready = 1.5", "ready (1.5): expected a whole number from 0 to 65536" },
		{ "max = 0", "max (0): expected a whole number from 1 to 65536" },
		{ "max = 65537", "max (65537): expected a whole number from 1 to 65536" },
		{ "max = 4294967297", "max (4294967297): expected a whole number from 1 to 65536" },
		{ "max = 18446744073709551617",
		  "max (18446744073709551617): expected a whole number from 1 to 65536" },
		{ "max_per_process = -1", "max_per_process (-1): expected a whole number from 0 to 65536" },
		{ "max_per_user = many", "max_per_user (many): expected a whole number from 0 to 65536" },
		{ "warm = true", "warm (true): expected yes or no" },
		{ "recycle = Scrub", "recycle (Scrub): expected scrub or destroy" },
		{ "on_memory_pressure = yes", "on_memory_pressure (yes): expected keep or release" },
		{ "tmpfs = 1Q", "tmpfs (1Q): expected a number of bytes or one with K, M, G or T" },
		{ "tmpfs = 13M", "tmpfs (13M): expected at least 14680064 (14M)" },
		{ "nodes =", "nodes (): expected numbers of NUMA nodes, as 2,3 or 0-3" },
		{ "nodes = 0,", "nodes (0,): expected numbers of NUMA nodes, as 2,3 or 0-3" },
		{ "nodes = 3-2", "nodes (3-2): expected numbers of NUMA nodes, as 2,3 or 0-3" },
		{ "nodes = 1024", "nodes (1024): expected numbers of NUMA nodes, as 2,3 or 0-3" },
		{ "nodes = 0 1", "nodes (0 1): expected numbers of NUMA nodes, as 2,3 or 0-3" },
		{ "nodes = all", "nodes (all): expected numbers of NUMA nodes, as 2,3 or 0-3" },
		{ "huge = yes", "huge (yes): expected never, always, within_size or advise" },
		{ "cold = maybe", "cold (maybe): expected yes or no" },
		{ "users =", "users (): expected names or numbers of users, with commas between them" },
		{ "users = alice,,bob",
		  "users (alice,,bob): expected names or numbers of users, with commas between them" },
		{ "groups = pmem,", "groups (pmem,): expected names or numbers of groups, with commas between them" },
		{ "users = alice, eve", "users (alice, eve): expected users that exist; there is no user eve" },
		{ "users = alice bob", "users (alice bob): expected users that exist; there is no user alice bob" },
		{ "groups = alice", "groups (alice): expected groups that exist; there is no group alice" },
		{ "users = 4294967295", "users (4294967295): expected numbers below 4294967295; 4294967295 is not" },
		{ "groups = 9999999999999999",
		  "groups (9999999999999999): expected numbers below 4294967295; 9999999999999999 is not" },
	};
	static const char *const no_shares[] = { "", "10", "%", "0%", "0.00%", "100%", "5.%", ".5%", "1.234%", "10 %",
						 "-1%", "1e1%", "10%%", "010%" };
	char text[256], words[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "[pool a]\n%s\n", bad[i].line);
		snprintf(words, sizeof(words), "2: %s", bad[i].expected);
		assert_refused(text, words);
	}
	assert_refused("[daemon]\nworkers = 0\n", "2: workers (0): expected a whole number from 1 to 64");
	assert_refused("[daemon]\nworkers = 65\n", "2: workers (65): expected a whole number from 1 to 64");
	assert_refused("[daemon]\npunch_timeout = 10s\n",
		       "2: punch_timeout (10s): expected a whole number from 1 to 3600");
	assert_refused("[daemon]\nconnections_per_user = 10001\n",
		       "2: connections_per_user (10001): expected a whole number from 1 to 10000");
	assert_refused("[daemon]\nlog_level = loud\n",
		       "2: log_level (loud): expected error, warning, info or debug");
	for (size_t i = 0; i < sizeof(no_shares) / sizeof(no_shares[0]); i++) {
		snprintf(text, sizeof(text), "[daemon]\nmemory_pressure_limit = %s\n", no_shares[i]);
		snprintf(words, sizeof(words),
			 "2: memory_pressure_limit (%s): expected a percentage from 0.01%% to 99.99%%", no_shares[i]);
		assert_refused(text, words);
	}
	assert_refused("[daemon]\nstate_dir = var\n",
		       "2: state_dir (var): expected an absolute path without . and ..");
}

TEST(test_config_refuses_long_lines)
{
	char text[512], words[128];
	size_t most;
	struct config config;

	for (most = 100; most < 300; most++) {
		bool refused;

		snprintf(text, sizeof(text), "[pool a]\nsize = 1G\ndirectory = /%0*d\n", (int)(most - 13), 0);
		config = read_text(text);
		refused = config.mistake_count > 0;
		if (!refused)
			assert_int_equal(strlen(config.classes[0].directory), most - 12);
		config_done(&config);
		if (refused)
			break;
	}
	assert_true(most < 300);
	snprintf(words, sizeof(words), "3: expected at most %zu bytes in a line, and there are %zu", most - 1, most);
	assert_refused(text, words);
}

TEST(test_config_refuses_what_is_not_text)
{
	static const char *const bad[] = {
		"\x01", "a\x1b[31m", "\x7f", "\xc2\x9b", "\xff", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\x80",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\rb", "a\fb",
	};
	char text[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "[pool a]\ndirectory = /%s\n", bad[i]);
		assert_refused(text, "2: expected text in UTF-8 without control characters");
	}
	write_bytes(file, "[daemon]\n\nworkers = 1\0000\n", 24);
	assert_files_refused("vmmallocd.conf:3: expected text in UTF-8 without control characters");
	write_bytes(file, "\0", 1);
	assert_files_refused("vmmallocd.conf:1: expected text in UTF-8 without control characters");
}

/* --- files --- */

TEST(test_config_reads_fragments_by_name)
{
	struct config config;

	write_bytes(file, "[daemon]\nworkers = 1\npunch_timeout = 1\nstate_dir = /s1\n" POOL,
		    strlen("[daemon]\nworkers = 1\npunch_timeout = 1\nstate_dir = /s1\n" POOL));
	write_fragment("10.conf", "[daemon]\nworkers = 10\nstate_dir = /s10\n[pool c]\ndirectory = /c\nsize = 1G\n");
	write_fragment("9.conf", "[daemon]\nworkers = 9\n[pool d]\ndirectory = /d\nsize = 1G\n");
	write_fragment("B.conf", "[pool e]\ndirectory = /e\nsize = 1G\n");
	write_fragment("a.conf", "[pool f]\ndirectory = /f\nsize = 1G\n");
	write_fragment(".hidden.conf", "nonsense");
	write_fragment(".conf", "nonsense");
	write_fragment("a.conf~", "nonsense");
	write_fragment("README", "nonsense");
	config = read_files_ok();
	assert_int_equal(config.workers, 9);
	assert_int_equal(config.punch_timeout_s, 1);
	assert_string_equal(config.state_dir, "/s10");
	assert_int_equal(config.class_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(config.classes[i].name, ((const char *[]){ "a", "c", "d", "e", "f" })[i]);
	config_done(&config);
}

TEST(test_config_names_the_fragment_that_is_wrong)
{
	char words[sizeof(file) + 128];

	write_bytes(file, POOL, strlen(POOL));
	write_fragment("x.conf", "\n\nready = 1\n");
	assert_files_refused("conf.d/x.conf:3: ready (1): expected [daemon] or [pool NAME] before it");
	snprintf(words, sizeof(words), "conf.d/x.conf:1: section (pool a): expected once; it is also at %s:1", file);
	write_fragment("x.conf", POOL);
	assert_files_refused(words);
}

TEST(test_config_refuses_fragments_that_are_no_files)
{
	char path[SCRATCH_PATH + 64];

	write_bytes(file, POOL, strlen(POOL));
	write_fragment("z.conf", "");
	snprintf(path, sizeof(path), "%s/directory.conf", confd);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_files_refused("conf.d/directory.conf: expected a regular file of at most 1 MiB");
	assert_int_equal(rmdir(path), 0);

	snprintf(path, sizeof(path), "%s/fifo.conf", confd);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_files_refused("conf.d/fifo.conf: expected a regular file of at most 1 MiB");
	assert_int_equal(unlink(path), 0);

	snprintf(path, sizeof(path), "%s/link.conf", confd);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_files_refused("conf.d/link.conf: cannot be read: No such file or directory");
}

TEST(test_config_refuses_a_directory_that_is_none)
{
	write_bytes(file, POOL, strlen(POOL));
	write_bytes(confd, "", 0);
	assert_files_refused("conf.d: cannot be read: Not a directory");
	assert_int_equal(unlink(confd), 0);
}

TEST(test_config_refuses_files_that_cannot_be_read)
{
	struct config config;

	assert_files_refused("vmmallocd.conf: cannot be read: No such file or directory");
	assert_int_equal(mkdir(file, 0755), 0);
	assert_files_refused("vmmallocd.conf: expected a regular file of at most 1 MiB");
	assert_int_equal(rmdir(file), 0);
	write_bytes(file, "", 0);
	assert_int_equal(truncate(file, (off_t)1 << 40), 0);
	assert_files_refused("vmmallocd.conf: expected a regular file of at most 1 MiB");
	/* nothing is mapped at address 0 */
	assert_int_equal(config_read("/proc/self/mem", &config), 0);
	assert_int_equal(config.mistake_count, 1);
	assert_string_equal(config.problem, "/proc/self/mem:1: cannot be read: Input/output error");
	config_done(&config);
}

TEST(test_config_reads_a_file_in_the_working_directory)
{
	char *cwd = getcwd(NULL, 0);
	struct config config;
	int r;

	write_bytes(file, POOL, strlen(POOL));
	write_fragment("x.conf", "[daemon]\nworkers = 3\n");
	assert_non_null(cwd);
	assert_int_equal(chdir(dir), 0);
	r = config_read("vmmallocd.conf", &config);
	assert_int_equal(chdir(cwd), 0);
	free(cwd);
	assert_int_equal(r, 0);
	assert_int_equal(config.workers, 3);
	assert_string_equal(config.classes[0].where, "vmmallocd.conf:1");
	config_done(&config);
}

TEST(test_config_keeps_no_descriptors)
{
	size_t before = scratch_entries("/proc/self/fd");
	struct config config = read_ok(POOL);

	config_done(&config);
	assert_refused("x", "1: expected KEY = VALUE, a [section] or a comment");
	assert_int_equal(scratch_entries("/proc/self/fd"), before);
}

/* --- after a mistake --- */

static void assert_closed(const struct config *config, const char *name, bool closed, const char *problem)
{
	const struct config_class *class = config_find(config, name);
	char words[1024];

	assert_non_null(class);
	assert_int_equal(class->closed, closed);
	assert_non_null(class->directory);
	if (!problem) {
		assert_null(class->problem);
		return;
	}
	snprintf(words, sizeof(words), "%s/vmmallocd.conf:%s", dir, problem);
	assert_string_equal(class->problem, words);
}

TEST(test_all_mistakes_are_found)
{
	static const char *const mistakes[] = {
		"2: workers (x): expected a whole number from 1 to 64",
		"3: expected KEY = VALUE, a [section] or a comment",
		"4: frobs (1): expected one of log_level, workers, runtime_dir, state_dir, punch_timeout, "
		"connections_per_user, max_bytes_per_user, memory_pressure_limit",
		"6: size (1Q): expected a number of bytes or one with K, M, G or T",
		"7: ready (x): expected a whole number from 0 to 65536",
		"8: section (pol b): expected [daemon] or [pool NAME]",
		"12: section (pool x y): expected a name of 1 to 63 letters, digits, - and _",
		"14: directory (none): expected one in [pool d]",
	};
	struct config config = read_text("[daemon]\nworkers = x\nnonsense\nfrobs = 1\n[pool a]\nsize = 1Q\nready = x\n"
					 "[pol b]\nsize = x\nnonsense\n\n[pool x y]\nsize = x\n[pool d]\nsize = 1G\n");
	char words[1024];

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		snprintf(words, sizeof(words), "vmmallocd.conf:%s", mistakes[i]);
		assert_mistake(&config, i, words);
	}
	assert_int_equal(config.mistake_count, sizeof(mistakes) / sizeof(mistakes[0]));
	assert_ptr_equal(config.problem, config.mistakes[0]);
	config_done(&config);
}

TEST(test_a_mistake_closes_its_class_and_no_other)
{
	static const char *const bad[] = { "ready = x", "nonsense", "frobs = 1", "size = 2G", "ready = 17", "users = ,",
					   "directory = b", "\x01" };
	char text[512];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config config;

		snprintf(text, sizeof(text), POOL "[pool b]\ndirectory = /b\nsize = 1G\n%s\n[pool c]\ndirectory = /c\n"
			 "size = 1G\n", bad[i]);
		config = read_text(text);
		assert_int_equal(config.class_count, 3);
		assert_int_equal(config.mistake_count, 1);
		assert_null(config.problem);
		assert_closed(&config, "a", false, NULL);
		assert_true(config_find(&config, "b")->closed);
		assert_string_equal(config_find(&config, "b")->problem, config.mistakes[0]);
		assert_string_equal(config_find(&config, "b")->directory, "/b");
		assert_closed(&config, "c", false, NULL);
		config_done(&config);
	}
}

TEST(test_a_class_that_is_there_twice_is_closed)
{
	char words[sizeof(file) + 128];
	struct config config = read_text(POOL "[pool a]\ndirectory = /b\nusers = 1\n[pool c]\ndirectory = /c\n"
					 "size = 1G\n");

	snprintf(words, sizeof(words), "4: section (pool a): expected once; it is also at %s:1", file);
	assert_closed(&config, "a", true, words);
	assert_closed(&config, "c", false, NULL);
	assert_int_equal(config.mistake_count, 1);
	assert_int_equal(config.class_count, 2);
	assert_string_equal(config_find(&config, "a")->directory, "/mnt/a");
	assert_null(config.problem);
	config_done(&config);
}

/* The one who is gone must not open the class to all. */
TEST(test_a_name_that_is_missing_stands_for_nobody)
{
	struct config config = read_text(POOL "users = eve\ngroups = wheel, pmem, staff\n");
	const struct config_class *class = config_find(&config, "a");

	assert_closed(&config, "a", false, "4: users (eve): expected users that exist; there is no user eve");
	assert_mistake(&config, 1, "vmmallocd.conf:5: groups (wheel, pmem, staff): expected groups that exist; "
		       "there is no group wheel, staff");
	assert_int_equal(config.mistake_count, 2);
	assert_null(config.problem);
	assert_true(config.names_missing);
	assert_int_equal(class->users.count, 1);
	assert_int_equal(class->users.ids[0], CONFIG_ID_NOBODY);
	assert_int_equal(class->groups.count, 3);
	assert_int_equal(class->groups.ids[0], CONFIG_ID_NOBODY);
	assert_int_equal(class->groups.ids[1], 200);
	assert_int_equal(class->groups.ids[2], CONFIG_ID_NOBODY);
	config_done(&config);
	/* what closes it goes before what does not */
	config = read_text(POOL "users = eve\nready = x\nmax = x\n");
	assert_closed(&config, "a", true, "5: ready (x): expected a whole number from 0 to 65536");
	config_done(&config);
}

TEST(test_daemon_config_alone_asks_nobody_who_has_a_name)
{
	struct config config;

	write_bytes(file, POOL "users = alice, 7, eve\ngroups = pmem\n[pool b]\ndirectory = /b\nusers = ,\n",
		    strlen(POOL "users = alice, 7, eve\ngroups = pmem\n[pool b]\ndirectory = /b\nusers = ,\n"));
	assert_int_equal(config_read_alone(file, &config), 0);
	assert_int_equal(lookups, 0);
	assert_int_equal(config.mistake_count, 1);
	assert_false(config.names_missing);
	assert_false(config.classes[0].closed);
	assert_true(config.classes[1].closed);
	assert_int_equal(config.classes[0].users.count, 3);
	assert_int_equal(config.classes[0].users.ids[0], CONFIG_ID_NOBODY);
	assert_int_equal(config.classes[0].users.ids[1], 7);
	config_done(&config);
}

TEST(test_config_goes_on_without_a_fragment)
{
	char path[SCRATCH_PATH + 64];
	struct config config;

	write_bytes(file, POOL, strlen(POOL));
	write_fragment("y.conf", "[pool b]\ndirectory = /b\nsize = 1G\n");
	snprintf(path, sizeof(path), "%s/x.conf", confd);
	assert_int_equal(symlink("nowhere", path), 0);
	config = read_files();
	assert_int_equal(config.class_count, 2);
	assert_int_equal(config.mistake_count, 1);
	assert_ptr_equal(config.problem, config.mistakes[0]);
	config_done(&config);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(file), 0);
	config = read_files();
	assert_int_equal(config.class_count, 1);
	assert_mistake(&config, 0, "vmmallocd.conf: cannot be read: No such file or directory");
	config_done(&config);
}

TEST(test_mistakes_are_summed_up)
{
	char buffer[1024] = "", words[1024];
	struct text text = TEXT_INIT(buffer);
	struct config config = read_text("[pool a]\nready = x\n[daemon]\nworkers = x\nfrobs = 1\n");

	/* what concerns all goes first */
	config_sum_up(&config, &text);
	snprintf(words, sizeof(words), "%s:4: workers (x): expected a whole number from 1 to 64 "
		 "(vmmallocd --check says 2 more)", file);
	assert_string_equal(buffer, words);
	config_done(&config);
	text.length = 0;
	config = read_text(POOL "ready = x\n");
	config_sum_up(&config, &text);
	snprintf(words, sizeof(words), "%s:4: ready (x): expected a whole number from 0 to 65536", file);
	assert_string_equal(buffer, words);
	config_done(&config);
}

/* --- failures from below --- */

TEST(test_config_survives_lack_of_memory_anywhere)
{
	int n, r = -ENOMEM;
	static const char text[] = POOL "users = alice,1,eve\ngroups = pmem\n[daemon]\nstate_dir = /s\nworkers = x\n"
					"[pool c]\n";

	write_bytes(file, text, strlen(text));
	write_fragment("x.conf", "[pool b]\ndirectory = /b\nsize = 1G\nready = x\n");
	FAULTS_AT_EACH(n, "memory", ENOMEM) {
		struct config config;

		r = config_read(file, &config);
		if (r == 0) {
			assert_int_equal(config.mistake_count, 4);
			config_done(&config);
		} else {
			assert_int_equal(r, -ENOMEM);
		}
	}
	assert_int_equal(r, 0);
	assert_true(n > 20);
}

TEST(test_config_says_when_names_cannot_be_looked_up)
{
	database_error = EIO;
	assert_refused("[pool a]\nusers = alice\n",
		       "2: users (alice): expected users that can be looked up; alice: Input/output error");
	/* ways in which NSS modules say that there is no such entry */
	for (size_t i = 0; i < 4; i++) {
		database_error = ((int[]){ ENOENT, ESRCH, EBADF, EPERM })[i];
		assert_refused("[pool a]\ngroups = pmem\n",
			       "2: groups (pmem): expected groups that exist; there is no group pmem");
	}
	/* numbers need no database */
	database_error = EIO;
	lookups = 0;
	config_done(&(struct config[]){ read_ok(POOL "users = 5\ngroups = 6\n") }[0]);
	assert_int_equal(lookups, 0);
}

TEST(test_config_looks_up_large_entries)
{
	struct config config;

	database_needs = 100000;
	config = read_ok(POOL "users = bob\ngroups = pmem\n");
	assert_int_equal(config.classes[0].users.ids[0], 1001);
	assert_int_equal(config.classes[0].groups.ids[0], 200);
	config_done(&config);
	database_needs = SIZE_MAX;
	assert_refused("[pool a]\nusers = bob\n",
		       "2: users (bob): expected users that can be looked up; bob: Numerical result out of range");
}
