/* What nobody can read cannot be copied for the child: such a fork fails, and the parent is as it was. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/preload/forking.h"

int main(void)
{
	const size_t page = page_bytes();
	char *pages = aligned_alloc(page, 3 * page);

	memset(pages, 'a', 3 * page);
	CHECK(mprotect(pages + page, page, PROT_NONE) == 0);
	for (int i = 0; i < 3; i++) {
		errno = 0;
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		CHECK(pid == -1 && errno == ENOMEM && waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
		CHECK(stats().mode == VMMALLOC_MODE_POOL && pages[0] == 'a' && pages[2 * page] == 'a');
		allocate();
	}
	CHECK(mprotect(pages + page, page, PROT_READ | PROT_WRITE) == 0);
	CHECK(forks_well() && pages[page] == 'a');
	return 0;
}
