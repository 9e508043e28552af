/* SPDX-License-Identifier: BSD-3-Clause */
/* orders -- see orders.h. */
#include "vmmallocd/plan/orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES (HANDOUT_CLASS_BYTES + 16)   /* "disabled ", a name and a newline */

void orders_done(struct orders *orders)
{
	free(orders->list);
	*orders = (struct orders){ 0 };
}

static struct order *find_order(const struct orders *orders, const char *name)
{
	for (size_t i = 0; i < orders->count; i++)
		if (strcmp(orders->list[i].name, name) == 0)
			return &orders->list[i];
	return NULL;
}

static struct order *find_or_add_order(struct orders *orders, const char *name)
{
	struct order *order = find_order(orders, name), *list;

	if (order)
		return order;
	list = reallocarray(orders->list, orders->count + 1, sizeof(*list));
	if (!list)
		return NULL;
	orders->list = list;
	order = &list[orders->count++];
	*order = (struct order){ 0 };
	snprintf(order->name, sizeof(order->name), "%s", name);
	return order;
}

/* What says nothing any more goes. */
static void tidy_orders(struct orders *orders)
{
	size_t kept = 0;

	for (size_t i = 0; i < orders->count; i++)
		if (orders->list[i].service != CONFIG_SERVES || orders->list[i].resized)
			orders->list[kept++] = orders->list[i];
	orders->count = kept;
}

int orders_set_service(struct orders *orders, const char *name, enum config_service service)
{
	struct order *order = find_or_add_order(orders, name);

	if (!order)
		return -ENOMEM;
	order->service = service;
	tidy_orders(orders);
	return 0;
}

int orders_resize(struct orders *orders, const char *name, unsigned ready, unsigned max)
{
	struct order *order = find_or_add_order(orders, name);

	if (!order)
		return -ENOMEM;
	order->resized = true;
	order->ready = ready;
	order->max = max;
	return 0;
}

void orders_forget_sizes(struct orders *orders)
{
	for (size_t i = 0; i < orders->count; i++)
		orders->list[i].resized = false;
	tidy_orders(orders);
}

void orders_apply(const struct orders *orders, struct config *config)
{
	for (size_t i = 0; i < config->class_count; i++) {
		struct config_class *class = &config->classes[i];
		const struct order *order = find_order(orders, class->name);

		class->service = order ? order->service : CONFIG_SERVES;
		class->resized = order && order->resized;
		class->ready = class->resized ? order->ready : class->file_ready;
		class->max = class->resized ? order->max : class->file_max;
	}
}

int orders_format(const struct orders *orders, char **ret_text)
{
	char *text = calloc(orders->count + 1, LINE_BYTES);
	size_t length = 0;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < orders->count; i++)
		if (orders->list[i].service != CONFIG_SERVES)
			length += (size_t)snprintf(text + length, LINE_BYTES, "%s %s\n",
						   orders_service_name(orders->list[i].service), orders->list[i].name);
	*ret_text = text;
	return 0;
}

/* A line of so many bytes, without its newline. */
static int parse_order(struct orders *orders, const char *line, size_t bytes)
{
	static const enum config_service services[] = { CONFIG_DRAINED, CONFIG_DISABLED };

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		const char *word = orders_service_name(services[i]);
		size_t length = strlen(word);
		char name[HANDOUT_CLASS_BYTES] = "";

		if (bytes < length + 2 || bytes - length - 1 >= sizeof(name) || strncmp(line, word, length) != 0 ||
		    line[length] != ' ')
			continue;
		memcpy(name, line + length + 1, bytes - length - 1);
		if (handout_class_name_check(name) == 0)
			return orders_set_service(orders, name, services[i]);
	}
	return -EBADMSG;
}

int orders_parse(struct orders *orders, const char *text, size_t *ret_line)
{
	size_t number = 0, bad = 0;

	while (*text) {
		const char *end = strchr(text, '\n');
		size_t bytes = end ? (size_t)(end - text) : strlen(text);
		int r = parse_order(orders, text, bytes);

		number++;
		if (r == -ENOMEM)
			return r;
		if (r < 0 && bad == 0)
			bad = number;
		text += bytes + (end != NULL);
	}
	if (bad == 0)
		return 0;
	*ret_line = bad;
	return -EBADMSG;
}

const char *orders_service_name(enum config_service service)
{
	switch (service) {
	case CONFIG_DRAINED: return "drained";
	case CONFIG_DISABLED: return "disabled";
	default: return "serving";
	}
}
