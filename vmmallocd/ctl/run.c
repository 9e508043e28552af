/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run -- vmmallocctl run: the environment that libvmmalloc(7) reads, and then the program.
 *
 * What is wrong is said here, before the program starts: the library can only end a process.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/base/handout.h"
#include "common/base/size.h"
#include "common/util/absolute_path.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/ctl/ctl.h"
#include "vmmallocd/ctl/preload.h"
#include "vmmallocd/ctl/run_daemon.h"

#define FILTER_FILE "/proc/self/coredump_filter"
#define FILTER_SHARED_FILES (1u << 3)                       /* a daemon's pool: its file has a name */
#define FILTER_HUGE_AND_DAX (1u << 6 | 1u << 7 | 1u << 8)   /* any pool on such a file system */

/* What a variable says that does not name the pool. */
enum setting { FORK, CHILDREN, ON_FULL, MAX_SIZE, ON_FAIL, WAIT, SETTINGS };

static const struct {
	const char *option, *variable;
	int (*parse)(const char *value);   /* NULL: it is a size */
	const char *expected;
} settings[SETTINGS] = {
	[FORK] = { "--fork", ENVIRONMENT_FORK, environment_fork, ENVIRONMENT_FORK_EXPECTED },
	[CHILDREN] = { "--children", ENVIRONMENT_CHILDREN, environment_children, ENVIRONMENT_CHILDREN_EXPECTED },
	[ON_FULL] = { "--on-full", ENVIRONMENT_ON_FULL, environment_on_full, ENVIRONMENT_ON_FULL_EXPECTED },
	[MAX_SIZE] = { "--max-size", ENVIRONMENT_MAX_SIZE, NULL, NULL },
	[ON_FAIL] = { "--on-fail", ENVIRONMENT_ON_FAIL, environment_on_fail, ENVIRONMENT_ON_FAIL_EXPECTED },
	[WAIT] = { "--wait", ENVIRONMENT_WAIT, environment_wait, ENVIRONMENT_WAIT_EXPECTED },
};

struct run {
	/* NULL: not given. Of a heap of several tiers `class`, `dir` and `size` are lists. */
	const char *class, *dir, *size, *place, *settings[SETTINGS];
	bool verbose;
};

static int refuse_option(const char *name, const char *value, const char *expected)
{
	ctl_complain("%s (%s): expected %s", name, value, expected);
	return CTL_USAGE;
}

static int check_size(const char *name, const char *value)
{
	size_t bytes;

	switch (environment_pool_size(value, VMMALLOC_MIN_POOL, &bytes)) {
	case 0:
		return CTL_OK;
	case -ERANGE:
		ctl_complain("%s (%s): too large", name, value);
		return CTL_USAGE;
	case -ENOSPC:
		ctl_complain("%s (%s): a pool has at least %zu bytes (14M)", name, value, VMMALLOC_MIN_POOL);
		return CTL_USAGE;
	default:
		return refuse_option(name, value, SIZE_EXPECTED);
	}
}

/* How many tiers the heap is to have, by what is given here or else in the environment. */
static size_t tiers_of(const struct run *run)
{
	bool is_given = run->class || run->dir || run->size;
	const char *classes = is_given ? run->class : getenv(ENVIRONMENT_POOL);
	const char *sizes = is_given ? run->size : getenv(ENVIRONMENT_POOL_SIZE);

	return classes ? environment_items(classes, ENVIRONMENT_CLASSES_SEPARATOR)
		       : sizes ? environment_items(sizes, ENVIRONMENT_TIERS_SEPARATOR) : 1;
}

static int check_class(const char *name)
{
	if (handout_class_name_check(name) == 0)
		return CTL_OK;
	ctl_complain("--class (%s): expected up to %d letters, digits, '-' and '_'", name, HANDOUT_CLASS_BYTES - 1);
	return CTL_USAGE;
}

static int check_tier_dir(const char *dir)
{
	if (dir[0] != '\0')
		return CTL_OK;
	ctl_complain("--dir is empty: expected a writable directory");
	return CTL_USAGE;
}

/* One of several, which are to be a list. */
static int check_listed_dir(const char *dir)
{
	char absolute[PATH_MAX];

	if (dir[0] == '\0' || absolute_path(dir, absolute, sizeof(absolute)) < 0 ||
	    !strchr(absolute, ENVIRONMENT_TIERS_SEPARATOR))
		return check_tier_dir(dir);
	return refuse_option("--dir", absolute, "no colon in the paths of several directories");
}

static int check_tier_size(const char *size)
{
	return check_size("--size", size);
}

/* Each item of a list, of which there must be one for each tier. */
static int check_list(const char *option, const char *list, char separator, size_t tiers,
		      int (*check)(const char *item))
{
	size_t items = tiers == 1 ? 1 : environment_items(list, separator);
	char item[PATH_MAX];
	int status = CTL_OK;

	if (items != tiers) {
		ctl_complain("%s (%s): expected %zu, one for each tier", option, list, tiers);
		return CTL_USAGE;
	}
	if (tiers == 1)
		return check(list);
	for (size_t i = 0; i < tiers && status == CTL_OK; i++)
		status = environment_item(list, separator, i, item, sizeof(item))
				 ? check(item) : refuse_option(option, list, "shorter names");
	return status;
}

static int check_placement(const char *place, size_t tiers)
{
	struct environment_place unused;

	if (environment_place(place, tiers, &unused) == 0)
		return CTL_OK;
	return refuse_option("--place", place, ENVIRONMENT_PLACE_EXPECTED);
}

static int check_pools(const struct run *run)
{
	size_t tiers = tiers_of(run);
	int status = CTL_OK;

	/* what the environment says is the library's to refuse */
	if (tiers > ENVIRONMENT_TIERS_MOST && (run->class || run->size)) {
		ctl_complain("%s (%s): expected %d tiers at the most", run->class ? "--class" : "--size",
			     run->class ? run->class : run->size, ENVIRONMENT_TIERS_MOST);
		return CTL_USAGE;
	}
	if (run->class)
		status = check_list("--class", run->class, ENVIRONMENT_CLASSES_SEPARATOR, tiers, check_class);
	if (status == CTL_OK && run->size)
		status = check_list("--size", run->size, ENVIRONMENT_TIERS_SEPARATOR, tiers, check_tier_size);
	if (status == CTL_OK && run->dir)
		status = check_list("--dir", run->dir, ENVIRONMENT_TIERS_SEPARATOR, tiers,
				    tiers == 1 ? check_tier_dir : check_listed_dir);
	return status == CTL_OK && run->place ? check_placement(run->place, tiers) : status;
}

/* A size is also what --children may be. */
static int check_setting(enum setting setting, const char *value)
{
	int (*parse)(const char *value) = settings[setting].parse;
	int r = parse ? parse(value) : 0;

	if (r < 0)
		return refuse_option(settings[setting].option, value, settings[setting].expected);
	return !parse || (setting == CHILDREN && r == ENVIRONMENT_CHILDREN_SIZE) ?
		       check_size(settings[setting].option, value) :
		       CTL_OK;
}

/* The variable as the program will see it, or NULL. */
static const char *setting_in_force(const struct run *run, enum setting setting)
{
	return run->settings[setting] ? run->settings[setting] : getenv(settings[setting].variable);
}

/* Of all tiers. 0 or -errno. */
static int sum_of_sizes(const char *list, size_t *ret_bytes)
{
	size_t items = environment_items(list, ENVIRONMENT_TIERS_SEPARATOR), bytes, sum = 0;
	char item[32];
	int r = 0;

	for (size_t i = 0; i < items && r == 0; i++, sum += bytes) {
		bytes = 0;
		r = environment_item(list, ENVIRONMENT_TIERS_SEPARATOR, i, item, sizeof(item))
			    ? environment_pool_size(item, VMMALLOC_MIN_POOL, &bytes) : -EINVAL;
	}
	*ret_bytes = sum;
	return r;
}

/* What only together makes sense. */
static int check_max_size(const struct run *run)
{
	const char *on_full = setting_in_force(run, ON_FULL), *most = run->settings[MAX_SIZE];
	const char *size = run->size || run->class ? run->size : getenv(ENVIRONMENT_POOL_SIZE);
	size_t size_bytes, most_bytes;

	if (!on_full || environment_on_full(on_full) != ENVIRONMENT_ON_FULL_GROW) {
		ctl_complain("--max-size needs --on-full=grow");
		return CTL_USAGE;
	}
	if (size && sum_of_sizes(size, &size_bytes) == 0 &&
	    environment_pool_size(most, VMMALLOC_MIN_POOL, &most_bytes) == 0 && most_bytes < size_bytes) {
		ctl_complain("--max-size (%s): expected at least the size of a pool (%s)", most, size);
		return CTL_USAGE;
	}
	return CTL_OK;
}

/* Some pool must be named: by options, or by the environment as it is. */
static int check_pool_named(const struct run *run)
{
	if (!run->dir != !run->size) {
		ctl_complain("%s needs %s", run->dir ? "--dir" : "--size", run->dir ? "--size" : "--dir");
		return CTL_USAGE;
	}
	if (run->class || run->dir || getenv(ENVIRONMENT_POOL) ||
	    (getenv(ENVIRONMENT_POOL_DIR) && getenv(ENVIRONMENT_POOL_SIZE)))
		return CTL_OK;
	ctl_complain("which pool? Give --class NAME, or --dir DIR and --size SIZE");
	return CTL_USAGE;
}

static int check_options(const struct run *run)
{
	int status = check_pools(run);

	for (enum setting i = 0; status == CTL_OK && i < SETTINGS; i++)
		if (run->settings[i])
			status = check_setting(i, run->settings[i]);
	if (status == CTL_OK && run->settings[MAX_SIZE])
		status = check_max_size(run);
	return status == CTL_OK ? check_pool_named(run) : status;
}

/* A class that there is not is refused before the program starts, unless it is to run all the same. */
static int check_classes(const struct ctl *ctl, const struct run *run)
{
	bool is_given = run->class || run->dir;
	const char *classes = is_given ? run->class : getenv(ENVIRONMENT_POOL);
	const char *dir = is_given ? run->dir : getenv(ENVIRONMENT_POOL_DIR);
	const char *on_fail = setting_in_force(run, ON_FAIL);

	if (!classes || dir || (on_fail && environment_on_fail(on_fail) != 0))
		return CTL_OK;
	return run_daemon_check_classes(ctl, classes);
}

/* NULL takes the variable away. */
static int set(const struct run *run, const char *name, const char *value)
{
	if ((value ? setenv(name, value, 1) : unsetenv(name)) < 0)
		return -errno;
	if (run->verbose && value)
		ctl_complain("%s=%s", name, value);
	return 0;
}

/* The program, and what it starts, may work in other directories. */
static int set_path(const struct run *run, const char *name, const char *path)
{
	char absolute[PATH_MAX];
	int r = path ? absolute_path(path, absolute, sizeof(absolute)) : 0;

	return r < 0 ? r : set(run, name, path ? absolute : NULL);
}

/* A directory for each tier. */
static int set_directories(const struct run *run, const char *list)
{
	size_t tiers = tiers_of(run), length = 0;
	char item[PATH_MAX], absolute[ENVIRONMENT_TIERS_MOST * PATH_MAX];

	if (!list || tiers == 1)
		return set_path(run, ENVIRONMENT_POOL_DIR, list);
	for (size_t i = 0; i < tiers; i++) {
		int r = environment_item(list, ENVIRONMENT_TIERS_SEPARATOR, i, item, sizeof(item)) ? 0 : -ENAMETOOLONG;

		if (i > 0)
			absolute[length++] = ENVIRONMENT_TIERS_SEPARATOR;
		if (r == 0)
			r = absolute_path(item, absolute + length, PATH_MAX - 1);
		if (r < 0)
			return r;
		length += strlen(absolute + length);
	}
	return set(run, ENVIRONMENT_POOL_DIR, absolute);
}

/* What the environment says already. Where it is wrong the library will say so. */
static int keep_directories(const struct run *run)
{
	const char *list = getenv(ENVIRONMENT_POOL_DIR);
	size_t tiers = tiers_of(run);

	if (!list || list[0] == '\0' || tiers > ENVIRONMENT_TIERS_MOST ||
	    (tiers > 1 && environment_items(list, ENVIRONMENT_TIERS_SEPARATOR) != tiers))
		return 0;
	return tiers == 1 && list[0] == '/' ? 0 : set_directories(run, list);
}

/* The same of another path. */
static int keep_path(const struct run *run, const char *name)
{
	const char *path = getenv(name);

	return path && path[0] != '\0' && path[0] != '/' ? set_path(run, name, path) : 0;
}

/* A pool that was named otherwise, for the program that started us, is not the one that is asked for now. */
static int set_pool(const struct run *run)
{
	int r;

	if (!run->class && !run->dir)
		return 0;
	if ((r = set(run, ENVIRONMENT_POOL, run->class)) < 0 ||
	    (r = set_directories(run, run->dir)) < 0 ||
	    (r = set(run, ENVIRONMENT_POOL_SIZE, run->size)) < 0)
		return r;
	/* where things were to be put in other pools */
	return run->place ? 0 : set(run, ENVIRONMENT_PLACE, NULL);
}

static int set_socket(const struct ctl *ctl, const struct run *run)
{
	const char *given = getenv(ENVIRONMENT_SOCKET);
	char value[PATH_MAX];
	int r = run_daemon_socket(ctl, run->class, value);

	/* what is empty names none, and the library takes it for a path */
	if (r < 0 || (value[0] == '\0' && !(given && *given == '\0')))
		return r;
	r = set(run, ENVIRONMENT_SOCKET, value[0] == '\0' ? NULL : value);
	if (r < 0)
		ctl_complain(ENVIRONMENT_SOCKET ": %s", strerror(-r));
	return r;
}

static int set_preload(const struct run *run)
{
	char program[PATH_MAX], library[PATH_MAX] = PRELOAD_SONAME, *list;
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	int r = 0;

	/* without /proc the dynamic linker has to find it */
	if (length > 0) {
		program[length] = '\0';
		r = preload_find(dirname(program), library, sizeof(library));
	}
	if (r == 0)
		r = preload_list(library, getenv(ENVIRONMENT_PRELOAD), &list);
	if (r == -EINVAL) {
		ctl_complain("%s: LD_PRELOAD cannot name a path with a space or a colon in it", library);
		return r;
	}
	if (r == 0) {
		r = set(run, ENVIRONMENT_PRELOAD, list);
		free(list);
	}
	if (r < 0)
		ctl_complain("LD_PRELOAD: %s", strerror(-r));
	return r;
}

/* By default the kernel leaves such heaps out of core dumps: core(5). The program inherits the filter. */
static void set_core_filter(void)
{
	unsigned filter, wanted = FILTER_HUGE_AND_DAX;
	FILE *file = fopen(FILTER_FILE, "r+e");

	if (!file)
		return;
	if (getenv(ENVIRONMENT_POOL) || getenv(ENVIRONMENT_SOCKET))
		wanted |= FILTER_SHARED_FILES;
	if (fscanf(file, "%x", &filter) == 1 && (filter & wanted) != wanted) {
		rewind(file);
		fprintf(file, "0x%x", filter | wanted);
	}
	fclose(file);
}

static int run_program(const struct ctl *ctl, const struct run *run, char **command)
{
	int r;

	if ((r = set_pool(run)) == 0 && (r = keep_directories(run)) == 0)
		r = keep_path(run, ENVIRONMENT_RUNTIME_DIR);
	if (r == 0 && run->place)
		r = set(run, ENVIRONMENT_PLACE, run->place);
	for (enum setting i = 0; r == 0 && i < SETTINGS; i++)
		if (run->settings[i])
			r = set(run, settings[i].variable, run->settings[i]);
	if (r < 0) {
		ctl_complain("environment: %s", strerror(-r));
		return CTL_FAILED;
	}
	if (set_socket(ctl, run) < 0 || set_preload(run) < 0)
		return CTL_FAILED;
	set_core_filter();
	execvp(command[0], command);
	r = errno;
	ctl_complain("%s: %s", command[0], strerror(r));
	return r == ENOENT ? CTL_NOT_FOUND : CTL_CANNOT_RUN;
}

enum { CLASS = COMMAND_OPTION_OWN, DIR_OPTION, SIZE, PLACE, VERBOSE, SETTING };

static const struct command_option run_options[] = {
	{ "class", CLASS, "CLASS[,CLASS...]", "a ready pool of the class, from the daemon; of several: one heap" },
	{ "dir", DIR_OPTION, "DIR[:DIR...]",
	  "with --size: a pool of the program's own in this directory; with --class: if none is ready" },
	{ "size", SIZE, "SIZE[:SIZE...]", "of the pool in --dir, at least" },
	{ "place", PLACE, "fill|large:BYTES|ratio:N:M", "what lies in which of several pools" },
	{ "fork", SETTING + FORK, "auto|0|1|2|3", "what becomes of the heap at a fork" },
	{ "children", SETTING + CHILDREN, "inherit|off|SIZE", "what programs get that the program starts" },
	{ "on-full", SETTING + ON_FULL, "fail|dram|grow",
	  "what becomes of a request that the pool has no room for" },
	{ "max-size", SETTING + MAX_SIZE, "SIZE", "of all pools of a program that grows" },
	{ "on-fail", SETTING + ON_FAIL, "exit|dram", "what becomes of a program without a pool" },
	{ "wait", SETTING + WAIT, "[=SECONDS]", "wait for a pool of the daemon's" },
	{ "verbose", VERBOSE, NULL, "say what is set" },
	{ 0 },
};

static int ctl_run(struct ctl *ctl, int argc, char **argv)
{
	char wait_most[16];
	struct run run = { 0 };
	int option, status;

	snprintf(wait_most, sizeof(wait_most), "%d", HANDOUT_WAIT_MOST_S);
	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0) {
		switch (option) {
		case CLASS: run.class = optarg; break;
		case DIR_OPTION: run.dir = optarg; break;
		case SIZE: run.size = optarg; break;
		case PLACE: run.place = optarg; break;
		case VERBOSE: run.verbose = true; break;
		default: run.settings[option - SETTING] = optarg ? optarg : wait_most;
		}
	}
	if (status >= 0)
		return status;
	status = check_options(&run);
	if (status == CTL_OK && optind == argc) {
		ctl_complain("which program? vmmallocctl run [OPTION...] -- PROGRAM [ARGUMENT...]");
		status = CTL_USAGE;
	}
	if (status == CTL_OK)
		status = check_classes(ctl, &run);
	return status == CTL_OK ? run_program(ctl, &run, argv + optind) : status;
}

static const struct command_example run_examples[] = {
	{ "on a ready pool of a class, and on one of its own if none is ready",
	  "run --class fast --dir /dev/shm --size 1G -- redis-server" },
	{ "one that grows, up to 8 GiB, and is waited for up to a minute",
	  "run --class fast --on-full grow --max-size 8G --wait=60 --verbose -- python3 job.py" },
	{ "small things on tmpfs, those of 64 KiB and more on persistent memory",
	  "run --dir /dev/shm:/mnt/pmem0 --size 2G:64G --place large:64K -- ./server" },
	{ "a program that forks, starts others without pools, and runs without one rather than not at all",
	  "run --dir /dev/shm --size 1G --fork 2 --children off --on-fail dram -- make" },
	{ 0 },
};

const struct command run_command = {
	.name = "run",
	.function = ctl_run,
	.synopsis = "[--] PROGRAM [ARGUMENT...]",
	.summary = "run a program on a pool",
	.text = "Run a program with its heap on a pool: a ready one of the daemon's, or one of its own.",
	.options = run_options,
	.examples = run_examples,
	.keeps_words = true,
};
