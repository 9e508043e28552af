/* SPDX-License-Identifier: BSD-3-Clause */
/* status_find -- see status_find.h. */
#include "vmmallocd/ctl/status_find.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/filter.h"
#include "vmmallocd/ctl/pool_match.h"

#define PID_DIGITS_MOST 7   /* no kernel gives more */

typedef bool (*match_function)(const json_t *object, const char *word);

static bool is_pid(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	return digits > 0 && digits <= PID_DIGITS_MOST && word[digits] == '\0';
}

static bool has_owner(const json_t *object, const char *word)
{
	const json_t *pid = json_object_get(json_object_get(object, "owner"), "pid");

	return json_is_integer(pid) && json_integer_value(pid) == strtoll(word, NULL, 10);
}

static bool has_name(const json_t *class, const char *word)
{
	return strcmp(field_text(class, "name"), word) == 0;
}

static bool is_among(const json_t *array, const json_t *object)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (json_array_get(array, i) == object)
			return true;
	return false;
}

/* Adds those that match to `found`, each once, unless that is NULL. How many do. */
static size_t add_matching(json_t **found, const json_t *objects, match_function match, const char *word)
{
	size_t i, count = 0;
	json_t *object;

	json_array_foreach((json_t *)objects, i, object) {
		if (!match(object, word))
			continue;
		count++;
		if (!found || is_among(*found, object) || json_array_append(*found, object) == 0)
			continue;
		/* no memory */
		json_decref(*found);
		*found = NULL;
	}
	return count;
}

static int complain_of_word(const json_t *classes, const char *word)
{
	char hint[SUGGEST_BYTES];

	if (filter_has_class(classes, word, hint))
		return CTL_OK;
	ctl_complain("no class and no pool is '%s'%s", word,
		     *hint ? hint : "; vmmallocctl status lists classes, vmmallocctl list pools");
	return CTL_NO_SUCH;
}

static int find_word(const json_t *list, const json_t *classes, const char *word, struct status_found *found)
{
	const json_t *pools = json_object_get(list, "pools"), *waiting = json_object_get(list, "waiting");
	size_t count;

	if (is_pid(word)) {
		count = add_matching(&found->pools, pools, has_owner, word);
		if (count + add_matching(&found->waiting, waiting, has_owner, word) > 0)
			return CTL_OK;
		ctl_complain("process %s was handed no pool by the daemon, and waits for none", word);
		return CTL_NO_SUCH;
	}
	if (strchr(word, '/')) {
		if (add_matching(&found->pools, pools, pool_match_path, word) > 0)
			return CTL_OK;
		ctl_complain("no pool of the daemon's has the path '%s'; vmmallocctl list -o PATH has all", word);
		return CTL_NO_SUCH;
	}
	if (add_matching(&found->classes, classes, has_name, word) > 0)
		return CTL_OK;
	count = add_matching(NULL, pools, pool_match_id, word);
	if (count > 1) {
		ctl_complain("'%s' begins the ids of %zu pools: more of the one that is meant is needed", word, count);
		return CTL_FAILED;
	}
	return count == 1 && add_matching(&found->pools, pools, pool_match_id, word) > 0 ?
		       CTL_OK : complain_of_word(classes, word);
}

int status_find(const struct ctl *ctl, char *const *words, size_t count, struct status_found *ret_found)
{
	CLEANUP(json_decrefp) json_t *list = NULL, *status_reply = NULL;
	int status = client_call(ctl, "List", NULL, &list);

	*ret_found = (struct status_found){ 0 };
	if (status == CTL_OK)
		status = client_call(ctl, "Status", NULL, &status_reply);
	if (status != CTL_OK)
		return status;
	*ret_found = (struct status_found){ json_array(), json_array(), json_array() };
	for (size_t i = 0; i < count; i++) {
		int r = find_word(list, json_object_get(status_reply, "classes"), words[i], ret_found);

		status = status == CTL_OK ? r : status;
	}
	if (ret_found->pools && ret_found->waiting && ret_found->classes)
		return status;
	ctl_complain("%s", strerrordesc_np(ENOMEM));
	return CTL_FAILED;
}

void status_found_done(struct status_found *found)
{
	json_decref(found->pools);
	json_decref(found->waiting);
	json_decref(found->classes);
}
