/* SPDX-License-Identifier: BSD-3-Clause */
/* option -- reads the options of a command as its description has them, and says in one line what is wrong with one. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/util/suggest.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/ctl/ctl.h"
#include "vmmallocd/ctl/usage.h"

#define WHAT_BYTES 192

/* All options of a command as getopt_long wants them, and those that they are made of. */
struct getopt_tables {
	struct option longs[COMMAND_OPTIONS_MOST + 1];
	const struct command_option *options[COMMAND_OPTIONS_MOST];
	size_t count;
	char shorts[2 + 2 * COMMAND_OPTIONS_MOST + 1];
};

static void add_options(struct getopt_tables *tables, const struct command_option *options)
{
	char *shorts = tables->shorts + strlen(tables->shorts);

	for (; options && options->name && tables->count < COMMAND_OPTIONS_MOST; options++) {
		int has_argument = !options->argument ? no_argument
				   : command_option_may_stand_alone(options) ? optional_argument : required_argument;

		tables->options[tables->count] = options;
		tables->longs[tables->count++] = (struct option){ options->name, has_argument, NULL, options->value };
		if (options->value < COMMAND_OPTION_RUNTIME_DIR) {
			*shorts++ = (char)options->value;
			if (has_argument == required_argument)
				*shorts++ = ':';
		}
	}
	*shorts = '\0';
}

static const struct command_option *find_option(const struct getopt_tables *tables, int value)
{
	for (size_t i = 0; i < tables->count; i++)
		if (tables->options[i]->value == value)
			return tables->options[i];
	return NULL;
}

/* What is wrong with an option, and what to do then, with the command's name. */
static void complain_of_option(const struct ctl *ctl, const char *what, const char *then)
{
	const char *name = ctl->command->function ? ctl->command->name : "", *space = *name ? " " : "";

	if (*then)
		ctl_complain("%s%s%s%s", name, *name ? ": " : "", what, then);
	else
		ctl_complain("%s%s%s; try vmmallocctl %s%s--help", name, *name ? ": " : "", what, name, space);
}

/* One that none is, or that more than one may be. */
static void complain_of_name(const struct ctl *ctl, const struct getopt_tables *tables, const char *word)
{
	char name[SUGGEST_WORD_BYTES], what[WHAT_BYTES], then[WHAT_BYTES] = "";
	struct suggest suggest = { .word = name };
	const char *begun = NULL;
	bool is_ambiguous = false;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	snprintf(what, sizeof(what), "unknown option '--%s'", name);
	for (size_t i = 0; i < tables->count; i++) {
		const char *offer = tables->options[i]->name;

		suggest_offer(&suggest, offer);
		if (strncmp(offer, name, strlen(name)) != 0)
			continue;
		is_ambiguous = begun != NULL;
		if (is_ambiguous)
			snprintf(what, sizeof(what), "'--%s' may be '--%s' or '--%s'", name, begun, offer);
		begun = offer;
	}
	if (suggest.nearest && !is_ambiguous)
		snprintf(then, sizeof(then), "; did you mean '--%s'?", suggest.nearest);
	complain_of_option(ctl, what, then);
}

static int refuse_option_word(const struct ctl *ctl, const struct getopt_tables *tables, int result, const char *word)
{
	const struct command_option *option = find_option(tables, optopt);
	char what[WHAT_BYTES];

	if (option && result == ':')
		snprintf(what, sizeof(what), "--%s needs an argument, %s", option->name, option->argument);
	else if (option)
		snprintf(what, sizeof(what), "--%s takes no argument", option->name);
	else
		snprintf(what, sizeof(what), "unknown option '-%c'", optopt);
	if (!option && optopt == 0)
		complain_of_name(ctl, tables, word + 2);
	else
		complain_of_option(ctl, what, "");
	return CTL_USAGE;
}

/* Sets *ret_status unless it is one of the command's own, or the last was read. */
static void take_common(struct ctl *ctl, int option, int *ret_status)
{
	switch (option) {
	case COMMAND_OPTION_RUNTIME_DIR:
		*ret_status = ctl_set_runtime_dir(ctl, optarg, "--runtime-dir");
		break;
	case 'h':
		*ret_status = usage_print(ctl);
		break;
	case 'V':
		puts("vmmallocctl " VMMALLOC_VERSION);
		*ret_status = CTL_OK;
		break;
	}
}

int ctl_next_option(struct ctl *ctl, int argc, char **argv, int *ret_status)
{
	struct getopt_tables tables = { .shorts = ":" };
	int option;

	if (ctl->command->keeps_words)
		strcpy(tables.shorts, "+:");
	add_options(&tables, command_common_options);
	add_options(&tables, ctl->command->options);
	opterr = 0;
	*ret_status = -1;
	do {
		option = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
		if (option == '?' || option == ':')
			*ret_status = refuse_option_word(ctl, &tables, option, argv[optind - 1]);
		else
			take_common(ctl, option, ret_status);
	} while (option == COMMAND_OPTION_RUNTIME_DIR && *ret_status < 0);
	return option == -1 || *ret_status >= 0 ? 0 : option;
}

int ctl_no_options(struct ctl *ctl, int argc, char **argv)
{
	int status;

	(void)ctl_next_option(ctl, argc, argv, &status);
	if (status < 0 && ctl_no_more(argc, argv) != CTL_OK)
		status = CTL_USAGE;
	return status;
}
