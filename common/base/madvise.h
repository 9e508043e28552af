/* SPDX-License-Identifier: BSD-3-Clause */
/* madvise -- advice of madvise(2) that a C library may not know yet. */
#ifndef COMMON_BASE_MADVISE_H
#define COMMON_BASE_MADVISE_H

#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25      /* Linux 6.1 */
#endif

#endif
