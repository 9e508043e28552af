/* SPDX-License-Identifier: BSD-3-Clause */
/* settings -- see settings.h. */
#include "vmmallocd/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmmallocd/base/resource.h"

static void set_log_level(struct settings *settings)
{
	if (!settings->options->log_level)
		settings->log->level = settings->config.log_level;
}

/*
 * A class with a mistake is closed, and said to be so; the others are served. Another mistake ends a daemon that
 * somebody starts at a terminal. A daemon that a service manager starts, with its sockets, goes on with what is right,
 * and can say what is wrong. If it ended, the manager would start it again with each client, and give up its sockets in
 * the end.
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

/* That classes have mistakes does not keep the others: they are what they were. */
static void say_mistakes(struct settings *settings, const struct config *config, struct settings_result *result)
{
	struct text error = TEXT_INIT(result->error);

	result->is_in_use = true;
	if (config->mistake_count == 0)
		return;
	for (size_t i = 0; i < config->mistake_count; i++)
		log_line(settings->log, LOG_ERR, "%s", config->mistakes[i]);
	result->result = -EINVAL;
	config_sum_up(config, &error);
	text_add(&error, "; all but such classes is in use, and they are what they were");
}

static void use_config(struct settings *settings, struct config *config)
{
	struct config old = settings->config;

	config_keep_classes(config, &old);
	if (old.names_missing && !config->names_missing)
		log_line(settings->log, LOG_INFO, "all users and groups of the configuration are known now");
	settings->config = *config;
	set_log_level(settings);
	tell_restart(settings);
	reload_names_missing(settings->reload, config->names_missing);
	settings->events->use(settings->context);
	config_done(&old);
	settings->events->reloaded(settings->context);
}

/* What is wrong stays to be seen in `problem` until the files are read again. */
static void refuse_config(struct settings *settings, struct config *config, struct text *error)
{
	struct text problem = TEXT_INIT(settings->problem);

	config_sum_up(config, error);
	text_add(&problem, "a reload was refused, and the configuration in use is not what the files say: ");
	config_sum_up(config, &problem);
	config_done(config);
	settings->events->refused(settings->context);
}

static void end_reload(struct settings *settings, const struct settings_result *result)
{
	if (!result->is_in_use)
		settings->events->failed(settings->context, result->error, settings->reload_is_logged);
	if (!settings->reloading || !reload_is_idle(settings->reload))
		return;
	settings->reloading = settings->reload_is_logged = false;
	notify_ready(settings->notify);
}

static void on_config_read(void *context, uint64_t number, int result, struct config *config)
{
	struct settings *settings = context;
	struct settings_result *kept = &settings->results[settings->readings++ % SETTINGS_RESULTS];
	struct text error = TEXT_INIT(kept->error);

	*kept = (struct settings_result){ .number = number, .result = result };
	if (result == -ENOMEM) {
		text_add(&error, "%s", strerrordesc_np(ENOMEM));
	} else if (result < 0) {
		text_add(&error, "%s", resource_reason(RESOURCE_THREAD, result).text);
	} else if (config->problem) {
		kept->result = -EINVAL;
		refuse_config(settings, config, &error);
	} else {
		say_mistakes(settings, config, kept);
		use_config(settings, config);
	}
	end_reload(settings, kept);
}

static void on_reload_late(void *context)
{
	struct settings *settings = context;

	log_line(settings->log, LOG_WARNING, "%s; clients are served meanwhile", reload_problem(settings->reload));
}

static const struct reload_events reload_events = {
	.read = on_config_read,
	.late = on_reload_late,
};

int settings_open(struct settings *settings, uv_loop_t *loop, struct notify *notify,
		  const struct settings_events *events, void *context)
{
	int r = reload_open(loop, settings->options->config_file, &reload_events, settings, &settings->reload);

	if (r < 0)
		return r;
	settings->notify = notify;
	settings->events = events;
	settings->context = context;
	reload_names_missing(settings->reload, settings->config.names_missing);
	return 0;
}

uint64_t settings_reload(struct settings *settings, bool log)
{
	settings->reloading = true;
	settings->reload_is_logged |= log;
	/* each time: the manager looks whether this was said after it had asked */
	notify_reloading(settings->notify);
	return reload_ask(settings->reload);
}

/* That of the first reading for a request that is done, or of the oldest that is kept. */
static const struct settings_result *first_result(const struct settings *settings, uint64_t number)
{
	size_t i = settings->readings > SETTINGS_RESULTS ? settings->readings - SETTINGS_RESULTS : 0;

	while (settings->results[i % SETTINGS_RESULTS].number < number)
		i++;
	return &settings->results[i % SETTINGS_RESULTS];
}

int settings_reload_result(const struct settings *settings, uint64_t number, struct text *error)
{
	const struct settings_result *kept;

	if (!reload_is_done(settings->reload, number)) {
		text_add(error, "the configuration's files or the user database do not answer; they are waited for");
		return -EINPROGRESS;
	}
	kept = first_result(settings, number);
	text_add(error, "%s", kept->error);
	return kept->result;
}

const char *settings_reload_problem(const struct settings *settings)
{
	return reload_problem(settings->reload);
}

void settings_close(struct settings *settings)
{
	reload_close(settings->reload);
}

bool settings_are_read(const struct settings *settings)
{
	return reload_is_reading(settings->reload);
}

void settings_done(struct settings *settings)
{
	reload_free(settings->reload);
	config_done(&settings->config);
	free(settings->first_runtime_dir);
	free(settings->first_state_dir);
}
