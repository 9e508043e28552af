/* Something for others to load: it allocates in its constructor, and on request. */
#include <stdlib.h>
#include <string.h>

static char *early;

__attribute__((constructor)) static void constructor(void)
{
	early = malloc(100);
	strcpy(early, "early");
}

char *library_early(void)
{
	return early;
}

void *library_malloc(size_t size)
{
	return malloc(size);
}
