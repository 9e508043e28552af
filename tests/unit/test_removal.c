/* SPDX-License-Identifier: BSD-3-Clause */
/* test_removal -- how often vmmallocctl asks, and what it says of pools that are removed while it does. */
/* objects: vmmallocd/ctl/ common/base/ common/util/ */
/* packages: jansson smartcols */
/* wrap: client_call */
#include <stdbool.h>

#include "tests/unit/test.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/removal.h"

#define ANSWERS_MOST 8

/* What the daemon answers: a letter for each pool, a small one if it is removed by then, a large one if at work. */
static struct {
	const char *answers[ANSWERS_MOST];
	int calls;
} order;

static json_t *make_pool(char letter)
{
	return json_pack("{s:s%, s:s, s:s, s:I, s:s}", "id", &letter, (size_t)1, "class", "a", "state", "failed",
			 "size", (json_int_t)MIB, "path", "/x");
}

int __wrap_client_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply)
{
	json_t *pools = json_array(), *failed = json_array();
	const char *answer = order.answers[order.calls++];

	(void)ctl;
	(void)method;
	json_decref(parameters);
	assert_non_null(answer);
	for (; *answer; answer++) {
		char letter = (char)(*answer | 0x20);

		if (letter == *answer)
			json_array_append_new(pools, make_pool(letter));
		else
			json_array_append_new(failed, json_pack("{s:o, s:s, s:b}", "pool", make_pool(letter), "reason",
								"it is still being removed", "at_work", true));
	}
	*ret_reply = json_pack("{s:o, s:o}", "pools", pools, "failed", failed);
	return CTL_OK;
}

static int set_up(void **state)
{
	(void)state;
	order.calls = 0;
	for (int i = 0; i < ANSWERS_MOST; i++)
		order.answers[i] = NULL;
	return 0;
}

TEST_FIXTURE(set_up, NULL);

static int remove_all(void)
{
	struct ctl ctl = { 0 };

	return removal_call(&ctl, "Prune", json_object(), "pools removed");
}

TEST(test_removal_asks_once_if_all_is_done)
{
	order.answers[0] = "abc";
	assert_int_equal(remove_all(), CTL_OK);
	assert_int_equal(order.calls, 1);
}

TEST(test_removal_asks_again_while_some_are_at_work)
{
	order.answers[0] = "aBC";
	order.answers[1] = "C";
	order.answers[2] = "";
	assert_int_equal(remove_all(), CTL_OK);
	assert_int_equal(order.calls, 3);
}

/* Others become superfluous meanwhile: as many are at work, and yet it goes on. */
TEST(test_removal_asks_again_if_others_are_at_work)
{
	order.answers[0] = "A";
	order.answers[1] = "B";
	order.answers[2] = "C";
	order.answers[3] = "c";
	assert_int_equal(remove_all(), CTL_OK);
	assert_int_equal(order.calls, 4);
}

TEST(test_removal_gives_up_when_nothing_was_done_meanwhile)
{
	order.answers[0] = "aBC";
	order.answers[1] = "BC";
	assert_int_equal(remove_all(), CTL_FAILED);
	assert_int_equal(order.calls, 2);
}
