/* SPDX-License-Identifier: BSD-3-Clause */
/* options -- see options.h. */
#include "tests/bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MOST 1000
#define EXAMPLE "'jemalloc MALLOC_CONF=thp:always'"

static const char usage[] =
	"usage: bench [OPTION...]\n"
	"  --quick           fewer rounds, smaller workloads: about a minute\n"
	"  --rounds N        runs of every workload (default 5)\n"
	"  --percent N       of each workload's operations (default 100)\n"
	"  --sections NAMES  of start_up,instructions,workloads (default all)\n"
	"  --only NAMES      these allocators, with commas between them (default: all that the machine has)\n"
	"  --variant 'NAME VARIABLE=VALUE'  an allocator with that in its environment, besides; up to 8 times\n"
	"  --other FILE      another build of our library, besides\n"
	"  --baseline NAME   whose figures the ratios are to (default jemalloc)\n"
	"  --dir DIR         where pool files go (default /dev/shm)\n"
	"  --library FILE    our library (default build/release/libvmmalloc.so.1)\n"
	"  --json FILE       write all figures there too\n";

static const struct option long_options[] = {
	{ "quick", no_argument, NULL, 'q' },          { "rounds", required_argument, NULL, 'r' },
	{ "percent", required_argument, NULL, 'p' },  { "only", required_argument, NULL, 'o' },
	{ "variant", required_argument, NULL, 'v' },  { "other", required_argument, NULL, 'b' },
	{ "baseline", required_argument, NULL, 'B' }, { "dir", required_argument, NULL, 'd' },
	{ "library", required_argument, NULL, 'l' },  { "json", required_argument, NULL, 'j' },
	{ "sections", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse_number(const char *option, const char *text, unsigned *ret_number)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || number < 1 || number > NUMBER_MOST) {
		fprintf(stderr, "bench: %s '%s': expected a number from 1 to %d\n", option, text, NUMBER_MOST);
		return -EINVAL;
	}
	*ret_number = (unsigned)number;
	return 0;
}

static int parse_sections(const char *text, unsigned *ret_sections)
{
	static const struct {
		const char *name;
		enum allocator_section section;
	} known[] = {
		{ "start_up", ALLOCATOR_START_UP },
		{ "instructions", ALLOCATOR_INSTRUCTIONS },
		{ "workloads", ALLOCATOR_WORKLOADS },
	};
	unsigned sections = 0;

	for (const char *rest = text; rest; rest = strchr(rest, ',') ? strchr(rest, ',') + 1 : NULL) {
		size_t length = strcspn(rest, ","), i = 0;

		while (i < 3 && (strlen(known[i].name) != length || strncmp(rest, known[i].name, length) != 0))
			i++;
		if (i == 3) {
			fprintf(stderr, "bench: --sections '%s': expected start_up, instructions, workloads, with "
					"commas between\n", text);
			return -EINVAL;
		}
		sections |= known[i].section;
	}
	*ret_sections = sections;
	return 0;
}

static int add_variant(const char *text, struct allocators_order *order)
{
	size_t count = 0;

	while (count < ALLOCATOR_VARIANTS_MOST && order->variants[count])
		count++;
	if (count == ALLOCATOR_VARIANTS_MOST || !allocators_know(text, ' ') || !strchr(text, '=')) {
		fprintf(stderr, "bench: --variant '%s': expected at most %d of 'NAME VARIABLE=VALUE', as in " EXAMPLE
				"\n", text, ALLOCATOR_VARIANTS_MOST);
		return -EINVAL;
	}
	order->variants[count] = text;
	return 0;
}

static int check_names(const struct options *options)
{
	const char *baseline = options->settings.baseline;
	bool varied = false;

	for (const char *name = options->order.only; name;
	     name = strchr(name, ',') ? strchr(name, ',') + 1 : NULL)
		if (!allocators_know(name, ',')) {
			fprintf(stderr, "bench: --only '%s': expected names with commas between, as in "
					"glibc,jemalloc,libvmmalloc\n", options->order.only);
			return -EINVAL;
		}
	for (size_t i = 0; i < ALLOCATOR_VARIANTS_MOST && options->order.variants[i]; i++)
		varied |= strcmp(options->order.variants[i], baseline) == 0;
	if (varied || allocators_know(baseline, '\0'))
		return 0;
	fprintf(stderr, "bench: --baseline '%s': expected the name of an allocator, as in glibc\n", baseline);
	return -EINVAL;
}

static int parse_option(int option, struct options *options)
{
	struct settings *settings = &options->settings;

	switch (option) {
	case 'q':
		settings->rounds = 4;
		settings->percent = 25;
		settings->start_up_rounds = 50;
		return 0;
	case 'r': return parse_number("--rounds", optarg, &settings->rounds);
	case 'p': return parse_number("--percent", optarg, &settings->percent);
	case 'v': return add_variant(optarg, &options->order);
	case 's': return parse_sections(optarg, &settings->sections);
	case 'o': options->order.only = optarg; return 0;
	case 'b': options->order.other_library = optarg; return 0;
	case 'B': settings->baseline = optarg; return 0;
	case 'd': options->dir = optarg; return 0;
	case 'l': options->order.our_library = optarg; return 0;
	case 'j': options->json = optarg; return 0;
	case 'h': fputs(usage, stdout); exit(EXIT_SUCCESS);
	default: fputs(usage, stderr); return -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = {
		.settings = { .rounds = 5, .percent = 100, .start_up_rounds = 200, .sections = ~0u,
			      .baseline = "jemalloc" },
		.order = { .our_library = "build/release/libvmmalloc.so.1" },
		.dir = "/dev/shm",
	};
	int option, r;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if ((r = parse_option(option, &options)) < 0)
			return r;
	if (optind != argc) {
		fprintf(stderr, "bench: '%s': expected options only, see --help\n", argv[optind]);
		return -EINVAL;
	}
	if ((r = check_names(&options)) < 0)
		return r;
	*ret_options = options;
	return 0;
}
