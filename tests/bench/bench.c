/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench -- compares the allocators of this machine with libvmmalloc, side by side in one run.
 *
 * Every figure is of a process of its own. Within a round the allocators take turns, so that what else the machine
 * does hits all of them; what counts is the median over the rounds and its ratio to jemalloc, preloaded. No time is
 * right or wrong: the exit status is 1 only if a run of our own library failed, 2 if there is nothing to run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/bench/allocators.h"
#include "tests/bench/child.h"
#include "tests/bench/results.h"
#include "tests/bench/sections.h"

#define EXIT_UNUSABLE 2
#define EXIT_STOPPED 130
#define WORKLOADS_MOST 64
#define SECTIONS 3
#define ROUNDS_MOST 1000

struct bench {
	struct settings settings;
	const char *dir, *library, *json;
	char work_dir[PATH_MAX];                /* for pools: ours alone, in dir, removed at the end */
	char workloads_program[PATH_MAX];
	char workload_list[CHILD_OUTPUT_MOST];  /* what the names point into */
	const char *workloads[WORKLOADS_MOST];
	size_t workload_count;
	struct allocators allocators;
	struct results results[SECTIONS];
	size_t result_count;
};

static const char usage[] =
	"usage: bench [OPTION...]\n"
	"  --rounds N      runs of every workload (default 5)\n"
	"  --quick         fewer rounds, smaller workloads: about a minute\n"
	"  --dir DIR       where pool files go (default /dev/shm)\n"
	"  --library FILE  our library (default build/release/libvmmalloc.so.1)\n"
	"  --json FILE     write all figures there too\n";

static int parse_options(struct bench *bench, int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },  { "quick", no_argument, NULL, 'q' },
		{ "dir", required_argument, NULL, 'd' },     { "json", required_argument, NULL, 'j' },
		{ "library", required_argument, NULL, 'l' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;
	unsigned rounds = 0;

	bench->settings = (struct settings){ .rounds = 5, .percent = 100, .start_up_rounds = 200 };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'r':
			if (sscanf(optarg, "%4u", &rounds) != 1 || rounds < 1 || rounds > ROUNDS_MOST)
				return -EINVAL;
			break;
		case 'q':
			bench->settings = (struct settings){ .rounds = 4, .percent = 25, .start_up_rounds = 50 };
			break;
		case 'd': bench->dir = optarg; break;
		case 'j': bench->json = optarg; break;
		case 'l': bench->library = optarg; break;
		case 'h': fputs(usage, stdout); exit(EXIT_SUCCESS);
		default: return -EINVAL;
		}
	if (optind != argc)
		return -EINVAL;
	if (rounds > 0)
		bench->settings.rounds = (unsigned)rounds;
	return 0;
}

/* The program with the workloads is built beside this one. */
static int find_workloads_program(struct bench *bench)
{
	char *path = bench->workloads_program;
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof("workloads"));

	if (length < 0)
		return -errno;
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "workloads");
	bench->settings.workloads_program = path;
	return 0;
}

/* It lists its workloads itself: lines of a name and what it does. */
static int list_workloads(struct bench *bench)
{
	const char *argv[] = { bench->workloads_program, NULL };
	char *nothing[] = { NULL };
	char *rest = NULL;
	struct child child;
	int r = child_run(argv, nothing, 10, &child);

	if (r < 0)
		return r;
	memcpy(bench->workload_list, child.output, sizeof(child.output));
	for (char *line = strtok_r(bench->workload_list, "\n", &rest); line && bench->workload_count < WORKLOADS_MOST;
	     line = strtok_r(NULL, "\n", &rest)) {
		line[strcspn(line, " ")] = '\0';
		bench->workloads[bench->workload_count++] = line;
	}
	return bench->workload_count ? 0 : -ENOENT;
}

static int make_work_dir(struct bench *bench)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/vmmalloc-bench.XXXXXX", bench->dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (!mkdtemp(path))
		return -errno;
	strcpy(bench->work_dir, path);
	return 0;
}

/* Pools have no name, but a killed child may have left one between making and unlinking it. */
static void remove_work_dir(const char *path)
{
	DIR *dir = *path ? opendir(path) : NULL;

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_type == DT_REG)
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(path);
}

static void read_processor(char *ret_model, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(ret_model, size, "unknown");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(ret_model, size, "%s", strchr(line, ':') + 2);
			break;
		}
	if (file)
		fclose(file);
}

static void print_setting(const struct bench *bench)
{
	struct utsname name = { 0 };
	char processor[256];

	uname(&name);
	read_processor(processor, sizeof(processor));
	printf("%ld x %s, %s %s; pools in %s, medians of %u rounds\n", sysconf(_SC_NPROCESSORS_ONLN), processor,
	       name.sysname, name.release, bench->dir, bench->settings.rounds);
}

static void write_setting(const struct bench *bench, FILE *file)
{
	struct utsname name = { 0 };
	char processor[256];

	uname(&name);
	read_processor(processor, sizeof(processor));
	fprintf(file, "{\n  \"setting\": { \"processors\": %ld, \"processor\": ", sysconf(_SC_NPROCESSORS_ONLN));
	results_write_json_string(file, processor);
	fprintf(file, ", \"kernel\": ");
	results_write_json_string(file, name.release);
	fprintf(file, ", \"pool_dir\": ");
	results_write_json_string(file, bench->dir);
	fprintf(file, ", \"rounds\": %u, \"percent\": %u },\n  \"libraries\": {\n", bench->settings.rounds,
		bench->settings.percent);
	for (size_t i = 0; i < bench->allocators.count; i++) {
		const struct allocator *allocator = &bench->allocators.list[i];

		fprintf(file, "    ");
		results_write_json_string(file, allocator->name);
		fprintf(file, ": ");
		results_write_json_string(file, allocator->library ? allocator->library : "libc");
		fprintf(file, "%s\n", i + 1 < bench->allocators.count ? "," : "");
	}
	fprintf(file, "  }");
}

static int write_json(const struct bench *bench)
{
	FILE *file = fopen(bench->json, "we");
	bool failed;

	if (!file)
		return -errno;
	write_setting(bench, file);
	for (size_t i = 0; i < bench->result_count; i++) {
		fprintf(file, ",\n");
		results_write_json(&bench->results[i], file);
	}
	fprintf(file, "\n}\n");
	failed = ferror(file);
	return fclose(file) != 0 || failed ? -EIO : 0;
}

static int prepare(struct bench *bench)
{
	int r;

	if ((r = find_workloads_program(bench)) < 0 || (r = list_workloads(bench)) < 0)
		fprintf(stderr, "bench: %s: %s\n", bench->workloads_program, strerror(-r));
	else if ((r = make_work_dir(bench)) < 0)
		fprintf(stderr, "bench: directory in %s: %s\n", bench->dir, strerror(-r));
	else if ((r = allocators_find(bench->library, bench->work_dir, &bench->allocators)) < 0)
		fprintf(stderr, "bench: %s: %s\n", bench->library, strerror(-r));
	return r;
}

static int measure(struct bench *bench)
{
	const struct settings *settings = &bench->settings;
	const struct allocators *allocators = &bench->allocators;
	int r;

	if ((r = section_start_up(settings, allocators, &bench->results[bench->result_count])) < 0)
		return r;
	results_print_list(&bench->results[bench->result_count++]);
	r = section_instructions(settings, allocators, &bench->results[bench->result_count]);
	if (r == 0)
		results_print_list(&bench->results[bench->result_count++]);
	else if (r == -ENOENT)
		printf("\ninstructions: not counted, there is no valgrind\n");
	else
		return r;
	r = section_workloads(settings, allocators, bench->workloads, bench->workload_count,
			      &bench->results[bench->result_count]);
	if (r == 0)
		results_print_grid(&bench->results[bench->result_count++]);
	return r;
}

static int run(struct bench *bench)
{
	bool failed = false;
	int r;

	if (prepare(bench) < 0)
		return EXIT_UNUSABLE;
	print_setting(bench);
	if ((r = measure(bench)) < 0) {
		fprintf(stderr, "bench: %s\n", strerror(-r));
		return r == -EINTR ? EXIT_STOPPED : EXIT_UNUSABLE;
	}
	if (bench->json && (r = write_json(bench)) < 0) {
		fprintf(stderr, "bench: %s: %s\n", bench->json, strerror(-r));
		return EXIT_UNUSABLE;
	}
	for (size_t i = 0; i < bench->result_count; i++)
		failed |= results_any_failed(&bench->results[i], "libvmmalloc");
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct bench bench = { .dir = "/dev/shm", .library = "build/release/libvmmalloc.so.1" };
	int status;

	if (parse_options(&bench, argc, argv) < 0) {
		fputs(usage, stderr);
		return EXIT_UNUSABLE;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	child_catch_signals();
	status = run(&bench);
	for (size_t i = 0; i < bench.result_count; i++)
		results_done(&bench.results[i]);
	allocators_done(&bench.allocators);
	remove_work_dir(bench.work_dir);
	return status;
}
