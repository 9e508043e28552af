/* SPDX-License-Identifier: BSD-3-Clause */
/* pools -- see pools.h. */
#include "libvmmalloc/start/pools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/heap/files.h"
#include "libvmmalloc/heap/space.h"
#include "libvmmalloc/start/growth.h"
#include "libvmmalloc/start/handout_client.h"

/* What a tier's first pool is: the daemon's, or a new file in a directory. */
struct source {
	int fd;        /* -1: a new file */
	bool is_cold;  /* the daemon's, and not reserved */
	bool all_reserved;  /* it is, or is to be */
	size_t bytes;
};

static int ask_daemon(const struct vmm_config *config, size_t tier, struct source *ret_source, struct text *error)
{
	struct stat st;
	int r = vmm_handout_ask(config, tier, config->wait_seconds, &ret_source->fd, &ret_source->is_cold, error);

	if (r < 0)
		return r;
	r = kernel_fstat(ret_source->fd, &st);
	if (r < 0) {
		(void)kernel_close(ret_source->fd);
		return r;
	}
	ret_source->bytes = (size_t)st.st_size;
	ret_source->all_reserved = config->reserve_all || !ret_source->is_cold;
	return 0;
}

/* A new file, in the tier's directory. */
static struct source own_source(const struct vmm_config_tier *tier)
{
	return (struct source){ .fd = -1, .bytes = tier->bytes, .all_reserved = vmm.config.reserve_all };
}

/*
 * The pool is the daemon's, if the environment names one and the daemon has one to give; else it is made here. 0, or
 * -errno with the reason in `error`.
 */
static int find_source(size_t i, struct source *ret_source, struct text *error)
{
	const struct vmm_config *config = &vmm.config;
	const struct vmm_config_tier *tier = &config->tiers[i];
	int r;

	if (!tier->dir[0])
		text_add(error, "no pool of class %s: ", tier->pool_class);
	if (tier->pool_class[0] || config->socket[0]) {
		r = ask_daemon(config, i, ret_source, error);
		if (r == 0 || !tier->dir[0])
			return r;
		TRACE(1, "%s", error->data);
		error->length = 0;
	}
	*ret_source = own_source(tier);
	return 0;
}

static void drop_sources(struct source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sources[i].fd >= 0)
			(void)kernel_close(sources[i].fd);
}

static int find_sources(struct source *ret_sources, struct text *error)
{
	for (size_t i = 0; i < vmm.config.tier_count; i++) {
		int r = find_source(i, &ret_sources[i], error);

		if (r < 0) {
			drop_sources(ret_sources, i);
			return r;
		}
		error->length = 0;
	}
	return 0;
}

/* The daemon's, whose descriptor is taken over. */
static int adopt_pool(const struct source *source, struct vmm_pool *ret_pool, struct text *error)
{
	int r = vmm_pool_adopt(source->fd, source->is_cold, ret_pool, error);

	if (r < 0 || !source->is_cold || !vmm.config.reserve_all)
		return r;
	r = vmm_space_reserve_all(ret_pool);
	if (r < 0) {
		text_add(error, "the daemon's pool: reservation of space: %s", strerrordesc_np(-r));
		vmm_pool_drop(ret_pool);
	}
	return r;
}

/* The first tier's. Takes the descriptor over; if it is of no use, one of our own may be. */
static int make_pool(struct source *source, struct vmm_pool *ret_pool, struct text *error)
{
	const struct vmm_config_tier *tier = &vmm.config.tiers[0];
	int r;

	if (source->fd >= 0) {
		r = adopt_pool(source, ret_pool, error);
		source->fd = -1;
		if (r == 0 || !tier->dir[0])
			return r;
		TRACE(1, "%s", error->data);
		error->length = 0;
		*source = own_source(tier);
	}
	return vmm_pool_create(tier->dir, source->bytes, vmm.config.reserve_all, ret_pool, error);
}

/* Where the pool of a tier comes from, for people. */
static const char *origin(size_t tier)
{
	return vmm.config.tiers[tier].dir[0] ? vmm.config.tiers[tier].dir : "the daemon's pool";
}

static int fail_tier(struct text *error, size_t tier, const char *what, int r)
{
	text_add(error, "pool creation failed: %s in %s: %s", what, origin(tier),
		 r == -EXDEV ? "huge pages, and another tier has none" : strerrordesc_np(-r));
	return r;
}

/* The pool heeds what file systems the other tiers are on. */
static int fit_tiers(struct vmm_pool *pool, const struct source *sources, struct text *error)
{
	const struct vmm_config *config = &vmm.config;

	for (size_t i = 1; i < config->tier_count; i++) {
		int fd = sources[i].fd, r;

		if (fd < 0)
			fd = kernel_open(config->tiers[i].dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		r = fd < 0 ? fd : vmm_pool_fit(pool, fd);
		if (fd >= 0 && sources[i].fd < 0)
			(void)kernel_close(fd);
		if (r < 0)
			return fail_tier(error, i, "tier", r);
	}
	return 0;
}

/* Drops the pool where it fails. */
static int make_heap(struct vmm_pool *pool, const struct source *sources, struct text *error)
{
	size_t bytes = pool->size;
	int r = fit_tiers(pool, sources, error);

	for (size_t i = 1; i < vmm.config.tier_count; i++) {
		size_t own = vmm.config.tiers[i].bytes, most = sources[i].bytes > own ? sources[i].bytes : own;

		if (most > PTRDIFF_MAX - pool->grain ||
		    __builtin_add_overflow(bytes, round_up(most, pool->grain), &bytes))
			bytes = PTRDIFF_MAX;
	}
	if (r == 0) {
		r = vmm_growth_make_room(pool, bytes);
		if (r < 0)
			text_add(error, "pool creation failed: address space for %zu bytes: %s", bytes,
				 strerrordesc_np(-r));
	}
	if (r == 0) {
		r = vmm_heap_init(&vmm.heap, pool, sources[0].all_reserved);
		if (r < 0)
			fail_tier(error, 0, "first space", r);
	}
	if (r < 0)
		vmm_pool_drop(pool);
	return r;
}

/* Takes the descriptor over; if it is of no use, a pool of our own may be. 0 or -errno. */
static int add_tier(size_t i, struct source *source)
{
	const struct vmm_config *config = &vmm.config;
	const struct vmm_config_tier *tier = &config->tiers[i];
	int r;

	if (source->fd >= 0) {
		r = vmm_files_adopt(&vmm.heap, i, source->fd, source->is_cold, config->reserve_all);
		source->fd = -1;
		if (r == 0 || !tier->dir[0])
			return r;
		*source = own_source(tier);
	}
	return vmm_files_add(&vmm.heap, i, tier->dir, source->bytes, config->reserve_all);
}

/* Takes the descriptors over, and drops the heap where it fails. */
static int add_tiers(struct source *sources, struct text *error)
{
	const struct vmm_config *config = &vmm.config;

	vmm_heap_set_tiers(&vmm.heap, config->tier_count, &config->place);
	for (size_t i = 1; i < config->tier_count; i++) {
		int r = add_tier(i, &sources[i]);

		if (r < 0) {
			vmm_heap_drop(&vmm.heap);
			return fail_tier(error, i, "tier", r);
		}
	}
	vmm_files_keep(&vmm.heap);
	return 0;
}

/* Whether space that is free goes back by itself: not what is reserved for good, but whole pools. */
static bool gives_back(const struct source *sources)
{
	const struct vmm_config *config = &vmm.config;
	bool may = vmm.heap.pool.room > vmm.heap.pool.size && !config->reserve_all;

	for (size_t i = 0; i < config->tier_count; i++)
		may = may || !sources[i].all_reserved;
	return may && config->release_seconds != ENVIRONMENT_RELEASE_NEVER;
}

int vmm_pools_make(struct text *error)
{
	struct source sources[ENVIRONMENT_TIERS_MOST];
	struct vmm_pool pool;
	int r = find_sources(sources, error);

	if (r < 0)
		return r;
	vmm_collapse_choice = vmm.config.huge_pages;
	r = make_pool(&sources[0], &pool, error);
	if (r == 0)
		r = make_heap(&pool, sources, error);
	if (r == 0)
		r = add_tiers(sources, error);
	if (r == 0 && gives_back(sources))
		vmm_heap_release_after(&vmm.heap, vmm.config.release_seconds);
	drop_sources(sources, vmm.config.tier_count);
	return r;
}
