/* SPDX-License-Identifier: BSD-3-Clause */
/* service -- see service.h. */
#include "vmmallocd/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmmallocd/base/resource.h"
#include "vmmallocd/pools/tell.h"
#include "vmmallocd/state/orders_store.h"

static void begin_to_save(struct service *service);

static void on_save_retry(uv_timer_t *timer)
{
	begin_to_save(timer->data);
}

static void note_saved(struct service *service, int result)
{
	struct resource_reason reason;

	free(service->text);
	service->text = NULL;
	if (result == 0) {
		if (service->problem[0] != '\0')
			log_line(service->log, LOG_INFO, "orders '%s': saved", service->path);
		service->problem[0] = '\0';
		service->saved = service->begun;
		return;
	}
	reason = resource_reason(result == -EAGAIN ? RESOURCE_THREAD : RESOURCE_DESCRIPTOR, result);
	if (service->problem[0] == '\0')
		log_line(service->log, LOG_WARNING, "orders '%s': save: %s; they are in force all the same",
			 service->path, reason.text);
	snprintf(service->problem, sizeof(service->problem), "orders %.250s: save: %s", service->path, reason.text);
	service->failed = service->begun;
	if (!service->stopped)
		(void)uv_timer_start(&service->retry, on_save_retry, SERVICE_RETRY_MS, 0);
}

static void save_orders(struct work *work)
{
	struct service *service = work->data;

	service->result = orders_store_save(service->path, service->text);
}

static void on_orders_saved(struct work *work)
{
	struct service *service = work->data;

	service->saving = false;
	note_saved(service, service->result);
	if (service->given > service->begun)
		begin_to_save(service);
}

static void begin_to_save(struct service *service)
{
	int r;

	if (service->saving || service->stopped)
		return;
	(void)uv_timer_stop(&service->retry);
	service->begun = service->given;
	r = orders_format(&service->orders, &service->text);
	if (r == 0)
		r = work_start(service->loop, &service->work, save_orders, on_orders_saved);
	service->saving = r == 0;
	if (r < 0)
		note_saved(service, r);
}

int service_open(struct service *service, uv_loop_t *loop, struct settings *settings, struct pools *pools,
		 const char *state_dir)
{
	char reason[LOG_LINE_BYTES] = "";
	struct text error = TEXT_INIT(reason);
	int r;

	*service = (struct service){ .loop = loop, .log = settings->log, .settings = settings, .pools = pools };
	if ((size_t)snprintf(service->path, sizeof(service->path), "%s/" ORDERS_STORE_FILE, state_dir) >=
	    sizeof(service->path))
		return -ENAMETOOLONG;
	(void)uv_timer_init(loop, &service->retry);
	service->retry.data = service->work.data = service;
	r = orders_store_load(service->path, &service->orders, &error);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		snprintf(service->problem, sizeof(service->problem),
			 "orders %.200s: %.200s: a class that was drained or disabled may serve again", service->path,
			 reason);
		log_line(service->log, LOG_ERR, "%s", service->problem);
	}
	for (size_t i = 0; i < service->orders.count; i++)
		log_line(service->log, LOG_INFO, "class '%s': %s, as it was", service->orders.list[i].name,
			 orders_service_name(service->orders.list[i].service));
	return 0;
}

void service_apply(struct service *service, bool is_reload)
{
	if (is_reload)
		orders_forget_sizes(&service->orders);
	orders_apply(&service->orders, &service->settings->config);
}

/* --- what an operator orders --- */

static void tell_of_order(const struct service *service, const char *class_name, const char *order)
{
	tell(&service->pools->events, service->log, LOG_INFO,
	     tell_of_class(EVENT_CLASS_ORDERED, class_name, NULL, order), "class '%s': %s, by an order", class_name,
	     order);
}

static int put_in_force(struct service *service, const char *class_name, bool has_new_figures)
{
	service_apply(service, false);
	pools_reorder(service->pools, class_name, has_new_figures);
	return 0;
}

static int order_serve(void *context, const char *class_name, enum config_service order, uint64_t *ret_number,
		       struct text *error)
{
	struct service *service = context;
	int r;

	(void)error;
	if (!config_find(&service->settings->config, class_name))
		return -ENOENT;
	r = orders_set_service(&service->orders, class_name, order);
	if (r < 0)
		return r;
	*ret_number = ++service->given;
	begin_to_save(service);
	tell_of_order(service, class_name, orders_service_name(order));
	return put_in_force(service, class_name, false);
}

static int order_saved(void *context, uint64_t number, struct text *error)
{
	const struct service *service = context;

	if (service->saved >= number)
		return 0;
	if (service->failed >= number) {
		text_add(error, "%s", service->problem);
		return -EIO;
	}
	text_add(error, "orders %s: it is still being written", service->path);
	return -EINPROGRESS;
}

static int order_resize(void *context, const char *class_name, unsigned ready, unsigned max, struct text *error)
{
	struct service *service = context;
	char figures[64];
	int r;

	if (!config_find(&service->settings->config, class_name))
		return -ENOENT;
	if (ready > max) {
		text_add(error, "ready (%u): expected at most max (%u)", ready, max);
		return -EINVAL;
	}
	r = orders_resize(&service->orders, class_name, ready, max);
	if (r < 0)
		return r;
	snprintf(figures, sizeof(figures), "ready = %u, max = %u", ready, max);
	tell_of_order(service, class_name, figures);
	return put_in_force(service, class_name, true);
}

static int order_fill(void *context, const char *class_name, unsigned count, struct control_fill *ret_fill,
		      struct text *error)
{
	struct pools *pools = ((struct service *)context)->pools;
	int r = pools_fill(pools, class_name, count, error);

	if (r == 0) {
		const struct provision_class *class = provision_class(&pools->provision, class_name);

		*ret_fill = (struct control_fill){ .made = class->made, .failures = class->failures };
	}
	return r;
}

static int order_filled(void *context, const char *class_name, const struct control_fill *fill, uint64_t *ret_made,
			struct text *error)
{
	struct pools *pools = ((struct service *)context)->pools;
	const struct provision_class *class = provision_class(&pools->provision, class_name);

	*ret_made = class ? class->made - fill->made : 0;
	return pools_filled(pools, class_name, fill->failures, error);
}

static int order_empty(void *context, const char *class_name,
		       int (*visit)(void *visit_context, const struct registry_pool *pool), void *visit_context)
{
	return pools_empty(((struct service *)context)->pools, class_name, visit, visit_context);
}

static int order_destroy(void *context, const uint8_t id[POOL_FILE_ID_BYTES],
			 int (*visit)(void *visit_context, const struct registry_pool *pool), void *visit_context,
			 struct text *error)
{
	return pools_destroy(((struct service *)context)->pools, id, visit, visit_context, error);
}

const struct control_orders service_orders = {
	.serve = order_serve, .saved = order_saved, .resize = order_resize, .fill = order_fill,
	.filled = order_filled, .empty = order_empty, .destroy = order_destroy,
};

const char *service_problem(const struct service *service)
{
	return service->problem[0] != '\0' ? service->problem : NULL;
}

void service_stop(struct service *service)
{
	service->stopped = true;
	uv_close((uv_handle_t *)&service->retry, NULL);
}

void service_done(struct service *service)
{
	if (service->saved < service->given) {
		int r = orders_format(&service->orders, &service->text);

		service->begun = service->given;
		note_saved(service, r < 0 ? r : orders_store_save(service->path, service->text));
	}
	orders_done(&service->orders);
}
