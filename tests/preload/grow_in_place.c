/* A block that has half of the pool grows where it is, to nearly all of it: there is no room for a copy. */
#include <errno.h>
#include <string.h>

#include "tests/preload/check.h"

#define MIB ((size_t)1 << 20)
#define POOL (64 * MIB)

static struct vmmalloc_stats stats(void)
{
	struct vmmalloc_stats stats;

	vmmalloc_stats(&stats, sizeof(stats));
	return stats;
}

static void check_bytes(const unsigned char *block, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		CHECK(block[i] == (unsigned char)(i >> 12));
}

static void fill_bytes(unsigned char *block, size_t from, size_t bytes)
{
	for (size_t i = from; i < bytes; i++)
		block[i] = (unsigned char)(i >> 12);
}

/* From `bytes` to 58 MiB of 64: of classes of 48, 56 and 64 MiB. */
static void grow(size_t bytes, size_t step)
{
	unsigned char *block = malloc(bytes), *last;
	uint64_t failed = stats().failed_requests;

	CHECK(block);
	fill_bytes(block, 0, bytes);
	for (; bytes + step <= 58 * MIB; bytes += step) {
		errno = 77;
		CHECK(realloc(block, bytes + step) == block && errno == 77);
		CHECK(malloc_usable_size(block) >= bytes + step);
		fill_bytes(block, bytes, bytes + step);
	}
	CHECK(stats().failed_requests == failed);
	CHECK(!realloc(block, 70 * MIB) && errno == ENOMEM && !realloc(block, 64 * MIB) && errno == ENOMEM);
	CHECK((last = malloc(MIB / 2)));
	memset(last, 0xff, MIB / 2);
	check_bytes(block, bytes);
	free(last);
	free(block);
}

/* What is free behind it, but in an arena's cache, is no obstacle. */
static void grow_over_cached(void)
{
	unsigned char *block = malloc(40 * MIB), *behind[8];

	CHECK(block);
	fill_bytes(block, 0, 40 * MIB);
	for (size_t i = 0; i < 8; i++)
		CHECK(behind[i] = malloc((i + 1) * 64 << 10));
	for (size_t i = 0; i < 8; i += 2)
		free(behind[i]);
	for (size_t i = 1; i < 8; i += 2)
		free(behind[i]);
	CHECK(realloc(block, 57 * MIB) == block);
	check_bytes(block, 40 * MIB);
	free(block);
}

int main(void)
{
	CHECK(stats().pool_bytes == POOL);
	grow(32 * MIB, 26 * MIB);
	grow(32 * MIB, MIB);
	grow(33 * MIB, 12345);
	grow_over_cached();
	grow(32 * MIB, 26 * MIB);
	return 0;
}
