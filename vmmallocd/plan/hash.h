/* SPDX-License-Identifier: BSD-3-Clause */
/* hash -- of two words, for hash tables whose keys nobody chooses in order to slow them down. */
#ifndef VMMALLOCD_PLAN_HASH_H
#define VMMALLOCD_PLAN_HASH_H

#include <stdint.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15)) * 0xd6e8feb86659fd93;

	return h ^ (h >> 32);
}

#endif
