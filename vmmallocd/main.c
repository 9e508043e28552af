/* SPDX-License-Identifier: BSD-3-Clause */
/* main -- vmmallocd's command line, and what a process has to set before anything else runs. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/paths.h"
#include "common/util/absolute_path.h"
#include "common/util/standard_fds.h"
#include "common/util/suggest.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/config/directories.h"
#include "vmmallocd/control/config_json.h"
#include "vmmallocd/daemon.h"
#include "vmmallocd/dirs.h"
#include "vmmallocd/sockets.h"

#define USAGE_STATUS 2
#define OPEN_FILES_MOST 65536

static void print_help(void)
{
	puts("Usage: vmmallocd [OPTION...]\n"
	     "Keeps pools of memory ready for programs that run with libvmmalloc, and takes them back: vmmallocd(8).\n"
	     "\n"
	     "      --config FILE       instead of " PATHS_CONFIG_FILE "\n"
	     "      --runtime-dir DIR   where pool.sock and control.sock are\n"
	     "      --state-dir DIR     where registry.json is\n"
	     "      --user              one of your own: its files are where XDG_CONFIG_HOME, XDG_STATE_HOME and\n"
	     "                          XDG_RUNTIME_DIR say\n"
	     "      --log-level LEVEL   error, warning, info or debug\n"
	     "      --check             read the configuration, say all that is wrong with it, and exit\n"
	     "      --json              the same, and the classes, as JSON\n"
	     "      --directories       print its directories, and what has to be mounted there, and exit\n"
	     "  -h, --help              print this, and exit\n"
	     "  -V, --version           print the version, and exit");
}

/* Output that cannot be written is a failure. */
static int end_output(void)
{
	if (fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "vmmallocd: standard output: %s\n", strerrordesc_np(errno));
	return 1;
}

static bool print_config_json(const struct config *config)
{
	char *text = control_config_json(config);
	bool is_printed = text && puts(text) >= 0;

	free(text);
	return is_printed;
}

static int check_config(const char *config_file, bool json)
{
	struct config config;
	int status;

	if (config_read(config_file, &config) < 0) {
		fprintf(stderr, "vmmallocd: out of memory\n");
		return 1;
	}
	status = config.mistake_count > 0;
	if (json && !print_config_json(&config))
		status = 1;
	for (size_t i = 0; !json && i < config.mistake_count; i++)
		fprintf(stderr, "vmmallocd: %s\n", config.mistakes[i]);
	config_done(&config);
	return end_output() != 0 ? 1 : status;
}

/* At boot, for vmmalloc-generator: there is no user database yet, and what asks for one may wait for the generator. */
static int print_directories(const char *config_file)
{
	struct config config;
	int status;

	if (config_read_alone(config_file, &config) < 0) {
		fprintf(stderr, "vmmallocd: out of memory\n");
		return 1;
	}
	config_directories_print(&config, stdout);
	status = !config_directories_are_all(&config);
	config_done(&config);
	return end_output() != 0 ? 1 : status;
}

/* Connections and pool directories: the usual soft limit of 1024 is soon reached. */
static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max < OPEN_FILES_MOST ? limit.rlim_max : OPEN_FILES_MOST;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The absolute path, which those who work in other directories need; or the path as it is, if there is no such one. */
static const char *in_full(const char *path, char *buffer, size_t bytes)
{
	return path && absolute_path(path, buffer, bytes) == 0 ? buffer : path;
}

/* The mask outlives exec: our parent may have blocked the signals that end us and that make us reload. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

struct command_line {
	struct daemon_options options;
	bool only_check, json, only_directories;
};

/* `result` is what getopt said, `word` the last one that it read, without dashes. In the words of vmmallocctl. */
static int refuse_daemon_option(const struct option *options, int result, const char *word)
{
	const struct option *known = options;
	char name[SUGGEST_WORD_BYTES];
	struct suggest suggest = { .word = name };

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	for (const struct option *option = options; option->name && optopt == 0; option++)
		suggest_offer(&suggest, option->name);
	while (known->name && (optopt == 0 || known->val != optopt))
		known++;
	if (known->name && result == ':')
		fprintf(stderr, "vmmallocd: --%s needs an argument", known->name);
	else if (known->name)
		fprintf(stderr, "vmmallocd: --%s takes no argument", known->name);
	else if (optopt != 0)
		fprintf(stderr, "vmmallocd: unknown option '-%c'", optopt);
	else
		fprintf(stderr, "vmmallocd: unknown option '--%s'", name);
	if (suggest.nearest)
		fprintf(stderr, "; did you mean '--%s'?\n", suggest.nearest);
	else
		fputs("; try vmmallocd --help\n", stderr);
	return USAGE_STATUS;
}

/* -1: go on; else the exit status to end with. */
static int parse_options(int argc, char *argv[], struct command_line *line)
{
	enum { CONFIG = 256, RUNTIME_DIR, STATE_DIR, USER, LOG_LEVEL, CHECK, JSON, DIRECTORIES };
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "runtime-dir", required_argument, NULL, RUNTIME_DIR },
		{ "state-dir", required_argument, NULL, STATE_DIR },
		{ "user", no_argument, NULL, USER },
		{ "log-level", required_argument, NULL, LOG_LEVEL },
		{ "check", no_argument, NULL, CHECK },
		{ "json", no_argument, NULL, JSON },
		{ "directories", no_argument, NULL, DIRECTORIES },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct daemon_options *options = &line->options;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":hV", long_options, NULL)) != -1) {
		switch (option) {
		case CONFIG: options->config_file = optarg; break;
		case RUNTIME_DIR: options->runtime_dir = optarg; break;
		case STATE_DIR: options->state_dir = optarg; break;
		case USER: options->is_users = true; break;
		case CHECK: line->only_check = true; break;
		case JSON: line->only_check = line->json = true; break;
		case DIRECTORIES: line->only_directories = true; break;
		case 'h': print_help(); return end_output();
		case 'V': puts("vmmallocd " VMMALLOC_VERSION); return end_output();
		case LOG_LEVEL:
			if (config_log_level_parse(optarg, &options->log_level) == 0)
				break;
			fprintf(stderr, "vmmallocd: --log-level (%s): expected error, warning, info or debug\n",
				optarg);
			return USAGE_STATUS;
		default: return refuse_daemon_option(long_options, option, argv[optind - 1] + 2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "vmmallocd: unexpected argument '%s'; try vmmallocd --help\n", argv[optind]);
		return USAGE_STATUS;
	}
	return -1;
}

/* 0; or the exit status to end with. */
static int choose_config_file(struct daemon_options *options)
{
	static char path[PATH_MAX];

	if (options->config_file)
		return 0;
	options->config_file = PATHS_CONFIG_FILE;
	if (!options->is_users)
		return 0;
	if (dirs_find_user_config(path) < 0) {
		fputs("vmmallocd: --user: expected XDG_CONFIG_HOME or HOME in the environment, or --config\n", stderr);
		return 1;
	}
	options->config_file = path;
	return 0;
}

int main(int argc, char *argv[])
{
	static char config_file[PATH_MAX], state_dir[PATH_MAX], runtime_dir[PATH_MAX];
	struct command_line line = { 0 };
	struct daemon_options *options = &line.options;
	int status;

	/* libuv aborts, too, when it closes one of these */
	if (standard_fds_open() < 0)
		return 1;
	status = parse_options(argc, argv, &line);
	if (status >= 0)
		return status;
	status = choose_config_file(options);
	if (status != 0)
		return status;
	if (line.only_directories)
		return print_directories(options->config_file);
	if (line.only_check)
		return check_config(options->config_file, line.json);

	options->config_file = in_full(options->config_file, config_file, sizeof(config_file));
	options->state_dir = in_full(options->state_dir, state_dir, sizeof(state_dir));
	/* the path of a socket must be short, and a relative one may be short enough */
	options->runtime_dir = in_full(options->runtime_dir, runtime_dir, SOCKETS_DIR_BYTES);

	umask(077);
	unblock_signals();
	/* the kernel sends SIGIO, which kills, when somebody opens a file on which we hold a lease */
	signal(SIGIO, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	raise_open_files();
	return daemon_run(options);
}
