/*
 * Where no signals are held back, as in a program that has confined itself, a handler that forks at any instruction of
 * the heap's own code succeeds or is told EAGAIN. It never waits for its own thread.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <ucontext.h>

#include "tests/preload/forking.h"

#ifdef __x86_64__

#define TRAP_FLAG 0x100

#define VDSO_BYTES 8192

static volatile int stepping, forks, refusals;

/*
 * The kernel's own code reads the clock again if that was set meanwhile, which is done at each tick: between two of its
 * instructions there must be less than a fork.
 */
static int is_in_vdso(const ucontext_t *context)
{
	uintptr_t at = (uintptr_t)context->uc_mcontext.gregs[REG_RIP], vdso = getauxval(AT_SYSINFO_EHDR);

	return vdso && at >= vdso && at < vdso + VDSO_BYTES;
}

static void on_step(int number, siginfo_t *info, void *context)
{
	int saved_errno = errno, pid;

	(void)number, (void)info;
	if (!stepping) {
		((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
		return;
	}
	if (is_in_vdso(context))
		return;
	alarm(10);
	pid = _Fork();
	if (pid == 0)
		_exit(0);
	if (pid > 0 ? !ended_well(pid) : errno != EAGAIN)
		abort();
	pid > 0 ? forks++ : refusals++;
	errno = saved_errno;
}

static void confine(void)
{
	static struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	static struct sock_fprog program = { .len = 1, .filter = &allow };

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	allocate();
	confine();
	CHECK(sigaction(SIGTRAP, &action, NULL) == 0);
	stepping = 1;
	__asm__ volatile("pushfq; orq %0, (%%rsp); popfq" : : "i"(TRAP_FLAG) : "memory", "cc");
	free(malloc(5 << 20));
	stepping = 0;
	__asm__ volatile("nop");
	CHECK(forks > 100 && refusals > 10);
	return 0;
}

#else

int main(void)
{
	return 0;
}

#endif
