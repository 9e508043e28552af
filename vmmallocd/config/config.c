/* SPDX-License-Identifier: BSD-3-Clause */
/* config -- see config.h: the structure. read.c fills it. */
#include "vmmallocd/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void config_done(struct config *config)
{
	for (size_t i = 0; i < config->class_count; i++) {
		struct config_class *class = &config->classes[i];

		free(class->name);
		free(class->directory);
		free(class->users.ids);
		free(class->groups.ids);
		free(class->nodes);
		free(class->huge);
		free(class->where);
		free(class->problem);
	}
	for (size_t i = 0; i < config->mistake_count; i++)
		free(config->mistakes[i]);
	free(config->mistakes);
	free(config->classes);
	free(config->runtime_dir);
	free(config->state_dir);
	*config = (struct config){ 0 };
}

const struct config_class *config_find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->class_count; i++)
		if (strcmp(config->classes[i].name, name) == 0)
			return &config->classes[i];
	return NULL;
}

/* One that is closed serves nobody; one with a name that is missing serves the others. */
static unsigned badness(const struct config_class *class)
{
	return class->closed ? 2 : class->names_missing;
}

static void keep_class(struct config_class *class, struct config_class *old)
{
	struct config_class read = *class;
	char *problem = NULL;

	/* without memory the mistake is said, and not what follows from it */
	if (asprintf(&problem, "%s; the class is what it was before the reload", read.problem) < 0) {
		problem = read.problem;
		read.problem = NULL;
	}
	*class = *old;
	*old = read;
	free(class->problem);
	class->problem = problem;
}

void config_keep_classes(struct config *config, struct config *old)
{
	for (size_t i = 0; i < config->class_count; i++) {
		struct config_class *class = &config->classes[i];
		struct config_class *before = (struct config_class *)config_find(old, class->name);

		if (class->problem && before && badness(before) < badness(class))
			keep_class(class, before);
	}
}

void config_sum_up(const struct config *config, struct text *words)
{
	text_add(words, "%s", config->problem ? config->problem : config->mistakes[0]);
	if (config->mistake_count > 1)
		text_add(words, " (vmmallocd --check says %zu more)", config->mistake_count - 1);
}
