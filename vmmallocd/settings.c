/* SPDX-License-Identifier: BSD-3-Clause */
/* settings -- see settings.h. */
#include "vmmallocd/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void set_log_level(struct settings *settings)
{
	if (!settings->options->log_level)
		settings->log->level = settings->config.log_level;
}

/*
 * A class with a mistake is closed, and said to be so; the others are served. What is wrong besides ends a daemon that
 * somebody starts at a terminal. One that a service manager starts, with its sockets, goes on with what is right: it
 * would only be started again, and again with each client, until the manager gives up the sockets too; and this one can
 * say what is wrong.
 */
int settings_read(struct settings *settings, const struct daemon_options *options, struct log *log, bool is_service)
{
	struct config *config = &settings->config;
	struct text problem = TEXT_INIT(settings->problem);
	int r;

	*settings = (struct settings){ .options = options, .log = log };
	r = config_read(options->config_file, config);
	if (r == 0) {
		settings->first_runtime_dir = strdup(config->runtime_dir);
		settings->first_state_dir = strdup(config->state_dir);
	}
	if (!settings->first_runtime_dir || !settings->first_state_dir) {
		log_line(log, LOG_ERR, "start: %s", strerrordesc_np(ENOMEM));
		return -ENOMEM;
	}
	for (size_t i = 0; i < config->mistake_count; i++)
		log_line(log, LOG_ERR, "%s", config->mistakes[i]);
	if (config->problem) {
		text_add(&problem, "the configuration has mistakes, and only what is right in it is in use: ");
		config_sum_up(config, &problem);
	}
	if (config->problem && !is_service)
		return -EINVAL;
	set_log_level(settings);
	return 0;
}

/* What a reload cannot do: all the rest of it is in use. */
static void tell_restart(struct settings *settings)
{
	const struct daemon_options *options = settings->options;
	const struct config *config = &settings->config;
	bool runtime_dir = !options->runtime_dir && strcmp(config->runtime_dir, settings->first_runtime_dir) != 0;
	bool state_dir = !options->state_dir && strcmp(config->state_dir, settings->first_state_dir) != 0;
	const char *const waiting[] = { runtime_dir ? "runtime_dir" : "", state_dir ? "state_dir" : "" };
	struct text problem = TEXT_INIT(settings->problem);

	settings->problem[0] = '\0';
	for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++)
		if (*waiting[i])
			text_add(&problem, "%s%s", problem.length ? ", " : "only a restart changes ", waiting[i]);
	if (problem.length)
		log_line(settings->log, LOG_WARNING, "reload: %s", settings->problem);
}

struct config settings_replace(struct settings *settings, struct config *config)
{
	struct config old = settings->config;

	settings->config = *config;
	set_log_level(settings);
	tell_restart(settings);
	return old;
}

void settings_refuse(struct settings *settings, struct config *config, struct text *error)
{
	struct text problem = TEXT_INIT(settings->problem);

	config_sum_up(config, error);
	text_add(&problem, "a reload was refused, and the configuration in use is not what the files say: ");
	config_sum_up(config, &problem);
	config_done(config);
}

void settings_done(struct settings *settings)
{
	config_done(&settings->config);
	free(settings->first_runtime_dir);
	free(settings->first_state_dir);
}
