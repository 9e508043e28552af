/* SPDX-License-Identifier: BSD-3-Clause */
/* watch_figures -- see watch_figures.h. */
#include "vmmallocd/ctl/watch_figures.h"

#include <errno.h>
#include <stdlib.h>

#include "vmmallocd/ctl/field.h"

static int by_used(const void *a, const void *b)
{
	const struct watch_pool *left = a, *right = b;

	return (left->used_bytes < right->used_bytes) - (left->used_bytes > right->used_bytes);
}

static void add_pool(struct watch_figures *figures, const json_t *pool, const json_t *before, int64_t passed_ms)
{
	struct watch_pool *added = &figures->pools[figures->count++];
	const char *id = field_text(pool, "id");
	const json_t *then = json_object_get(before, id);

	*added = (struct watch_pool){ .pool = pool, .used_bytes = field_number(pool, "used") };
	if (json_is_integer(then) && passed_ms > 0) {
		added->is_known = true;
		added->bytes_a_second = (added->used_bytes - json_integer_value(then)) * 1000 / passed_ms;
	}
	(void)json_object_set_new(figures->used, id, json_integer(added->used_bytes));
}

int watch_figures_update(struct watch_figures *figures, json_t *list, int64_t now_ms)
{
	struct watch_figures before = *figures;
	const json_t *pool;
	size_t i;

	*figures = (struct watch_figures){
		.pools = calloc(json_array_size(list) + 1, sizeof(*figures->pools)),
		.list = json_incref(list), .used = json_object(), .looked_ms = now_ms,
	};
	if (figures->pools && figures->used)
		json_array_foreach(list, i, pool)
			if (json_is_integer(json_object_get(pool, "used")))
				add_pool(figures, pool, before.used, now_ms - before.looked_ms);
	if (figures->count > 0)
		qsort(figures->pools, figures->count, sizeof(*figures->pools), by_used);
	watch_figures_done(&before);
	return figures->pools && figures->used ? 0 : -ENOMEM;
}

void watch_figures_done(struct watch_figures *figures)
{
	free(figures->pools);
	json_decref(figures->list);
	json_decref(figures->used);
	*figures = (struct watch_figures){ 0 };
}
