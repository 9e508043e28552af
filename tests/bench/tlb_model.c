/* SPDX-License-Identifier: BSD-3-Clause */
/* tlb_model -- see tlb_model.h. */
#include "tlb_model.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WAYS 8
#define SETS 256
#define HUGE_SHIFT 21
#define SMALL_SHIFT 12
#ifdef __aarch64__
#define ADDRESSES (((uint64_t)1 << 48) - 4096)
#else
#define ADDRESSES (((uint64_t)1 << 47) - 4096)
#endif
#define HUGE_REGIONS 65536      /* as many mapped ranges of huge pages at most */

/* the kernel's header has them from Linux 6.7 on: Debian 12's is older */
struct page_region {
	uint64_t start, end, categories;
};
struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_IOCTL _IOWR('f', 16, struct scan)
#define IS_HUGE ((uint64_t)1 << 6)

static struct page_region huge[HUGE_REGIONS];
static long huge_count;
static uint64_t entries[SETS][WAYS];  /* of a set, the one used last is first; page number, and its kind in bit 0 */
static unsigned long misses;

bool tlb_model_begin(void)
{
	struct scan scan = { .size = sizeof(scan), .end = ADDRESSES, .vec = (uintptr_t)huge,
			     .vec_len = HUGE_REGIONS, .category_mask = IS_HUGE, .return_mask = IS_HUGE };
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	huge_count = fd < 0 ? -1 : ioctl(fd, SCAN_IOCTL, &scan);
	if (fd >= 0)
		close(fd);
	misses = 0;
	memset(entries, 0, sizeof(entries));
	return huge_count >= 0;
}

static bool is_huge(uint64_t address)
{
	long first = 0, after = huge_count;

	while (first < after) {
		long middle = first + (after - first) / 2;

		if (address < huge[middle].start)
			after = middle;
		else if (address >= huge[middle].end)
			first = middle + 1;
		else
			return true;
	}
	return false;
}

void tlb_model_access(const void *address)
{
	uint64_t at = (uintptr_t)address, kind = is_huge(at), page = at >> (kind ? HUGE_SHIFT : SMALL_SHIFT);
	uint64_t *set = entries[page % SETS], entry = page << 1 | kind;
	int way = 0;

	while (way < WAYS - 1 && set[way] != entry)
		way++;
	misses += set[way] != entry;
	memmove(set + 1, set, (size_t)way * sizeof(*set));
	set[0] = entry;
}

unsigned long tlb_model_misses(void)
{
	return misses;
}
