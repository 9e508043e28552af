/* SPDX-License-Identifier: BSD-3-Clause */
/* methods -- see methods.h. */
#include "vmmallocd/control/methods.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/varlink.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/control/interface.h"
#include "vmmallocd/control/json.h"
#include "vmmallocd/control/orders.h"

#define PARAMETERS_MOST 3

struct call {
	const struct control_backend *backend;
	bool is_trusted;
	const char *method;
	json_t *parameters;   /* an object, or NULL */
	bool more;            /* several replies are wanted */
};

static struct control_reply *error_with(const char *name, const char *key, const char *value)
{
	return control_reply_new_error(name, json_pack("{s:o}", key, control_json_text(value)));
}

static struct control_reply *get_info(const struct call *call)
{
	(void)call;
	return control_reply_new(json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}",
					   "vendor", "libvmmalloc", "product", "vmmallocd",
					   "version", VMMALLOC_VERSION, "url", "",
					   "interfaces", VARLINK_SERVICE, VARLINK_VMMALLOC));
}

static struct control_reply *get_interface_description(const struct call *call)
{
	const char *interface = json_string_value(json_object_get(call->parameters, "interface"));
	const char *text;

	if (!interface)
		return error_with(VARLINK_INVALID_PARAMETER, "parameter", "interface");
	if (strcmp(interface, VARLINK_VMMALLOC) == 0)
		text = control_interface_vmmalloc;
	else if (strcmp(interface, VARLINK_SERVICE) == 0)
		text = control_interface_service;
	else
		return error_with(VARLINK_INTERFACE_NOT_FOUND, "interface", interface);
	return control_reply_new(json_pack("{s:s}", "description", text));
}

static struct control_reply *list(const struct call *call)
{
	return control_reply_new_list(call->backend);
}

static struct control_reply *status(const struct call *call)
{
	return control_reply_new(json_pack("{s:i, s:o, s:o}", "version", 1,
					   "daemon", control_json_daemon(call->backend),
					   "classes", control_json_classes(call->backend)));
}

static struct control_reply *metrics(const struct call *call)
{
	return control_reply_new_figures(control_figures_new(call->backend));
}

static struct control_reply *denied(void)
{
	return error_with(VARLINK_PERMISSION_DENIED, "expected", "root or the daemon's own user");
}

static int visit_pruned(void *context, const struct registry_pool *pool)
{
	return control_prune_add(context, pool);
}

static struct control_reply *prune(const struct call *call)
{
	const json_t *dry_run = json_object_get(call->parameters, "dry_run");
	struct control_prune *prune;
	int r;

	if (!json_is_boolean(dry_run))
		return error_with(VARLINK_INVALID_PARAMETER, "parameter", "dry_run");
	if (!call->is_trusted)
		return denied();
	prune = control_prune_new(call->backend, json_is_true(dry_run));
	if (!prune)
		return NULL;
	r = call->backend->prune(call->backend->context, json_is_true(dry_run), visit_pruned, prune);
	if (r < 0) {
		control_prune_free(prune);
		return error_with(VARLINK_PRUNE_FAILED, "message", strerrordesc_np(-r));
	}
	return control_reply_new_prune(prune);
}

static struct control_reply *reload(const struct call *call)
{
	if (!call->is_trusted)
		return denied();
	return control_reply_new_reload(call->backend, call->backend->reload(call->backend->context));
}

static struct control_reply *order(const struct call *call)
{
	return control_orders_call(call->backend, strrchr(call->method, '.') + 1, call->parameters);
}

static struct control_reply *trusted_order(const struct call *call)
{
	return call->is_trusted ? order(call) : denied();
}

static struct control_reply *events(const struct call *call)
{
	const json_t *after = json_object_get(call->parameters, "after");
	json_int_t value = json_integer_value(after);
	uint64_t number = (uint64_t)value;

	if (json_is_null(after))
		after = NULL;
	if (after && (!json_is_integer(after) || value < 0))
		return error_with(VARLINK_INVALID_PARAMETER, "parameter", "after");
	return control_reply_new_events(call->backend, call->more, after ? &number : NULL);
}

static const struct method {
	const char *interface, *name;
	const char *parameters[PARAMETERS_MOST];   /* that it takes; the others are NULL */
	struct control_reply *(*function)(const struct call *call);  /* NULL for want of memory */
} methods[] = {
	{ VARLINK_SERVICE, "GetInfo", { NULL }, get_info },
	{ VARLINK_SERVICE, "GetInterfaceDescription", { "interface" }, get_interface_description },
	{ VARLINK_VMMALLOC, "List", { NULL }, list },
	{ VARLINK_VMMALLOC, "Status", { NULL }, status },
	{ VARLINK_VMMALLOC, "Metrics", { NULL }, metrics },
	{ VARLINK_VMMALLOC, "Holders", { "class" }, order },
	{ VARLINK_VMMALLOC, "Prune", { "dry_run" }, prune },
	{ VARLINK_VMMALLOC, "Reload", { NULL }, reload },
	{ VARLINK_VMMALLOC, "Drain", { "class" }, trusted_order },
	{ VARLINK_VMMALLOC, "Enable", { "class" }, trusted_order },
	{ VARLINK_VMMALLOC, "Disable", { "class" }, trusted_order },
	{ VARLINK_VMMALLOC, "Resize", { "class", "ready", "max" }, trusted_order },
	{ VARLINK_VMMALLOC, "TopUp", { "class" }, trusted_order },
	{ VARLINK_VMMALLOC, "Create", { "class", "count" }, trusted_order },
	{ VARLINK_VMMALLOC, "Destroy", { "pool" }, trusted_order },
	{ VARLINK_VMMALLOC, "Events", { "after" }, events },
};

static bool takes_parameter(const struct method *method, const char *key)
{
	for (size_t i = 0; i < PARAMETERS_MOST && method->parameters[i]; i++)
		if (strcmp(method->parameters[i], key) == 0)
			return true;
	return false;
}

static struct control_reply *interface_not_found(const char *name, size_t bytes)
{
	return control_reply_new_error(VARLINK_INTERFACE_NOT_FOUND, json_pack("{s:s%}", "interface", name, bytes));
}

static struct control_reply *dispatch(const struct call *call)
{
	bool has_interface = false;
	size_t interface_bytes;
	const char *name, *key;
	json_t *value;

	if (!varlink_method_split(call->method, &interface_bytes, &name))
		return interface_not_found(call->method, strlen(call->method));
	for (const struct method *m = methods; m < methods + sizeof(methods) / sizeof(*methods); m++) {
		if (strlen(m->interface) != interface_bytes ||
		    strncmp(call->method, m->interface, interface_bytes) != 0)
			continue;
		has_interface = true;
		if (strcmp(m->name, name) != 0)
			continue;
		/* a misspelt parameter must not pass for one that was left out */
		json_object_foreach(call->parameters, key, value)
			if (!takes_parameter(m, key))
				return error_with(VARLINK_INVALID_PARAMETER, "parameter", key);
		return m->function(call);
	}
	if (!has_interface)
		return interface_not_found(call->method, interface_bytes);
	return error_with(VARLINK_METHOD_NOT_FOUND, "method", call->method);
}

/* False if it is there and no boolean. */
static bool read_flag(const json_t *object, const char *key, bool *ret_flag)
{
	const json_t *value = json_object_get(object, key);

	*ret_flag = json_is_true(value);
	return !value || json_is_boolean(value);
}

int control_methods_call(const struct control_backend *backend, bool is_trusted, bool gone, const char *message,
			 size_t bytes, struct control_reply **ret_reply)
{
	CLEANUP(json_decrefp) json_t *object = json_loadb(message, bytes, JSON_REJECT_DUPLICATES, NULL);
	struct call call = { .backend = backend, .is_trusted = is_trusted };
	struct control_reply *reply;
	bool oneway, upgrade;

	call.method = json_string_value(json_object_get(object, "method"));
	call.parameters = json_object_get(object, "parameters");
	if (json_is_null(call.parameters))
		call.parameters = NULL;
	if (!call.method || (call.parameters && !json_is_object(call.parameters)) ||
	    !read_flag(object, "oneway", &oneway) || !read_flag(object, "more", &call.more) ||
	    !read_flag(object, "upgrade", &upgrade))
		return -EBADMSG;
	if (gone && !oneway)
		return -EPIPE;
	/* `more` allows several replies, which most methods do not have; an upgrade would make this another protocol */
	reply = upgrade ? error_with(VARLINK_METHOD_NOT_IMPLEMENTED, "method", call.method) : dispatch(&call);
	if (!reply)
		return -ENOMEM;
	if (oneway) {
		control_reply_free(reply);
		reply = NULL;
	}
	*ret_reply = reply;
	return 0;
}
