/* SPDX-License-Identifier: BSD-3-Clause */
/* round -- to whole units, of a size that is a power of two. The caller knows that nothing overflows. */
#ifndef COMMON_BASE_ROUND_H
#define COMMON_BASE_ROUND_H

#include <stddef.h>

static inline size_t round_down(size_t value, size_t unit)
{
	return value & ~(unit - 1);
}

static inline size_t round_up(size_t value, size_t unit)
{
	return round_down(value + unit - 1, unit);
}

#endif
