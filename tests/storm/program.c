/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * program -- a tenant that only knows malloc: its heap is on a pool because `vmmallocctl run` started it.
 *
 *     program REPORT_FD LEASE SEED
 *
 * Its blocks are filled with its own words; what malloc gives it must have nobody else's in it, also in a forked child.
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
#define MAPS_MOST (1 << 20)

static struct {
	uint64_t *words;
	size_t count;
} blocks[BLOCKS];

/*
 * The pool among this process's mappings. False: there is none of the daemon's. Without stdio, whose own blocks, once
 * freed, would be half of our words and half of its.
 */
static bool find_pool(struct storm_report *report)
{
	static char maps[MAPS_MOST];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	unsigned major, minor;
	unsigned long inode;
	char *name, *line;
	ssize_t n;

	while (fd >= 0 && length < sizeof(maps) - 1 && (n = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)n;
	if (fd >= 0)
		close(fd);
	maps[length] = '\0';
	name = strstr(maps, "/vmmalloc-");
	line = name ? memrchr(maps, '\n', (size_t)(name - maps)) : NULL;
	if (!line || sscanf(line + 1, "%*s %*s %*s %x:%x %lu", &major, &minor, &inode) != 3)
		return false;
	for (size_t i = 0; i < sizeof(report->pool_id); i++)
		if (sscanf(name + sizeof("/vmmalloc-") - 1 + 2 * i, "%2hhx", &report->pool_id[i]) != 1)
			return false;
	report->dev = makedev(major, minor);
	report->ino = inode;
	return true;
}

static void check_block(const struct tenant *tenant, size_t i)
{
	char text[64];

	for (size_t w = 0; w < blocks[i].count; w++)
		if (blocks[i].words[w] != storm_word(tenant->lease, (i << 12 ^ w) * sizeof(uint64_t)))
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
	size_t count = storm_between(&tenant->random, 2, BLOCK_MOST / sizeof(uint64_t));
	bool cleared = storm_chance(&tenant->random, 30);
	uint64_t *words = cleared ? calloc(count, sizeof(*words)) : malloc(count * sizeof(*words));
	char text[64];

	if (!words)
		tenant_bad(tenant, "no memory");
	for (size_t w = 0; w < count; w++) {
		if (cleared ? words[w] != 0 : is_foreign(tenant, words[w]))
			tenant_bad(tenant, "%s gave me %s", cleared ? "calloc" : "malloc",
				   tenant_describe(words[w], text));
		words[w] = storm_word(tenant->lease, (i << 12 ^ w) * sizeof(uint64_t));
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
}

static void child(struct tenant *tenant)
{
	struct storm_report report;

	/* one that does not keep the pool is no tenant of it */
	if (find_pool(&report))
		tenant_say(tenant, STORM_CHILD);
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
	struct storm_report report = { .kind = STORM_TAKEN };
	struct tenant tenant;

	if (argc != 4)
		return 2;
	tenant = (struct tenant){
		.report_fd = atoi(argv[1]), .lease = (uint32_t)strtoul(argv[2], NULL, 10),
		.random = strtoull(argv[3], NULL, 10),
	};
	/* without one the library does not let a program run that names a class only */
	if (!find_pool(&report))
		tenant_bad(&tenant, "no pool of the daemon's");
	tenant_send(&tenant, &report);
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
