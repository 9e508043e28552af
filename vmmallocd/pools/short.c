/* SPDX-License-Identifier: BSD-3-Clause */
/* short -- see short.h. */
#include "vmmallocd/pools/short.h"

#include <stdio.h>

#include "vmmallocd/pools/tell.h"

/* Whether nothing is known of its directory yet: it is being opened for the first time. */
static bool is_coming_into_service(const struct pools *pools, const struct config_class *config)
{
	const struct served_dir *directory = served_dirs_find(&pools->directories, config->directory);

	return directory && directory->opening && directory->problem[0] == '\0';
}

static void tell_of_change(struct pools *pools, struct provision_class *class, const struct config_class *config)
{
	const struct registry_class *counts = registry_class(pools->registry, class->name);
	size_t ready = counts->counts[REGISTRY_READY] - counts->cold[REGISTRY_READY];
	const char *problem = class->is_short ? pools_class_problem(pools, class->name) : NULL;
	char figures[64], reason[EVENTS_WORDS_BYTES];

	snprintf(figures, sizeof(figures), "%zu of %u pools are ready", ready, config->ready);
	snprintf(reason, sizeof(reason), "%s%s%s", figures, problem ? ": " : "", problem ? problem : "");
	tell(&pools->events, pools->log, LOG_DEBUG,
	     tell_of_class(class->is_short ? EVENT_CLASS_SHORT : EVENT_CLASS_ENOUGH, class->name, config->directory,
			   reason),
	     "class '%s': %s: %s", class->name, class->is_short ? "short" : "it has enough again", figures);
}

void pools_tell_short(struct pools *pools)
{
	for (size_t i = 0; i < pools->provision.count; i++) {
		struct provision_class *class = pools->provision.classes[i];
		const struct config_class *config = config_find(pools->config, class->name);
		bool is_short = class->is_short;

		/* a class that is drained wants none, nor does one while memory is short, which is told by itself */
		if (!config || config->service != CONFIG_SERVES || class->releases)
			is_short = class->is_short = false;
		else if (class->is_short)
			class->is_short = !provision_has_wanted(class, pools->config, pools->registry);
		else if (!is_coming_into_service(pools, config))
			class->is_short = provision_is_stopped(class, pools->config, pools->registry);
		if (class->is_short != is_short)
			tell_of_change(pools, class, config);
	}
}
