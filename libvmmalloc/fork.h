/* SPDX-License-Identifier: BSD-3-Clause */
/* fork -- the pool in parent and child. */
#ifndef LIBVMMALLOC_FORK_H
#define LIBVMMALLOC_FORK_H

/* Has glibc call us around every fork. Once, before the engine registers its own handlers. */
void vmm_fork_register(void);

#endif
