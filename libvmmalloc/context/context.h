/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * context -- what more than one room of the library needs to know: the heap, and what the environment asks for.
 *
 * It is one hidden object, `vmm`, set up once by vmm_start(). A room that needs state of its own besides declares it in
 * the header of the module whose it is. All of that is defined in libvmmalloc/state.c, and nowhere else.
 */
#ifndef LIBVMMALLOC_CONTEXT_CONTEXT_H
#define LIBVMMALLOC_CONTEXT_CONTEXT_H

#include <stdbool.h>
#include <sys/types.h>

#include "libvmmalloc/context/config.h"
#include "libvmmalloc/heap/heap.h"

/* How far vmm_start() has come. */
enum vmm_context_stage {
	CONTEXT_NOT_BEGUN,
	CONTEXT_UNDER_WAY,
	CONTEXT_DONE,
};

struct vmm_context {
	int stage;                 /* enum vmm_context_stage, and a futex. Atomic */
	pid_t starter;             /* the thread that is at it. Atomic */
	bool has_pool;             /* false: memory is ordinary (set-uid, none made). Fixed once vmm_start() is done */
	size_t outside_bytes;      /* ordinary memory in use, without a pool or before it stood. Atomic */
	/* Set if the heap may grow by whole pools; else NULL. vmm_grow() */
	bool (*grow)(size_t bytes, size_t tier, size_t files);
	void (*leave)(void);       /* where `grow` is set: gives pools back that have not been in use for long */
	bool (*come_back)(void);   /* set while the heap is away from its pool and may return; else NULL. Atomic */
	struct vmm_config config;  /* the directories are absolute once vmm_start() is done */
	struct vmm_heap heap;      /* meaningless without a pool */
};

extern struct vmm_context vmm;

/*
 * Reads the environment, makes the pool and takes it over. The first caller does it: the library's constructor, or
 * jemalloc, if another library's constructor runs earlier and allocates. Other threads wait until it is done. If it
 * cannot be done the process ends, with one line on standard error. Never allocates. If the thread that is at it enters
 * it again, from inside, it returns at once.
 */
void vmm_start(void);

/*
 * While the heap is away from its pool: takes it back if that is provably safe, and worth it by now. Called on slow
 * paths, from any thread, also in a signal handler; preserves errno. True if from now on what becomes free returns, so
 * that it is worth while to empty the arenas' caches.
 *
 * fork/comeback.c knows how. It is above jemalloc's seam, which asks: so it puts its function here.
 */
static inline bool vmm_come_back(void)
{
	bool (*come_back)(void) = __atomic_load_n(&vmm.come_back, __ATOMIC_RELAXED);

	return come_back && come_back();
}

/*
 * When the heap has no room for so many bytes in a tier: takes a pool more for it, or several, unless the heap has
 * another number of files than `files` by now. True if there may be room. Slow; from any thread; preserves nothing.
 * start/growth.c knows how.
 */
static inline bool vmm_grow(size_t bytes, size_t tier, size_t files)
{
	return vmm.grow && vmm.grow(bytes, tier, files);
}

#endif
