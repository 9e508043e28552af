/* SPDX-License-Identifier: BSD-3-Clause */
/* early -- see early.h. */
#include "vmmallocd/pools/early.h"

#include <stdlib.h>
#include <string.h>

static struct early_pool *early_find(const struct early *early, const uint8_t id[POOL_FILE_ID_BYTES])
{
	for (size_t i = 0; i < early->count; i++)
		if (memcmp(early->pools[i].id, id, POOL_FILE_ID_BYTES) == 0)
			return &early->pools[i];
	return NULL;
}

static struct early_pool *early_make(struct early *early)
{
	if (early->count == EARLY_POOLS_MOST)
		return NULL;
	if (early->count == early->size) {
		size_t size = early->size ? 2 * early->size : 16;
		struct early_pool *pools = reallocarray(early->pools, size, sizeof(*pools));

		if (!pools)
			return NULL;
		early->pools = pools;
		early->size = size;
	}
	return &early->pools[early->count++];
}

void early_add(struct early *early, const uint8_t id[POOL_FILE_ID_BYTES], int64_t now_ms)
{
	struct early_pool *pool = early_find(early, id);

	if (!pool)
		pool = early_make(early);
	if (!pool)
		return;
	memcpy(pool->id, id, POOL_FILE_ID_BYTES);
	pool->looks = 0;
	pool->due_ms = now_ms + 1;
}

bool early_next(struct early *early, int64_t now_ms, uint8_t ret_id[POOL_FILE_ID_BYTES])
{
	for (size_t i = 0; i < early->count; i++) {
		struct early_pool *pool = &early->pools[i];

		if (pool->due_ms > now_ms)
			continue;
		memcpy(ret_id, pool->id, POOL_FILE_ID_BYTES);
		pool->looks++;
		pool->due_ms = now_ms + (1 << pool->looks);
		if (pool->looks == EARLY_LOOKS)
			*pool = early->pools[--early->count];
		return true;
	}
	return false;
}

int64_t early_due_ms(const struct early *early)
{
	int64_t due_ms = INT64_MAX;

	for (size_t i = 0; i < early->count; i++)
		if (early->pools[i].due_ms < due_ms)
			due_ms = early->pools[i].due_ms;
	return due_ms;
}

void early_forget(struct early *early, const uint8_t id[POOL_FILE_ID_BYTES])
{
	struct early_pool *pool = early_find(early, id);

	if (pool)
		*pool = early->pools[--early->count];
}

void early_done(struct early *early)
{
	free(early->pools);
	*early = (struct early){ 0 };
}
