/* Processes that are made by libc's syscall(), as sandboxes and container runtimes do it, have a heap of their own. */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "tests/preload/forking.h"

#define BLOCKS 200

int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);

static char *blocks[BLOCKS];
static char *stack;

static int child(void *unused)
{
	(void)unused;
	for (int i = 0; i < BLOCKS; i++) {
		CHECK(strcmp(blocks[i], "parent") == 0);
		strcpy(blocks[i], "child");
		free(blocks[i]);
	}
	allocate();
	_exit(0);
}

static void check(long pid)
{
	if (pid == 0)
		child(NULL);
	CHECK(ended_well((pid_t)pid));
	for (int i = 0; i < BLOCKS; i++)
		CHECK(strcmp(blocks[i], "parent") == 0);
}

static long clone3(uint64_t flags, char *stack_low, size_t stack_bytes)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD, .stack = (uintptr_t)stack_low,
				   .stack_size = stack_bytes };

	return syscall(SYS_clone3, &args, sizeof(args));
}

static void check_pidfd(void)
{
	int pidfd = -1;
	struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&pidfd };

	check(syscall(SYS_clone3, &args, sizeof(args)));
	CHECK(pidfd >= 0);
	close(pidfd);
}

/* What the kernel refuses is refused, and arguments that nobody can write to will do. */
static void check_arguments(void)
{
	static const struct clone_args constant = { .exit_signal = SIGCHLD };

	CHECK(syscall(SYS_clone3, NULL, sizeof(constant)) == -1 && errno == EFAULT);
	CHECK(syscall(SYS_clone3, NULL, 0) == -1 && errno == EINVAL);
	CHECK(syscall(SYS_clone3, 1, 8) == -1 && errno == EINVAL);
	CHECK(clone3(0, stack, 0) == -1 && errno == EINVAL);
	CHECK(clone3(0, NULL, 1 << 16) == -1 && errno == EINVAL);
	check(syscall(SYS_clone3, &constant, sizeof(constant)));
}

#ifdef __x86_64__
static void child_on_stack(void) { child(NULL); }

/* libc's syscall() returns to what lies on the new stack. */
static char *stack_that_returns(void)
{
	void **top = (void **)(stack + (1 << 16) - 64);

	top[0] = (void *)child_on_stack;
	return (char *)top;
}

static void check_stacks(void)
{
	char *top = stack_that_returns();
	struct clone_args *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*page = (struct clone_args){ .exit_signal = SIGCHLD, .stack = (uintptr_t)stack,
				     .stack_size = (size_t)(top - stack) };
	CHECK(mprotect(page, 4096, PROT_READ) == 0);
	check(syscall(SYS_clone3, page, sizeof(*page)));
	CHECK(munmap(page, 4096) == 0);

	check(syscall(SYS_clone, SIGCHLD, top, 0, 0, 0));
	check(clone3(0, stack, (size_t)(top - stack)));
	check(syscall(SYS_fork));
}
#else
static void check_stacks(void) { }
#endif

int main(void)
{
	stack = malloc(1 << 16);
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = strdup("parent");
	for (int round = 0; round < 3; round++) {
		check(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
		check(syscall(SYS_clone, SIGCHLD | CLONE_FILES, 0, 0, 0, 0));
		check(clone3(0, NULL, 0));
		check_pidfd();
		check_arguments();
		check_stacks();
		check(__clone(child, stack + (1 << 16), SIGCHLD, NULL));
	}
	CHECK(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0) == -1);
	CHECK(syscall(SYS_getpid) == getpid() && stats().forks >= 15);
	CHECK(forks_well());
	return 0;
}
