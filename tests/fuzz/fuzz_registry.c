/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_registry -- any bytes as the registry's file: refused and nothing left, or read, and then the same once more. */
/* objects: vmmallocd/plan/ vmmallocd/state/ common/base/ common/util/ */
/* packages: jansson */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/registry_text.h"
#include "vmmallocd/state/registry_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static int expect_twin(void *context, struct registry_pool *pool)
{
	const struct registry_pool *twin = registry_find(context, pool->id);

	expect(twin && strcmp(twin->class_name, pool->class_name) == 0);
	expect(strcmp(twin->directory, pool->directory) == 0);
	expect(twin->state == pool->state && twin->size_bytes == pool->size_bytes && twin->leases == pool->leases);
	expect(twin->file.dev == pool->file.dev && twin->file.ino == pool->file.ino);
	expect(twin->created_s == pool->created_s && twin->changed_s == pool->changed_s);
	expect(memcmp(&twin->owner, &pool->owner, sizeof(pool->owner)) == 0);
	expect(handout_class_name_check(pool->class_name) == 0 && pool->directory[0] == '/' && pool->size_bytes > 0);
	if (pool->state == REGISTRY_LEASED)
		expect(registry_leased_by(context, pool->class_name, pool->owner.uid) > 0);
	return 0;
}

static void expect_round_trip(struct registry *registry, const char *boot_id)
{
	struct registry *twin = registry_new();
	char buffer[512], again[37], *text;
	struct text error = TEXT_INIT(buffer);
	size_t bytes;

	expect(registry_text(registry, boot_id, &text, &bytes) == 0);
	expect(registry_json_decode(text, bytes, twin, again, &error) == 0);
	expect(strcmp(again, boot_id) == 0 && registry_count(twin) == registry_count(registry));
	registry_each(registry, expect_twin, twin);
	free(text);
	registry_free(twin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry *registry = registry_new();
	char buffer[512], boot_id[BOOT_ID_TEXT_BYTES];
	struct text error = TEXT_INIT(buffer);

	if (registry_json_decode((const char *)data, size, registry, boot_id, &error) == 0)
		expect_round_trip(registry, boot_id);
	else
		expect(registry_count(registry) == 0 && error.length > 0);
	registry_free(registry);
	return 0;
}
