/* SPDX-License-Identifier: BSD-3-Clause */
/* directories -- see directories.h. */
#include "vmmallocd/config/directories.h"

#include <string.h>

#include "common/base/paths.h"
#include "vmmallocd/config/tmpfs.h"

static void print_own(const char *directory, const char *usual, FILE *stream)
{
	if (strcmp(directory, usual) != 0)
		fprintf(stream, "= %s\n", directory);
}

static void print_of_class(const struct config_class *class, FILE *stream)
{
	char bytes[CONFIG_TMPFS_OPTIONS_BYTES] = "";
	struct text options = TEXT_INIT(bytes);

	config_tmpfs_options(class, &options);
	if (class->directory[0] != '\0')
		fprintf(stream, "%s %s\n", class->closed ? "=" : class->tmpfs_bytes ? bytes : "-", class->directory);
}

void config_directories_print(const struct config *config, FILE *stream)
{
	print_own(config->runtime_dir, PATHS_RUNTIME_DIR, stream);
	print_own(config->state_dir, PATHS_STATE_DIR, stream);
	for (size_t i = 0; i < config->class_count; i++)
		print_of_class(&config->classes[i], stream);
}

bool config_directories_are_all(const struct config *config)
{
	for (size_t i = 0; i < config->class_count; i++)
		if (config->classes[i].closed)
			return false;
	return !config->problem;
}
