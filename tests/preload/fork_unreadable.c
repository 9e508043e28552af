/* What nobody can read cannot be copied for the child: such a fork fails, and the parent is as it was. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/preload/forking.h"

#define PAGE 4096

int main(void)
{
	char *pages = aligned_alloc(PAGE, 3 * PAGE);

	memset(pages, 'a', 3 * PAGE);
	CHECK(mprotect(pages + PAGE, PAGE, PROT_NONE) == 0);
	for (int i = 0; i < 3; i++) {
		errno = 0;
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		CHECK(pid == -1 && errno == ENOMEM && waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
		CHECK(stats().mode == VMMALLOC_MODE_POOL && pages[0] == 'a' && pages[2 * PAGE] == 'a');
		allocate();
	}
	CHECK(mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
	CHECK(forks_well() && pages[PAGE] == 'a');
	return 0;
}
