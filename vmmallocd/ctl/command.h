/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * command -- what describes a command of vmmallocctl: its options are read by it (option.c), its help is printed of it
 * (usage.c). So a new command is a file with a `struct command` and a line in main.c.
 *
 * Words in capitals (CLASS, PID, DIR) say of what kind an argument is; what may be said instead follows a '|'.
 */
#ifndef VMMALLOCD_CTL_COMMAND_H
#define VMMALLOCD_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct ctl;
struct table_kind;

#define COMMAND_OPTIONS_MOST 32

/* Values of options that have no letter. Those of a command begin with COMMAND_OPTION_OWN. */
enum { COMMAND_OPTION_RUNTIME_DIR = 0x100, COMMAND_OPTION_OWN };

struct command_option {
	const char *name;       /* without its two dashes */
	int value;              /* of ctl_next_option; a letter is its short form */
	const char *argument;   /* "DIR"; "[=SECONDS]": may be left out; NULL: it takes none */
	const char *help;
};

struct command_example {
	const char *what;
	const char *words;      /* what follows "vmmallocctl", as the shell is told */
};

struct command {
	const char *name;
	int (*function)(struct ctl *ctl, int argc, char **argv);   /* argv[0] is the name. An exit status */
	const char *synopsis;   /* what follows the options; NULL: nothing */
	const char *summary;    /* a line in the list of commands */
	const char *text;       /* sentences at the head of its help */
	const struct command_option *options;     /* of its own, up to one without a name; NULL: none */
	const struct command_example *examples;   /* up to one without words. Each option is in one of them */
	const struct table_kind *table;           /* what it prints with --output; or NULL */
	bool is_hidden;         /* from the list of commands: it is for programs */
	bool keeps_words;       /* what follows its first argument are no options of its own */
};

static inline bool command_option_may_stand_alone(const struct command_option *option)
{
	return !option->argument || (option->argument[0] == '[' && option->argument[1] == '=');
}

/* Those that every command takes. */
extern const struct command_option command_common_options[];

#endif
