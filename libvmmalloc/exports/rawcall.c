/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rawcall -- libc's syscall(), for those who fork by it: sandboxes, container runtimes, servers.
 *
 * Of all numbers only fork, clone and clone3 without CLONE_VM need anything: they get what _Fork gets. seccomp and
 * prctl are noticed (confine.h). All else jumps on to the next definition, libc's or another wrapper's, with the stack
 * and all registers as they were: a child that shares the memory returns on a stack that the caller prepared.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/exports/confine.h"
#include "libvmmalloc/exports/loader.h"
#include "libvmmalloc/fork/comeback.h"
#include "libvmmalloc/fork/fork.h"

/*
 * A child may return from the call with thread data of its own (CLONE_SETTLS), and so with another guard than the one
 * that a compiler's stack protector has put on the stack before: what is under way around the call goes without.
 */
#define NO_STACK_GUARD __attribute__((no_stack_protector))

#define ARGS_MOST 256  /* bytes of clone3's, which have grown to 88 */

#define TEXT_OF(x) #x
#define NUMBER(x) TEXT_OF(x)

/* Until vmm_rawcall_next is known: libraries that start before us. */
long vmm_rawcall_kernel(long number, long a, long b, long c, long d, long e, long f);
__attribute__((used)) long vmm_rawcall_kernel(long number, long a, long b, long c, long d, long e, long f)
{
	return kernel_result(kernel_call(number, a, b, c, d, e, f));
}

static syscall_function next_syscall(void)
{
	return vmm_rawcall_next ? vmm_rawcall_next : (syscall_function)(void *)vmm_rawcall_kernel;
}

__attribute__((constructor(102))) static void find_syscall(void)
{
	void *next = vmm_loader_next("syscall");

	if (next)
		__atomic_store_n((void **)&vmm_rawcall_next, next, __ATOMIC_RELAXED);
}

/* What a call asks for. The first argument of clone is its flags, but on s390; clone3 has them in memory. */
static uint64_t flags_of(long number, long first)
{
	if (number == SYS_clone)
		return (uint64_t)first;
	return number == SYS_clone3 ? ((const struct clone_args *)first)->flags : 0;
}

/* The kernel refuses these arguments, and reads nothing of them. */
static bool is_refused(long number, long a, long b)
{
	return number == SYS_clone3 && (!a || (size_t)b < CLONE_ARGS_SIZE_VER0);
}

struct forked {
	long result;
	uintptr_t stack;  /* which the caller continues on; 0: its own */
};

/* Called by the shim below, if a call may fork or confine. */
bool vmm_rawcall_forks(long number, long a, long b, long c);
struct forked vmm_rawcall_fork(long number, long a, long b, long c, long d, long e);

/* Whether the call makes a process with memory of its own. */
__attribute__((used)) bool vmm_rawcall_forks(long number, long a, long b, long c)
{
	uint64_t flags;

	if (number == SYS_seccomp) {
		vmm_confine_by_seccomp(a, b, c);
		return false;
	}
	if (number == SYS_prctl) {
		vmm_confine_by_prctl(a, b, c);
		return false;
	}
	if (is_refused(number, a, b))
		return false;
	flags = flags_of(number, a);
	vmm_comeback_cloned(flags);
	return !(flags & CLONE_VM);
}

/* clone3 wants stack and size, or neither; what it refuses goes to the kernel as it is. */
static uintptr_t stack_of(long number, long a, long b)
{
	const struct clone_args *args = (const struct clone_args *)a;

	if (number == SYS_clone)
		return (uintptr_t)b;
	if (number != SYS_clone3 || !args->stack || !args->stack_size)
		return 0;
	return (uintptr_t)(args->stack + args->stack_size);
}

/* The call less its stack. The program's own arguments stay as they are: they may be in memory that is read-only. */
NO_STACK_GUARD static long call_without_stack(long number, long a, long b, long c, long d, long e)
{
	union {
		struct clone_args args;
		char bytes[ARGS_MOST];
	} copy;

	if (number == SYS_clone)
		return next_syscall()(number, a, 0, c, d, e);
	if ((size_t)b > sizeof(copy)) {
		errno = E2BIG;
		return -1;
	}
	memcpy(&copy, (const void *)a, (size_t)b);
	copy.args.stack = copy.args.stack_size = 0;
	return next_syscall()(number, &copy, b, c, d, e);
}

/*
 * The child begins on its copy of our stack, where we have something to do, and goes to the one that was asked for at
 * the end.
 */
NO_STACK_GUARD __attribute__((used)) struct forked vmm_rawcall_fork(long number, long a, long b, long c, long d, long e)
{
	struct forked forked = { .stack = stack_of(number, a, b) };
	struct vmm_fork this;
	int r = vmm_fork_before_raw(&this, forked.stack ? (void *)(forked.stack - 1) : NULL,
				    flags_of(number, a) & CLONE_FILES);

	if (r == 0) {
		r = (int)(forked.stack ? call_without_stack(number, a, b, c, d, e)
				       : next_syscall()(number, a, b, c, d, e));
		r = r < 0 ? -errno : r;
		vmm_fork_after_raw(&this, r);
	}
	if (r != 0)
		forked.stack = 0;
	if (r < 0)
		errno = -r;
	forked.result = r < 0 ? -1 : r;
	return forked;
}

#if defined(__x86_64__)

__asm__(".pushsection .text\n"
	".globl syscall\n"
	".type syscall, @function\n"
	".p2align 4\n"
	"syscall:\n"
	"	.cfi_startproc\n"
	"	endbr64\n"
	"	cmp $" NUMBER(SYS_clone) ", %rdi\n"
	"	je 1f\n"
	"	cmp $" NUMBER(SYS_clone3) ", %rdi\n"
	"	je 1f\n"
	"	cmp $" NUMBER(SYS_fork) ", %rdi\n"
	"	je 1f\n"
	"	cmp $" NUMBER(SYS_seccomp) ", %rdi\n"
	"	je 1f\n"
	"	cmp $" NUMBER(SYS_prctl) ", %rdi\n"
	"	je 1f\n"
	"0:	mov vmm_rawcall_next(%rip), %r11\n"
	"	test %r11, %r11\n"
	"	jz 3f\n"
	"	jmp *%r11\n"
	"3:	jmp vmm_rawcall_kernel\n"
	"1:	push %rdi\n"
	"	push %rsi\n"
	"	push %rdx\n"
	"	push %rcx\n"
	"	push %r8\n"
	"	push %r9\n"
	"	sub $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 56\n"
	"	call vmm_rawcall_forks\n"
	"	add $8, %rsp\n"
	"	pop %r9\n"
	"	pop %r8\n"
	"	pop %rcx\n"
	"	pop %rdx\n"
	"	pop %rsi\n"
	"	pop %rdi\n"
	"	.cfi_adjust_cfa_offset -56\n"
	"	test %al, %al\n"
	"	jz 0b\n"
	"	sub $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	call vmm_rawcall_fork\n"
	"	add $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	test %rdx, %rdx\n"
	"	jz 2f\n"
	"	mov %rdx, %rsp\n"
	"2:	ret\n"
	"	.cfi_endproc\n"
	".size syscall, . - syscall\n"
	".popsection\n");

#elif defined(__aarch64__)

__asm__(".pushsection .text\n"
	".globl syscall\n"
	".type syscall, %function\n"
	".p2align 4\n"
	"syscall:\n"
	"	hint #34\n"
	"	cmp x0, #" NUMBER(SYS_clone) "\n"
	"	b.eq 1f\n"
	"	cmp x0, #" NUMBER(SYS_clone3) "\n"
	"	b.eq 1f\n"
	"	cmp x0, #" NUMBER(SYS_seccomp) "\n"
	"	b.eq 1f\n"
	"	cmp x0, #" NUMBER(SYS_prctl) "\n"
	"	b.eq 1f\n"
	"0:	adrp x16, vmm_rawcall_next\n"
	"	ldr x16, [x16, #:lo12:vmm_rawcall_next]\n"
	"	cbz x16, 3f\n"
	"	br x16\n"
	"3:	b vmm_rawcall_kernel\n"
	"1:	stp x29, x30, [sp, #-80]!\n"
	"	stp x0, x1, [sp, #16]\n"
	"	stp x2, x3, [sp, #32]\n"
	"	stp x4, x5, [sp, #48]\n"
	"	str x6, [sp, #64]\n"
	"	bl vmm_rawcall_forks\n"
	"	and w17, w0, #255\n"
	"	ldp x0, x1, [sp, #16]\n"
	"	ldp x2, x3, [sp, #32]\n"
	"	ldp x4, x5, [sp, #48]\n"
	"	ldr x6, [sp, #64]\n"
	"	ldp x29, x30, [sp], #80\n"
	"	cbz w17, 0b\n"
	"	stp x29, x30, [sp, #-16]!\n"
	"	bl vmm_rawcall_fork\n"
	"	ldp x29, x30, [sp], #16\n"
	"	cbz x1, 2f\n"
	"	mov sp, x1\n"
	"2:	ret\n"
	".size syscall, . - syscall\n"
	".popsection\n");

#else

/* Without a shim a child cannot change to another stack. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
	long argument[6];
	va_list args;

	va_start(args, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(args, long);
	va_end(args);
	if ((number == SYS_clone || number == SYS_clone3 || number == SYS_seccomp || number == SYS_prctl) &&
	    vmm_rawcall_forks(number, argument[0], argument[1], argument[2]))
		return vmm_rawcall_fork(number, argument[0], argument[1], argument[2], argument[3], argument[4]).result;
	return next_syscall()(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

#endif
