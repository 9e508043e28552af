/* SPDX-License-Identifier: BSD-3-Clause */
/* bits -- a set of small numbers in an array of words that the caller gives, and locks. */
#ifndef LIBVMMALLOC_HEAP_BITS_H
#define LIBVMMALLOC_HEAP_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITS_PER_WORD 64

/* Bytes of an array for the numbers [0, count). */
static inline size_t bits_bytes(size_t count)
{
	return (count + BITS_PER_WORD - 1) / BITS_PER_WORD * sizeof(uint64_t);
}

static inline bool bits_has(const uint64_t *bits, size_t i)
{
	return bits[i / BITS_PER_WORD] >> i % BITS_PER_WORD & 1;
}

/* Puts [from, to) in, or takes it out. */
static inline void bits_set(uint64_t *bits, size_t from, size_t to, bool in)
{
	while (from < to) {
		size_t first = from % BITS_PER_WORD;
		size_t count = BITS_PER_WORD - first < to - from ? BITS_PER_WORD - first : to - from;
		uint64_t mask = (count == BITS_PER_WORD ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1) << first;

		if (in)
			bits[from / BITS_PER_WORD] |= mask;
		else
			bits[from / BITS_PER_WORD] &= ~mask;
		from += count;
	}
}

/* The lowest number in [from, to) that is in the set, or is not; `to` if there is none. */
static inline size_t bits_find(const uint64_t *bits, size_t from, size_t to, bool in)
{
	while (from < to) {
		uint64_t word = (in ? bits[from / BITS_PER_WORD] : ~bits[from / BITS_PER_WORD]) >> from % BITS_PER_WORD;

		if (word) {
			from += (size_t)__builtin_ctzll(word);
			return from < to ? from : to;
		}
		from += BITS_PER_WORD - from % BITS_PER_WORD;
	}
	return to;
}

#endif
