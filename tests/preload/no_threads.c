/* Whatever a program asks jemalloc for, the library makes no thread and takes no memory with brk. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/preload/check.h"
#include "tests/preload/thread_count.h"

int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length);
int mallctlnametomib(const char *name, size_t *mib, size_t *length);
int mallctlbymib(const size_t *mib, size_t length, void *old, size_t *old_length, void *new, size_t new_length);

int main(void)
{
	_Bool on = 1, was = 1;
	const char *primary = "primary";
	size_t mib[4], length = 1, bytes = sizeof(was);
	char *end = sbrk(0);

	CHECK(mallctl("background_thread", NULL, NULL, &on, sizeof(on)) == EPERM);
	CHECK(mallctlnametomib("background_thread", mib, &length) == 0);
	CHECK(mallctlbymib(mib, length, NULL, NULL, &on, sizeof(on)) == EPERM);
	CHECK(mallctl("background_thread", &was, &bytes, NULL, 0) == 0 && !was);
	(void)mallctl("arena.0.dss", NULL, NULL, &primary, sizeof(primary));
	for (int i = 0; i < 1000; i++)
		CHECK(vmmalloc_contains(malloc((size_t)i * 1000)));
	CHECK(thread_is_alone());
	CHECK(sbrk(0) == end);
	return 0;
}
