/* SPDX-License-Identifier: BSD-3-Clause */
/* loader -- the dynamic linker, as it is beside other libraries that are preloaded. */
#ifndef LIBVMMALLOC_EXPORTS_LOADER_H
#define LIBVMMALLOC_EXPORTS_LOADER_H

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

struct rusage;
struct termios;
struct winsize;

/*
 * The next definition of each function that has one of ours before it: libc's, unless another library wraps it too.
 * NULL: not looked for yet. Each is found by the module that wraps the function. Atomic.
 */
struct vmm_next {
	pid_t (*fork)(void), (*__fork)(void), (*_Fork)(void);
	int (*forkpty)(int *, char *, const struct termios *, const struct winsize *);
	int (*clone)(int (*)(void *), void *, int, void *, ...);
	pid_t (*wait)(int *);
	pid_t (*waitpid)(pid_t, int *, int);
	pid_t (*wait3)(int *, int, struct rusage *);
	pid_t (*wait4)(pid_t, int *, int, struct rusage *);
	int (*waitid)(idtype_t, id_t, siginfo_t *, int);
	int (*prctl)(int, unsigned long, unsigned long, unsigned long, unsigned long);
	void *(*dlopen)(const char *, int);
};

extern struct vmm_next vmm_next;

/* The same for syscall(), by a name that rawcall.c's assembly can refer to. */
typedef long (*syscall_function)(long number, ...);
extern syscall_function vmm_rawcall_next __attribute__((visibility("hidden")));

/* The next definition of `name` after ours: libc's, unless another library wraps it too. NULL if there is none. */
void *vmm_loader_next(const char *name);

#endif
