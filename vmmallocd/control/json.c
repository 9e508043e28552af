/* SPDX-License-Identifier: BSD-3-Clause */
/* json -- see json.h. */
#include "vmmallocd/control/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/base/clock.h"
#include "vmmallocd/plan/orders.h"

json_t *control_json_text(const char *text)
{
	json_t *string = json_string(text);
	char *ascii;

	if (string)
		return string;
	ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c > 127)
			*c = '?';
	string = json_string(ascii);
	free(ascii);
	return string;
}

static json_t *number(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

json_t *control_json_number(uint64_t value)
{
	return number(value);
}

static json_t *path(const struct registry_pool *pool)
{
	char name[POOL_FILE_NAME_BYTES], *path;
	json_t *text;

	pool_file_name_format(&pool->file, name);
	if (asprintf(&path, "%s/%s", pool->directory, name) < 0)
		return NULL;
	text = control_json_text(path);
	free(path);
	return text;
}

static json_t *owner_object(const struct registry_owner *owner)
{
	return json_pack("{s:o, s:o, s:o}", "pid", number(owner->pid), "uid", number(owner->uid),
			 "comm", control_json_text(owner->comm));
}

json_t *control_json_waiting(const struct waiting_client *client, const char *class_name)
{
	return json_pack("{s:s, s:o, s:o}", "class", class_name, "owner", owner_object(&client->owner),
			 "age", number((uint64_t)(clock_boot_s() - client->since_s)));
}

json_t *control_json_event(const struct event *event)
{
	char id[2 * POOL_FILE_ID_BYTES + 1];

	pool_file_id_format(event->pool_id, id);
	return json_pack("{s:o, s:o, s:s, s:s*, s:s*, s:o*, s:o*, s:o*}",
			 "number", number(event->number), "time_us", number((uint64_t)event->time_us),
			 "kind", event_kind_name(event->kind),
			 "class", event->class_name[0] ? event->class_name : NULL,
			 "pool", event->has_pool ? id : NULL,
			 "owner", event->has_owner ? owner_object(&event->owner) : NULL,
			 "directory", event->directory ? control_json_text(event->directory) : NULL,
			 "reason", event->reason ? control_json_text(event->reason) : NULL);
}

json_t *control_json_pool(const struct control_backend *backend, const struct registry_pool *pool)
{
	int64_t now_s = clock_boot_s() + registry_epoch(backend->registry);
	json_t *used = NULL, *peak = NULL, *owner = NULL;
	char id[2 * POOL_FILE_ID_BYTES + 1];
	uint64_t used_bytes, peak_bytes;

	pool_file_id_format(pool->id, id);
	if (pool->state == REGISTRY_LEASED || registry_is_pinned(pool))
		owner = owner_object(&pool->owner);
	if (pool->state == REGISTRY_LEASED &&
	    backend->pool_figures(backend->context, pool, &used_bytes, &peak_bytes) == 0) {
		used = number(used_bytes);
		peak = number(peak_bytes);
	}
	return json_pack("{s:s, s:s, s:o, s:s, s:b, s:o, s:o*, s:o*, s:o*, s:o}",
			 "id", id, "class", pool->class_name, "path", path(pool),
			 "state", registry_state_name(pool->state), "cold", pool->cold,
			 "size", number(backend->pool_bytes(backend->context, pool->directory, pool->size_bytes)),
			 "used", used, "peak", peak, "owner", owner,
			 "age", number(now_s > pool->changed_s ? (uint64_t)(now_s - pool->changed_s) : 0));
}

static json_t *problem(const char *words)
{
	return words ? control_json_text(words) : NULL;
}

static json_t *pressure_object(const struct control_daemon_info *info)
{
	return json_pack("{s:f, s:f, s:b}", "some", info->pressure / 100.0, "limit", info->pressure_limit / 100.0,
			 "high", info->pressure_is_high);
}

json_t *control_json_daemon(const struct control_backend *backend)
{
	struct control_daemon_info info = { 0 };

	backend->daemon_info(backend->context, &info);
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o*, s:o*}",
			 "pid", number((uint64_t)info.pid), "version", VMMALLOC_VERSION,
			 "uptime", number(info.uptime_s),
			 "config", control_json_text(info.config_file),
			 "runtime_dir", control_json_text(info.runtime_dir),
			 "state_dir", control_json_text(info.state_dir),
			 "handed_out", number(info.handed_out), "refused", number(info.refused),
			 "recycled", number(info.recycled), "destroyed", number(info.destroyed),
			 "memory_pressure", info.has_pressure ? pressure_object(&info) : NULL,
			 "problem", problem(info.problem));
}

static json_t *counts(const struct registry_class *class)
{
	CLEANUP(json_decrefp) json_t *object = json_object();

	for (int state = 0; state < REGISTRY_STATES; state++)
		if (json_object_set_new(object, registry_state_name(state), number(class->counts[state])) < 0)
			return NULL;
	return steal_pointer(&object);
}

static json_t *class_object(const struct control_backend *backend, const struct config_class *wanted, bool configured)
{
	const struct registry_class *class = registry_class(backend->registry, wanted->name);
	size_t cold_pools = 0;

	if (!class)
		return NULL;
	for (int state = 0; state < REGISTRY_STATES; state++)
		cold_pools += class->cold[state];
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o*, s:o*,"
			 " s:s, s:b, s:o*}",
			 "name", wanted->name, "directory", control_json_text(wanted->directory),
			 "size", number(backend->pool_bytes(backend->context, wanted->directory, wanted->size_bytes)),
			 "ready", number(wanted->ready), "max", number(wanted->max),
			 "warm", wanted->warm, "cold", wanted->cold,
			 "recycle", wanted->recycle == CONFIG_RECYCLE_DESTROY ? "destroy" : "scrub",
			 "max_per_user", number(wanted->max_per_user),
			 "max_per_process", number(wanted->max_per_process), "counts", counts(class),
			 "cold_pools", number(cold_pools),
			 "waiting", number(backend->waiting(backend->context, wanted->name)),
			 "configured", configured, "service", orders_service_name(wanted->service),
			 "configured_ready", wanted->resized ? number(wanted->file_ready) : NULL,
			 "configured_max", wanted->resized ? number(wanted->file_max) : NULL,
			 "on_memory_pressure",
			 wanted->on_memory_pressure == CONFIG_PRESSURE_RELEASE ? "release" : "keep",
			 "releases", backend->class_releases(backend->context, wanted->name),
			 "problem", problem(backend->class_problem(backend->context, wanted->name)));
}

json_t *control_json_class(const struct control_backend *backend, const char *class_name)
{
	const struct config_class *class = config_find(backend->config(backend->context), class_name);

	return class ? class_object(backend, class, true) : NULL;
}

/* Classes that only pools speak of any more; what is known of such a class is what its first pool says. */
struct leftovers {
	const struct config *config;
	const struct registry_pool **firsts;
	const struct registry_class *last;   /* most pools are of the same class as the one before */
	size_t count;
};

static int visit_leftover(void *context, struct registry_pool *pool)
{
	struct leftovers *leftovers = context;
	const struct registry_pool **firsts;

	if (pool->class == leftovers->last)
		return 0;
	leftovers->last = pool->class;
	for (size_t i = 0; i < leftovers->count; i++)
		if (leftovers->firsts[i]->class == pool->class)
			return 0;
	if (config_find(leftovers->config, pool->class_name))
		return 0;
	firsts = reallocarray(leftovers->firsts, leftovers->count + 1, sizeof(*firsts));
	if (!firsts)
		return -1;
	firsts[leftovers->count++] = pool;
	leftovers->firsts = firsts;
	return 0;
}

static int by_class_name(const void *a, const void *b)
{
	const struct registry_pool *const *left = a, *const *right = b;

	return strcmp((*left)->class_name, (*right)->class_name);
}

static int append_leftovers(const struct control_backend *backend, const struct config *config, json_t *classes)
{
	struct leftovers leftovers = { .config = config };
	int r = registry_each(backend->registry, visit_leftover, &leftovers);

	if (leftovers.count > 0)
		qsort(leftovers.firsts, leftovers.count, sizeof(*leftovers.firsts), by_class_name);
	for (size_t i = 0; r == 0 && i < leftovers.count; i++) {
		const struct registry_pool *first = leftovers.firsts[i];
		struct config_class unwanted = { .name = (char *)first->class_name, .directory = first->directory,
						 .size_bytes = first->size_bytes };

		r = json_array_append_new(classes, class_object(backend, &unwanted, false));
	}
	free(leftovers.firsts);
	return r;
}

json_t *control_json_classes(const struct control_backend *backend)
{
	const struct config *config = backend->config(backend->context);
	CLEANUP(json_decrefp) json_t *classes = json_array();

	for (size_t i = 0; i < config->class_count; i++)
		if (json_array_append_new(classes, class_object(backend, &config->classes[i], true)) < 0)
			return NULL;
	return classes && append_leftovers(backend, config, classes) == 0 ? steal_pointer(&classes) : NULL;
}
