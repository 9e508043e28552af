/* SPDX-License-Identifier: BSD-3-Clause */
/* vdso -- the kernel's functions that need no system call, without libc, whose names others wrap. */
#ifndef LIBVMMALLOC_BASE_VDSO_H
#define LIBVMMALLOC_BASE_VDSO_H

/* The function `name` in the image `image`, as AT_SYSINFO_EHDR of getauxval(3) gives it; NULL if there is none. */
void *vdso_find(const void *image, const char *name);

#endif
