/* Every entry point serves every size from 0 to 16 MiB out of the pool, in every thread. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "tests/preload/check.h"

#define THREADS 4

/* C23: <stdlib.h> has them from glibc 2.43 on. */
void free_sized(void *pointer, size_t size);
void free_aligned_sized(void *pointer, size_t align, size_t size);

static void check_block(void *pointer, size_t size, size_t align)
{
	CHECK(pointer && (uintptr_t)pointer % align == 0);
	CHECK(vmmalloc_contains(pointer) && vmmalloc_contains((char *)pointer + (size ? size - 1 : 0)));
	CHECK(malloc_usable_size(pointer) >= size);
	memset(pointer, 0xa5, size);
}

static void check_size(size_t size)
{
	void *pointer = malloc(size);

	check_block(pointer, size, 16 < size ? 16 : 8);
	pointer = realloc(pointer, size + 1);
	check_block(pointer, size + 1, 8);
	pointer = reallocarray(pointer, size + 3, 2);
	check_block(pointer, 2 * (size + 3), 8);
	free(pointer);

	unsigned char *zeros = calloc(size + 1, 3);
	for (size_t i = 0; i < 3 * (size + 1); i += size < 4096 ? 1 : 511)
		CHECK(zeros[i] == 0);
	check_block(zeros, 3 * (size + 1), 8);
	cfree(zeros);

	CHECK(posix_memalign(&pointer, 64, size) == 0);
	check_block(pointer, size, 64);
	free(pointer);
	check_block(pointer = aligned_alloc(256, size), size, 256);
	free_aligned_sized(pointer, 256, size);
	check_block(pointer = malloc(size), size, 8);
	free_sized(pointer, size);
	free_sized(NULL, size);
	free_aligned_sized(NULL, 256, size);
	check_block(pointer = memalign(8192, size), size, 8192);
	free(pointer);
	check_block(pointer = valloc(size), size, 4096);
	free(pointer);
	check_block(pointer = pvalloc(size), (size + 4095) / 4096 * 4096, 4096);
	free(pointer);
}

static void *check_sizes(void *unused)
{
	for (size_t size = 0; size < 16 << 20; size = size < 300 ? size + 1 : size + size / 3)
		check_size(size);
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];

	check_sizes(NULL);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, check_sizes, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
