/* SPDX-License-Identifier: BSD-3-Clause */
/* removal -- see removal.h. */
#include "vmmallocd/ctl/removal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/pool_table.h"
#include "vmmallocd/ctl/progress.h"

/* What became of all pools of which an answer spoke so far, by their ids. */
struct removal {
	json_t *removed;      /* {id: pool} */
	json_t *failed;       /* {id: NotRemoved}, of the last answer */
	size_t at_work;       /* of those */
	bool goes_on;         /* the last answer was the first, or told that one is at work no more */
};

/* CTL_FAILED if any was not. */
static int complain_of_failed(json_t *failed)
{
	for (void *at = json_object_iter(failed); at; at = json_object_iter_next(failed, at)) {
		const json_t *entry = json_object_iter_value(at), *pool = json_object_get(entry, "pool");

		ctl_complain("pool %.*s of class '%s' is not removed: %s", POOL_TABLE_ID_SHOWN, field_text(pool, "id"),
			     field_text(pool, "class"), field_text(entry, "reason"));
	}
	return json_object_size(failed) > 0 ? CTL_FAILED : CTL_OK;
}

static bool is_at_work(const json_t *entry)
{
	return json_is_true(json_object_get(entry, "at_work"));
}

/* What was still being removed, and of which this answer does not speak, is gone. */
static int note_gone(struct removal *removal, const json_t *failed)
{
	json_t *before = removal->failed;

	removal->goes_on = removal->at_work == 0;
	for (void *at = json_object_iter(before); at; at = json_object_iter_next(before, at)) {
		const char *id = json_object_iter_key(at);
		json_t *entry = json_object_iter_value(at);

		if (!is_at_work(entry))
			continue;
		removal->goes_on |= !is_at_work(json_object_get(failed, id));
		if (!json_object_get(failed, id) &&
		    json_object_set(removal->removed, id, json_object_get(entry, "pool")) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int note_answer(struct removal *removal, const json_t *reply)
{
	json_t *failed = json_object(), *entry;
	int r = failed ? 0 : -ENOMEM;
	size_t i, at_work = 0;

	json_array_foreach(json_object_get(reply, "failed"), i, entry) {
		at_work += is_at_work(entry);
		if (r == 0 && json_object_set(failed, field_text(json_object_get(entry, "pool"), "id"), entry) < 0)
			r = -ENOMEM;
	}
	json_array_foreach(json_object_get(reply, "pools"), i, entry)
		if (r == 0 && json_object_set(removal->removed, field_text(entry, "id"), entry) < 0)
			r = -ENOMEM;
	if (r == 0)
		r = note_gone(removal, failed);
	removal->at_work = at_work;
	json_decref(removal->failed);
	removal->failed = failed;
	return r;
}

/* Until all is done, or an answer later each that was at work still is. */
static int call_until_done(const struct ctl *ctl, const char *method, json_t *parameters, struct removal *removal)
{
	do {
		CLEANUP(json_decrefp) json_t *reply = NULL;
		int status = client_call(ctl, method, json_incref(parameters), &reply);

		if (status != CTL_OK)
			return status;
		if (note_answer(removal, reply) < 0) {
			ctl_complain("%s", strerrordesc_np(ENOMEM));
			return CTL_FAILED;
		}
		progress_show(json_object_size(removal->removed),
			      json_object_size(removal->removed) + removal->at_work, "pools removed: %zu",
			      json_object_size(removal->removed));
	} while (removal->at_work > 0 && removal->goes_on);
	return CTL_OK;
}

static int print_removed(const struct removal *removal, const char *words)
{
	static const struct table_style style = { .kind = &pool_table, .columns = "CLASS,ID,STATE,SIZE,PATH" };
	CLEANUP(json_decrefp) json_t *pools = json_array();
	json_t *removed = removal->removed;
	int status = CTL_OK;

	for (void *at = json_object_iter(removed); at; at = json_object_iter_next(removed, at))
		(void)json_array_append(pools, json_object_iter_value(at));
	if (json_array_size(pools) > 0)
		status = table_print(&style, pools, NULL);
	if (status == CTL_OK)
		printf("%s: %zu\n", words, json_array_size(pools));
	return status;
}

int removal_call(const struct ctl *ctl, const char *method, json_t *parameters, const char *words)
{
	CLEANUP(json_decrefp) json_t *kept = parameters;
	struct removal removal = { .removed = json_object(), .failed = json_object() };
	int status;

	progress_show(0, 0, "removing pools");
	status = call_until_done(ctl, method, kept, &removal);
	progress_clear();
	if (status == CTL_OK)
		status = print_removed(&removal, words);
	if (status == CTL_OK)
		status = complain_of_failed(removal.failed);
	json_decref(removal.removed);
	json_decref(removal.failed);
	return status;
}
