/* SPDX-License-Identifier: BSD-3-Clause */
/* test_orders -- what an operator has ordered, in memory and as a text; and a walk of orders and reloads. */
/* objects: vmmallocd/plan/ vmmallocd/config/ common/base/ common/util/ */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/model.h"
#include "tests/unit/test.h"
#include "vmmallocd/plan/orders.h"

#define CLASSES 5
#define STEPS 300
#define WALKS 40

TEST(test_orders_are_applied_and_taken_back)
{
	struct config_class class = { .name = (char[]){ "a" }, .ready = 2, .max = 4, .file_ready = 2, .file_max = 4 };
	struct config config = { .classes = &class, .class_count = 1 };
	struct orders orders = { 0 };

	assert_int_equal(orders_set_service(&orders, "a", CONFIG_DRAINED), 0);
	assert_int_equal(orders_resize(&orders, "a", 5, 9), 0);
	orders_apply(&orders, &config);
	assert_int_equal(class.service, CONFIG_DRAINED);
	assert_true(class.resized && class.ready == 5 && class.max == 9);
	orders_forget_sizes(&orders);
	orders_apply(&orders, &config);
	assert_int_equal(class.service, CONFIG_DRAINED);
	assert_true(!class.resized && class.ready == 2 && class.max == 4);
	assert_int_equal(orders_set_service(&orders, "a", CONFIG_SERVES), 0);
	orders_apply(&orders, &config);
	assert_int_equal(class.service, CONFIG_SERVES);
	assert_int_equal(orders.count, 0);
	orders_done(&orders);
}

TEST(test_orders_parse_names_the_first_bad_line_and_takes_the_others)
{
	static const char *const bad[] = { "drained", "drained ", "drained a b", "drained ../a", "serving a",
					   "Drained a", "drained  a", " drained a", "drained a\r", "disabled",
					   "drained aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff1234" };
	struct orders orders = { 0 };
	char text[256];
	size_t line = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "drained x\n%s\ndisabled y", bad[i]);
		assert_int_equal(orders_parse(&orders, text, &line), -EBADMSG);
		assert_int_equal(line, 2);
		assert_int_equal(orders.count, 2);
		assert_int_equal(orders.list[1].service, CONFIG_DISABLED);
		orders_done(&orders);
	}
	assert_int_equal(orders_parse(&orders, "", &line), 0);
	assert_int_equal(orders.count, 0);
}

static struct {
	struct config_class classes[CLASSES];
	enum config_service services[CLASSES];
	bool resized[CLASSES];
	unsigned ready[CLASSES], max[CLASSES];
	struct orders orders;
} model;

static void expect_orders(void)
{
	struct config config = { .classes = model.classes, .class_count = CLASSES };
	struct orders read = { 0 };
	char *text;
	size_t line;

	orders_apply(&model.orders, &config);
	for (size_t i = 0; i < CLASSES; i++) {
		const struct config_class *class = &model.classes[i];

		model_expect(class->service == model.services[i] && class->resized == model.resized[i], "class %zu", i);
		model_expect(class->ready == (model.resized[i] ? model.ready[i] : class->file_ready) &&
			     class->max == (model.resized[i] ? model.max[i] : class->file_max), "size of %zu", i);
	}
	assert_int_equal(orders_format(&model.orders, &text), 0);
	assert_int_equal(orders_parse(&read, text, &line), 0);
	free(text);
	orders_apply(&read, &config);
	for (size_t i = 0; i < CLASSES; i++)
		model_expect(model.classes[i].service == model.services[i] && !model.classes[i].resized,
			     "class %zu is not in the file as it is", i);
	orders_done(&read);
}

static void walk(void)
{
	static char names[CLASSES][8];

	memset(&model, 0, sizeof(model));
	for (size_t i = 0; i < CLASSES; i++) {
		snprintf(names[i], sizeof(names[i]), "%zu", i);
		model.classes[i] = (struct config_class){ .name = names[i], .file_ready = 1, .file_max = 2 };
	}
	for (size_t step = 0; step < STEPS; step++) {
		size_t i = model_below(CLASSES);

		switch (model_below(5)) {
		case 0:
		case 1:
			model.services[i] = (enum config_service)model_below(3);
			model_step("%s: service %d", names[i], model.services[i]);
			assert_int_equal(orders_set_service(&model.orders, names[i], model.services[i]), 0);
			break;
		case 2:
		case 3:
			model.resized[i] = true;
			model.max[i] = 1 + (unsigned)model_below(9);
			model.ready[i] = (unsigned)model_below(model.max[i] + 1);
			model_step("%s: %u of %u", names[i], model.ready[i], model.max[i]);
			assert_int_equal(orders_resize(&model.orders, names[i], model.ready[i], model.max[i]), 0);
			break;
		default:
			model_step("reload");
			memset(model.resized, 0, sizeof(model.resized));
			orders_forget_sizes(&model.orders);
		}
		expect_orders();
	}
	orders_done(&model.orders);
}

TEST(test_orders_are_as_the_model_says)
{
	model_run(walk, WALKS);
}
