/* SPDX-License-Identifier: BSD-3-Clause */
/* test_control_methods -- every call of the interface, by hand-made registry and configuration; and what is no call. */
/* objects: vmmallocd/control/ vmmallocd/plan/ vmmallocd/config/ common/util/ common/base/ */
/* packages: jansson */
/* wrap: malloc calloc realloc strdup */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "include/libvmmalloc.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"
#include "vmmallocd/base/clock.h"
#include "vmmallocd/control/methods.h"

/* as whom a call is made: peer.h */
#define STRANGER false
#define TRUSTED true
#define POOL_BYTES ((uint64_t)64 << 20)
#define EPOCH 1000000

void *__wrap_malloc(size_t bytes);
void *__real_realloc(void *block, size_t bytes);

/* --- a daemon --- */

struct fixture {
	struct registry *registry;
	struct events events;
	struct config config;
	struct config_class classes[2];
	struct control_backend backend;
	uint64_t used, peak;
	int figures_error;
	const char *problem, *class_problem;   /* of "fast" */
	bool releases;                         /* the same, as memory is short */
	uint64_t waiting_first, waiting_last;  /* numbers of those who wait; 0: nobody */
	int prunes, reloads;
	bool dry_run;
	const char *reason;                    /* why pools are not removed */
	bool at_work;
	int prune_error, reload_error;
	const char *reload_words;
	struct metrics metrics;
	int spaces;                            /* how often it was asked for */
};

static const struct config *get_config(void *context)
{
	return &((struct fixture *)context)->config;
}

static void daemon_info(void *context, struct control_daemon_info *ret)
{
	*ret = (struct control_daemon_info){ .pid = 42, .uptime_s = 61, .config_file = "/etc/x.conf",
					     .runtime_dir = "/run/x", .state_dir = "/var/x", .handed_out = 7,
					     .refused = 6, .recycled = 5, .destroyed = 4,
					     .has_pressure = ((struct fixture *)context)->releases,
					     .pressure_is_high = true, .pressure = 1225, .pressure_limit = 1000,
					     .problem = ((struct fixture *)context)->problem };
}

static size_t count_waiting(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "fast") == 0 ? 5 : 0;
}

static int each_waiting(void *context, uint64_t after,
			int (*visit)(void *visit_context, const struct waiting_client *client, const char *class_name),
			void *visit_context)
{
	const struct fixture *f = context;
	struct waiting_client client = { .owner = { .uid = 7, .comm = "a\"b" }, .since_s = clock_boot_s() - 100 };
	int r = 0;

	for (uint64_t i = f->waiting_first; r == 0 && i > 0 && i <= f->waiting_last; i++) {
		client.number = client.owner.pid = i;
		r = i > after ? visit(visit_context, &client, i % 2 ? "fast" : "slow") : 0;
	}
	return r;
}

static const char *class_problem(void *context, const char *name)
{
	return strcmp(name, "fast") == 0 ? ((struct fixture *)context)->class_problem : NULL;
}

static bool class_releases(void *context, const char *name)
{
	return ((struct fixture *)context)->releases && strcmp(name, "fast") == 0;
}

static uint64_t pool_bytes(void *context, const char *directory, uint64_t size_bytes)
{
	const uint64_t grain = strcmp(directory, "/mnt/huge") == 0 ? 2 << 20 : 1;

	(void)context;
	return (size_bytes + grain - 1) & ~(grain - 1);
}

static int pool_figures(void *context, const struct registry_pool *pool, uint64_t *ret_used, uint64_t *ret_peak)
{
	struct fixture *f = context;

	assert_int_equal(pool->state, REGISTRY_LEASED);
	if (f->figures_error)
		return f->figures_error;
	*ret_used = f->used;
	*ret_peak = f->peak;
	return 0;
}

struct prune_visit {
	int (*visit)(void *context, const struct registry_pool *pool);
	void *context;
};

static int prune_failed(void *context, struct registry_pool *pool)
{
	struct prune_visit *v = context;

	return pool->state == REGISTRY_FAILED ? v->visit(v->context, pool) : 0;
}

static int prune(void *context, bool dry_run, int (*visit)(void *visit_context, const struct registry_pool *pool),
		 void *visit_context)
{
	struct fixture *f = context;
	struct prune_visit v = { visit, visit_context };
	int r = registry_each(f->registry, prune_failed, &v);

	f->prunes++;
	f->dry_run = dry_run;
	return r < 0 ? r : f->prune_error;
}

static const char *not_removed(void *context, const uint8_t id[POOL_FILE_ID_BYTES], bool *ret_at_work)
{
	struct fixture *f = context;

	*ret_at_work = f->at_work;
	/* the second of two is removed */
	return id[1] == 3 ? NULL : f->reason;
}

static const struct metrics *get_metrics(void *context)
{
	return &((struct fixture *)context)->metrics;
}

static bool has_problem(void *context, enum control_part part)
{
	(void)context;
	return part == CONTROL_REGISTRY;
}

static void ask_space(void *context)
{
	((struct fixture *)context)->spaces++;
}

static bool space_is_coming(void *context)
{
	return ((struct fixture *)context)->spaces > 1;
}

static int each_directory(void *context,
			  int (*visit)(void *visit_context, const struct control_directory *directory),
			  void *visit_context)
{
	const struct control_directory fast = { .path = "/mnt/f\xffst", .in_service = true, .has_space = true,
						.size_bytes = 500, .free_bytes = 400, .inodes = 30, .free_inodes = 20 };
	const struct control_directory slow = { .path = "/mnt/slow" };
	int r = visit(visit_context, &fast);

	(void)context;
	return r ? r : visit(visit_context, &slow);
}

static uint64_t reload(void *context)
{
	return (uint64_t)++((struct fixture *)context)->reloads;
}

static int reload_result(void *context, uint64_t number, struct text *error)
{
	struct fixture *f = context;

	assert_int_equal(number, f->reloads);
	if (f->reload_words)
		text_add(error, "%s", f->reload_words);
	return f->reload_error;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->registry = registry_new();
	assert_int_equal(events_init(&f->events, 100), 0);
	registry_set_epoch(f->registry, EPOCH);
	f->classes[0] = (struct config_class){ .name = "slow", .directory = "/mnt/slow", .size_bytes = 1 << 30,
					       .ready = 0, .max = 1, .recycle = CONFIG_RECYCLE_DESTROY,
					       .max_per_user = 3, .max_per_process = 2 };
	f->classes[1] = (struct config_class){ .name = "fast", .directory = "/mnt/fast", .size_bytes = POOL_BYTES,
					       .ready = 2, .max = 16, .warm = true, .cold = true };
	f->config = (struct config){ .classes = f->classes, .class_count = 2 };
	f->backend = (struct control_backend){ .context = f, .registry = f->registry, .events = &f->events,
					       .config = get_config,
					       .daemon_info = daemon_info, .class_problem = class_problem,
					       .class_releases = class_releases,
					       .waiting = count_waiting, .each_waiting = each_waiting,
					       .pool_bytes = pool_bytes,
					       .pool_figures = pool_figures, .prune = prune,
					       .not_removed = not_removed, .metrics = get_metrics,
					       .has_problem = has_problem, .ask_space = ask_space,
					       .space_is_coming = space_is_coming, .each_directory = each_directory,
					       .reload = reload,
					       .reload_result = reload_result };
	f->used = 1000;
	f->peak = 2000;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_free(f->registry);
	events_done(&f->events);
	metrics_done(&f->metrics);
	free(f);
	return 0;
}

TEST_FIXTURE(setup, teardown);

static struct registry_pool *add(struct fixture *f, const char *class, unsigned number, enum registry_state state)
{
	struct registry_pool pool = { .directory = (char *)"/mnt/fast", .size_bytes = POOL_BYTES, .created_s = 1,
				      .changed_s = clock_boot_s() + EPOCH }, *added;

	pool.id[0] = (uint8_t)(number >> 8);
	pool.id[1] = (uint8_t)number;
	memcpy(pool.file.id, pool.id, sizeof(pool.id));
	pool.file.mark = state == REGISTRY_LEASED ? POOL_FILE_USED : POOL_FILE_READY;
	snprintf(pool.class_name, sizeof(pool.class_name), "%s", class);
	pool.owner = (struct registry_owner){ .pid = 4000000000u, .uid = 1000, .comm = "redis-server" };
	assert_int_equal(registry_add(f->registry, &pool, state, &added), 0);
	return added;
}

/* --- calls --- */

struct received {
	char *text;
	size_t bytes, pieces, largest;
};

static int receive(struct control_reply *reply, struct received *r)
{
	const char *piece;
	size_t bytes;
	int result;

	while ((result = control_reply_next(reply, &piece, &bytes)) > 0) {
		r->text = __real_realloc(r->text, r->bytes + bytes);
		memcpy(r->text + r->bytes, piece, bytes);
		r->bytes += bytes;
		r->pieces++;
		r->largest = bytes > r->largest ? bytes : r->largest;
	}
	return result;
}

/* The reply as an object, NULL for none. */
static json_t *call_as(struct fixture *f, bool is_trusted, const char *message)
{
	struct control_reply *reply = (void *)-1;
	struct received received = { 0 };
	json_t *object;

	assert_int_equal(control_methods_call(&f->backend, is_trusted, false, message, strlen(message), &reply), 0);
	if (!reply)
		return NULL;
	assert_int_equal(receive(reply, &received), 0);
	control_reply_free(reply);
	assert_int_equal(strnlen(received.text, received.bytes), received.bytes - 1);
	object = json_loads(received.text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	free(received.text);
	return object;
}

static void assert_reply_as(struct fixture *f, bool is_trusted, const char *message, const char *expected)
{
	json_t *object = call_as(f, is_trusted, message), *wanted = json_loads(expected, 0, NULL);
	char *text = json_dumps(object, JSON_COMPACT);

	assert_non_null(wanted);
	if (!json_equal(object, wanted))
		fail_msg("%s\n  gave     %s\n  expected %s", message, text, expected);
	free(text);
	json_decref(object);
	json_decref(wanted);
}

static void assert_reply(struct fixture *f, const char *message, const char *expected)
{
	assert_reply_as(f, STRANGER, message, expected);
}

#define LIST "{\"method\":\"org.vmmalloc.List\"}"
#define STATUS "{\"method\":\"org.vmmalloc.Status\",\"parameters\":{}}"
#define PRUNE(dry_run) "{\"method\":\"org.vmmalloc.Prune\",\"parameters\":{\"dry_run\":" dry_run "}}"
#define RELOAD "{\"method\":\"org.vmmalloc.Reload\"}"
#define METRICS "{\"method\":\"org.vmmalloc.Metrics\"}"
#define ID(four) four "0000000000000000000000000000"
#define POOL(four, class, state, mark)                                                                                 \
	"\"id\":\"" ID(four) "\",\"class\":\"" class "\",\"path\":\"/mnt/fast/vmmalloc-" ID(four) "." mark          \
	"\",\"state\":\"" state "\",\"size\":67108864"

#define EVENTS(rest) "{\"method\":\"org.vmmalloc.Events\"" rest "}"
#define AFTER(number) ",\"parameters\":{\"after\":" number "}"

TEST(test_control_events_are_all_that_the_ring_has)
{
	struct fixture *f = *state;
	struct event event = { .kind = EVENT_HANDED_OUT, .time_us = 1795881220426418, .class_name = "fast",
			       .has_pool = true, .pool_id = { 1, 2 }, .has_owner = true,
			       .owner = { .pid = 7, .uid = 8, .comm = "a\"\xff" } };

	assert_reply(f, EVENTS(""), "{\"parameters\":{\"version\":1,\"events\":[],\"lost\":0,\"last\":99}}");
	events_add(&f->events, &event);
	event = (struct event){
		.kind = EVENT_DIRECTORY_FULL, .time_us = 5, .directory = "/m\xff", .reason = "\"full\"",
	};
	events_add(&f->events, &event);
#define FIRST                                                                                                          \
	"{\"number\":100,\"time_us\":1795881220426418,\"kind\":\"handed_out\",\"class\":\"fast\","                     \
	"\"pool\":\"" ID("0102") "\",\"owner\":{\"pid\":7,\"uid\":8,\"comm\":\"a\\\"?\"}}"
#define SECOND                                                                                                         \
	"{\"number\":101,\"time_us\":5,\"kind\":\"directory_full\","                                                   \
	"\"directory\":\"/m?\",\"reason\":\"\\\"full\\\"\"}"
#define REPLY(events) "{\"parameters\":{\"version\":1,\"events\":[" events "],\"lost\":0,\"last\":101}}"
	assert_reply(f, EVENTS(""), REPLY(FIRST "," SECOND));
	assert_reply(f, EVENTS(AFTER("null")), REPLY(FIRST "," SECOND));
	assert_reply(f, EVENTS(AFTER("100")), REPLY(SECOND));
	assert_reply(f, EVENTS(AFTER("101")), REPLY(""));
	/* another daemon's */
	assert_reply(f, EVENTS(AFTER("102")), REPLY(FIRST "," SECOND));
	assert_reply(f, EVENTS(AFTER("9223372036854775807")), REPLY(FIRST "," SECOND));
#define NOT_AFTER "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"after\"}}"
	assert_reply(f, EVENTS(AFTER("-1")), NOT_AFTER);
	assert_reply(f, EVENTS(AFTER("\"1\"")), NOT_AFTER);
	assert_reply(f, EVENTS(AFTER("1.5")), NOT_AFTER);
}

/* Whoever reads slowly has what was there when he asked, or the number of what has gone since; and an end. */
TEST(test_control_events_come_in_pieces_while_others_are_added)
{
	struct fixture *f = *state;
	const struct event event = { .kind = EVENT_READY, .class_name = "fast" };
	struct control_reply *reply;
	const char *piece;
	size_t bytes, pieces = 0, length = 0;
	char *text = NULL;
	json_t *object, *events;

	for (int i = 0; i < EVENTS_KEPT; i++)
		events_add(&f->events, &event);
	assert_int_equal(control_methods_call(&f->backend, 0, false, EVENTS(""), strlen(EVENTS("")), &reply), 0);
	while (control_reply_next(reply, &piece, &bytes) > 0) {
		assert_true(bytes <= CONTROL_REPLY_PIECE_BYTES + 1024);
		text = __real_realloc(text, length + bytes);
		memcpy(text + length, piece, bytes);
		length += bytes;
		/* slower than those come that are new */
		for (int i = 0; i < 400; i++)
			events_add(&f->events, &event);
		assert_true(++pieces < 1000);
	}
	control_reply_free(reply);
	object = json_loads(text, 0, NULL);
	assert_non_null(object);
	events = json_object_get(json_object_get(object, "parameters"), "events");
	assert_true(pieces > 5);
	assert_uint_in_range(json_array_size(events), 500, EVENTS_KEPT - 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "parameters"), "lost")),
			 EVENTS_KEPT - json_array_size(events));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(events, 0), "number")), 100);
	json_decref(object);
	free(text);
}

TEST(test_control_list_is_empty_without_pools)
{
	assert_reply(*state, LIST, "{\"parameters\":{\"version\":1,\"pools\":[],\"waiting\":[]}}");
}

TEST(test_control_list_is_sorted_and_tells_figures_of_leased_pools_only)
{
	struct fixture *f = *state;

	add(f, "slow", 1, REGISTRY_CREATING);
	add(f, "fast", 0x300, REGISTRY_LEASED);
	add(f, "fast", 0x200, REGISTRY_READY)->changed_s -= 100000;
	add(f, "fast", 0x250, REGISTRY_QUARANTINED)->changed_s += 100000;
	registry_set_cold(f->registry, registry_class(f->registry, "fast")->first[REGISTRY_LEASED], true);

	json_t *reply = call_as(f, STRANGER, LIST);
	json_t *pools = json_object_get(json_object_get(reply, "parameters"), "pools"), *pool;
	size_t i;

	/* time goes on while we look */
	json_array_foreach(pools, i, pool) {
		json_int_t age = json_integer_value(json_object_get(pool, "age"));

		assert_true(i == 0 ? age >= 100000 && age < 100100 : age >= 0 && age < 100);
		json_object_del(pool, "age");
	}

	json_t *expected = json_loads("[{" POOL("0200", "fast", "ready", "ready") ",\"cold\":false},"
				      "{" POOL("0250", "fast", "quarantined", "ready") ",\"cold\":false},"
				      "{" POOL("0300", "fast", "leased", "used") ",\"cold\":true,"
				      "\"used\":1000,\"peak\":2000,"
				      "\"owner\":{\"pid\":4000000000,\"uid\":1000,\"comm\":\"redis-server\"}},"
				      "{" POOL("0001", "slow", "creating", "ready") ",\"cold\":false}]", 0, NULL);

	assert_non_null(expected);
	assert_true(json_equal(pools, expected));
	json_decref(expected);
	json_decref(reply);
}

static json_t *only_pool(json_t *reply)
{
	json_t *pools = json_object_get(json_object_get(reply, "parameters"), "pools");

	assert_int_equal(json_array_size(pools), 1);
	return json_array_get(pools, 0);
}

TEST(test_control_list_leaves_out_figures_that_cannot_be_read)
{
	struct fixture *f = *state;
	json_t *reply;

	f->figures_error = -EBADMSG;
	add(f, "fast", 1, REGISTRY_LEASED);
	reply = call_as(f, STRANGER, LIST);
	assert_null(json_object_get(only_pool(reply), "used"));
	assert_null(json_object_get(only_pool(reply), "peak"));
	assert_non_null(json_object_get(only_pool(reply), "owner"));
	json_decref(reply);
}

TEST(test_control_list_bears_any_name_and_any_figure_of_a_client)
{
	struct fixture *f = *state;
	json_t *reply, *pool;

	f->used = UINT64_MAX;
	f->peak = (uint64_t)INT64_MAX + 1;
	memcpy(add(f, "fast", 1, REGISTRY_LEASED)->owner.comm, "\xff\"\\\n\x01\xc3x", 8);
	reply = call_as(f, STRANGER, LIST);
	pool = only_pool(reply);
	assert_int_equal(json_integer_value(json_object_get(pool, "used")), INT64_MAX);
	assert_int_equal(json_integer_value(json_object_get(pool, "peak")), INT64_MAX);
	assert_string_equal(json_string_value(json_object_get(json_object_get(pool, "owner"), "comm")),
			    "?\"\\\n\x01?x");
	json_decref(reply);
}

static json_t *waiting_of(json_t *reply)
{
	return json_object_get(json_object_get(reply, "parameters"), "waiting");
}

TEST(test_control_list_says_who_waits_and_since_when)
{
	struct fixture *f = *state;
	json_t *reply, *expected, *waiting;
	size_t i;

	add(f, "slow", 1, REGISTRY_LEASED);
	f->waiting_first = 8;
	f->waiting_last = 9;
	reply = call_as(f, STRANGER, LIST);
	json_array_foreach(waiting_of(reply), i, waiting) {
		json_int_t age = json_integer_value(json_object_get(waiting, "age"));

		assert_true(age >= 100 && age < 200);
		json_object_del(waiting, "age");
	}
	expected = json_loads("[{\"class\":\"slow\",\"owner\":{\"pid\":8,\"uid\":7,\"comm\":\"a\\\"b\"}},"
			      "{\"class\":\"fast\",\"owner\":{\"pid\":9,\"uid\":7,\"comm\":\"a\\\"b\"}}]", 0, NULL);
	assert_non_null(expected);
	assert_true(json_equal(waiting_of(reply), expected));
	json_decref(expected);
	json_decref(reply);
}

/* Some of whom go, and others come, between two pieces: those that come are not waited for. */
TEST(test_control_list_of_many_who_wait_comes_in_small_pieces_and_ends)
{
	struct fixture *f = *state;
	char *text = NULL;
	struct control_reply *reply;
	size_t length = 0, bytes, pieces = 0;
	json_t *object, *waiting;
	const char *piece;

	f->waiting_first = 1;
	f->waiting_last = 5000;
	assert_int_equal(control_methods_call(&f->backend, STRANGER, false, LIST, strlen(LIST), &reply), 0);
	for (; control_reply_next(reply, &piece, &bytes) == 1; pieces++) {
		assert_true(bytes < CONTROL_REPLY_PIECE_BYTES + 1024);
		text = realloc(text, length + bytes);
		assert_non_null(text);
		memcpy(text + length, piece, bytes);
		length += bytes;
		f->waiting_first += 10;
		f->waiting_last += 10000;
	}
	control_reply_free(reply);
	assert_true(pieces > 10);
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	waiting = waiting_of(object);
	assert_int_equal(json_array_size(waiting), 5000);
	for (size_t i = 0; i < 5000; i++) {
		const json_t *owner = json_object_get(json_array_get(waiting, i), "owner");

		assert_int_equal(json_integer_value(json_object_get(owner, "pid")), i + 1);
	}
	json_decref(object);
	free(text);
}

TEST(test_control_list_of_thousands_comes_in_small_pieces)
{
	struct fixture *f = *state;
	struct received received = { 0 };
	struct control_reply *reply;
	json_t *object;

	for (unsigned i = 0; i < 10000; i++)
		add(f, i % 2 ? "fast" : "slow", i, i % 3 ? REGISTRY_READY : REGISTRY_LEASED);
	assert_int_equal(control_methods_call(&f->backend, STRANGER, false, LIST, strlen(LIST), &reply), 0);
	assert_int_equal(receive(reply, &received), 0);
	control_reply_free(reply);
	assert_true(received.pieces > 50);
	assert_true(received.largest < CONTROL_REPLY_PIECE_BYTES + 1024);
	object = json_loads(received.text, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_array_size(json_object_get(json_object_get(object, "parameters"), "pools")), 10000);
	json_decref(object);
	free(received.text);
}

TEST(test_control_list_leaves_out_pools_that_go_while_it_is_read)
{
	struct fixture *f = *state;
	struct registry_pool *pools[1000];
	struct received received = { 0 };
	struct control_reply *reply;
	const char *piece;
	json_t *object;
	size_t bytes;

	for (unsigned i = 0; i < 1000; i++)
		pools[i] = add(f, "fast", i, REGISTRY_READY);
	assert_int_equal(control_methods_call(&f->backend, STRANGER, false, LIST, strlen(LIST), &reply), 0);
	assert_int_equal(control_reply_next(reply, &piece, &bytes), 1);
	received.text = malloc(bytes);
	memcpy(received.text, piece, bytes);
	received.bytes = bytes;
	for (unsigned i = 500; i < 1000; i++)
		registry_remove(f->registry, pools[i]);
	add(f, "fast", 2000, REGISTRY_READY);
	assert_int_equal(receive(reply, &received), 0);
	control_reply_free(reply);
	object = json_loads(received.text, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_array_size(json_object_get(json_object_get(object, "parameters"), "pools")), 500);
	json_decref(object);
	free(received.text);
}

#define COUNTS(creating, ready, leased)                                                                                \
	"{\"creating\":" creating ",\"warming\":0,\"ready\":" ready ",\"leased\":" leased                              \
	",\"recycling\":0,\"quarantined\":0,\"failed\":0}"
#define DAEMON                                                                                                         \
	"\"pid\":42,\"version\":\"" VMMALLOC_VERSION "\",\"uptime\":61,\"config\":\"/etc/x.conf\",\"runtime_dir\":"   \
	"\"/run/x\",\"state_dir\":\"/var/x\",\"handed_out\":7,\"refused\":6,\"recycled\":5,\"destroyed\":4"
#define KEEP ",\"on_memory_pressure\":\"keep\",\"releases\":false"
#define SLOW(counts)                                                                                                   \
	"{\"name\":\"slow\",\"directory\":\"/mnt/slow\",\"size\":1073741824,\"ready\":0,\"max\":1,\"warm\":false,"     \
	"\"cold\":false,\"recycle\":\"destroy\",\"max_per_user\":3,\"max_per_process\":2,\"counts\":" counts         \
	",\"cold_pools\":0,\"waiting\":0,\"configured\":true,\"service\":\"serving\"" KEEP "}"
#define FAST(counts, rest)                                                                                             \
	"{\"name\":\"fast\",\"directory\":\"/mnt/fast\",\"size\":67108864,\"ready\":2,\"max\":16,\"warm\":true,"       \
	"\"cold\":true,\"recycle\":\"scrub\",\"max_per_user\":0,\"max_per_process\":0,\"counts\":" counts            \
	",\"cold_pools\":0,\"waiting\":5,\"configured\":true,\"service\":\"serving\"" KEEP rest "}"
#define OLD(name, counts)                                                                                              \
	"{\"name\":\"" name "\",\"directory\":\"/mnt/fast\",\"size\":67108864,\"ready\":0,\"max\":0,\"warm\":false,"   \
	"\"cold\":false,\"recycle\":\"scrub\",\"max_per_user\":0,\"max_per_process\":0,\"counts\":" counts           \
	",\"cold_pools\":0,\"waiting\":0,\"configured\":false,\"service\":\"serving\"" KEEP "}"
#define NONE COUNTS("0", "0", "0")

TEST(test_control_status_has_daemon_and_classes_in_the_order_of_the_files)
{
	struct fixture *f = *state;

	assert_reply(f, STATUS, "{\"parameters\":{\"version\":1,\"daemon\":{" DAEMON "},\"classes\":[" SLOW(NONE) ","
		     FAST(NONE, "") "]}}");
	add(f, "fast", 1, REGISTRY_LEASED);
	add(f, "fast", 2, REGISTRY_LEASED);
	add(f, "fast", 3, REGISTRY_READY);
	add(f, "slow", 4, REGISTRY_CREATING);
	assert_reply(f, STATUS, "{\"parameters\":{\"version\":1,\"daemon\":{" DAEMON "},\"classes\":["
		     SLOW(COUNTS("1", "0", "0")) "," FAST(COUNTS("0", "1", "2"), "") "]}}");
}

TEST(test_control_status_tells_problems)
{
	struct fixture *f = *state;

	f->problem = "registry: No space left on device";
	f->class_problem = "/mnt/fast is full";
	assert_reply(f, STATUS, "{\"parameters\":{\"version\":1,\"daemon\":{" DAEMON
		     ",\"problem\":\"registry: No space left on device\"},\"classes\":[" SLOW(NONE) ","
		     FAST(NONE, ",\"problem\":\"/mnt/fast is full\"") "]}}");
}

TEST(test_control_status_says_that_memory_is_short)
{
	struct fixture *f = *state;
	json_t *reply, *class, *pressure, *metrics;

	f->releases = true;
	f->classes[1].on_memory_pressure = CONFIG_PRESSURE_RELEASE;
	reply = call_as(f, false, STATUS);
	class = json_array_get(json_object_get(json_object_get(reply, "parameters"), "classes"), 1);
	assert_string_equal(json_string_value(json_object_get(class, "on_memory_pressure")), "release");
	assert_true(json_is_true(json_object_get(class, "releases")));
	pressure = json_object_get(json_object_get(json_object_get(reply, "parameters"), "daemon"), "memory_pressure");
	assert_int_equal((int)(json_real_value(json_object_get(pressure, "some")) * 100), 1225);
	assert_int_equal((int)json_real_value(json_object_get(pressure, "limit")), 10);
	assert_true(json_is_true(json_object_get(pressure, "high")));
	json_decref(reply);
	metrics = call_as(f, false, METRICS);
	pressure = json_object_get(json_object_get(metrics, "parameters"), "daemon");
	pressure = json_object_get(pressure, "memory_pressure");
	assert_int_equal((int)(json_real_value(pressure) * 10000 + 0.5), 1225);
	class = json_array_get(json_object_get(json_object_get(metrics, "parameters"), "classes"), 1);
	assert_true(json_is_true(json_object_get(class, "releases")));
	json_decref(metrics);
}

TEST(test_control_status_has_classes_that_are_no_longer_configured)
{
	struct fixture *f = *state;

	add(f, "old", 1, REGISTRY_LEASED);
	add(f, "fast", 2, REGISTRY_READY);
	add(f, "old", 3, REGISTRY_READY);
	add(f, "ancient", 4, REGISTRY_LEASED);
	assert_reply(f, STATUS, "{\"parameters\":{\"version\":1,\"daemon\":{" DAEMON "},\"classes\":[" SLOW(NONE) ","
		     FAST(COUNTS("0", "1", "0"), "") "," OLD("ancient", COUNTS("0", "0", "1")) ","
		     OLD("old", COUNTS("0", "1", "1")) "]}}");
}

#define DENIED                                                                                                         \
	"{\"error\":\"org.vmmalloc.PermissionDenied\",\"parameters\":{\"expected\":\"root or the daemon's own user\"}}"
#define INVALID(parameter)                                                                                             \
	"{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"" parameter "\"}}"

TEST(test_control_prune_lists_what_the_daemon_removes)
{
	struct fixture *f = *state;
	json_t *reply;

	assert_reply_as(f, TRUSTED, PRUNE("true"), "{\"parameters\":{\"version\":1,\"pools\":[],\"failed\":[]}}");
	assert_true(f->dry_run);
	add(f, "fast", 1, REGISTRY_READY);
	add(f, "fast", 2, REGISTRY_FAILED);
	reply = call_as(f, TRUSTED, PRUNE("false"));
	assert_string_equal(json_string_value(json_object_get(only_pool(reply), "id")), ID("0002"));
	json_decref(reply);
	assert_false(f->dry_run);
	assert_int_equal(f->prunes, 2);
}

TEST(test_control_prune_counts_what_was_done)
{
	struct fixture *f = *state;
	json_t *reply, *failed, *entry;

	add(f, "fast", 2, REGISTRY_FAILED);
	add(f, "fast", 3, REGISTRY_FAILED);
	f->reason = "a \"reason\" of \xff";
	reply = call_as(f, TRUSTED, PRUNE("false"));
	assert_string_equal(json_string_value(json_object_get(only_pool(reply), "id")), ID("0003"));
	failed = json_object_get(json_object_get(reply, "parameters"), "failed");
	assert_int_equal(json_array_size(failed), 1);
	entry = json_array_get(failed, 0);
	assert_string_equal(json_string_value(json_object_get(json_object_get(entry, "pool"), "id")), ID("0002"));
	assert_string_equal(json_string_value(json_object_get(entry, "reason")), "a \"reason\" of ?");
	json_decref(reply);
	/* nothing is removed, and so nothing fails */
	reply = call_as(f, TRUSTED, PRUNE("true"));
	assert_int_equal(json_array_size(json_object_get(json_object_get(reply, "parameters"), "pools")), 2);
	assert_int_equal(json_array_size(json_object_get(json_object_get(reply, "parameters"), "failed")), 0);
	json_decref(reply);
}

TEST(test_control_prune_waits_for_what_is_at_work)
{
	static const char call[] = PRUNE("false");
	struct fixture *f = *state;
	struct control_reply *reply;

	add(f, "fast", 2, REGISTRY_FAILED);
	f->reason = "at work";
	f->at_work = true;
	assert_int_equal(control_methods_call(&f->backend, TRUSTED, false, call, strlen(call), &reply), 0);
	assert_true(control_reply_waits(reply));
	f->at_work = false;
	assert_false(control_reply_waits(reply));
	control_reply_free(reply);
}

TEST(test_control_does_nothing_for_a_caller_that_has_gone)
{
	static const char *const calls[] = { PRUNE("false"), RELOAD, LIST };
	struct fixture *f = *state;
	struct control_reply *reply = (void *)-1;
	static const char oneway[] = "{\"method\":\"org.vmmalloc.Reload\",\"oneway\":true}";

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_int_equal(control_methods_call(&f->backend, TRUSTED, true, calls[i], strlen(calls[i]), &reply),
				 -EPIPE);
	assert_int_equal(f->prunes + f->reloads, 0);
	assert_int_equal(control_methods_call(&f->backend, TRUSTED, true, oneway, strlen(oneway), &reply), 0);
	assert_null(reply);
	assert_int_equal(f->reloads, 1);
}

TEST(test_control_prune_says_why_it_failed)
{
	struct fixture *f = *state;

	f->prune_error = -EIO;
	add(f, "fast", 2, REGISTRY_FAILED);
	assert_reply_as(f, TRUSTED, PRUNE("false"),
			"{\"error\":\"org.vmmalloc.PruneFailed\",\"parameters\":{\"message\":\"Input/output error\"}}");
}

TEST(test_control_prune_wants_to_know_whether_it_is_a_dry_run)
{
	struct fixture *f = *state;

	assert_reply_as(f, TRUSTED, "{\"method\":\"org.vmmalloc.Prune\"}", INVALID("dry_run"));
	assert_reply_as(f, TRUSTED, PRUNE("1"), INVALID("dry_run"));
	assert_reply_as(f, TRUSTED, PRUNE("true,\"class\":\"fast\""), INVALID("class"));
	assert_int_equal(f->prunes, 0);
}

TEST(test_control_changes_nothing_for_other_users)
{
	struct fixture *f = *state;

	assert_reply(f, PRUNE("true"), DENIED);
	assert_reply(f, PRUNE("false"), DENIED);
	assert_reply(f, RELOAD, DENIED);
	assert_null(call_as(f, STRANGER, "{\"method\":\"org.vmmalloc.Reload\",\"oneway\":true}"));
	assert_int_equal(f->prunes, 0);
	assert_int_equal(f->reloads, 0);
}

TEST(test_control_reload_answers_and_says_what_is_wrong)
{
	struct fixture *f = *state;

	assert_reply_as(f, TRUSTED, RELOAD, "{\"parameters\":{}}");
	f->reload_error = -EINVAL;
	f->reload_words = "/etc/x.conf:7: size (12Q)";
	assert_reply_as(f, TRUSTED, RELOAD, "{\"error\":\"org.vmmalloc.ReloadFailed\",\"parameters\":{\"message\":"
			"\"/etc/x.conf:7: size (12Q)\"}}");
	f->reload_words = NULL;
	assert_reply_as(f, TRUSTED, RELOAD, "{\"error\":\"org.vmmalloc.ReloadFailed\",\"parameters\":{\"message\":"
			"\"Invalid argument\"}}");
	assert_int_equal(f->reloads, 3);
}

TEST(test_control_reload_waits_until_the_files_are_read)
{
	struct fixture *f = *state;
	struct control_reply *reply;
	const char *piece;
	size_t bytes;

	f->reload_error = -EINPROGRESS;
	f->reload_words = "not read yet";
	assert_int_equal(control_methods_call(&f->backend, TRUSTED, false, RELOAD, strlen(RELOAD), &reply), 0);
	assert_true(control_reply_waits(reply));
	f->reload_error = 0;
	assert_false(control_reply_waits(reply));
	assert_int_equal(control_reply_next(reply, &piece, &bytes), 1);
	assert_string_equal(piece, "{\"parameters\":{}}");
	assert_int_equal(control_reply_next(reply, &piece, &bytes), 0);
	control_reply_free(reply);
	/* not for ever */
	f->reload_error = -EINPROGRESS;
	assert_reply_as(f, TRUSTED, RELOAD, "{\"error\":\"org.vmmalloc.ReloadFailed\",\"parameters\":{\"message\":"
			"\"not read yet\"}}");
}

static int fill_some(void *context, const char *name, unsigned count, struct control_fill *ret_fill, struct text *error)
{
	(void)context;
	(void)name;
	(void)count;
	(void)error;
	*ret_fill = (struct control_fill){ 0 };
	return 0;
}

static int filled_later(void *context, const char *name, const struct control_fill *fill, uint64_t *ret_made,
			struct text *error)
{
	struct fixture *f = context;

	(void)fill;
	(void)error;
	*ret_made = 0;
	return config_find(&f->config, name) ? -EINPROGRESS : -EIO;
}

TEST(test_control_create_says_that_a_reload_has_taken_its_class_away)
{
	static const struct control_orders orders = { .fill = fill_some, .filled = filled_later };
	static const char create[] =
		"{\"method\":\"org.vmmalloc.Create\",\"parameters\":{\"class\":\"fast\",\"count\":1}}";
	struct fixture *f = *state;
	struct control_reply *reply;
	const char *piece;
	size_t bytes;

	f->backend.orders = &orders;
	f->backend.orders_context = f;
	assert_int_equal(control_methods_call(&f->backend, TRUSTED, false, create, strlen(create), &reply), 0);
	assert_true(control_reply_waits(reply));
	f->config.class_count = 1;
	assert_false(control_reply_waits(reply));
	assert_int_equal(control_reply_next(reply, &piece, &bytes), 1);
	assert_string_equal(piece, "{\"error\":\"org.vmmalloc.NoSuch\",\"parameters\":{\"message\":"
				   "\"there is no class 'fast' any more\"}}");
	assert_int_equal(control_reply_next(reply, &piece, &bytes), 0);
	control_reply_free(reply);
}

TEST(test_control_oneway_calls_are_done_without_a_reply)
{
	struct fixture *f = *state;

	assert_null(call_as(f, TRUSTED, "{\"method\":\"org.vmmalloc.Reload\",\"oneway\":true}"));
	assert_int_equal(f->reloads, 1);
	assert_null(call_as(f, TRUSTED, "{\"method\":\"org.vmmalloc.Nothing\",\"oneway\":true}"));
	assert_null(call_as(f, TRUSTED, "{\"method\":\"org.vmmalloc.List\",\"oneway\":true,\"more\":true}"));
}

TEST(test_control_answers_what_every_service_does)
{
	assert_reply(*state, "{\"method\":\"org.varlink.service.GetInfo\",\"more\":true}",
		     "{\"parameters\":{\"vendor\":\"libvmmalloc\",\"product\":\"vmmallocd\",\"version\":"
		     "\"" VMMALLOC_VERSION "\",\"url\":\"\","
		     "\"interfaces\":[\"org.varlink.service\",\"org.vmmalloc\"]}}");
}

/* --- Metrics --- */

/* A member of the reply, by its way: "classes.1.counted.refused.none_ready". */
static const json_t *member_of(const json_t *value, const char *way)
{
	while (value && *way) {
		char word[64];
		size_t length = strcspn(way, ".");

		snprintf(word, sizeof(word), "%.*s", (int)length, way);
		value = json_is_array(value) ? json_array_get(value, strtoul(word, NULL, 10)) :
					       json_object_get(value, word);
		way += length + (way[length] == '.');
	}
	return value;
}

static void assert_member(const json_t *reply, const char *way, const char *expected)
{
	const json_t *value = member_of(reply, way);
	const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9);
	char *text = value ? json_dumps(value, flags) : strdup("none");

	if (strcmp(text, expected) != 0)
		fail_msg("%s is %s, expected %s", way, text, expected);
	free(text);
}

TEST(test_control_metrics_tells_counts_of_each_class_and_of_none)
{
	struct fixture *f = *state;
	json_t *reply;

	metrics_count(&f->metrics, "fast", METRICS_HANDED_OUT_COLD);
	metrics_count(&f->metrics, "gone", METRICS_RECYCLED);
	metrics_refused(&f->metrics, "slow", HANDOUT_FULL);
	metrics_refused(&f->metrics, NULL, HANDOUT_BUSY);
	metrics_took(&f->metrics, "fast", METRICS_HANDOUT, 20000);
	metrics_took(&f->metrics, "fast", METRICS_HANDOUT, 20001);
	metrics_took(&f->metrics, "fast", METRICS_WAIT, 100000000000000);
	metrics_reloaded(&f->metrics, true);
	reply = call_as(f, STRANGER, METRICS);
	assert_member(reply, "parameters.version", "1");
	assert_member(reply, "parameters.daemon.refused.connections", "1");
	assert_member(reply, "parameters.daemon.reloads", "0");
	assert_member(reply, "parameters.daemon.reloads_refused", "1");
	assert_member(reply, "parameters.daemon.problems.registry", "true");
	assert_member(reply, "parameters.daemon.problems.reload", "false");
	/* in the order of the configuration; what has neither a configuration nor pools is left out */
	assert_member(reply, "parameters.classes.0.name", "\"slow\"");
	assert_member(reply, "parameters.classes.0.counted.refused.class_full", "1");
	assert_member(reply, "parameters.classes.1.counted.handed_out_cold", "1");
	assert_member(reply, "parameters.classes.1.counted.handout.counts", "[1,1,0,0,0,0,0,0,0,0,0,0,0]");
	assert_member(reply, "parameters.classes.1.counted.handout.sum", "4.0001e-5");
	assert_member(reply, "parameters.classes.1.counted.wait.counts", "[0,0,0,0,0,0,0,0,0,0,0,1]");
	assert_member(reply, "parameters.classes.1.waiting", "5");
	assert_member(reply, "parameters.classes.2", "none");
	assert_member(reply, "parameters.directories",
		      "[{\"path\":\"/mnt/f?st\",\"in_service\":true,\"size\":500,\"free\":400,\"inodes\":30,"
		      "\"free_inodes\":20},{\"path\":\"/mnt/slow\",\"in_service\":false}]");
	json_decref(reply);
}

/* Pools of one user lie anywhere among those of others, and there are more of them than are read in one piece. */
TEST(test_control_metrics_sums_up_what_each_user_has_in_pieces)
{
	struct fixture *f = *state;
	struct control_reply *reply = NULL;
	struct received received = { 0 };
	json_t *object;

	for (unsigned i = 0; i < 700; i++)
		add(f, i % 7 == 0 ? "old" : "fast", i, REGISTRY_LEASED)->owner.uid = i % 3;
	registry_set_cold(f->registry, registry_class(f->registry, "old")->first[REGISTRY_LEASED], true);
	add(f, "fast", 1000, REGISTRY_READY);
	assert_int_equal(control_methods_call(&f->backend, STRANGER, false, METRICS, strlen(METRICS), &reply), 0);
	/* what is given back, or is another's, when its piece comes, is nobody's */
	registry_remove(f->registry, registry_class(f->registry, "fast")->last[REGISTRY_LEASED]);
	registry_class(f->registry, "fast")->last[REGISTRY_LEASED]->owner.uid = 55;
	assert_int_equal(receive(reply, &received), 0);
	assert_true(received.pieces >= 700 / CONTROL_FIGURES_AT_ONCE);
	control_reply_free(reply);
	object = json_loads(received.text, 0, NULL);
	assert_int_equal(json_array_size(member_of(object, "parameters.users")), 6);
	assert_member(object, "parameters.users.0",
		      "{\"class\":\"fast\",\"uid\":0,\"pools\":199,\"bytes\":13354663936,\"used\":199000}");
	assert_member(object, "parameters.users.1.pools", "200");
	assert_member(object, "parameters.users.2.pools", "199");
	assert_member(object, "parameters.users.5.class", "\"old\"");
	assert_member(object, "parameters.classes.1.used", "598000");
	assert_member(object, "parameters.classes.1.peak", "1196000");
	assert_member(object, "parameters.classes.1.bytes.ready", "67108864");
	assert_member(object, "parameters.classes.1.counts.leased", "600");
	assert_member(object, "parameters.classes.2.name", "\"old\"");
	assert_member(object, "parameters.classes.2.configured", "false");
	assert_member(object, "parameters.classes.2.cold.leased", "1");
	json_decref(object);
	free(received.text);
}

TEST(test_control_metrics_waits_for_space)
{
	struct fixture *f = *state;
	struct control_reply *reply;

	f->spaces = 1;
	assert_int_equal(control_methods_call(&f->backend, STRANGER, false, METRICS, strlen(METRICS), &reply), 0);
	assert_int_equal(f->spaces, 2);
	assert_true(control_reply_waits(reply));
	f->spaces = 0;
	assert_false(control_reply_waits(reply));
	control_reply_free(reply);
}

#define DESCRIBE(interface)                                                                                            \
	"{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"" interface "\"}}"

static char *describe(struct fixture *f, const char *message)
{
	json_t *reply = call_as(f, STRANGER, message);
	const char *text = json_string_value(json_object_get(json_object_get(reply, "parameters"), "description"));
	char *copy;

	assert_non_null(text);
	copy = strdup(text);
	json_decref(reply);
	return copy;
}

TEST(test_control_describes_its_interface_by_its_file)
{
	char *text = describe(*state, DESCRIBE("org.vmmalloc")), file[32768];
	FILE *stream = fopen("vmmallocd/control/org.vmmalloc.varlink", "re");

	assert_non_null(stream);
	file[fread(file, 1, sizeof(file) - 1, stream)] = '\0';
	fclose(stream);
	assert_string_equal(text, file);
	free(text);
}

static void assert_methods_exist(struct fixture *f, const char *interface, char *description)
{
	int methods = 0;

	for (char *at = description; (at = strstr(at, "\nmethod ")); methods++) {
		char message[256];
		json_t *reply;
		const char *error;

		at += strlen("\nmethod ");
		snprintf(message, sizeof(message), "{\"method\":\"%s.%.*s\"}", interface, (int)strcspn(at, "("), at);
		reply = call_as(f, STRANGER, message);
		error = json_string_value(json_object_get(reply, "error"));
		if (error && strcmp(error, "org.varlink.service.MethodNotFound") == 0)
			fail_msg("%s: %s", message, error);
		json_decref(reply);
	}
	assert_true(methods >= 2);
	free(description);
}

TEST(test_control_has_every_method_that_it_describes)
{
	assert_methods_exist(*state, "org.vmmalloc", describe(*state, DESCRIBE("org.vmmalloc")));
	assert_methods_exist(*state, "org.varlink.service", describe(*state, DESCRIBE("org.varlink.service")));
}

#define NO_INTERFACE(name)                                                                                             \
	"{\"error\":\"org.varlink.service.InterfaceNotFound\",\"parameters\":{\"interface\":\"" name "\"}}"
#define NO_METHOD(name)                                                                                                \
	"{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{\"method\":\"" name "\"}}"

TEST(test_control_names_what_it_does_not_have)
{
	struct fixture *f = *state;

	assert_reply(f, "{\"method\":\"org.example.List\"}", NO_INTERFACE("org.example"));
	assert_reply(f, "{\"method\":\"org.vmmalloc.x.List\"}", NO_INTERFACE("org.vmmalloc.x"));
	assert_reply(f, "{\"method\":\"org.List\"}", NO_INTERFACE("org"));
	assert_reply(f, "{\"method\":\"List\"}", NO_INTERFACE("List"));
	assert_reply(f, "{\"method\":\"\"}", NO_INTERFACE(""));
	assert_reply(f, "{\"method\":\"org.vmmalloc.\"}", NO_INTERFACE("org.vmmalloc."));
	assert_reply(f, "{\"method\":\"org.vmmalloc.list\"}", NO_METHOD("org.vmmalloc.list"));
	assert_reply(f, "{\"method\":\"org.vmmalloc.GetInfo\"}", NO_METHOD("org.vmmalloc.GetInfo"));
	assert_reply(f, DESCRIBE("org.example"), NO_INTERFACE("org.example"));
	assert_reply(f, "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}", INVALID("interface"));
	assert_reply(f, "{\"method\":\"org.vmmalloc.List\",\"parameters\":{\"class\":\"fast\"}}", INVALID("class"));
	assert_reply(f, "{\"method\":\"org.vmmalloc.List\",\"upgrade\":true}",
		     "{\"error\":\"org.varlink.service.MethodNotImplemented\",\"parameters\":{\"method\":"
		     "\"org.vmmalloc.List\"}}");
}

TEST(test_control_takes_calls_with_what_it_does_not_know)
{
	assert_reply(*state, " {\"method\":\"org.vmmalloc.List\", \"parameters\":null, \"more\":false, \"x\":[1]}\n",
		     "{\"parameters\":{\"version\":1,\"pools\":[],\"waiting\":[]}}");
}

TEST(test_control_refuses_what_is_no_call)
{
	static const char *const messages[] = {
		"", " ", "x", "null", "1", "\"org.vmmalloc.List\"", "[]", "{}", "{\"method\":1}", "{\"method\":null}",
		"[\"method\"]", "{\"method\":\"org.vmmalloc.List\"", "{\"method\":\"org.vmmalloc.List\"}}",
		"{\"method\":\"org.vmmalloc.List\"}{}", "{\"method\":\"org.vmmalloc.List\",\"parameters\":[]}",
		"{\"method\":\"org.vmmalloc.List\",\"parameters\":1}",
		"{\"method\":\"org.vmmalloc.List\",\"oneway\":1}",
		"{\"method\":\"org.vmmalloc.List\",\"more\":\"no\"}",
		"{\"method\":\"org.vmmalloc.List\",\"upgrade\":{}}",
		"{\"method\":\"org.vmmalloc.List\",\"method\":\"org.vmmalloc.Reload\"}",
		"{\"method\":\"org.vmmalloc.\xff\"}", "{\"method\":\"org.vmmalloc.List\\u0000\"}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct control_reply *reply = (void *)-1;
		int r = control_methods_call(&f->backend, TRUSTED, false, messages[i], strlen(messages[i]), &reply);

		if (r != -EBADMSG || reply != (void *)-1)
			fail_msg("%s: %d", messages[i], r);
	}
}

TEST(test_control_bears_arrays_without_end)
{
	struct fixture *f = *state;
	struct control_reply *reply;
	char *message = malloc(CONTROL_MESSAGE_BYTES_MOST);

	memset(message, '[', CONTROL_MESSAGE_BYTES_MOST);
	assert_int_equal(control_methods_call(&f->backend, TRUSTED, false, message, CONTROL_MESSAGE_BYTES_MOST, &reply),
			 -EBADMSG);
	free(message);
}

/* Each allocation fails once; in the end there is a reply as if nothing had been, or -ENOMEM, and no leak. */
static void assert_survives_want_of_memory(struct fixture *f, const char *message)
{
	bool replied = false;

	for (int limit = 0; !replied; limit++) {
		struct control_reply *reply = NULL;
		struct received received = { 0 };
		int r;

		faults_order("memory", limit, FAULTS_ALWAYS, ENOMEM);
		r = control_methods_call(&f->backend, TRUSTED, false, message, strlen(message), &reply);
		if (r == 0)
			r = receive(reply, &received);
		replied = faults_calls("memory") <= limit;
		faults_clear();
		control_reply_free(reply);
		/* a message that cannot be read for want of memory ends the connection, too */
		assert_true(r == 0 || r == -ENOMEM || r == -EBADMSG);
		assert_true(r == 0 || !replied);
		if (r == 0) {
			json_t *object = json_loads(received.text, 0, NULL);

			assert_non_null(object);
			json_decref(object);
		}
		free(received.text);
		assert_true(limit < 10000);
	}
}

TEST(test_control_survives_want_of_memory)
{
	struct fixture *f = *state;

	json_set_alloc_funcs(__wrap_malloc, free);
	for (unsigned i = 0; i < 70; i++)
		add(f, "fast", i, REGISTRY_LEASED);
	add(f, "old", 1000, REGISTRY_LEASED);
	memcpy(add(f, "old", 1001, REGISTRY_LEASED)->owner.comm, "\xff", 2);
	add(f, "slow", 1002, REGISTRY_FAILED);
	assert_survives_want_of_memory(f, LIST);
	f->class_problem = "full";
	assert_survives_want_of_memory(f, STATUS);
	metrics_count(&f->metrics, "fast", METRICS_CREATED);
	assert_survives_want_of_memory(f, METRICS);
	assert_survives_want_of_memory(f, PRUNE("false"));
	assert_survives_want_of_memory(f, RELOAD);
	assert_survives_want_of_memory(f, DESCRIBE("org.vmmalloc"));
	assert_survives_want_of_memory(f, DESCRIBE("org.example"));
	json_set_alloc_funcs(malloc, free);
}
