/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry_cost -- what the daemon pays for its registry: a change in it, its copy, which the loop makes, and in a
 * thread the text of that and its file; and a start from that.
 *
 *   registry_cost [DIRECTORY]      the file is made there, and removed; /tmp if not given
 *
 * Prints a line for 100 and one for 10,000 pools: "pools N change NS copy MS encode MS save MS load MS". A change is a
 * lease or the end of one: the pool found by its id, the owner set, the count of the user's leases asked for, the pool
 * moved to another state. Each figure is the median of several.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/util/whole_file.h"
#include "vmmallocd/state/registry_json.h"
#include "vmmallocd/state/registry_store.h"

#define BOOT_ID "0f8fad5b-d9cb-469f-a165-70867728950e"
#define ROUNDS 11
#define CHANGES 100000
#define CLASSES 8
#define USERS 50

static double now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static char path[PATH_MAX];

static void fail(const char *what, int error)
{
	(void)unlink(path);
	fprintf(stderr, "registry_cost: %s: %s\n", what, strerror(error));
	exit(EXIT_FAILURE);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double times[ROUNDS])
{
	qsort(times, ROUNDS, sizeof(*times), compare);
	return times[ROUNDS / 2];
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void fill(struct registry *registry, unsigned pools, struct registry_pool **ret_pools)
{
	uint64_t seed = 88172645463325252;

	for (unsigned i = 0; i < pools; i++) {
		struct registry_pool pool = { .file = { .dev = 2049, .ino = i + 1 }, .size_bytes = (uint64_t)1 << 30,
					      .created_s = 1700000000, .changed_s = 1700000000, .leases = i % 100 };
		int r;

		pool.directory = (char[]){ "/mnt/pmem0/pools" };
		for (size_t at = 0; at < sizeof(pool.id); at += sizeof(seed)) {
			next_random(&seed);
			memcpy(pool.id + at, &seed, sizeof(seed));
		}
		snprintf(pool.class_name, sizeof(pool.class_name), "class-%u", i % CLASSES);
		pool.owner = (struct registry_owner){ .pid = i, .uid = i % USERS, .comm = "redis-server" };
		r = registry_add(registry, &pool, i % 2 ? REGISTRY_LEASED : REGISTRY_READY, &ret_pools[i]);
		if (r < 0)
			fail("add", -r);
	}
}

static double change_ns(struct registry *registry, struct registry_pool **pools, unsigned count)
{
	uint64_t seed = 1;
	size_t leased = 0;
	double began = now_ms(), took;

	for (unsigned i = 0; i < CHANGES; i++) {
		struct registry_pool *pool = registry_find(registry, pools[next_random(&seed) % count]->id);
		enum registry_state state = pool->state == REGISTRY_LEASED ? REGISTRY_READY : REGISTRY_LEASED;

		pool->owner.uid = (uint32_t)(seed >> 32) % USERS;
		leased += registry_leased_by(registry, pool->class_name, pool->owner.uid);
		registry_set_state(registry, pool, state, i);
	}
	took = (now_ms() - began) * 1e6 / CHANGES;
	return leased ? took : -1;      /* so that the counts are used */
}

static double load_ms(void)
{
	struct registry *registry = registry_new();
	char buffer[256] = "", boot_id[BOOT_ID_TEXT_BYTES];
	struct text error = TEXT_INIT(buffer);
	double began = now_ms(), took;
	int r = registry_store_load(path, registry, boot_id, &error);

	took = now_ms() - began;
	if (r < 0)
		fail(buffer, -r);
	registry_free(registry);
	return took;
}

static void measure(unsigned count)
{
	struct registry *registry = registry_new();
	struct registry_pool **pools = calloc(count, sizeof(*pools));
	double change[ROUNDS], copy[ROUNDS], encode[ROUNDS], save[ROUNDS], load[ROUNDS];

	if (!registry || !pools)
		fail("registry", ENOMEM);
	fill(registry, count, pools);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct registry_image *image;
		size_t bytes;
		char *text;
		double began;
		int r;

		change[i] = change_ns(registry, pools, count);
		began = now_ms();
		r = registry_image_take(registry, NULL, BOOT_ID, &image);
		copy[i] = now_ms() - began;
		if (r < 0)
			fail("copy", -r);
		began = now_ms();
		r = registry_json_encode(image, &text, &bytes);
		registry_image_free(image);
		encode[i] = now_ms() - began;
		if (r < 0)
			fail("encode", -r);
		began = now_ms();
		r = whole_file_write(path, 0600, text, bytes);
		save[i] = now_ms() - began;
		if (r < 0)
			fail(path, -r);
		free(text);
		load[i] = load_ms();
	}
	printf("pools %u change %.0f copy %.2f encode %.2f save %.2f load %.2f\n", count, median(change), median(copy),
	       median(encode), median(save), median(load));
	registry_free(registry);
	free(pools);
}

int main(int argc, char **argv)
{
	snprintf(path, sizeof(path), "%s/vmmalloc-registry-cost.%d", argc > 1 ? argv[1] : "/tmp", (int)getpid());
	measure(100);
	measure(10000);
	(void)unlink(path);
	return 0;
}
