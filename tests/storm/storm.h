/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * storm -- what the driver and its tenants share: the words that a tenant fills its pool with, and its reports.
 *
 * A tenant is one lease: the process that took a pool, and its forked children. It has one end of a SOCK_SEQPACKET pair
 * and sends reports on it. Each says what is true before it is sent, but STORM_RELEASING, which comes before its
 * sender gives the pool up: so whatever another tenant reports of the same pool later was caused later.
 */
#ifndef TESTS_STORM_STORM_H
#define TESTS_STORM_STORM_H

#include <stdbool.h>
#include <stdint.h>

#define STORM_PAGE 4096
#define STORM_PINS 4               /* pages that one tenant leaves in a pipe, at most */
#define STORM_EXIT_BAD 9           /* a tenant has sent STORM_BAD */
#define STORM_TAG 0xa55aull

enum storm_kind {
	STORM_TAKEN = 1,           /* dev, ino, pool_id, bytes, class_name; again for each pool that a heap grows by */
	STORM_NONE,                /* no pool was to be had; words say why */
	STORM_CHILD,               /* a forked child, which sends it, has that pool as well; no ino: its tenant's */
	STORM_PINNED,              /* pages of the pool are in the pipe: pins, pin_offset, pins_may_be_zero */
	STORM_RELEASING,           /* this process gives the pool up now */
	STORM_BAD,                 /* what must not be: words */
};

struct storm_report {
	uint32_t kind;
	uint32_t pins;
	uint32_t pins_may_be_zero; /* the tenant itself truncates: the kernel zeroes a part of a huge page in place */
	int32_t pid;
	uint64_t dev, ino, bytes;
	uint8_t pool_id[16];
	uint64_t pin_offset[STORM_PINS];
	char class_name[64];
	char words[256];
};

/* Each word of a pool names the tenant that wrote it, and its place. Never 0. */
static inline uint64_t storm_word(uint32_t lease, uint64_t offset)
{
	return STORM_TAG << 48 | (uint64_t)(lease & 0xffffff) << 24 | (offset / sizeof(uint64_t) & 0xffffff);
}

static inline bool storm_word_is_tenants(uint64_t word)
{
	return word >> 48 == STORM_TAG;
}

static inline uint32_t storm_word_lease(uint64_t word)
{
	return word >> 24 & 0xffffff;
}

/* xorshift: the same seed, the same storm, as far as the kernel's scheduler lets it be. */
static inline uint64_t storm_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1dull >> 16;
}

/* One of `from` ... `to`. */
static inline unsigned storm_between(uint64_t *state, unsigned from, unsigned to)
{
	return from + (unsigned)(storm_random(state) % (to - from + 1));
}

static inline bool storm_chance(uint64_t *state, unsigned percent)
{
	return storm_random(state) % 100 < percent;
}

#endif
