/* A program linked to libjemalloc may mix mallocx and free: both are ours. */
/* link: -l:libjemalloc.so.2 */
#include <string.h>

#include "tests/preload/check.h"

void *mallocx(size_t size, int flags);
void *rallocx(void *pointer, size_t size, int flags);
size_t xallocx(void *pointer, size_t size, size_t extra, int flags);
size_t sallocx(const void *pointer, int flags);
void dallocx(void *pointer, int flags);
void sdallocx(void *pointer, size_t size, int flags);
size_t nallocx(size_t size, int flags);
void malloc_stats_print(void (*write)(void *, const char *), void *context, const char *options);

static void nothing(void *context, const char *string)
{
	*(size_t *)context += strlen(string);
}

int main(void)
{
	size_t printed = 0;
	char *p = mallocx(1000, 6), *q = malloc(5000);

	CHECK(vmmalloc_contains(p) && (size_t)p % 64 == 0 && sallocx(p, 0) == nallocx(1000, 6));
	free(p);
	q = rallocx(q, 100000, 0);
	CHECK(vmmalloc_contains(q) && xallocx(q, 100000, 0, 0) >= 100000);
	dallocx(q, 0);
	sdallocx(malloc(333), 333, 0);
	malloc_stats_print(nothing, &printed, "gblxa");
	CHECK(printed > 100);
	return 0;
}
