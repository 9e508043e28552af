/* SPDX-License-Identifier: BSD-3-Clause */
/* config_json -- see config_json.h. */
#include "vmmallocd/control/config_json.h"

#include "common/util/cleanup.h"
#include "vmmallocd/config/tmpfs.h"
#include "vmmallocd/control/json.h"

static json_t *text_or_null(const char *text)
{
	return text && *text ? control_json_text(text) : json_null();
}

static json_t *class_as_json(const struct config_class *class)
{
	char bytes[CONFIG_TMPFS_OPTIONS_BYTES] = "";
	struct text options = TEXT_INIT(bytes);

	config_tmpfs_options(class, &options);
	return json_pack("{s:o, s:o, s:I, s:i, s:i, s:b, s:b, s:s, s:b, s:o, s:o, s:o, s:o, s:o}",
			 "name", control_json_text(class->name), "directory", control_json_text(class->directory),
			 "size", (json_int_t)class->size_bytes, "ready", (int)class->ready, "max", (int)class->max,
			 "warm", class->warm, "cold", class->cold, "on_memory_pressure",
			 class->on_memory_pressure == CONFIG_PRESSURE_RELEASE ? "release" : "keep",
			 "closed", class->closed,
			 "problem", text_or_null(class->problem),
			 "tmpfs", class->tmpfs_bytes ? json_integer((json_int_t)class->tmpfs_bytes) : json_null(),
			 "nodes", text_or_null(class->nodes), "huge", text_or_null(class->huge),
			 "mount_options", text_or_null(bytes));
}

char *control_config_json(const struct config *config)
{
	CLEANUP(json_decrefp) json_t *classes = json_array();
	CLEANUP(json_decrefp) json_t *mistakes = json_array();
	CLEANUP(json_decrefp) json_t *object = NULL;

	for (size_t i = 0; i < config->class_count; i++)
		if (json_array_append_new(classes, class_as_json(&config->classes[i])) < 0)
			return NULL;
	for (size_t i = 0; i < config->mistake_count; i++)
		if (json_array_append_new(mistakes, control_json_text(config->mistakes[i])) < 0)
			return NULL;
	object = json_pack("{s:i, s:o, s:o, s:f, s:O, s:O}", "version", 1, "runtime_dir",
			   control_json_text(config->runtime_dir), "state_dir", control_json_text(config->state_dir),
			   "memory_pressure_limit", config->memory_pressure_limit / 100.0, "classes", classes,
			   "mistakes", mistakes);
	return object ? json_dumps(object, JSON_COMPACT) : NULL;
}
