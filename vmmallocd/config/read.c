/* SPDX-License-Identifier: BSD-3-Clause */
/* read -- config_read: the defaults, and which files there are. What is in them is for file.c. */
#include "vmmallocd/config/config.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/paths.h"
#include "vmmallocd/config/file.h"
#include "vmmallocd/config/mistakes.h"

#define SUFFIX ".conf"
#define WORKERS_DEFAULT_MOST 4
#define PROCESSOR_SETS 64  /* of 1,024 processors each: more than any kernel is built for */

static int is_fragment(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), suffix = strlen(SUFFIX);

	/* hidden files are editors' */
	return entry->d_name[0] != '.' && length > suffix && strcmp(entry->d_name + length - suffix, SUFFIX) == 0;
}

/* alphasort would ask the locale */
static int fragments_by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_fragment(const char *directory, const char *name, struct config *config)
{
	char *path;
	int r;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	r = config_file_read(path, config);
	free(path);
	return r;
}

static int read_directory(const char *directory, struct config *config)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_fragment, fragments_by_name);
	int r = 0;

	if (count < 0 && errno == ENOMEM)
		return -ENOMEM;
	if (count < 0)
		return errno == ENOENT ? 0 : mistakes_add(config, "%s: cannot be read: %s", directory,
							  strerrordesc_np(errno));
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = read_fragment(directory, entries[i]->d_name, config);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int read_files(const char *file, struct config *config)
{
	const char *slash = strrchr(file, '/');
	char *directory;
	int r = config_file_read(file, config);

	if (r < 0)
		return r;
	if (asprintf(&directory, "%.*sconf.d", slash ? (int)(slash + 1 - file) : 0, file) < 0)
		return -ENOMEM;
	r = read_directory(directory, config);
	free(directory);
	return r;
}

/* What workers do is zeroing memory: more than processors would only stand in the way of the answers to clients. */
static unsigned default_workers(void)
{
	cpu_set_t processors[PROCESSOR_SETS];
	unsigned count = WORKERS_DEFAULT_MOST;

	/* the kernel refuses a set that has no room for all processors that the machine may have */
	if (sched_getaffinity(0, sizeof(processors), processors) == 0)
		count = (unsigned)CPU_COUNT_S(sizeof(processors), processors);
	return count < WORKERS_DEFAULT_MOST ? count : WORKERS_DEFAULT_MOST;
}

static int read_config(const char *file, bool names_unasked, struct config *ret_config)
{
	struct config config = {
		.runtime_dir = strdup(PATHS_RUNTIME_DIR),
		.state_dir = strdup(PATHS_STATE_DIR),
		.log_level = CONFIG_LOG_INFO,
		.workers = default_workers(),
		.punch_timeout_s = 10,
		.connections_per_user = 64,
		.memory_pressure_limit = 1000,
		.names_unasked = names_unasked,
	};
	int r = config.runtime_dir && config.state_dir ? read_files(file, &config) : -ENOMEM;

	if (r < 0) {
		config_done(&config);
		return r;
	}
	*ret_config = config;
	return 0;
}

int config_read(const char *file, struct config *ret_config)
{
	return read_config(file, false, ret_config);
}

int config_read_alone(const char *file, struct config *ret_config)
{
	return read_config(file, true, ret_config);
}
