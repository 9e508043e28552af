/* SPDX-License-Identifier: BSD-3-Clause */
/* table -- see table.h. */
#include "libvmmalloc/heap/table.h"

#include <stdint.h>
#include <sys/mman.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"

void *vmm_table_map(size_t most, bool at_once)
{
	void *table = kernel_mmap(NULL, round_up(most, kernel_page()), at_once ? PROT_READ | PROT_WRITE : PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!kernel_error(table))
		(void)kernel_madvise(table, round_up(most, kernel_page()), MADV_DONTDUMP);
	return table;
}

void vmm_table_drop(void *table, size_t most)
{
	(void)kernel_munmap(table, round_up(most, kernel_page()));
}

/* A new mapping, and no new protection: a filter may refuse mprotect, and whoever grows needs mmap in any case. */
int vmm_table_open(void *table, size_t before, size_t bytes)
{
	char *start = (char *)table + round_up(before, kernel_page());
	char *end = (char *)table + round_up(bytes, kernel_page());
	int r;

	if (start >= end)
		return 0;
	r = kernel_error(kernel_mmap(start, (size_t)(end - start), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0));
	if (r == 0)
		(void)kernel_madvise(start, (size_t)(end - start), MADV_DONTDUMP);
	return r;
}
