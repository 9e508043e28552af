/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program -- a tenant that only knows malloc: its heap is on a pool because `vmmallocctl run` started it.
 *
 *     program REPORT_FD LEASE SEED [grow]
 *
 * With `grow` its heap takes more pools (VMMALLOC_ON_FULL): it needs two or three, and says each that it has. Its
 * blocks are filled with its own words; what malloc gives it must have nobody else's in it, also in a forked child.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/storm/tenant.h"

#define BLOCKS 256
#define BLOCK_MOST 32768
#define BLOCK_MOST_GROWING 262144
#define POOLS_MOST 64
#define MAPS_MOST (1 << 20)

static struct {
	uint64_t *words;
	size_t count;
} blocks[BLOCKS];

static struct {
	size_t block_most;
	uint64_t inodes[POOLS_MOST];     /* of the pools that it has said it has */
	size_t pools;
} heap = { .block_most = BLOCK_MOST };

/*
 * This process's mappings. Without stdio, whose own blocks, once freed, would be half of our words and half of its.
 */
static char *read_maps(void)
{
	static char maps[MAPS_MOST];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	while (fd >= 0 && length < sizeof(maps) - 1 && (n = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)n;
	if (fd >= 0)
		close(fd);
	maps[length] = '\0';
	return maps;
}

/* The next pool of the daemon's among the mappings from *at on. False: there is none. */
static bool next_pool(char *maps, char **at, struct storm_report *report)
{
	char *name = strstr(*at, "/vmmalloc-"), *line;
	unsigned major, minor;
	unsigned long inode;

	line = name ? memrchr(maps, '\n', (size_t)(name - maps)) : NULL;
	if (!line || sscanf(line + 1, "%*s %*s %*s %x:%x %lu", &major, &minor, &inode) != 3)
		return false;
	*at = name + 1;
	for (size_t i = 0; i < sizeof(report->pool_id); i++)
		if (sscanf(name + sizeof("/vmmalloc-") - 1 + 2 * i, "%2hhx", &report->pool_id[i]) != 1)
			return false;
	report->dev = makedev(major, minor);
	report->ino = inode;
	return true;
}

static bool is_known(uint64_t inode)
{
	for (size_t i = 0; i < heap.pools; i++)
		if (heap.inodes[i] == inode)
			return true;
	return false;
}

/* Says of each pool that it has not said yet that it has it. How many it has said in all. */
static size_t say_pools(const struct tenant *tenant)
{
	struct storm_report report = { .kind = STORM_TAKEN };
	char *maps = read_maps(), *at = maps;

	while (heap.pools < POOLS_MOST && next_pool(maps, &at, &report)) {
		if (is_known(report.ino))
			continue;
		heap.inodes[heap.pools++] = report.ino;
		tenant_send(tenant, &report);
	}
	return heap.pools;
}

static void check_block(const struct tenant *tenant, size_t i)
{
	char text[64];

	for (size_t w = 0; w < blocks[i].count; w++)
		if (blocks[i].words[w] != storm_word(tenant->lease, (i << 15 ^ w) * sizeof(uint64_t)))
			tenant_bad(tenant, "a block of my heap has %s", tenant_describe(blocks[i].words[w], text));
}

static void check_blocks(struct tenant *tenant)
{
	for (size_t i = 0; i < BLOCKS; i++)
		check_block(tenant, i);
}

static bool is_foreign(const struct tenant *tenant, uint64_t word)
{
	return storm_word_is_tenants(word) && storm_word_lease(word) != tenant->lease;
}

static void new_block(struct tenant *tenant, size_t i)
{
	size_t count = storm_between(&tenant->random, 2, (unsigned)(heap.block_most / sizeof(uint64_t)));
	bool cleared = storm_chance(&tenant->random, 30);
	uint64_t *words = cleared ? calloc(count, sizeof(*words)) : malloc(count * sizeof(*words));
	char text[64];

	/* there may be no other pool just now */
	if (!words && heap.block_most == BLOCK_MOST_GROWING)
		return;
	if (!words)
		tenant_bad(tenant, "no memory");
	for (size_t w = 0; w < count; w++) {
		if (cleared ? words[w] != 0 : is_foreign(tenant, words[w]))
			tenant_bad(tenant, "%s gave me %s", cleared ? "calloc" : "malloc",
				   tenant_describe(words[w], text));
		words[w] = storm_word(tenant->lease, (i << 15 ^ w) * sizeof(uint64_t));
	}
	free(blocks[i].words);
	blocks[i].words = words;
	blocks[i].count = count;
}

static void change_blocks(struct tenant *tenant)
{
	for (unsigned n = storm_between(&tenant->random, 1, 64); n > 0; n--) {
		size_t i = storm_random(&tenant->random) % BLOCKS;

		check_block(tenant, i);
		new_block(tenant, i);
	}
	if (heap.block_most == BLOCK_MOST_GROWING)
		(void)say_pools(tenant);
}

static void child(struct tenant *tenant)
{
	char *maps = read_maps(), *at = maps;
	struct storm_report report = { .kind = STORM_CHILD };
	uint64_t last = 0;

	/* one that does not keep a pool is no tenant of it */
	while (next_pool(maps, &at, &report)) {
		if (report.ino != last)
			tenant_send(tenant, &report);
		last = report.ino;
	}
	tenant->random ^= (uint64_t)getpid() << 20 | 1;
	for (unsigned round = storm_between(&tenant->random, 1, 40); round > 0; round--) {
		change_blocks(tenant);
		check_blocks(tenant);
		tenant_rest(tenant, (int)storm_between(&tenant->random, 0, 20));
	}
	tenant_say(tenant, STORM_RELEASING);
	_exit(0);
}

int main(int argc, char *argv[])
{
	struct tenant tenant;

	if (argc != 4 && argc != 5)
		return 2;
	tenant = (struct tenant){
		.report_fd = atoi(argv[1]), .lease = (uint32_t)strtoul(argv[2], NULL, 10),
		.random = strtoull(argv[3], NULL, 10),
	};
	if (argc == 5)
		heap.block_most = BLOCK_MOST_GROWING;
	/* without one the library does not let a program run that names a class only */
	if (say_pools(&tenant) == 0)
		tenant_bad(&tenant, "no pool of the daemon's");
	for (size_t i = 0; i < BLOCKS; i++)
		new_block(&tenant, i);
	for (unsigned round = storm_between(&tenant.random, 1, 60); round > 0; round--) {
		change_blocks(&tenant);
		check_blocks(&tenant);
		tenant_rest(&tenant, (int)storm_between(&tenant.random, 0, 20));
		if (storm_chance(&tenant.random, 4) && fork() == 0)
			child(&tenant);
	}
	if (storm_chance(&tenant.random, 30))
		tenant_wait_for_death(&tenant, check_blocks);
	tenant_say(&tenant, STORM_RELEASING);
	return 0;
}
