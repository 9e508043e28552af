/* SPDX-License-Identifier: BSD-3-Clause */
/* test_waiting -- who waits, in which order they are decided, and that passing over some changes nothing. */
/* objects: vmmallocd/plan/ common/base/ */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/model.h"
#include "tests/unit/test.h"
#include "vmmallocd/plan/waiting.h"

#define CLIENTS 64
#define USERS 4
#define CLASSES 3
#define STEPS 2000
#define WALKS 40

static struct config_class class_of(const char *name, unsigned most, unsigned most_per_user)
{
	return (struct config_class){
		.name = (char *)name, .max_waiting = most, .max_waiting_per_user = most_per_user,
	};
}

static struct handout_request by_class(const char *name)
{
	struct handout_request request = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION,
					   .kind = HANDOUT_BY_CLASS };

	memcpy(request.class_name, name, strlen(name));
	return request;
}

static int add(struct waiting *waiting, struct waiting_client *client, const struct config_class *class, uint32_t uid)
{
	struct handout_request request = by_class(class->name);

	return waiting_add(waiting, client, &request, class, uid);
}

TEST(test_waiting_bounds_are_of_a_class_and_of_a_user_there)
{
	const struct config_class a = class_of("a", 3, 2), b = class_of("b", 1, 9);
	struct waiting_client clients[8];
	struct waiting waiting;

	waiting_init(&waiting);
	assert_int_equal(add(&waiting, &clients[0], &a, 1), 0);
	assert_int_equal(add(&waiting, &clients[1], &a, 1), 0);
	assert_int_equal(add(&waiting, &clients[2], &a, 1), -EUSERS);
	assert_int_equal(add(&waiting, &clients[2], &a, 2), 0);
	assert_int_equal(add(&waiting, &clients[3], &a, 3), -EUSERS);
	assert_int_equal(add(&waiting, &clients[3], &b, 1), 0);
	assert_int_equal(add(&waiting, &clients[4], &b, 1), -EUSERS);
	assert_int_equal(waiting_count(&waiting, "a"), 3);
	assert_int_equal(waiting_count(&waiting, "b"), 1);
	assert_int_equal(waiting_count(&waiting, "c"), 0);
	/* one that counts for nothing */
	waiting_add_short(&waiting, &clients[4]);
	assert_int_equal(waiting.count, 4);
	waiting_remove(&waiting, &clients[1]);
	assert_int_equal(add(&waiting, &clients[1], &a, 1), 0);
	for (size_t i = 0; i < 5; i++)
		waiting_remove(&waiting, &clients[i]);
	assert_int_equal(waiting.count, 0);
	assert_true(TAILQ_EMPTY(&waiting.clients) && LIST_EMPTY(&waiting.groups));
}

TEST(test_waiting_requests_for_a_pool_of_a_class_count_together_however_they_ask)
{
	const struct config_class a = class_of("a", 9, 2);
	struct handout_request request = by_class("a");
	struct waiting_client clients[3];
	struct waiting waiting;

	waiting_init(&waiting);
	assert_int_equal(waiting_add(&waiting, &clients[0], &request, &a, 1), 0);
	request.least_bytes = 4096;
	assert_int_equal(waiting_add(&waiting, &clients[1], &request, &a, 1), 0);
	request.kind = HANDOUT_BY_DIRECTORY;
	assert_int_equal(waiting_add(&waiting, &clients[2], &request, &a, 1), -EUSERS);
	assert_int_equal(waiting_count(&waiting, "a"), 2);
	waiting_begin_walk(&waiting);
	waiting_refused(&waiting, &clients[0], false);
	assert_true(waiting_is_passed_over(&waiting, &clients[0]));
	assert_false(waiting_is_passed_over(&waiting, &clients[1]));
	waiting_remove(&waiting, &clients[0]);
	waiting_remove(&waiting, &clients[1]);
}

TEST(test_waiting_a_refusal_for_a_user_passes_over_that_user_alone)
{
	const struct config_class a = class_of("a", 9, 9);
	struct waiting_client clients[4], put_off;
	struct waiting waiting;

	waiting_init(&waiting);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(add(&waiting, &clients[i], &a, i % 2), 0);
	waiting_add_short(&waiting, &put_off);
	waiting_begin_walk(&waiting);
	waiting_refused(&waiting, &clients[0], true);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(waiting_is_passed_over(&waiting, &clients[i]), i % 2 == 0);
	waiting_refused(&waiting, &clients[1], false);
	for (size_t i = 0; i < 4; i++)
		assert_true(waiting_is_passed_over(&waiting, &clients[i]));
	assert_false(waiting_is_passed_over(&waiting, &put_off));
	waiting_begin_walk(&waiting);
	for (size_t i = 0; i < 4; i++) {
		assert_false(waiting_is_passed_over(&waiting, &clients[i]));
		waiting_remove(&waiting, &clients[i]);
	}
	waiting_remove(&waiting, &put_off);
}

struct visited {
	unsigned count, most;
	uint64_t numbers[8];
	char classes[8];
};

static int visit(void *context, const struct waiting_client *client, const char *class_name)
{
	struct visited *visited = context;

	if (visited->count == visited->most)
		return 7;
	visited->numbers[visited->count] = client->number;
	visited->classes[visited->count++] = class_name[0];
	return 0;
}

/* In pieces, while some go and others come. */
TEST(test_waiting_each_goes_on_behind_whoever_was_seen_last)
{
	const struct config_class a = class_of("a", 9, 9), b = class_of("b", 9, 9);
	struct waiting_client clients[5], put_off;
	struct visited visited = { .most = 2 };
	struct waiting waiting;

	waiting_init(&waiting);
	assert_int_equal(waiting_each(&waiting, 0, visit, &visited), 0);
	for (uint32_t i = 0; i < 4; i++) {
		if (i == 2)
			waiting_add_short(&waiting, &put_off);
		assert_int_equal(add(&waiting, &clients[i], i == 1 ? &b : &a, i), 0);
	}
	assert_int_equal(waiting_each(&waiting, 0, visit, &visited), 7);
	waiting_remove(&waiting, &clients[1]);
	waiting_remove(&waiting, &clients[2]);
	assert_int_equal(add(&waiting, &clients[4], &b, 9), 0);
	visited.most = 8;
	assert_int_equal(waiting_each(&waiting, visited.numbers[1], visit, &visited), 0);
	assert_int_equal(visited.count, 4);
	assert_string_equal(visited.classes, "abab");
	for (unsigned i = 1; i < 4; i++)
		assert_true(visited.numbers[i] > visited.numbers[i - 1]);
	waiting_remove(&waiting, &put_off);
	for (size_t i = 0; i < 5; i++)
		if (i != 1 && i != 2)
			waiting_remove(&waiting, &clients[i]);
}

/* --- against an array of clients, of which each is decided in every walk --- */

struct client {
	struct waiting_client real;
	bool waits, is_short;
	unsigned class, user;
	uint64_t order, least_bytes;
};

static struct model {
	struct waiting waiting;
	struct config_class classes[CLASSES];
	struct client clients[CLIENTS];
	uint64_t order;
	size_t pools[CLASSES], had[CLASSES][USERS], most_per_user[CLASSES];   /* that are free, and that users have */
} model;

static size_t count_model(unsigned class, unsigned user)
{
	size_t n = 0;

	for (size_t i = 0; i < CLIENTS; i++) {
		const struct client *client = &model.clients[i];

		n += client->waits && !client->is_short && client->class == class &&
		     (user == USERS || client->user == user);
	}
	return n;
}

static void step_come(struct client *client)
{
	unsigned class = (unsigned)model_below(CLASSES), user = (unsigned)model_below(USERS);
	const struct config_class *config = &model.classes[class];
	struct handout_request request = by_class(config->name);
	bool crowded = count_model(class, USERS) >= config->max_waiting ||
		       count_model(class, user) >= config->max_waiting_per_user;
	int r;

	*client = (struct client){ .class = class, .user = user, .is_short = model_below(8) == 0,
				   .order = ++model.order, .least_bytes = model_below(2) };
	request.least_bytes = client->least_bytes;
	model_step("user %u comes for class %u%s", user, class, client->is_short ? ", and is put off" : "");
	client->waits = true;
	if (client->is_short) {
		waiting_add_short(&model.waiting, &client->real);
		return;
	}
	r = waiting_add(&model.waiting, &client->real, &request, config, user);
	model_expect(r == (crowded ? -EUSERS : 0), "%d", r);
	client->waits = r == 0;
}

/* What one is told: 0 and a pool; 1: there is none; 2: the user has as many as he may. */
static int decide(const struct client *client, size_t pools[CLASSES], size_t had[CLASSES][USERS])
{
	unsigned class = client->class;

	if (had[class][client->user] >= model.most_per_user[class])
		return 2;
	if (pools[class] == 0)
		return 1;
	pools[class]--;
	had[class][client->user]++;
	return 0;
}

static struct client *first_after(uint64_t order)
{
	struct client *first = NULL;

	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *client = &model.clients[i];

		if (client->waits && client->order > order && (!first || client->order < first->order))
			first = client;
	}
	return first;
}

static void step_walk(void)
{
	size_t pools[CLASSES], had[CLASSES][USERS], served = 0, decided = 0;
	struct waiting_client *real, *next;
	bool is_served[CLIENTS] = { false };

	memcpy(pools, model.pools, sizeof(pools));
	memcpy(had, model.had, sizeof(had));
	for (struct client *client = first_after(0); client; client = first_after(client->order))
		is_served[client - model.clients] = decide(client, pools, had) == 0;

	waiting_begin_walk(&model.waiting);
	for (real = TAILQ_FIRST(&model.waiting.clients); real; real = next) {
		struct client *client = (struct client *)real;
		int answer;

		next = TAILQ_NEXT(real, link);
		if (waiting_is_passed_over(&model.waiting, real)) {
			model_expect(!is_served[client - model.clients], "%zu is passed over", client - model.clients);
			continue;
		}
		answer = decide(client, model.pools, model.had);
		decided++;
		model_expect((answer == 0) == is_served[client - model.clients], "%zu: %d", client - model.clients,
			     answer);
		if (answer == 0) {
			waiting_remove(&model.waiting, real);
			client->waits = false;
			served++;
		} else if (!client->is_short) {
			waiting_refused(&model.waiting, real, answer == 2);
		}
	}
	model_step("a walk: %zu are decided, %zu served", decided, served);
	model_expect(memcmp(model.pools, pools, sizeof(pools)) == 0, "pools");
	for (struct client *client = first_after(0); client; client = first_after(client->order))
		decided -= client->is_short;
	/* a request, a user and a class have one refusal each, and the served none */
	model_expect(decided - served <= 2 * CLASSES * (USERS + 1), "%zu for %zu", decided, served);
}

static void step(void)
{
	struct client *client = &model.clients[model_below(CLIENTS)];
	unsigned class = (unsigned)model_below(CLASSES), user = (unsigned)model_below(USERS);

	switch (model_below(8)) {
	default:
		if (!client->waits)
			step_come(client);
		break;
	case 0:
		if (client->waits) {
			model_step("%zu goes", client - model.clients);
			waiting_remove(&model.waiting, &client->real);
			client->waits = false;
		}
		break;
	case 1:
		model_step("a pool of class %u comes", class);
		model.pools[class]++;
		break;
	case 2:
		if (model.had[class][user] > 0) {
			model_step("user %u gives one of class %u back", user, class);
			model.had[class][user]--;
			model.pools[class]++;
		}
		break;
	case 3:
		step_walk();
		break;
	}
	for (unsigned i = 0; i < CLASSES; i++)
		model_expect(waiting_count(&model.waiting, model.classes[i].name) == count_model(i, USERS), "class %u",
			     i);
}

static void walk(void)
{
	static const char *const names[] = { "a", "b", "c" };

	memset(&model, 0, sizeof(model));
	waiting_init(&model.waiting);
	for (unsigned i = 0; i < CLASSES; i++) {
		model.classes[i] = class_of(names[i], 1 + (unsigned)model_below(20), 1 + (unsigned)model_below(10));
		model.most_per_user[i] = 1 + model_below(4);
	}
	for (int i = 0; i < STEPS; i++)
		step();
	for (size_t i = 0; i < CLIENTS; i++)
		if (model.clients[i].waits)
			waiting_remove(&model.waiting, &model.clients[i].real);
	model_expect(model.waiting.count == 0 && LIST_EMPTY(&model.waiting.groups), "groups are left");
}

TEST(test_waiting_walks_serve_as_if_each_were_decided)
{
	model_run(walk, WALKS);
}
