/* SPDX-License-Identifier: BSD-3-Clause */
/* front_calls -- malloc and free, inline: see front.h. For who is compiled with jemalloc's traits (jemalloc.mk). */
#ifndef LIBVMMALLOC_JEMALLOC_FRONT_CALLS_H
#define LIBVMMALLOC_JEMALLOC_FRONT_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "libvmmalloc/jemalloc/front.h"
#include "libvmmalloc/jemalloc/jemalloc.h"
#include "libvmmalloc/jemalloc/seam.h"

/* malloc(3). */
static inline void *vmm_front_malloc(size_t bytes)
{
	struct vmm_cache_bin *bin = vmm_front_thread.bins;
	void **head;

	if (__builtin_expect(!bin || bytes > FRONT_BYTES_MOST, 0))
		return vmm_front_ask(bytes);
	bin += je_sz_size2index_tab[(bytes + 7) / 8];
	head = bin->head;
	if (__builtin_expect((uint16_t)(uintptr_t)head == bin->low_water, 0)) {
		if ((uint16_t)(uintptr_t)head == bin->empty)
			return vmm_front_ask(bytes);
		bin->low_water = (uint16_t)(uintptr_t)(head + 1);
	}
	bin->head = head + 1;
	return *head;
}

/* free(3). */
static inline void vmm_front_free(void *pointer)
{
	size_t page = ((uintptr_t)pointer - vmm_front.base) >> JEMALLOC_LG_PAGE;
	struct vmm_cache_bin *bin = vmm_front_thread.bins;
	unsigned size_class = __builtin_expect(page < vmm_front.pages, 1) ? vmm_front.classes[page] : 0;

	if (__builtin_expect(bin && size_class, 1)) {
		bin += size_class - 1;
		if (__builtin_expect((uint16_t)(uintptr_t)bin->head != bin->full, 1)) {
			*--bin->head = pointer;
			if (__builtin_expect(--vmm_front_thread.calls_left < 0, 0))
				vmm_seam_look_after();
			return;
		}
	}
	je_free(pointer);
}

/* Whether `bytes` are of the size class of a block that has so many: then there is nothing to do for realloc(3). */
static inline bool vmm_front_keeps(size_t class_bytes, size_t bytes)
{
	/* a quarter of the power of two below it lies between a class and the one before; of small ones, 16 bytes */
	size_t step = class_bytes > 128 ? (size_t)1 << (61 - __builtin_clzl(class_bytes - 1)) : 16;

	return bytes <= class_bytes && bytes + step > class_bytes && class_bytes > 16;
}

#endif
