/* Blocks from before the library's constructor, and before libc has set environ, are blocks like any other. */
#include <string.h>

#include "tests/preload/check.h"

char *library_early(void);

int main(void)
{
	char *early = library_early();

	CHECK(vmmalloc_contains(early) && malloc_usable_size(early) >= 100);
	early = realloc(early, 100000);
	CHECK(early && vmmalloc_contains(early) && strcmp(early, "early") == 0);
	free(early);
	return 0;
}
