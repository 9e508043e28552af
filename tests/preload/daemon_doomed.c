/* daemon() where the child's copy of the heap cannot be made says so, in the process that called it. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/preload/forking.h"

int main(void)
{
	char *pages = aligned_alloc(4096, 3 * 4096);
	pid_t self = getpid();

	memset(pages, 1, 3 * 4096);
	CHECK(mprotect(pages + 4096, 4096, PROT_NONE) == 0);
	errno = 0;
	CHECK(daemon(1, 1) == -1 && errno == ENOMEM && getpid() == self);
	CHECK(mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE) == 0 && pages[4096] == 1);
	return forks_well() ? 0 : 1;
}
