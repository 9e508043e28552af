/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loader -- dlopen without RTLD_DEEPBIND.
 *
 * With that flag a library would find libc's malloc before ours, and what it allocates there could not be freed by
 * the rest of the program. glibc had hooks against this until 2.34; now the flag is taken away.
 */
#include <dlfcn.h>

#pragma GCC visibility push(default)

typedef void *(*dlopen_function)(const char *path, int flags);

static dlopen_function next_dlopen(void)
{
	static dlopen_function next;
	dlopen_function found = __atomic_load_n(&next, __ATOMIC_RELAXED);

	if (!found) {
		found = (dlopen_function)dlsym(RTLD_NEXT, "dlopen");
		__atomic_store_n(&next, found, __ATOMIC_RELAXED);
	}
	return found;
}

/*
 * The call must stay a tail call, as the optimizer makes it: libc looks at the return address to find the caller, whose
 * RUNPATH it searches. A test of the suite would notice.
 */
__attribute__((optimize("O2"))) void *dlopen(const char *path, int flags)
{
	return next_dlopen()(path, flags & ~RTLD_DEEPBIND);
}
