/* SPDX-License-Identifier: BSD-3-Clause */
/* figures -- see figures.h. */
#include "vmmallocd/control/figures.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/control/json.h"

/* A class that is configured, or has pools. */
struct class_figures {
	const struct registry_class *class;
	uint64_t counts[REGISTRY_STATES], cold[REGISTRY_STATES], bytes[REGISTRY_STATES];
	uint64_t used_bytes, peak_bytes;      /* of those leased pools whose headers were read */
};

/* What a user has of a class. */
struct user_figures {
	const struct registry_class *class;
	uint32_t uid;
	uint64_t pools, bytes, used_bytes;
};

struct had_pool {
	uint8_t id[POOL_FILE_ID_BYTES];
	uint32_t uid;
};

struct control_figures {
	const struct control_backend *backend;
	struct class_figures *classes;
	size_t class_count;
	struct had_pool *had;                 /* pools that somebody has, by class, then user */
	size_t next, had_count;
	struct user_figures user;             /* of the pools before `next`; no class: there is none */
	bool comma;                           /* a user was written */
	enum { FIGURES_BEGIN, FIGURES_USERS, FIGURES_REST, FIGURES_END } stage;
};

void control_figures_free(struct control_figures *figures)
{
	if (!figures)
		return;
	free(figures->classes);
	free(figures->had);
	free(figures);
}

/* --- how things are --- */

static struct class_figures *figures_of(struct control_figures *figures, const struct registry_class *class)
{
	struct class_figures *classes;

	for (size_t i = figures->class_count; i > 0; i--)
		if (figures->classes[i - 1].class == class)
			return &figures->classes[i - 1];
	classes = reallocarray(figures->classes, figures->class_count + 1, sizeof(*classes));
	if (!classes)
		return NULL;
	figures->classes = classes;
	classes[figures->class_count] = (struct class_figures){ .class = class };
	return &classes[figures->class_count++];
}

struct had_pools {
	struct control_figures *figures;
	const struct registry_pool **pools;
	size_t count;
};

static bool is_had(const struct registry_pool *pool)
{
	return pool->state == REGISTRY_LEASED || registry_is_pinned(pool);
}

static uint64_t bytes_of(const struct control_backend *backend, const struct registry_pool *pool)
{
	/* a pool that has a file has whole pages */
	if (pool->file.size_bytes > 0)
		return pool->file.size_bytes;
	return backend->pool_bytes(backend->context, pool->directory, pool->size_bytes);
}

static int visit_figures(void *context, struct registry_pool *pool)
{
	struct had_pools *had = context;
	struct class_figures *class = figures_of(had->figures, pool->class);

	if (!class)
		return -ENOMEM;
	class->counts[pool->state]++;
	class->cold[pool->state] += pool->cold;
	class->bytes[pool->state] += bytes_of(had->figures->backend, pool);
	if (is_had(pool))
		had->pools[had->count++] = pool;
	return 0;
}

static int by_class_and_user(const void *a, const void *b)
{
	const struct registry_pool *const *left = a, *const *right = b;

	if ((*left)->class != (*right)->class)
		return strcmp((*left)->class_name, (*right)->class_name);
	if ((*left)->owner.uid != (*right)->owner.uid)
		return (*left)->owner.uid < (*right)->owner.uid ? -1 : 1;
	return 0;
}

static int look_at_pools(struct control_figures *figures)
{
	struct registry *registry = figures->backend->registry;
	size_t most = registry_count(registry) + 1;
	CLEANUP(cleanup_free) const struct registry_pool **pools = malloc(most * sizeof(*pools));
	struct had_pools had = { .figures = figures, .pools = pools };
	int r = pools ? registry_each(registry, visit_figures, &had) : -ENOMEM;

	if (r < 0)
		return r;
	figures->had = malloc((had.count + 1) * sizeof(*figures->had));
	if (!figures->had)
		return -ENOMEM;
	qsort(pools, had.count, sizeof(*pools), by_class_and_user);
	for (size_t i = 0; i < had.count; i++) {
		memcpy(figures->had[i].id, pools[i]->id, POOL_FILE_ID_BYTES);
		figures->had[i].uid = pools[i]->owner.uid;
	}
	figures->had_count = had.count;
	return 0;
}

struct control_figures *control_figures_new(const struct control_backend *backend)
{
	struct control_figures *figures = calloc(1, sizeof(*figures));
	const struct config *config = backend->config(backend->context);
	bool good = figures;

	if (figures)
		figures->backend = backend;
	/* those of the configuration come first, in its order */
	for (size_t i = 0; good && i < config->class_count; i++) {
		const struct registry_class *class = registry_class(backend->registry, config->classes[i].name);

		good = class && figures_of(figures, class);
	}
	if (!good || look_at_pools(figures) < 0) {
		control_figures_free(figures);
		return NULL;
	}
	backend->ask_space(backend->context);
	return figures;
}

bool control_figures_wait(const struct control_figures *figures)
{
	return figures->backend->space_is_coming(figures->backend->context);
}

/* --- writing --- */

struct figures_writer {
	int (*append)(const char *bytes, size_t count, void *context);
	void *context;
};

static int write_words(const struct figures_writer *writer, const char *words)
{
	return writer->append(words, strlen(words), writer->context);
}

/* NULL: there was no memory for it. */
static int write_value(const struct figures_writer *writer, const json_t *value)
{
	int r = value ? json_dump_callback(value, writer->append, writer->context, JSON_COMPACT) : -1;

	return r < 0 ? -ENOMEM : 0;
}

static int write_user(struct control_figures *figures, const struct figures_writer *writer)
{
	const struct user_figures *user = &figures->user;
	CLEANUP(json_decrefp) json_t *object =
		json_pack("{s:s, s:o, s:o, s:o, s:o}", "class", user->class->name,
			  "uid", control_json_number(user->uid), "pools", control_json_number(user->pools),
			  "bytes", control_json_number(user->bytes), "used", control_json_number(user->used_bytes));
	const char *comma = figures->comma ? "," : "";

	figures->comma = true;
	return write_words(writer, comma) ?: write_value(writer, object);
}

static int add_had(struct control_figures *figures, const struct registry_pool *pool)
{
	const struct control_backend *backend = figures->backend;
	struct class_figures *class;
	uint64_t used, peak;

	figures->user.pools++;
	figures->user.bytes += bytes_of(backend, pool);
	if (pool->state != REGISTRY_LEASED || backend->pool_figures(backend->context, pool, &used, &peak) != 0)
		return 0;
	/* that of a class which has come since is new, too */
	class = figures_of(figures, pool->class);
	if (!class)
		return -ENOMEM;
	figures->user.used_bytes += used;
	class->used_bytes += used;
	class->peak_bytes += peak;
	return 0;
}

/* 1: there are more. What is another user's by now is left out: each user is written once. */
static int write_users(struct control_figures *figures, const struct figures_writer *writer)
{
	struct user_figures *user = &figures->user;
	int r = 0;

	for (size_t n = 0; r == 0 && figures->next < figures->had_count; n++) {
		const struct had_pool *had = &figures->had[figures->next];
		const struct registry_pool *pool = registry_find(figures->backend->registry, had->id);

		if (n == CONTROL_FIGURES_AT_ONCE)
			return 1;
		figures->next++;
		if (!pool || !is_had(pool) || pool->owner.uid != had->uid)
			continue;
		if (user->class && (user->class != pool->class || user->uid != had->uid)) {
			r = write_user(figures, writer);
			user->class = NULL;
		}
		if (!user->class)
			*user = (struct user_figures){ .class = pool->class, .uid = pool->owner.uid };
		if (r == 0)
			r = add_had(figures, pool);
	}
	return r == 0 && user->class ? write_user(figures, writer) : r;
}

/* Puts a member in. Without memory for it the object is NULL from then on, and stays so. */
static void put_figure(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value) == 0)
		return;
	json_decref(*object);
	*object = NULL;
}

/* The same for the end of an array. */
static void append_figure(json_t **array, json_t *value)
{
	if (json_array_append_new(*array, value) == 0)
		return;
	json_decref(*array);
	*array = NULL;
}

static json_t *of_states(const uint64_t counts[REGISTRY_STATES])
{
	json_t *object = json_object();

	for (enum registry_state state = 0; state < REGISTRY_STATES; state++)
		put_figure(&object, registry_state_name(state), control_json_number(counts[state]));
	return object;
}

static json_t *refused_object(const struct metrics_class *counted)
{
	json_t *object = json_object();

	for (int status = 0; status < HANDOUT_STATUSES; status++)
		if (metrics_refusal_name(status))
			put_figure(&object, metrics_refusal_name(status),
				   control_json_number(counted->refused[status]));
	return object;
}

static json_t *histogram_object(const struct metrics_histogram *histogram, enum metrics_histogram_kind kind)
{
	json_t *bounds = json_array(), *counts = json_array();
	size_t count;
	const uint64_t *bounds_ns = metrics_bounds_ns(kind, &count);

	for (size_t i = 0; i < count; i++)
		append_figure(&bounds, json_real((double)bounds_ns[i] / 1e9));
	for (size_t i = 0; i <= count; i++)
		append_figure(&counts, control_json_number(histogram->counts[i]));
	return json_pack("{s:o, s:o, s:o}", "bounds", bounds, "counts", counts,
			 "sum", json_real((double)histogram->sum_ns / 1e9));
}

static json_t *counted_object(const struct metrics_class *counted)
{
	json_t *object = json_object();

	for (int counter = 0; counter < METRICS_COUNTERS; counter++)
		put_figure(&object, metrics_counter_name(counter), control_json_number(counted->counts[counter]));
	put_figure(&object, "refused", refused_object(counted));
	for (int kind = 0; kind < METRICS_HISTOGRAMS; kind++)
		put_figure(&object, metrics_histogram_name(kind),
			   histogram_object(&counted->histograms[kind], kind));
	return object;
}

static json_t *class_figures_object(const struct control_backend *backend, const struct class_figures *class)
{
	static const struct metrics_class nothing;
	const char *name = class->class->name;
	const struct config_class *config = config_find(backend->config(backend->context), name);
	const struct metrics_class *counted = metrics_find(backend->metrics(backend->context), name);

	return json_pack("{s:s, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}",
			 "name", name, "directory", control_json_text(config ? config->directory : ""),
			 "configured", config != NULL,
			 "serves", config && config->service == CONFIG_SERVES,
			 "releases", backend->class_releases(backend->context, name),
			 "size", control_json_number(config ? config->size_bytes : 0),
			 "ready", control_json_number(config ? config->ready : 0),
			 "max", control_json_number(config ? config->max : 0),
			 "counts", of_states(class->counts), "cold", of_states(class->cold),
			 "bytes", of_states(class->bytes), "used", control_json_number(class->used_bytes),
			 "peak", control_json_number(class->peak_bytes),
			 "waiting", control_json_number(backend->waiting(backend->context, name)),
			 "problem", backend->class_problem(backend->context, name) != NULL,
			 "counted", counted_object(counted ? counted : &nothing));
}

static int visit_directory(void *context, const struct control_directory *directory)
{
	json_t *object = json_pack("{s:o, s:b}", "path", control_json_text(directory->path),
				   "in_service", directory->in_service);

	if (directory->has_space) {
		put_figure(&object, "size", control_json_number(directory->size_bytes));
		put_figure(&object, "free", control_json_number(directory->free_bytes));
		put_figure(&object, "inodes", control_json_number(directory->inodes));
		put_figure(&object, "free_inodes", control_json_number(directory->free_inodes));
	}
	return json_array_append_new(context, object) < 0 ? -ENOMEM : 0;
}

static json_t *problems_object(const struct control_backend *backend)
{
	static const char *const names[CONTROL_PARTS] = {
		[CONTROL_CONFIGURATION] = "configuration", [CONTROL_RELOAD] = "reload",
		[CONTROL_RESOURCES] = "resources", [CONTROL_PLACES] = "places", [CONTROL_REGISTRY] = "registry",
		[CONTROL_METRICS] = "metrics", [CONTROL_ORDERS] = "orders",
	};
	json_t *object = json_object();

	for (enum control_part part = 0; part < CONTROL_PARTS; part++)
		put_figure(&object, names[part], json_boolean(backend->has_problem(backend->context, part)));
	return object;
}

static json_t *daemon_object(const struct control_backend *backend)
{
	const struct metrics *metrics = backend->metrics(backend->context);
	struct control_daemon_info info = { 0 };

	backend->daemon_info(backend->context, &info);
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o*}", "version", VMMALLOC_VERSION,
			 "start_time", (json_int_t)info.started_s, "reloads", control_json_number(metrics->reloads),
			 "reloads_refused", control_json_number(metrics->reloads_refused),
			 "refused", refused_object(&metrics->none), "problems", problems_object(backend),
			 "memory_pressure", info.has_pressure ? json_real(info.pressure / 10000.0) : NULL);
}

static int write_rest(const struct control_figures *figures, const struct figures_writer *writer)
{
	const struct control_backend *backend = figures->backend;
	CLEANUP(json_decrefp) json_t *daemon = daemon_object(backend);
	CLEANUP(json_decrefp) json_t *classes = json_array();
	CLEANUP(json_decrefp) json_t *directories = json_array();

	for (size_t i = 0; i < figures->class_count; i++)
		append_figure(&classes, class_figures_object(backend, &figures->classes[i]));
	if (backend->each_directory(backend->context, visit_directory, directories) < 0)
		return -ENOMEM;
	return write_words(writer, "],\"daemon\":") ?: write_value(writer, daemon) ?:
	       write_words(writer, ",\"classes\":") ?: write_value(writer, classes) ?:
	       write_words(writer, ",\"directories\":") ?: write_value(writer, directories) ?:
	       write_words(writer, "}");
}

int control_figures_next(struct control_figures *figures,
			 int (*append)(const char *bytes, size_t count, void *context), void *context)
{
	const struct figures_writer writer = { append, context };
	int r;

	switch (figures->stage) {
	case FIGURES_BEGIN: r = write_words(&writer, "{\"version\":1,\"users\":["); break;
	case FIGURES_USERS: r = write_users(figures, &writer); break;
	default: r = write_rest(figures, &writer); break;
	}
	if (r != 0)
		return r;
	figures->stage++;
	return figures->stage < FIGURES_END;
}
