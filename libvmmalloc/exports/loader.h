/* SPDX-License-Identifier: BSD-3-Clause */
/* loader -- the dynamic linker, as it is beside other libraries that are preloaded. */
#ifndef LIBVMMALLOC_EXPORTS_LOADER_H
#define LIBVMMALLOC_EXPORTS_LOADER_H

/* The next definition of `name` after ours: libc's, unless another library wraps it too. NULL if there is none. */
void *vmm_loader_next(const char *name);

#endif
