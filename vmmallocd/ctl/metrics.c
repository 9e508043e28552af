/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics -- vmmallocctl metrics: on standard output, in a file, or by HTTP. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/util/whole_file.h"
#include "vmmallocd/ctl/exporter.h"
#include "vmmallocd/ctl/scrape.h"

#define INTERVAL_MOST_S 86400
#define FILE_MODE 0644 /* another user's node_exporter reads it */

struct metrics_command {
	const char *format, *output, *listen;
	unsigned interval_s; /* 0: once */
};

static int parse_format(const char *word, enum exposition_format *ret_format)
{
	if (strcmp(word, "openmetrics") == 0)
		*ret_format = EXPOSITION_OPENMETRICS;
	else if (strcmp(word, "prometheus") == 0)
		*ret_format = EXPOSITION_PROMETHEUS;
	else
		return -EINVAL;
	return 0;
}

static bool parse_interval(const char *word, unsigned *ret_interval_s)
{
	unsigned long seconds = strspn(word, "0123456789") == strlen(word) ? strtoul(word, NULL, 10) : 0;

	if (seconds < 1 || seconds > INTERVAL_MOST_S) {
		ctl_complain("--interval (%s): expected a number of seconds, from 1 to %d", word, INTERVAL_MOST_S);
		return false;
	}
	*ret_interval_s = (unsigned)seconds;
	return true;
}

/* Options that say different things. Returns -1: none. */
static int check_together(const struct metrics_command *command, enum exposition_format *ret_format)
{
	*ret_format = command->output ? EXPOSITION_PROMETHEUS : EXPOSITION_OPENMETRICS;
	if (command->format && parse_format(command->format, ret_format) < 0)
		ctl_complain("--format (%s): expected openmetrics or prometheus", command->format);
	else if (command->listen && (command->format || command->output))
		ctl_complain(
			"--listen answers in the format that a client asks for, and writes no file: it does not go "
			"with --format or --output");
	else if (command->interval_s && !command->output)
		ctl_complain("--interval is for --output");
	else if (command->output && !*command->output)
		ctl_complain("--output (): expected a file");
	else
		return -1;
	return CTL_USAGE;
}

/*
 * A device or a FIFO would be replaced by a file, which the machine then has in its place: /dev/full, or the link
 * /dev/stdout. Returns -1: it is none of them, or writing it says what is wrong.
 */
static int check_replaceable(const char *path)
{
	struct stat file, output;

	if (stat(path, &file) < 0)
		return -1;
	if (fstat(STDOUT_FILENO, &output) == 0 && file.st_dev == output.st_dev && file.st_ino == output.st_ino)
		ctl_complain("--output (%s): that is standard output; leave --output out", path);
	else if (!S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode))
		ctl_complain("--output (%s): expected a file, or a name that nothing has", path);
	else
		return -1;
	return CTL_USAGE;
}

static int print_metrics(const struct ctl *ctl, enum exposition_format format)
{
	struct scrape scrape;
	int status;

	if (scrape_daemon(ctl, format, &scrape) < 0) {
		ctl_complain("%s", strerrordesc_np(ENOMEM));
		return CTL_FAILED;
	}
	status = scrape.status;
	if (status != CTL_OK)
		ctl_complain("%s", scrape.words);
	/* that it is down is a figure, too; what does not fit into stdout's buffer fails here, and not at the end */
	if (fwrite(scrape.text, 1, scrape.bytes, stdout) < scrape.bytes || fflush(stdout) != 0) {
		ctl_complain("standard output: %s", strerrordesc_np(errno));
		status = CTL_FAILED;
	}
	scrape_done(&scrape);
	return status;
}

/* Writes the file. What is wrong is in `words`; "": nothing. Returns an exit status. */
static int write_metrics(const struct ctl *ctl, const char *path, enum exposition_format format,
			 char words[SCRAPE_WORDS_BYTES])
{
	struct text complaint = { .data = words, .size = SCRAPE_WORDS_BYTES };
	struct scrape scrape;
	int r = scrape_daemon(ctl, format, &scrape);
	int status = CTL_FAILED;

	words[0] = '\0';
	if (r == 0) {
		status = scrape.status;
		if (status != CTL_OK)
			text_add(&complaint, "%s", scrape.words);
		r = whole_file_write(path, FILE_MODE, scrape.text, scrape.bytes);
		scrape_done(&scrape);
	}
	if (r < 0) {
		complaint.length = 0;
		text_add(&complaint, "%s: %s", path, strerrordesc_np(-r));
		status = CTL_FAILED;
	}
	return status;
}

/* Until a signal comes. What is wrong is said once, and once that it is over. */
static int write_again(const struct ctl *ctl, const struct metrics_command *command, enum exposition_format format,
		       const sigset_t *ends)
{
	const struct timespec pause = { .tv_sec = command->interval_s };
	char words[SCRAPE_WORDS_BYTES], said[SCRAPE_WORDS_BYTES] = "";

	do {
		(void)write_metrics(ctl, command->output, format, words);
		if (strcmp(words, said) != 0)
			ctl_complain("%s", *words ? words : "the file is written, and the daemon answers");
		strcpy(said, words);
	} while (sigtimedwait(ends, NULL, &pause) < 0);
	return CTL_OK;
}

static int run_metrics(const struct ctl *ctl, const struct metrics_command *command, enum exposition_format format)
{
	char words[SCRAPE_WORDS_BYTES];
	sigset_t ends;
	int status;

	if (!command->listen && !command->output)
		return print_metrics(ctl, format);
	if (!command->listen && !command->interval_s) {
		status = write_metrics(ctl, command->output, format, words);
		if (*words)
			ctl_complain("%s", words);
		return status;
	}
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	return command->listen ? exporter_run(ctl, command->listen, &ends) : write_again(ctl, command, format, &ends);
}

enum { METRICS_FORMAT = COMMAND_OPTION_OWN, METRICS_OUTPUT, METRICS_INTERVAL, METRICS_LISTEN };

static int ctl_metrics(struct ctl *ctl, int argc, char **argv)
{
	struct metrics_command command = { 0 };
	enum exposition_format format;
	int option, status;

	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0) {
		switch (option) {
		case METRICS_FORMAT: command.format = optarg; break;
		case METRICS_OUTPUT: command.output = optarg; break;
		case METRICS_LISTEN: command.listen = optarg; break;
		default:
			if (!parse_interval(optarg, &command.interval_s))
				return CTL_USAGE;
			break;
		}
	}
	if (status < 0)
		status = check_together(&command, &format);
	if (status >= 0 || (status = ctl_no_more(argc, argv)) != CTL_OK)
		return status;
	if (command.output && (status = check_replaceable(command.output)) >= 0)
		return status;
	return run_metrics(ctl, &command, format);
}

static const struct command_option metrics_options[] = {
	{ "format", METRICS_FORMAT, "openmetrics|prometheus", "the second is an older text format" },
	{ "output", METRICS_OUTPUT, "FILE", "write a file, by default in the older format, as node_exporter reads it" },
	{ "interval", METRICS_INTERVAL, "SECONDS", "write it again and again" },
	{ "listen", METRICS_LISTEN, "ADDRESS:PORT", "serve them by HTTP at /metrics; or at a SOCKET, a path" },
	{ 0 },
};

static const struct command_example metrics_examples[] = {
	{ "for promtool", "metrics --format prometheus | promtool check metrics" },
	{ "in the directory that a node_exporter reads",
	  "metrics --output vmmalloc.prom --interval 15" },
	{ "for Prometheus", "metrics --listen 127.0.0.1:9957" },
	{ 0 },
};

const struct command metrics_command = {
	.name = "metrics",
	.function = ctl_metrics,
	.summary = "print the daemon's figures for Prometheus and others",
	.text = "Print what the daemon counts, and how its pools are, as OpenMetrics; write a file, or serve by HTTP.",
	.options = metrics_options,
	.examples = metrics_examples,
};
