/* SPDX-License-Identifier: BSD-3-Clause */
/* test_metrics -- what is counted, and that it comes back from its text, or not at all. */
/* objects: vmmallocd/plan/ vmmallocd/state/ vmmallocd/config/ common/base/ common/util/ */
/* packages: jansson */
/* wrap: malloc calloc realloc */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/faults.h"
#include "tests/unit/test.h"
#include "vmmallocd/state/metrics_json.h"

void *__wrap_malloc(size_t bytes);

static const char *const class_names[] = { "a", "b-2", "long_name" };

/* Counts something, as a number says. */
static void count_one(struct metrics *metrics, uint64_t number)
{
	const char *class = class_names[number % 3];

	switch (number / 3 % 4) {
	case 0: metrics_count(metrics, class, number / 12 % METRICS_COUNTERS); break;
	case 1: metrics_refused(metrics, number / 12 % 5 ? class : NULL, 1 + number / 60 % 5); break;
	case 2: metrics_took(metrics, class, number / 12 % METRICS_HISTOGRAMS, number); break;
	default: metrics_reloaded(metrics, number / 12 % 2); break;
	}
}

static void assert_same_class(const struct metrics_class *a, const struct metrics_class *b)
{
	assert_non_null(b);
	assert_string_equal(a->name, b->name);
	assert_memory_equal(a->counts, b->counts, sizeof(a->counts));
	assert_memory_equal(a->refused, b->refused, sizeof(a->refused));
	assert_memory_equal(a->histograms, b->histograms, sizeof(a->histograms));
}

static void assert_same(const struct metrics *a, const struct metrics *b)
{
	size_t counts[2] = { 0 };

	for (const struct metrics_class *class = a->first; class; class = class->next, counts[0]++)
		assert_same_class(class, metrics_find(b, class->name));
	for (const struct metrics_class *class = b->first; class; class = class->next)
		counts[1]++;
	assert_int_equal(counts[0], counts[1]);
	assert_same_class(&a->none, &b->none);
	assert_int_equal(a->reloads, b->reloads);
	assert_int_equal(a->reloads_refused, b->reloads_refused);
}

static int decode(const char *text, size_t bytes, struct metrics *metrics)
{
	char words[256] = "";
	struct text error = TEXT_INIT(words);
	int r = metrics_json_decode(text, bytes, metrics, &error);

	assert_true(r == 0 || (r == -EBADMSG && error.length > 0));
	return r;
}

TEST(test_metrics_a_histogram_has_each_once)
{
	struct metrics metrics = { 0 };
	size_t count;

	for (int kind = 0; kind < METRICS_HISTOGRAMS; kind++) {
		const uint64_t *bounds = metrics_bounds_ns(kind, &count);
		const struct metrics_class *class;

		assert_true(count > 0 && count <= METRICS_BOUNDS_MOST);
		for (size_t i = 0; i < count; i++) {
			assert_true(i == 0 || bounds[i] > bounds[i - 1]);
			metrics_took(&metrics, "a", kind, bounds[i]);
			metrics_took(&metrics, "a", kind, bounds[i] + 1);
		}
		class = metrics_find(&metrics, "a");
		for (size_t i = 0; i <= count; i++)
			assert_int_equal(class->histograms[kind].counts[i], i == 0 || i == count ? 1 : 2);
	}
	metrics_done(&metrics);
}

TEST(test_metrics_come_back_from_their_text_and_from_a_copy)
{
	struct metrics metrics = { 0 }, twin = { 0 }, copy = { 0 };
	char *text;
	size_t bytes;

	for (uint64_t i = 0; i < 20000; i++)
		count_one(&metrics, i * 7919);
	assert_int_equal(metrics_json_encode(&metrics, &text, &bytes), 0);
	assert_int_equal(decode(text, bytes, &twin), 0);
	assert_same(&metrics, &twin);
	assert_int_equal(metrics_copy(&metrics, &copy), 0);
	assert_same(&metrics, &copy);
	assert_int_equal(metrics.changes, copy.changes);
	/* once more, into what was copied before */
	metrics_count(&metrics, "new", METRICS_CREATED);
	assert_int_equal(metrics_copy(&metrics, &copy), 0);
	assert_same(&metrics, &copy);
	metrics_done(&metrics);
	metrics_done(&twin);
	metrics_done(&copy);
	free(text);
}

/* Whatever a byte becomes, and wherever the text ends: read, and then as a whole, or refused, and nothing is left. */
TEST(test_metrics_of_a_damaged_text_are_refused_as_a_whole)
{
	struct metrics metrics = { 0 };
	unsigned refused = 0;
	char *text;
	size_t bytes;

	for (uint64_t i = 0; i < 300; i++)
		count_one(&metrics, i * 7919);
	assert_int_equal(metrics_json_encode(&metrics, &text, &bytes), 0);
	for (size_t i = 0; i < bytes; i++) {
		static const char others[] = { '9', '-', '"', 'a', ',', '}', '\0', ' ', '\xff' };
		struct metrics read = { 0 };
		char old = text[i];

		text[i] = others[i % sizeof(others)];
		if (decode(text, i % 2 ? bytes : i, &read) < 0) {
			assert_null(read.first);
			assert_int_equal(read.reloads, 0);
			refused++;
		}
		metrics_done(&read);
		text[i] = old;
	}
	assert_true(refused > bytes / 2);
	metrics_done(&metrics);
	free(text);
}

TEST(test_metrics_of_other_versions)
{
	static const char newer[] =
		"{\"version\":1,\"reloads\":3,\"more\":[],\"classes\":[{\"name\":\"a\",\"more\":1,"
		"\"counts\":{\"created\":2,\"more\":5},\"histograms\":{\"warm\":{\"bounds_ns\":[1,2],"
		"\"counts\":[1,2,3],\"sum_ns\":9}}}]}";
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"version\":2,\"classes\":[]}",
		"{\"version\":1}",
		"{\"version\":1,\"classes\":[3]}",
		"{\"version\":1,\"classes\":[],\"reloads\":-1}",
		"{\"version\":1,\"classes\":[],\"reloads\":1.5}",
		"{\"version\":1,\"classes\":[{\"name\":\"a b\",\"counts\":{},\"histograms\":{}}]}",
		"{\"version\":1,\"classes\":[{\"name\":\"a\",\"counts\":{},\"histograms\":{}},"
		"{\"name\":\"a\",\"counts\":{},\"histograms\":{}}]}",
		"{\"version\":1,\"classes\":[{\"name\":\"a\",\"counts\":{\"created\":\"1\"},\"histograms\":{}}]}",
		"{\"version\":1,\"classes\":[{\"name\":\"a\",\"counts\":{},\"histograms\":{\"warm\":{\"bounds_ns\":5}}}"
		"]}",
	};
	struct metrics metrics = { 0 };
	size_t count;

	assert_int_equal(decode(newer, strlen(newer), &metrics), 0);
	assert_int_equal(metrics.reloads, 3);
	assert_int_equal(metrics_find(&metrics, "a")->counts[METRICS_CREATED], 2);
	/* other bounds: the histogram begins anew */
	(void)metrics_bounds_ns(METRICS_WARM, &count);
	assert_int_equal(metrics_find(&metrics, "a")->histograms[METRICS_WARM].sum_ns, 0);
	metrics_done(&metrics);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		metrics = (struct metrics){ 0 };
		assert_int_equal(decode(bad[i], strlen(bad[i]), &metrics), -EBADMSG);
		assert_null(metrics.first);
	}
}

TEST(test_metrics_of_classes_that_are_no_longer_configured_are_forgotten)
{
	struct config_class classes[] = { { .name = (char *)"b-2" }, { .name = (char *)"none" } };
	const struct config config = { .classes = classes, .class_count = 2 };
	struct metrics metrics = { 0 };

	for (size_t i = 0; i < 3; i++)
		metrics_count(&metrics, class_names[i], METRICS_CREATED);
	metrics_keep_configured(&metrics, &config);
	assert_non_null(metrics_find(&metrics, "b-2"));
	assert_null(metrics_find(&metrics, "a"));
	assert_null(metrics_find(&metrics, "long_name"));
	metrics_done(&metrics);
}

/* Each allocation fails: the text is whole, or there is none. */
TEST(test_metrics_are_not_saved_by_half)
{
	struct metrics metrics = { 0 };
	int r = -ENOMEM;

	for (uint64_t i = 0; i < 300; i++)
		count_one(&metrics, i * 7919);
	json_set_alloc_funcs(__wrap_malloc, free);
	for (int limit = 0; r < 0; limit++) {
		struct metrics twin = { 0 };
		char *text = NULL;
		size_t bytes;

		faults_order("memory", limit, FAULTS_ALWAYS, ENOMEM);
		r = metrics_json_encode(&metrics, &text, &bytes);
		faults_clear();
		assert_true(r == 0 || r == -ENOMEM);
		if (r == 0) {
			assert_int_equal(decode(text, bytes, &twin), 0);
			assert_same(&metrics, &twin);
		}
		metrics_done(&twin);
		free(text);
		assert_true(limit < 10000);
	}
	json_set_alloc_funcs(malloc, free);
	metrics_done(&metrics);
}

/* Without memory for a class its counts are of none, rather than lost. */
TEST(test_metrics_count_without_memory)
{
	struct metrics metrics = { 0 };

	faults_order("memory", 0, FAULTS_ALWAYS, ENOMEM);
	metrics_count(&metrics, "a", METRICS_CREATED);
	faults_clear();
	assert_int_equal(metrics.none.counts[METRICS_CREATED], 1);
	assert_null(metrics.first);
}
