/* Something for others to load: it allocates and calls the kernel in its constructor, and allocates on request. */
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *early;
static long early_pid;

__attribute__((constructor)) static void constructor(void)
{
	early = malloc(100);
	strcpy(early, "early");
	early_pid = syscall(SYS_getpid);
}

char *library_early(void)
{
	return early;
}

long library_early_pid(void)
{
	return early_pid;
}

void *library_malloc(size_t size)
{
	return malloc(size);
}
