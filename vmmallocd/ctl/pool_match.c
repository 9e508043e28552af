/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_match -- see pool_match.h. */
#include "vmmallocd/ctl/pool_match.h"

#include <string.h>
#include <strings.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"

bool pool_match_path(const json_t *pool, const char *which)
{
	const char *path = json_string_value(json_object_get(pool, "path"));

	return path && strcmp(path, which) == 0;
}

bool pool_match_id(const json_t *pool, const char *which)
{
	const char *id = json_string_value(json_object_get(pool, "id"));

	return id && which[0] != '\0' && strncasecmp(id, which, strlen(which)) == 0;
}

int pool_match_one(const struct ctl *ctl, const char *which, json_t **ret_pool)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	json_t *pool, *found = NULL;
	size_t i, count = 0;
	int status = client_call(ctl, "List", NULL, &reply);

	if (status != CTL_OK)
		return status;
	json_array_foreach(json_object_get(reply, "pools"), i, pool) {
		if (!pool_match_path(pool, which) && !pool_match_id(pool, which))
			continue;
		found = pool;
		count++;
	}
	if (count == 0) {
		ctl_complain("no pool of the daemon's is '%s'; vmmallocctl list has all", which);
		return CTL_NO_SUCH;
	}
	if (count > 1) {
		ctl_complain("'%s' begins the ids of %zu pools", which, count);
		return CTL_FAILED;
	}
	*ret_pool = json_incref(found);
	return CTL_OK;
}
