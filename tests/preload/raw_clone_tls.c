/* A process that syscall() makes with thread data of its own, and so with another stack guard, goes on. */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/preload/forking.h"

#ifdef __x86_64__

#define BEFORE 4096   /* bytes of thread data below the thread's pointer, and above: enough for the child */
#define BEHIND 2304
#define GUARD 0x28    /* where GCC has the guard, beside pointers to the structure itself at 0 and 0x10 */

static _Alignas(64) char data[BEFORE + BEHIND];

int main(void)
{
	char *block = strdup("parent"), *thread, *copy = data + BEFORE;
	size_t below = BEFORE;
	long pid;

	__asm__("mov %%fs:0, %0" : "=r"(thread));
	if (msync(thread - (uintptr_t)thread % 4096 - 4096, 1, MS_ASYNC) != 0)
		below = (uintptr_t)thread % 4096;  /* there is no more */
	memcpy(copy - below, thread - below, below + BEHIND);
	memcpy(copy, &copy, sizeof(copy));
	memcpy(copy + 0x10, &copy, sizeof(copy));
	*(unsigned long *)(copy + GUARD) ^= 0x5555555555555500ul;

	pid = syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, NULL, NULL, copy);
	if (pid == 0) {
		strcpy(block, "child");
		syscall(SYS_exit_group, 0);
	}
	CHECK(ended_well((pid_t)pid));
	CHECK(strcmp(block, "parent") == 0);
	return 0;
}

#else

int main(void)
{
	return 0;
}

#endif
