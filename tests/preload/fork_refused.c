/* While a fork copies the heap, a handler of a fault forks past our wrappers: that child ends, and the fork goes on. */
#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/preload/forking.h"

#define PAGE page_bytes()

static pid_t (*fork_of_libc)(void);
static char *pages;
static volatile int refused;

static void on_fault(int number)
{
	int status = 0;
	pid_t pid = fork_of_libc();

	(void)number;
	if (pid == 0)
		_exit(0);
	refused += pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 127;
	if (mprotect(pages, 3 * PAGE, PROT_READ | PROT_WRITE) < 0)
		abort();
}

int main(void)
{
	fork_of_libc = (pid_t (*)(void))dlsym(dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD), "fork");
	pages = aligned_alloc(PAGE, 3 * PAGE);
	alarm(20);
	CHECK(fork_of_libc && fork_of_libc != fork && signal(SIGSEGV, on_fault) != SIG_ERR);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);  /* the pool's, too: what cannot be frozen is copied */
	for (int i = 0; i < 3; i++) {
		memset(pages, 'a' + i, 3 * PAGE);
		CHECK(mprotect(pages + PAGE, PAGE, PROT_NONE) == 0);
		pid_t pid = fork();
		if (pid == 0)
			_exit(pages[PAGE] != 'a' + i);
		CHECK(ended_well(pid) && refused == i + 1);
		CHECK(forks_well());
	}
	return 0;
}
