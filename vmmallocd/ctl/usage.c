/* SPDX-License-Identifier: BSD-3-Clause */
/* usage -- see usage.h. It is printed of the descriptions by which options are read. */
#include "vmmallocd/ctl/usage.h"

#include <stdio.h>
#include <string.h>

#include "vmmallocd/ctl/table.h"

#define WIDTH 80
#define OPTION_BYTES 128

/* The cursor is at column `at`: words, and more lines that begin at column `margin`. */
static void print_wrapped(const char *text, size_t at, size_t margin)
{
	const char *separator = "";

	if (at > margin) {
		putchar('\n');
		at = 0;
	}
	printf("%*s", (int)(margin - at), "");
	for (at = margin; *text;) {
		size_t length = strcspn(text, " ");

		if (at > margin && at + 1 + length > WIDTH) {
			printf("\n%*s", (int)margin, "");
			at = margin;
			separator = "";
		}
		printf("%s%.*s", separator, (int)length, text);
		at += strlen(separator) + length;
		separator = " ";
		text += length + (text[length] == ' ');
	}
	putchar('\n');
}

/* "-o, --output COLUMNS" */
static void say_option(const struct command_option *option, char said[OPTION_BYTES])
{
	const char *argument = option->argument ? option->argument : "";
	bool has_letter = option->value < COMMAND_OPTION_RUNTIME_DIR;

	snprintf(said, OPTION_BYTES, "%c%c%s --%s%s%s", has_letter ? '-' : ' ', has_letter ? option->value : ' ',
		 has_letter ? "," : " ", option->name, command_option_may_stand_alone(option) ? "" : " ", argument);
}

/* Where the words begin that follow the options; those of a long one are in lines of their own. */
static size_t margin_of(const struct command_option *options, size_t least)
{
	char said[OPTION_BYTES];

	for (; options && options->name; options++) {
		say_option(options, said);
		if (strlen(said) + 4 > least && strlen(said) + 4 <= WIDTH / 2)
			least = strlen(said) + 4;
	}
	return least;
}

static void print_options(const struct command_option *options, size_t margin)
{
	char said[OPTION_BYTES];

	for (; options && options->name; options++) {
		say_option(options, said);
		print_wrapped(options->help, (size_t)printf("  %s", said), margin);
	}
}

static void print_columns(const struct table_kind *kind)
{
	char names[TABLE_NAMES_BYTES] = "";
	size_t used = 0;

	for (size_t i = 0; i < kind->count && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i == 0 ? "" : ", ",
					 kind->columns[i].name);
	printf("\nColumns of --output:\n");
	print_wrapped(names, 0, 2);
}

static void print_command(const struct command *command)
{
	const char *synopsis = command->synopsis ? command->synopsis : "";
	size_t margin = margin_of(command->options, margin_of(command_common_options, 0));

	printf("Usage: vmmallocctl %s [OPTION...]%s%s\n\n", command->name, *synopsis ? " " : "", synopsis);
	print_wrapped(command->text, 0, 0);
	printf("\nOptions:\n");
	print_options(command->options, margin);
	print_options(command_common_options, margin);
	if (command->table)
		print_columns(command->table);
	printf("\n%s:\n", command->examples[1].words ? "Examples" : "Example");
	for (const struct command_example *example = command->examples; example->words; example++) {
		printf("  # %s\n", example->what);
		printf("  vmmallocctl %s\n", example->words);
	}
}

static void print_overview(const struct ctl *ctl)
{
	printf("Usage: vmmallocctl [OPTION...] COMMAND [ARGUMENT...]\n\n");
	print_wrapped(ctl->command->summary, 0, 0);
	printf("\nCommands:\n");
	for (const struct command *const *command = ctl->commands; *command; command++)
		if (!(*command)->is_hidden)
			print_wrapped((*command)->summary, (size_t)printf("  %s", (*command)->name), 14);
	printf("\nOptions, also of each command:\n");
	print_options(command_common_options, margin_of(command_common_options, 0));
	printf("\n\"vmmallocctl help COMMAND\" has its options, and examples; vmmallocctl(1) has all of it.\n\n"
	       "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no daemon answers, 4 no such thing.\n");
}

int usage_print(const struct ctl *ctl)
{
	if (ctl->command->function)
		print_command(ctl->command);
	else
		print_overview(ctl);
	return CTL_OK;
}
