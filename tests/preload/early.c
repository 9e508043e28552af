/* Blocks and system calls from before the constructor, and before libc has set environ, are like any other. */
#include <string.h>
#include <unistd.h>

#include "tests/preload/check.h"

char *library_early(void);
long library_early_pid(void);

int main(void)
{
	char *early = library_early();

	CHECK(vmmalloc_contains(early) && malloc_usable_size(early) >= 100);
	early = realloc(early, 100000);
	CHECK(early && vmmalloc_contains(early) && strcmp(early, "early") == 0);
	free(early);
	CHECK(library_early_pid() == getpid());
	return 0;
}
