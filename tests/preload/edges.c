/* C, POSIX and glibc at the edges: size 0, overflow, odd alignments, huge sizes, realloc to 0, errno. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "tests/preload/check.h"

#define FAILS_WITH(call, error) (errno = 0, (call) == NULL && errno == (error))

int main(void)
{
	static volatile size_t none;  /* clang 14 crashes on an alignment that it knows to be 0 */
	void *p = (void *)0x123, *q;

	CHECK((p = malloc(0)) && (q = malloc(0)) && p != q);
	CHECK(realloc(p, 0) == NULL);
	CHECK((p = realloc(NULL, 0)) != NULL);
	free(p), free(q), free(NULL);
	CHECK(malloc_usable_size(NULL) == 0);

	CHECK(FAILS_WITH(malloc(SIZE_MAX), ENOMEM));
	CHECK(FAILS_WITH(malloc(PTRDIFF_MAX), ENOMEM));
	CHECK(FAILS_WITH(calloc(SIZE_MAX / 2, 3), ENOMEM));
	CHECK(FAILS_WITH(calloc(SIZE_MAX, SIZE_MAX), ENOMEM));
	CHECK(FAILS_WITH(pvalloc(SIZE_MAX), ENOMEM));
	CHECK(FAILS_WITH(valloc(SIZE_MAX - 4096), ENOMEM));
	CHECK(FAILS_WITH(memalign(64, PTRDIFF_MAX), ENOMEM));
	CHECK(FAILS_WITH(aligned_alloc(64, SIZE_MAX - 63), ENOMEM));
	CHECK(FAILS_WITH(aligned_alloc(48, 96), EINVAL));
	CHECK(FAILS_WITH(memalign(3, 10), EINVAL));
	CHECK((p = memalign(none, 10)) != NULL);
	free(p);

	p = (void *)0x123;
	errno = 7;
	CHECK(posix_memalign(&p, 3, 10) == EINVAL && p == (void *)0x123);
	CHECK(posix_memalign(&p, 4, 10) == EINVAL && p == (void *)0x123);
	CHECK(posix_memalign(&p, 0, 10) == EINVAL && p == (void *)0x123);
	CHECK(posix_memalign(&p, 64, PTRDIFF_MAX) == ENOMEM && p == (void *)0x123);
	CHECK(errno == 7);

	strcpy(p = malloc(100), "kept");
	CHECK(FAILS_WITH(realloc(p, PTRDIFF_MAX), ENOMEM) && strcmp(p, "kept") == 0);
	CHECK(FAILS_WITH(reallocarray(p, SIZE_MAX / 2, 3), ENOMEM) && strcmp(p, "kept") == 0);
	errno = 7;
	free(p);
	CHECK((p = malloc(8 << 20)) != NULL);
	free(p);
	CHECK(errno == 7);
	for (size_t align = 8; align <= 64 << 20; align *= 2) {
		CHECK((p = aligned_alloc(align, 1)) && (uintptr_t)p % align == 0);
		free(p);
	}
	return 0;
}
