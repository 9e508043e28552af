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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/bench/allocators.h"
#include "tests/bench/child.h"
#include "tests/bench/options.h"
#include "tests/bench/results.h"
#include "tests/bench/sections.h"

#define EXIT_UNUSABLE 2
#define EXIT_STOPPED 130
#define WORKLOADS_MOST 64
#define SECTIONS 3

struct bench {
	struct options options;
	char work_dir[PATH_MAX];                /* for pools: ours alone, in dir, removed at the end */
	char workloads_program[PATH_MAX];
	char workload_list[CHILD_OUTPUT_MOST];  /* what the names point into */
	const char *workloads[WORKLOADS_MOST];
	struct allocators allocators;
	struct results results[SECTIONS];
	size_t result_count;
};

/* The program with the workloads is built beside this one. */
static int find_workloads_program(struct bench *bench)
{
	char *path = bench->workloads_program;
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof("workloads"));

	if (length < 0)
		return -errno;
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "workloads");
	bench->options.settings.workloads_program = path;
	return 0;
}

/* It lists its workloads itself: lines of a name and what it does. */
static int list_workloads(struct bench *bench)
{
	const char *argv[] = { bench->workloads_program, NULL };
	char *nothing[] = { NULL };
	char *rest = NULL;
	size_t count = 0;
	struct child child;
	int r = child_run(argv, nothing, 10, &child);

	if (r < 0)
		return r;
	memcpy(bench->workload_list, child.output, sizeof(child.output));
	for (char *line = strtok_r(bench->workload_list, "\n", &rest); line && count < WORKLOADS_MOST;
	     line = strtok_r(NULL, "\n", &rest)) {
		line[strcspn(line, " ")] = '\0';
		bench->workloads[count++] = line;
	}
	bench->options.settings.workloads = bench->workloads;
	bench->options.settings.workload_count = count;
	return count ? 0 : -ENOENT;
}

static int make_work_dir(struct bench *bench)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/vmmalloc-bench.XXXXXX", bench->options.dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (!mkdtemp(path))
		return -errno;
	strcpy(bench->work_dir, path);
	bench->options.order.pool_dir = bench->work_dir;
	child_watch_files(bench->work_dir);
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

static void read_load(char *ret_load, size_t size)
{
	double load = 0;

	snprintf(ret_load, size, "unknown");
	if (getloadavg(&load, 1) == 1)
		snprintf(ret_load, size, "%.2f", load);
}

/* What an allocator's environment has besides what every child has, with spaces between. */
static void join_variables(const struct allocator *allocator, char *ret_text, size_t size)
{
	size_t length = 0;

	ret_text[0] = '\0';
	for (size_t i = allocator->library ? 3 : 2; allocator->environment[i] && length < size; i++)
		length += (size_t)snprintf(ret_text + length, size - length, "%s%s", length ? " " : "",
					   allocator->environment[i]);
}

static void print_setting(const struct bench *bench)
{
	struct utsname name = { 0 };
	char processor[256], load[16], variables[512];

	uname(&name);
	read_processor(processor, sizeof(processor));
	read_load(load, sizeof(load));
	printf("%ld x %s, %s %s; pools in %s, medians of %u rounds; load at the beginning: %s\n",
	       sysconf(_SC_NPROCESSORS_ONLN), processor, name.sysname, name.release, bench->options.dir,
	       bench->options.settings.rounds, load);
	for (size_t i = 0; i < bench->allocators.count; i++) {
		const struct allocator *allocator = &bench->allocators.list[i];

		join_variables(allocator, variables, sizeof(variables));
		if (allocator->sections & ALLOCATOR_WORKLOADS)
			printf("  %-16s %-20s %s\n", allocator->name, allocator->version, variables);
	}
}

static void write_setting(const struct bench *bench, FILE *file)
{
	struct utsname name = { 0 };
	char processor[256], load[16];

	uname(&name);
	read_processor(processor, sizeof(processor));
	read_load(load, sizeof(load));
	fprintf(file, "{\n  \"setting\": { \"processors\": %ld, \"processor\": ", sysconf(_SC_NPROCESSORS_ONLN));
	results_write_json_string(file, processor);
	fprintf(file, ", \"kernel\": ");
	results_write_json_string(file, name.release);
	fprintf(file, ", \"pool_dir\": ");
	results_write_json_string(file, bench->options.dir);
	fprintf(file, ", \"load\": ");
	results_write_json_string(file, load);
	fprintf(file, ", \"rounds\": %u, \"percent\": %u }", bench->options.settings.rounds,
		bench->options.settings.percent);
}

enum library_member { LIBRARY_PATH, LIBRARY_VERSION, LIBRARY_VARIABLE };

/* An object with a member an allocator. */
static void write_libraries(const struct bench *bench, const char *object, enum library_member member, FILE *file)
{
	fprintf(file, ",\n  \"%s\": {\n", object);
	for (size_t i = 0; i < bench->allocators.count; i++) {
		const struct allocator *allocator = &bench->allocators.list[i];
		char variables[512];

		join_variables(allocator, variables, sizeof(variables));
		fprintf(file, "    ");
		results_write_json_string(file, allocator->name);
		fprintf(file, ": ");
		results_write_json_string(file, member == LIBRARY_VERSION  ? allocator->version :
						member == LIBRARY_VARIABLE ? variables :
						allocator->library	   ? allocator->library :
									     "libc");
		fprintf(file, "%s\n", i + 1 < bench->allocators.count ? "," : "");
	}
	fprintf(file, "  }");
}

static int write_json(const struct bench *bench)
{
	FILE *file = fopen(bench->options.json, "we");
	bool failed;

	if (!file)
		return -errno;
	write_setting(bench, file);
	write_libraries(bench, "libraries", LIBRARY_PATH, file);
	write_libraries(bench, "versions", LIBRARY_VERSION, file);
	write_libraries(bench, "variables", LIBRARY_VARIABLE, file);
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
		fprintf(stderr, "bench: directory in %s: %s\n", bench->options.dir, strerror(-r));
	else
		r = allocators_find(&bench->options.order, &bench->allocators);
	return r;
}

typedef int section_function(const struct settings *settings, const struct allocators *allocators,
			     struct results *ret_results);

/* One that is wanted, and its table; 0 as well when it is not wanted. */
static int measure_section(struct bench *bench, enum allocator_section section, section_function *measure_it,
			   void (*print)(const struct results *results))
{
	struct results *results = &bench->results[bench->result_count];
	int r;

	if (!(bench->options.settings.sections & section))
		return 0;
	if ((r = measure_it(&bench->options.settings, &bench->allocators, results)) < 0)
		return r;
	print(results);
	bench->result_count++;
	return 0;
}

static int measure(struct bench *bench)
{
	int r;

	if ((r = measure_section(bench, ALLOCATOR_START_UP, section_start_up, results_print_list)) < 0)
		return r;
	r = measure_section(bench, ALLOCATOR_INSTRUCTIONS, section_instructions, results_print_grid);
	if (r == -ENOENT)
		printf("\ninstructions: not counted, there is no valgrind\n");
	else if (r < 0)
		return r;
	return measure_section(bench, ALLOCATOR_WORKLOADS, section_workloads, results_print_grid);
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
	if (bench->options.json && (r = write_json(bench)) < 0) {
		fprintf(stderr, "bench: %s: %s\n", bench->options.json, strerror(-r));
		return EXIT_UNUSABLE;
	}
	for (size_t i = 0; i < bench->result_count; i++)
		failed |= results_any_failed(&bench->results[i], "libvmmalloc");
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	int status;

	if (options_parse(argc, argv, &bench.options) < 0)
		return EXIT_UNUSABLE;
	setvbuf(stdout, NULL, _IOLBF, 0);
	child_catch_signals();
	status = run(&bench);
	for (size_t i = 0; i < bench.result_count; i++)
		results_done(&bench.results[i]);
	allocators_done(&bench.allocators);
	remove_work_dir(bench.work_dir);
	return status;
}
