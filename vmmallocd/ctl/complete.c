/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete -- vmmallocctl complete: what a word on a command line may become, for the completions of shells.
 *
 * It is read of the commands' descriptions, as options and help are, so a shell knows what there is. One possibility a
 * line, a tab and what it is; or, for what the shell knows better,
 *
 *     :directories     names of directories
 *     :files           names of files
 *     :program N       the word N and those behind it are a command line of its own
 *
 * A shell that waits must not wait long, and shows no complaints: a daemon that does not answer knows no names.
 */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/event_line.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/pool_table.h"
#include "vmmallocd/ctl/process_shape.h"

#define PATIENCE_MS 1000

/* The command line up to the word that is to be completed, which is the last. */
struct line {
	struct ctl *ctl;
	char **words;
	size_t count;
	const struct command *command;        /* NULL: none is named yet */
	const struct command_option *option;  /* whose argument the last word is, or will be */
	size_t operands;                      /* before the last word */
	bool only_operands;                   /* "--" was there */
	size_t program;                       /* the word with which a program's own begin; 0: none */
	const char *fixed;                    /* what of the last word stays: "--sort=", or "a," of a list; */
	size_t fixed_bytes;
	const char *begun;                    /* and the rest, which is to be completed */
};

static void offer_word(const struct line *line, const char *word, const char *help)
{
	if (strncmp(word, line->begun, strlen(line->begun)) == 0)
		printf("%.*s%s\t%s\n", (int)line->fixed_bytes, line->fixed, word, help);
}

static void offer_commands(const struct line *line)
{
	for (const struct command *const *command = line->ctl->commands; *command; command++)
		if (!(*command)->is_hidden)
			offer_word(line, (*command)->name, (*command)->summary);
}

static void offer_options(const struct line *line, const struct command_option *options)
{
	char word[64];

	for (; options && options->name; options++) {
		snprintf(word, sizeof(word), "--%s", options->name);
		offer_word(line, word, options->help);
	}
}

/* A daemon that has not answered is not asked again. */
static bool ask_quickly(const struct line *line, const char *method, json_t **ret_reply)
{
	bool answers = line->ctl->patience_ms > 0 && client_call(line->ctl, method, NULL, ret_reply) == CTL_OK;

	if (!answers)
		line->ctl->patience_ms = 0;
	return answers;
}

static void offer_classes(const struct line *line)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	const json_t *class;
	size_t i;

	if (!ask_quickly(line, "Status", &reply))
		return;
	json_array_foreach(json_object_get(reply, "classes"), i, class) {
		offer_word(line, field_text(class, "name"), field_text(class, "directory"));
	}
}

/* Of the daemon's pools and of who waits for one, each that has such a text. */
static void offer_of_list(const struct line *line, void (*offer)(const struct line *line, const json_t *pool))
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	const json_t *pool;
	size_t i;

	if (!ask_quickly(line, "List", &reply))
		return;
	json_array_foreach(json_object_get(reply, "pools"), i, pool) {
		offer(line, pool);
	}
	json_array_foreach(json_object_get(reply, "waiting"), i, pool) {
		offer(line, pool);
	}
}

static void offer_pool(const struct line *line, const json_t *pool)
{
	char id[POOL_TABLE_ID_SHOWN + 1], help[TABLE_CELL_BYTES];

	snprintf(id, sizeof(id), "%s", field_text(pool, "id"));
	snprintf(help, sizeof(help), "%s, %s", field_text(pool, "class"), field_text(pool, "state"));
	if (*id)
		offer_word(line, id, help);
}

static void offer_pools(const struct line *line)
{
	offer_of_list(line, offer_pool);
}

static void offer_owner(const struct line *line, const json_t *pool)
{
	const json_t *owner = json_object_get(pool, "owner");
	char pid[32];

	snprintf(pid, sizeof(pid), "%lld", field_number(owner, "pid"));
	if (json_is_object(owner))
		offer_word(line, pid, field_text(owner, "comm"));
}

/* The same processes are looked for as the command itself looks for. */
static void offer_pids(const struct line *line)
{
	struct scan scan;
	char pid[32];

	if (line->command->table != &process_table) {
		offer_of_list(line, offer_owner);
		return;
	}
	if (scan_all(&scan) == 0)
		for (size_t i = 0; i < scan.process_count; i++) {
			snprintf(pid, sizeof(pid), "%d", (int)scan.processes[i].pid);
			offer_word(line, pid, scan.processes[i].stat.command);
		}
	scan_done(&scan);
}

static void offer_user(const struct line *line, const json_t *pool)
{
	const json_t *uid = json_object_get(json_object_get(pool, "owner"), "uid");
	char user[FORMAT_BYTES];

	if (!json_is_integer(uid))
		return;
	format_user((uid_t)json_integer_value(uid), user);
	offer_word(line, user, "");
}

static void offer_users(const struct line *line)
{
	offer_of_list(line, offer_user);
}

static void offer_states(const struct line *line)
{
	for (const char *const *state = pool_table_states; *state; state++)
		offer_word(line, *state, "");
}

static void offer_kinds(const struct line *line)
{
	for (const char *const *kind = event_kinds; *kind; kind++)
		offer_word(line, *kind, "");
}

/* In capitals or not, as they are begun. */
static void offer_columns(const struct line *line)
{
	const struct table_kind *kind = line->command->table;
	bool is_lower = islower((unsigned char)line->begun[0]);

	for (size_t i = 0; kind && i < kind->count; i++) {
		char name[32];
		size_t n = 0;

		for (const char *letter = kind->columns[i].name; *letter && n + 1 < sizeof(name); letter++)
			name[n++] = (char)(is_lower ? tolower((unsigned char)*letter) : *letter);
		name[n] = '\0';
		offer_word(line, name, kind->columns[i].help);
	}
}

/* What the shell knows is what follows an "=" or a ":". */
static void offer_directories(const struct line *line)
{
	(void)line;
	puts(":directories");
}

static void offer_files(const struct line *line)
{
	(void)line;
	puts(":files");
}

static const struct {
	const char *kind;
	void (*offer)(const struct line *line);
} kinds[] = {
	{ "CLASS", offer_classes }, { "POOL", offer_pools },        { "PID", offer_pids },
	{ "USER", offer_users },    { "STATE", offer_states },      { "COLUMNS", offer_columns },
	{ "COMMAND", offer_commands }, { "DIR", offer_directories }, { "FILE", offer_files },
	{ "KIND", offer_kinds },
};

/* What an argument may be: a kind, or letters that are what they are. "large:BYTES" begins with such. */
static void offer_alternative(const struct line *line, const char *alternative, size_t length)
{
	char word[64];
	size_t skipped = strspn(alternative, "[=+]");

	if (skipped >= length)
		return;
	snprintf(word, sizeof(word), "%.*s", (int)(length - skipped), alternative + skipped);
	word[strcspn(word, "[].,")] = '\0';
	if (!isupper((unsigned char)word[0])) {
		word[strcspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] = '\0';
		offer_word(line, word, "");
		return;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].kind, word) == 0)
			kinds[i].offer(line);
}

/* Of what is parted by commas only the last is completed. */
static void offer_argument(struct line *line, const char *argument)
{
	bool is_columns = strstr(argument, "COLUMNS") != NULL;
	const char *comma = is_columns || strstr(argument, "[,") ? strrchr(line->begun, ',') : NULL;
	const char *item = comma ? comma + 1 : line->begun;

	if (is_columns)
		item += strspn(item, "+-");
	line->fixed_bytes += (size_t)(item - line->begun);
	line->begun = item;
	while (*argument) {
		size_t length = strcspn(argument, "|");

		offer_alternative(line, argument, length);
		argument += length + (argument[length] == '|');
	}
}

/* The word of the synopsis that stands where the operand stands. One with dots is for all that follow. */
static void offer_operand(struct line *line)
{
	const char *synopsis = line->command->synopsis ? line->command->synopsis : "";
	size_t left = line->operands;

	if (line->command->keeps_words) {
		printf(":program %zu\n", line->count - 1);
		return;
	}
	for (; *synopsis; synopsis += strspn(synopsis, " ")) {
		size_t length = strcspn(synopsis, " ");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)length, synopsis);
		synopsis += length;
		if (left > 0 && !strstr(word, "...")) {
			left--;
			continue;
		}
		offer_argument(line, word);
		return;
	}
}

static const struct command_option *find_named(const struct command_option *options, const char *name, size_t length)
{
	for (; options && options->name; options++)
		if (strncmp(options->name, name, length) == 0)
			return options;
	return NULL;
}

static const struct command_option *find_letter(const struct command_option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->value == letter)
			return options;
	return NULL;
}

/* One with two dashes; in *ret_argument what follows its "=", or NULL. */
static const struct command_option *read_name(const struct line *line, const char *word, const char **ret_argument)
{
	size_t length = strcspn(word + 2, "=");
	const struct command_option *own = line->command ? line->command->options : NULL;
	const struct command_option *option = find_named(own, word + 2, length);

	*ret_argument = word[2 + length] == '=' ? word + 2 + length + 1 : NULL;
	return option ? option : find_named(command_common_options, word + 2, length);
}

/* A word before the last. An option whose argument is the next word is in line->option then. */
static void read_option(struct line *line, const char *word)
{
	const struct command_option *own = line->command ? line->command->options : NULL, *option;
	const char *argument;

	if (word[1] == '-') {
		option = read_name(line, word, &argument);
		if (option && argument && option->value == COMMAND_OPTION_RUNTIME_DIR)
			(void)ctl_set_runtime_dir(line->ctl, argument, "--runtime-dir");
		line->option = option && !command_option_may_stand_alone(option) && !argument ? option : NULL;
		return;
	}
	for (word++; *word; word++) {
		option = find_letter(own, *word);
		if (option && !command_option_may_stand_alone(option)) {
			line->option = word[1] == '\0' ? option : NULL;
			return;
		}
	}
}

static void read_operand(struct line *line, size_t i)
{
	if (!line->command) {
		line->command = ctl_find_command(line->ctl, line->words[i]);
		line->only_operands = false;
		if (!line->command)
			line->program = line->count;   /* nothing is known of what follows */
	} else if (line->command->keeps_words) {
		line->program = i;
	} else {
		line->operands++;
	}
}

static void read_line(struct line *line)
{
	for (size_t i = 0; i + 1 < line->count && line->program == 0; i++) {
		const char *word = line->words[i];

		if (line->option) {
			if (line->option->value == COMMAND_OPTION_RUNTIME_DIR)
				(void)ctl_set_runtime_dir(line->ctl, word, "--runtime-dir");
			line->option = NULL;
		} else if (!line->only_operands && strcmp(word, "--") == 0) {
			line->only_operands = true;
			if (line->command && line->command->synopsis && strstr(line->command->synopsis, "[-- PROGRAM"))
				line->program = i + 1;
		} else if (!line->only_operands && word[0] == '-' && word[1] != '\0') {
			read_option(line, word);
		} else {
			read_operand(line, i);
		}
	}
}

static void offer_last(struct line *line)
{
	const struct command_option *option;
	const char *argument = NULL;

	line->fixed = line->begun = line->words[line->count - 1];
	if (line->option) {
		offer_argument(line, line->option->argument);
	} else if (line->only_operands || line->begun[0] != '-') {
		if (line->command)
			offer_operand(line);
		else
			offer_commands(line);
	} else if (line->begun[1] != '-' || !(option = read_name(line, line->begun, &argument)) || !argument) {
		offer_options(line, line->command ? line->command->options : NULL);
		offer_options(line, command_common_options);
	} else if (option->argument) {
		line->fixed_bytes = (size_t)(argument - line->begun);
		line->begun = argument;
		offer_argument(line, option->argument);
	}
}

static int ctl_complete(struct ctl *ctl, int argc, char **argv)
{
	char *none[] = { (char[]){ "" } };
	struct line line = {
		.ctl = ctl,
		.words = argc > 1 ? argv + 1 : none,
		.count = argc > 1 ? (size_t)argc - 1 : 1,
	};

	/* not into the line that somebody writes */
	if (!freopen("/dev/null", "w", stderr))
		return CTL_FAILED;
	ctl->patience_ms = PATIENCE_MS;
	read_line(&line);
	if (line.program == 0)
		offer_last(&line);
	else if (line.program < line.count)
		printf(":program %zu\n", line.program);
	return CTL_OK;
}

static const struct command_example complete_examples[] = {
	{ "what may stand after \"vmmallocctl list --s\"", "complete list --s" },
	{ 0 },
};

const struct command complete_command = {
	.name = "complete",
	.function = ctl_complete,
	.synopsis = "[WORD...]",
	.summary = "tell a shell what the last word may become",
	.text = "Tell a shell what the last word may become: a word and what it is on each line, with a tab between.",
	.examples = complete_examples,
	.keeps_words = true,
	.is_hidden = true,
};
