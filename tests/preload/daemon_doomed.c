/* daemon() where the child's copy of the heap cannot be made says so, in the process that called it. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/preload/forking.h"

int main(void)
{
	const size_t page = page_bytes();
	char *pages = aligned_alloc(page, 3 * page);
	pid_t self = getpid();

	memset(pages, 1, 3 * page);
	CHECK(mprotect(pages + page, page, PROT_NONE) == 0);
	errno = 0;
	CHECK(daemon(1, 1) == -1 && errno == ENOMEM && getpid() == self);
	CHECK(mprotect(pages + page, page, PROT_READ | PROT_WRITE) == 0 && pages[page] == 1);
	return forks_well() ? 0 : 1;
}
