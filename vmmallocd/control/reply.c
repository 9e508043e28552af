/* SPDX-License-Identifier: BSD-3-Clause */
/* reply -- see reply.h. */
#include "vmmallocd/control/reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "common/util/varlink.h"
#include "vmmallocd/control/json.h"
#include "vmmallocd/control/news.h"

#define REPLY_ERROR_BYTES 1024

struct pool_id {
	uint8_t bytes[POOL_FILE_ID_BYTES];
};

struct control_reply {
	const struct control_backend *backend;
	char *text;            /* the piece that is being made */
	size_t length, size;
	struct pool_id *ids;   /* of the pools that are still to come: next to count */
	size_t next, count;
	enum reply_list { LIST_NONE, LIST_POOLS, LIST_HOLDERS, LIST_WAITING } list;   /* which is being written */
	bool comma;            /* one of it is written */
	uint64_t waiting, waiting_last;   /* numbers of those who wait: the last written, and the last to be written */
	/* What it is about instead, and is not written yet: */
	struct control_prune *prune;
	struct control_news news;    /* with events; else there are none */
	struct control_figures *figures;
	bool has_reload;
	uint64_t reload_number;
	bool figures_begun;
	bool has_order;
	struct control_order order;
	char class_name[HANDOUT_CLASS_BYTES];   /* of the order */
	bool ended;            /* the last piece is made */
};

static int append_bytes(const char *bytes, size_t count, void *context)
{
	struct control_reply *reply = context;

	if (count > reply->size - reply->length) {
		size_t size = 2 * (reply->size + count);
		char *text = realloc(reply->text, size);

		if (!text)
			return -ENOMEM;
		reply->text = text;
		reply->size = size;
	}
	memcpy(reply->text + reply->length, bytes, count);
	reply->length += count;
	return 0;
}

static int append_text(struct control_reply *reply, const char *text)
{
	return append_bytes(text, strlen(text), reply);
}

/* Takes the object over. */
static int append_object(struct control_reply *reply, json_t *object)
{
	int r = object ? json_dump_callback(object, append_bytes, reply, JSON_COMPACT) : -1;

	json_decref(object);
	return r < 0 ? -ENOMEM : 0;
}

void control_reply_free(struct control_reply *reply)
{
	if (!reply)
		return;
	free(reply->text);
	free(reply->ids);
	control_prune_free(reply->prune);
	control_figures_free(reply->figures);
	free(reply);
}

static void cleanup_reply(struct control_reply **reply)
{
	control_reply_free(*reply);
}

static struct control_reply *new_of_object(json_t *object)
{
	CLEANUP(cleanup_reply) struct control_reply *reply = calloc(1, sizeof(*reply));

	if (!reply) {
		json_decref(object);
		return NULL;
	}
	return append_object(reply, object) == 0 ? steal_pointer(&reply) : NULL;
}

struct control_reply *control_reply_new(json_t *parameters)
{
	return new_of_object(json_pack("{s:o}", "parameters", parameters));
}

struct control_reply *control_reply_new_error(const char *name, json_t *parameters)
{
	return new_of_object(json_pack("{s:s, s:o}", "error", name, "parameters", parameters));
}

static struct control_reply *new_pools(const struct control_backend *backend)
{
	CLEANUP(cleanup_reply) struct control_reply *reply = calloc(1, sizeof(*reply));

	if (!reply)
		return NULL;
	reply->backend = backend;
	reply->list = LIST_POOLS;
	if (append_text(reply, "{\"parameters\":{\"version\":1,\"pools\":[") < 0)
		return NULL;
	return steal_pointer(&reply);
}

/* The next of a list; takes the object over. */
static int append_item(struct control_reply *reply, json_t *object)
{
	if (reply->comma && append_text(reply, ",") < 0) {
		json_decref(object);
		return -ENOMEM;
	}
	reply->comma = true;
	return append_object(reply, object);
}

struct control_reply *control_reply_new_prune(struct control_prune *prune)
{
	struct control_reply *reply = calloc(1, sizeof(*reply));

	if (!reply) {
		control_prune_free(prune);
		return NULL;
	}
	reply->prune = prune;
	return reply;
}

struct control_reply *control_reply_new_figures(struct control_figures *figures)
{
	struct control_reply *reply = figures ? calloc(1, sizeof(*reply)) : NULL;

	if (!reply) {
		control_figures_free(figures);
		return NULL;
	}
	reply->figures = figures;
	return reply;
}

struct control_reply *control_reply_new_reload(const struct control_backend *backend, uint64_t number)
{
	struct control_reply *reply = calloc(1, sizeof(*reply));

	if (!reply)
		return NULL;
	reply->backend = backend;
	reply->has_reload = true;
	reply->reload_number = number;
	return reply;
}

struct control_reply *control_reply_new_events(const struct control_backend *backend, bool follows,
					       const uint64_t *after)
{
	struct control_reply *reply = calloc(1, sizeof(*reply));

	if (reply)
		control_news_init(&reply->news, backend->events, follows, after);
	return reply;
}

bool control_reply_follows(const struct control_reply *reply)
{
	return reply->news.follows;
}

bool control_reply_has_news(const struct control_reply *reply)
{
	return control_news_is_there(&reply->news);
}

struct control_reply *control_reply_new_order(const struct control_backend *backend, const char *class_name,
					      const struct control_order *order, struct control_prune *prune)
{
	struct control_reply *reply = calloc(1, sizeof(*reply));

	if (!reply) {
		control_prune_free(prune);
		return NULL;
	}
	reply->backend = backend;
	reply->has_order = true;
	reply->order = *order;
	reply->prune = prune;
	memcpy(reply->class_name, class_name, strnlen(class_name, sizeof(reply->class_name) - 1));
	return reply;
}

static int reload_result(const struct control_reply *reply, char words[REPLY_ERROR_BYTES])
{
	struct text error = { .data = words, .size = REPLY_ERROR_BYTES };

	words[0] = '\0';
	return reply->backend->reload_result(reply->backend->context, reply->reload_number, &error);
}

/* 0: it is saved, or need not be. */
static int ask_saved(const struct control_reply *reply, char words[REPLY_ERROR_BYTES])
{
	const struct control_backend *backend = reply->backend;
	struct text error = { .data = words, .size = REPLY_ERROR_BYTES };

	words[0] = '\0';
	return reply->order.number ? backend->orders->saved(backend->orders_context, reply->order.number, &error) : 0;
}

static int fill_result(const struct control_reply *reply, uint64_t *ret_made, char words[REPLY_ERROR_BYTES])
{
	const struct control_backend *backend = reply->backend;
	struct text error = { .data = words, .size = REPLY_ERROR_BYTES };

	words[0] = '\0';
	return backend->orders->filled(backend->orders_context, reply->class_name, &reply->order.fill, ret_made,
				       &error);
}

static bool order_waits(const struct control_reply *reply)
{
	char words[REPLY_ERROR_BYTES];
	uint64_t made;

	return ask_saved(reply, words) == -EINPROGRESS ||
	       (reply->order.shape == CONTROL_ORDER_FILL && fill_result(reply, &made, words) == -EINPROGRESS);
}

unsigned control_reply_patience_ms(const struct control_reply *reply)
{
	return reply->has_order && reply->order.shape == CONTROL_ORDER_FILL ? CONTROL_FILL_MS : CONTROL_WORK_MS;
}

bool control_reply_waits(const struct control_reply *reply)
{
	char words[REPLY_ERROR_BYTES];

	if (reply->has_reload)
		return reload_result(reply, words) == -EINPROGRESS;
	if (reply->has_order && order_waits(reply))
		return true;
	if (reply->figures)
		return control_figures_wait(reply->figures);
	return reply->prune && !control_prune_is_done(reply->prune);
}

static int append_reload(struct control_reply *reply)
{
	char words[REPLY_ERROR_BYTES];
	int r = reload_result(reply, words);

	reply->has_reload = false;
	if (r == 0)
		return append_object(reply, json_pack("{s:{}}", "parameters"));
	return append_object(reply, json_pack("{s:s, s:{s:o}}", "error", VARLINK_RELOAD_FAILED, "parameters", "message",
					      control_json_text(words[0] ? words : strerrordesc_np(-r))));
}

static int append_prune(struct control_reply *reply)
{
	int r = append_text(reply, "{\"parameters\":");

	if (r == 0)
		r = control_prune_write(reply->prune, append_bytes, reply);
	control_prune_free(reply->prune);
	reply->prune = NULL;
	return r == 0 ? append_text(reply, "}") : r;
}

/* 1: there is more to come. */
static int append_figures(struct control_reply *reply)
{
	int r = reply->figures_begun ? 0 : append_text(reply, "{\"parameters\":");

	reply->figures_begun = true;
	if (r == 0)
		r = control_figures_next(reply->figures, append_bytes, reply);
	return r == 0 ? append_text(reply, "}") : r;
}

struct snapshot {
	const struct registry_pool **pools;
	const char *held_of;   /* only those of that class that somebody has; or NULL */
	size_t count, size;
};

static bool somebody_has(const struct registry_pool *pool)
{
	return pool->state == REGISTRY_LEASED || registry_is_pinned(pool);
}

static int visit_pool(void *context, struct registry_pool *pool)
{
	struct snapshot *snapshot = context;

	if (snapshot->held_of && (!somebody_has(pool) || strcmp(pool->class_name, snapshot->held_of) != 0))
		return 0;
	if (snapshot->count == snapshot->size)
		return -1;
	snapshot->pools[snapshot->count++] = pool;
	return 0;
}

static int by_class_and_id(const void *a, const void *b)
{
	const struct registry_pool *const *left = a, *const *right = b;
	int order = strcmp((*left)->class_name, (*right)->class_name);

	return order ? order : memcmp((*left)->id, (*right)->id, POOL_FILE_ID_BYTES);
}

/* Which pools are to be written. */
static int collect_pools(struct control_reply *reply, const char *held_of)
{
	size_t size = registry_count(reply->backend->registry);
	CLEANUP(cleanup_free) const struct registry_pool **pools = malloc((size + 1) * sizeof(*pools));
	struct snapshot snapshot = { .pools = pools, .held_of = held_of, .size = size };

	reply->ids = malloc((size + 1) * sizeof(*reply->ids));
	if (!pools || !reply->ids || registry_each(reply->backend->registry, visit_pool, &snapshot) != 0)
		return -ENOMEM;
	qsort(pools, snapshot.count, sizeof(*pools), by_class_and_id);
	for (size_t i = 0; i < snapshot.count; i++)
		memcpy(reply->ids[i].bytes, pools[i]->id, POOL_FILE_ID_BYTES);
	reply->count = snapshot.count;
	return 0;
}

static int visit_last(void *context, const struct waiting_client *client, const char *class_name)
{
	(void)class_name;
	*(uint64_t *)context = client->number;
	return 0;
}

struct control_reply *control_reply_new_list(const struct control_backend *backend)
{
	CLEANUP(cleanup_reply) struct control_reply *reply = new_pools(backend);

	if (!reply || collect_pools(reply, NULL) < 0)
		return NULL;
	(void)backend->each_waiting(backend->context, 0, visit_last, &reply->waiting_last);
	return steal_pointer(&reply);
}

/* --- orders --- */

static int append_holders(struct control_reply *reply)
{
	if (append_text(reply, "{\"parameters\":{\"version\":1,\"class\":") < 0 ||
	    append_object(reply, control_json_class(reply->backend, reply->class_name)) < 0 ||
	    append_text(reply, ",\"holders\":[") < 0 || collect_pools(reply, reply->class_name) < 0)
		return -ENOMEM;
	reply->list = LIST_HOLDERS;
	return 0;
}

static int append_fill(struct control_reply *reply)
{
	char words[REPLY_ERROR_BYTES];
	uint64_t made;
	int result = fill_result(reply, &made, words);

	return append_object(reply, json_pack("{s:{s:i, s:I, s:b, s:o*, s:o}}", "parameters", "version", 1,
					      "made", (json_int_t)made, "done", result != -EINPROGRESS,
					      "problem", result == -EIO ? control_json_text(words) : NULL,
					      "class", control_json_class(reply->backend, reply->class_name)));
}

/* In force, but not for longer than the daemon. */
static int append_not_saved(struct control_reply *reply, const char *words)
{
	control_prune_free(reply->prune);
	reply->prune = NULL;
	return append_object(reply, json_pack("{s:s, s:{s:o}}", "error", VARLINK_ORDER_NOT_SAVED, "parameters",
					      "message", control_json_text(words)));
}

static int append_no_class(struct control_reply *reply)
{
	char words[REPLY_ERROR_BYTES];

	snprintf(words, sizeof(words), "there is no class '%s' any more", reply->class_name);
	return append_object(reply, json_pack("{s:s, s:{s:s}}", "error", VARLINK_NO_SUCH, "parameters", "message",
					      words));
}

static int append_order(struct control_reply *reply)
{
	const struct config *config = reply->backend->config(reply->backend->context);
	char words[REPLY_ERROR_BYTES];

	reply->has_order = false;
	if (ask_saved(reply, words) < 0)
		return append_not_saved(reply, words);
	/* there may have been a reload since */
	if (reply->order.shape != CONTROL_ORDER_REMOVED && !config_find(config, reply->class_name))
		return append_no_class(reply);
	switch (reply->order.shape) {
	case CONTROL_ORDER_HOLDERS: return append_holders(reply);
	case CONTROL_ORDER_FILL: return append_fill(reply);
	case CONTROL_ORDER_CLASS:
		return append_object(reply, json_pack("{s:{s:i, s:o}}", "parameters", "version", 1, "class",
						      control_json_class(reply->backend, reply->class_name)));
	default: return 0;
	}
}

/* 1: the piece is long enough. */
static int visit_waiting(void *context, const struct waiting_client *client, const char *class_name)
{
	struct control_reply *reply = context;

	if (client->number > reply->waiting_last)
		return 0;
	if (reply->length >= CONTROL_REPLY_PIECE_BYTES)
		return 1;
	reply->waiting = client->number;
	return append_item(reply, control_json_waiting(client, class_name));
}

/* 0: that was all. */
static int append_pools(struct control_reply *reply)
{
	for (; reply->next < reply->count; reply->next++) {
		const uint8_t *id = reply->ids[reply->next].bytes;
		const struct registry_pool *pool = registry_find(reply->backend->registry, id);

		if (reply->length >= CONTROL_REPLY_PIECE_BYTES)
			return 1;
		if (pool && append_item(reply, control_json_pool(reply->backend, pool)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int append_list(struct control_reply *reply)
{
	const struct control_backend *backend = reply->backend;
	int r = 0;

	if (reply->list == LIST_HOLDERS) {
		r = append_pools(reply);
		return r == 0 ? append_text(reply, "]}}") : r;
	}
	if (reply->list == LIST_POOLS) {
		r = append_pools(reply);
		if (r == 0)
			r = append_text(reply, "],\"waiting\":[");
		if (r != 0)
			return r;
		reply->list = LIST_WAITING;
		reply->comma = false;
	}
	if (reply->list == LIST_WAITING) {
		r = backend->each_waiting(backend->context, reply->waiting, visit_waiting, reply);
		if (r == 0)
			r = append_text(reply, "]}}");
	}
	return r;
}

/* 0: that was all. */
static int append_news(struct control_reply *reply)
{
	int r = control_news_write(&reply->news, CONTROL_REPLY_PIECE_BYTES, append_bytes, reply);

	return r < 0 ? r : !r;
}

int control_reply_next(struct control_reply *reply, const char **ret_piece, size_t *ret_bytes)
{
	int r;

	if (reply->ended)
		return 0;
	if (reply->has_order && append_order(reply) < 0)
		return -ENOMEM;
	if ((reply->prune && append_prune(reply) < 0) || (reply->has_reload && append_reload(reply) < 0))
		return -ENOMEM;
	r = reply->figures ? append_figures(reply) : reply->news.events ? append_news(reply) : append_list(reply);
	if (r < 0)
		return r;
	if (r == 0) {
		if (append_bytes("", 1, reply) < 0)
			return -ENOMEM;
		reply->ended = !reply->news.follows;
	}
	*ret_piece = reply->text;
	*ret_bytes = reply->length;
	reply->length = 0;
	return 1;
}
