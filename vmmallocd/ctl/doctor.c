/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor -- vmmallocctl doctor: what is in the way of a heap on a pool. doctor_known.c asks the daemon, doctor/ looks
 * at the rest; here is in which order, and how it is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/environment.h"
#include "vmmallocd/doctor/heap.h"
#include "vmmallocd/doctor/look.h"
#include "vmmallocd/doctor/program.h"
#include "vmmallocd/ctl/doctor_known.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/shape.h"

#define USUAL_DIRECTORY "/dev/shm"

/* Directories that are to be looked at, each once; the paths are others'. */
struct directory_list {
	const char *paths[DOCTOR_DIRECTORIES_MOST];
	size_t count;
};

static void list_directory(struct directory_list *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->paths[i], path) == 0)
			return;
	if (list->count < DOCTOR_DIRECTORIES_MOST && *path)
		list->paths[list->count++] = path;
}

/* Those that are configured, or that the environment names: the words are put into `words`. */
static void list_usual(struct directory_list *list, const struct doctor_known *known,
		       char words[ENVIRONMENT_TIERS_MOST][PATH_MAX])
{
	const char *named = getenv(ENVIRONMENT_POOL_DIR), *sizes = getenv(ENVIRONMENT_POOL_SIZE);
	size_t tiers = sizes ? environment_items(sizes, ENVIRONMENT_TIERS_SEPARATOR) : 1;
	const json_t *class;
	size_t i;

	json_array_foreach((json_t *)known->classes, i, class)
	{
		list_directory(list, field_text(class, "directory"));
	}
	if (named && tiers == 1)
		list_directory(list, named);
	for (i = 0; named && tiers > 1 && i < tiers && i < ENVIRONMENT_TIERS_MOST; i++)
		if (environment_item(named, ENVIRONMENT_TIERS_SEPARATOR, i, words[i], PATH_MAX))
			list_directory(list, words[i]);
	if (list->count == 0)
		list_directory(list, USUAL_DIRECTORY);
}

static void look_everywhere(const struct doctor_known *known, const struct directory_list *list, char **program,
			    struct findings *findings)
{
	struct machine_order machine = doctor_machine(known);
	char subject[PATH_MAX];

	for (size_t i = 0; i < list->count; i++) {
		struct directory_order order = doctor_directory(known, list->paths[i]);

		look(findings, list->paths[i], CHECK_DIRECTORY, directory_look, &order);
	}
	look(findings, "machine", CHECK_KERNEL, machine_look, &machine);
	look(findings, "machine", CHECK_LIMITS, limits_look, &machine);
	look(findings, "machine", CHECK_CGROUP, cgroup_look, &machine);
	look(findings, "machine", CHECK_PRESSURE, pressure_look, &machine);
	look(findings, "environment", CHECK_PRELOAD, surroundings_look, NULL);
	if (!program)
		return;
	snprintf(subject, sizeof(subject), "program %s", program[0]);
	look(findings, subject, CHECK_PROGRAM, program_look, program);
}

static void print_lines(const struct findings *findings, bool quiet)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		if (quiet && finding->level == FINDING_OK)
			continue;
		printf("%-8s %s: %s: %s%s%s\n", finding_level_name(finding->level), finding->subject,
		       check_name(finding->check), finding->found, *finding->mend ? "; mend it: " : "", finding->mend);
	}
}

/* Text that is no UTF-8 where the locale's is another. */
static json_t *json_words(const char *words)
{
	json_t *string = json_string(words);

	return string ? string : json_string("?");
}

static int print_json(const struct findings *findings, bool quiet)
{
	size_t problems = findings_count(findings, FINDING_PROBLEM),
	       notes = findings_count(findings, FINDING_NOTE) - problems;
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		if (quiet && finding->level == FINDING_OK)
			continue;
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:o, s:o}", "level",
						      finding_level_name(finding->level), "subject",
						      json_words(finding->subject), "check", check_name(finding->check),
						      "found", json_words(finding->found), "mend",
						      *finding->mend ? json_words(finding->mend) : json_null()));
	}
	return shape_print(json_pack("{s:i, s:o, s:I, s:I}", "version", 1, "findings", list, "problems",
				     (json_int_t)problems, "notes", (json_int_t)notes),
			   "what was found");
}

static int print_checks(void)
{
	for (enum check check = 0; check < CHECKS; check++)
		printf("%-24s %s\n", check_name(check), check_words(check));
	return CTL_OK;
}

static int print_heap(void)
{
	char words[FINDINGS_WORDS_BYTES];
	bool is_on_pool = heap_say(words, sizeof(words));

	puts(words);
	return is_on_pool ? CTL_OK : CTL_FAILED;
}

/* Cuts the vector at its first "--", behind which the program's words are, to the end. NULL: there are none. */
static char **cut_program(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			*argc = i;
			argv[i] = NULL;
			return argv + i + 1;
		}
	return NULL;
}

enum { CONFIG = COMMAND_OPTION_OWN, CHECKS_ONLY, HEAP };

static const struct command_option doctor_options[] = {
	{ "json", 'J', NULL, "as JSON" },
	{ "quiet", 'q', NULL, "without what is ok" },
	{ "config", CONFIG, "FILE", "instead of the daemon's configuration" },
	{ "checks", CHECKS_ONLY, NULL, "only list what is looked at" },
	{ "heap", HEAP, NULL, "only say where the heap of vmmallocctl itself is" },
	{ 0 },
};

struct doctor_request {
	bool json, quiet, checks, heap;
	const char *config_file;
	char **program; /* NULL: none */
	struct directory_list list;
};

/* What lists the checks, or speaks of this process, takes nothing else. */
static int check_alone(const struct doctor_request *request, int argc, char **argv)
{
	const char *alone = request->checks ? "--checks" : "--heap";

	if (!request->checks && !request->heap)
		return -1;
	if (request->checks && request->heap)
		ctl_complain("--checks does not go with --heap");
	else if (request->json || request->quiet || request->config_file)
		ctl_complain("%s is for what was found: it does not go with %s",
			     request->json ? "--json" : request->quiet ? "--quiet" : "--config", alone);
	else if (request->program)
		ctl_complain("%s does not go with a program", alone);
	else
		return ctl_no_more(argc, argv) == CTL_OK ? -1 : CTL_USAGE;
	return CTL_USAGE;
}

/* -1: go on; else the exit status to end with. */
static int read_request(struct ctl *ctl, int argc, char **argv, struct doctor_request *request)
{
	int option, status;

	request->program = cut_program(&argc, argv);
	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0)
		switch (option) {
		case 'J': request->json = true; break;
		case 'q': request->quiet = true; break;
		case CONFIG: request->config_file = optarg; break;
		case CHECKS_ONLY: request->checks = true; break;
		case HEAP: request->heap = true; break;
		}
	if (status >= 0)
		return status;
	if ((status = check_alone(request, argc, argv)) >= 0)
		return status;
	if (request->program && !request->program[0]) {
		ctl_complain("which program? vmmallocctl doctor [DIR...] -- PROGRAM");
		return CTL_USAGE;
	}
	for (; optind < argc; optind++) {
		if (argv[optind][0] == '\0' || request->list.count == DOCTOR_DIRECTORIES_MOST) {
			ctl_complain("'%s': expected a directory, and no more than %d", argv[optind],
				     DOCTOR_DIRECTORIES_MOST);
			return CTL_USAGE;
		}
		list_directory(&request->list, argv[optind]);
	}
	return -1;
}

static int examine_and_print(const struct ctl *ctl, struct doctor_request *request)
{
	struct doctor_known known = { .config_file = request->config_file };
	struct findings findings = FINDINGS_INIT;
	char words[ENVIRONMENT_TIERS_MOST][PATH_MAX];
	int status;

	doctor_ask(ctl, &known, &findings);
	doctor_ask_library(&known, &findings);
	if (request->list.count == 0)
		list_usual(&request->list, &known, words);
	look_everywhere(&known, &request->list, request->program, &findings);
	status = findings_count(&findings, FINDING_PROBLEM) > 0 ? CTL_FAILED : CTL_OK;
	if (findings.out_of_memory) {
		ctl_complain("out of memory: not all that was found is there");
		status = CTL_FAILED;
	}
	if (!request->json)
		print_lines(&findings, request->quiet);
	else if (print_json(&findings, request->quiet) != CTL_OK)
		status = CTL_FAILED;
	findings_done(&findings);
	doctor_known_done(&known);
	return status;
}

static int ctl_doctor(struct ctl *ctl, int argc, char **argv)
{
	struct doctor_request request = { 0 };
	int status = read_request(ctl, argc, argv, &request);

	if (status >= 0)
		return status;
	if (request.checks)
		return print_checks();
	return request.heap ? print_heap() : examine_and_print(ctl, &request);
}

static const struct command_example doctor_examples[] = {
	{ "what is in the way on this machine, and nothing else", "doctor --quiet" },
	{ "whether a directory, and a program, are good for a pool", "doctor /mnt/pmem0 -- redis-server" },
	{ "a configuration that is not in use yet", "doctor --config new.conf" },
	{ "for a program to read", "doctor --json" },
	{ "what is looked at", "doctor --checks" },
	{ "where this program's own heap is: behind vmmallocctl run, say", "doctor --heap" },
	{ 0 },
};

const struct command doctor_command = {
	.name = "doctor",
	.function = ctl_doctor,
	.synopsis = "[DIR...] [-- PROGRAM [ARGUMENT...]]",
	.summary = "what is in the way of a heap on a pool, and what mends it",
	.text = "Look at directories for pools, the machine, the daemon and its configuration, and a program that is "
		"to have"
		" its heap on a pool: what is in the way, and what mends it. Without DIR: those of the classes, and of"
		" VMMALLOC_POOL_DIR. The program is not run, nothing is left behind, and no daemon is needed. The exit "
		"status"
		" is 1 if there is a problem.",
	.options = doctor_options,
	.examples = doctor_examples,
};
