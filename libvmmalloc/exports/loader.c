/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loader -- see loader.h; and dlopen without RTLD_DEEPBIND.
 *
 * With that flag a library would find libc's malloc before ours, and what it allocates there could not be freed by
 * the rest of the program. glibc had hooks against this until 2.34; now the flag is taken away.
 */
#include "libvmmalloc/exports/loader.h"

#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <stdbool.h>
#include <stddef.h>

/* This library, from its first byte to its last: the linker defines them. */
extern const char ours_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));
extern const char ours_end[] __asm__("_end") __attribute__((visibility("hidden")));

static bool is_in_library(const void *address)
{
	return (const char *)address >= ours_start && (const char *)address < ours_end;
}

/*
 * RTLD_NEXT looks behind the library that the caller's address lies in. If another library wraps dlsym(), that is the
 * wrapper's, and our own function may be found again. Then libc is asked, by its name. dlmopen does that, because the
 * name dlopen is ours.
 */
void *vmm_loader_next(const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);
	void *libc = is_in_library(next) ? dlmopen(LM_ID_BASE, LIBC_SO, RTLD_LAZY | RTLD_NOLOAD) : NULL;

	if (libc) {
		next = dlsym(libc, name);
		(void)dlclose(libc);
	}
	return next;
}

#pragma GCC visibility push(default)

typedef void *(*dlopen_function)(const char *path, int flags);

static dlopen_function next_dlopen(void)
{
	dlopen_function found = __atomic_load_n(&vmm_next.dlopen, __ATOMIC_RELAXED);

	if (!found) {
		found = (dlopen_function)vmm_loader_next("dlopen");
		__atomic_store_n(&vmm_next.dlopen, found, __ATOMIC_RELAXED);
	}
	return found;
}

/*
 * The call must be a tail call: libc looks at the return address to find the caller, whose RUNPATH it searches. A test
 * of the suite would notice. Older compilers do not promise it; their optimizer makes it.
 */
#if __has_attribute(musttail)
#define TAIL_CALLS
#define TAIL_CALL __attribute__((musttail))
#else
#define TAIL_CALLS __attribute__((optimize("O2")))
#define TAIL_CALL
#endif

TAIL_CALLS void *dlopen(const char *path, int flags)
{
	TAIL_CALL return next_dlopen()(path, flags & ~RTLD_DEEPBIND);
}
