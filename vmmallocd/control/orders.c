/* SPDX-License-Identifier: BSD-3-Clause */
/* orders -- see orders.h. */
#include "vmmallocd/control/orders.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "common/util/suggest.h"
#include "common/util/varlink.h"
#include "vmmallocd/control/json.h"
#include "vmmallocd/control/reply.h"

#define ERROR_BYTES 1024

/* One order while it is carried out. */
struct carried {
	const struct control_backend *backend;
	const struct control_orders *orders;
	void *context;
	const json_t *parameters;
	const char *class_name;
	struct text *error;
};

static struct control_reply *refuse_parameter(const char *name)
{
	return control_reply_new_error(VARLINK_INVALID_PARAMETER, json_pack("{s:s}", "parameter", name));
}

static struct control_reply *refuse_order(const char *error, const char *message)
{
	return control_reply_new_error(error, json_pack("{s:o}", "message", control_json_text(message)));
}

static void tell_no_class(struct carried carried, struct text *text)
{
	const struct config *config = carried.backend->config(carried.backend->context);
	struct suggest suggest = { .word = carried.class_name };
	char hint[SUGGEST_BYTES];

	for (size_t i = 0; i < config->class_count; i++)
		suggest_offer(&suggest, config->classes[i].name);
	suggest_say(&suggest, hint);
	text_add(text, "there is no class '%s'%s", carried.class_name,
		 *hint ? hint : "; vmmallocctl status lists all");
}

static struct control_reply *refuse_carried(struct carried carried, int r)
{
	char words[ERROR_BYTES];
	struct text text = TEXT_INIT(words);

	if (r == -ENOENT) {
		tell_no_class(carried, &text);
		return refuse_order(VARLINK_NO_SUCH, words);
	}
	text_add(&text, "class '%s': %s", carried.class_name,
		 carried.error->length ? carried.error->data : strerrordesc_np(-r));
	return refuse_order(VARLINK_ORDER_REFUSED, words);
}

/* A whole number of at least `least`. */
static bool read_count(const json_t *parameters, const char *key, unsigned least, unsigned *ret_count)
{
	const json_t *value = json_object_get(parameters, key);

	if (!json_is_integer(value) || json_integer_value(value) < least ||
	    json_integer_value(value) > CONFIG_POOLS_MOST)
		return false;
	*ret_count = (unsigned)json_integer_value(value);
	return true;
}

static struct control_reply *serve(struct carried carried, enum config_service service)
{
	struct control_order order = { .shape = CONTROL_ORDER_HOLDERS };
	int r = carried.orders->serve(carried.context, carried.class_name, service, &order.number, carried.error);

	if (r < 0)
		return refuse_carried(carried, r);
	return control_reply_new_order(carried.backend, carried.class_name, &order, NULL);
}

static struct control_reply *drain(struct carried carried)
{
	return serve(carried, CONFIG_DRAINED);
}

static struct control_reply *enable(struct carried carried)
{
	return serve(carried, CONFIG_SERVES);
}

static int visit_removed(void *context, const struct registry_pool *pool)
{
	return control_prune_add(context, pool);
}

static void free_prune(struct control_prune **prune)
{
	control_prune_free(*prune);
}

static struct control_reply *disable(struct carried carried)
{
	CLEANUP(free_prune) struct control_prune *prune = control_prune_new(carried.backend, false);
	struct control_order order = { .shape = CONTROL_ORDER_REMOVED };
	int r;

	if (!prune)
		return NULL;
	r = carried.orders->serve(carried.context, carried.class_name, CONFIG_DISABLED, &order.number,
				   carried.error);
	if (r == 0)
		r = carried.orders->empty(carried.context, carried.class_name, visit_removed, prune);
	if (r < 0)
		return refuse_carried(carried, r);
	return control_reply_new_order(carried.backend, carried.class_name, &order, steal_pointer(&prune));
}

static struct control_reply *holders(struct carried carried)
{
	const struct control_order order = { .shape = CONTROL_ORDER_HOLDERS };

	if (!config_find(carried.backend->config(carried.backend->context), carried.class_name))
		return refuse_carried(carried, -ENOENT);
	return control_reply_new_order(carried.backend, carried.class_name, &order, NULL);
}

static struct control_reply *resize(struct carried carried)
{
	const struct control_order order = { .shape = CONTROL_ORDER_CLASS };
	unsigned ready, max;
	int r;

	if (!read_count(carried.parameters, "ready", 0, &ready))
		return refuse_parameter("ready");
	if (!read_count(carried.parameters, "max", 1, &max))
		return refuse_parameter("max");
	r = carried.orders->resize(carried.context, carried.class_name, ready, max, carried.error);
	if (r < 0)
		return refuse_carried(carried, r);
	return control_reply_new_order(carried.backend, carried.class_name, &order, NULL);
}

static struct control_reply *fill(struct carried carried, unsigned count)
{
	struct control_order order = { .shape = CONTROL_ORDER_FILL };
	int r = carried.orders->fill(carried.context, carried.class_name, count, &order.fill, carried.error);

	if (r < 0)
		return refuse_carried(carried, r);
	return control_reply_new_order(carried.backend, carried.class_name, &order, NULL);
}

static struct control_reply *top_up(struct carried carried)
{
	return fill(carried, 0);
}

static struct control_reply *create(struct carried carried)
{
	unsigned count;

	return read_count(carried.parameters, "count", 1, &count) ? fill(carried, count) : refuse_parameter("count");
}

static struct control_reply *destroy(struct carried carried)
{
	CLEANUP(free_prune) struct control_prune *prune = NULL;
	const char *pool = json_string_value(json_object_get(carried.parameters, "pool"));
	uint8_t id[POOL_FILE_ID_BYTES];
	char words[ERROR_BYTES];
	struct text text = TEXT_INIT(words);
	int r;

	if (!pool || !pool_file_id_parse(pool, id))
		return refuse_parameter("pool");
	prune = control_prune_new(carried.backend, false);
	if (!prune)
		return NULL;
	r = carried.orders->destroy(carried.context, id, visit_removed, prune, carried.error);
	if (r == 0)
		return control_reply_new_prune(steal_pointer(&prune));
	if (r == -ENOENT)
		text_add(&text, "there is no pool %s", pool);
	else
		text_add(&text, "pool %s: %s", pool,
			 carried.error->length ? carried.error->data : strerrordesc_np(-r));
	return refuse_order(r == -ENOENT ? VARLINK_NO_SUCH : VARLINK_ORDER_REFUSED, words);
}

struct control_reply *control_orders_call(const struct control_backend *backend, const char *method,
					  const json_t *parameters)
{
	static const struct {
		const char *method;
		struct control_reply *(*carry_out)(struct carried carried);
	} orders[] = {
		{ "Drain", drain }, { "Enable", enable }, { "Disable", disable }, { "Holders", holders },
		{ "Resize", resize }, { "TopUp", top_up }, { "Create", create }, { "Destroy", destroy },
	};
	char words[ERROR_BYTES] = "";
	struct text error = TEXT_INIT(words);
	const struct carried carried = {
		.backend = backend, .orders = backend->orders, .context = backend->orders_context,
		.parameters = parameters,
		.class_name = json_string_value(json_object_get(parameters, "class")), .error = &error,
	};
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (strcmp(orders[i].method, method) != 0)
			continue;
		if (orders[i].carry_out != destroy && !carried.class_name)
			return refuse_parameter("class");
		return orders[i].carry_out(carried);
	}
	return NULL;
}
