/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mutex -- POSIX's mutexes for jemalloc, and for us beside it, in place of libc's.
 *
 * Another library may wrap pthread_mutex_lock(), to count waits say, and would be entered with jemalloc's locks held.
 * So the linker leads every reference in the library here (--wrap in libvmmalloc/library.mk). The objects are libc's,
 * and so are their static initializers: <bits/struct_mutex.h>. Only the kinds that jemalloc uses are here, normal and
 * adaptive ones, which are alike. A lock that knows its owner is in owner.h.
 *
 * The word, in libc's place for it, is 0: free, 1: taken, 2: taken, and somebody may sleep (Drepper, "Futexes are
 * tricky").
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "libvmmalloc/base/kernel.h"

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutexattr_init(pthread_mutexattr_t *attributes);
int __wrap_pthread_mutexattr_settype(pthread_mutexattr_t *attributes, int type);
int __wrap_pthread_mutexattr_destroy(pthread_mutexattr_t *attributes);
pthread_t __wrap_pthread_self(void);

static bool take(pthread_mutex_t *mutex)
{
	int found = 0;

	return __atomic_compare_exchange_n(&mutex->__data.__lock, &found, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void wait(int *word)
{
	while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0)
		(void)kernel_futex(word, FUTEX_WAIT_PRIVATE, 2);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (!take(mutex))
		wait(&mutex->__data.__lock);
	return 0;
}

int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	return take(mutex) ? 0 : EBUSY;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	if (__atomic_exchange_n(&mutex->__data.__lock, 0, __ATOMIC_RELEASE) == 2)
		(void)kernel_futex(&mutex->__data.__lock, FUTEX_WAKE_PRIVATE, 1);
	return 0;
}

/* Only jemalloc calls this, and asks for no kind that makes a difference here. */
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
	(void)attributes;
	*mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	return 0;
}

int __wrap_pthread_mutexattr_init(pthread_mutexattr_t *attributes)
{
	(void)attributes;
	return 0;
}

int __wrap_pthread_mutexattr_settype(pthread_mutexattr_t *attributes, int type)
{
	(void)attributes, (void)type;
	return 0;
}

int __wrap_pthread_mutexattr_destroy(pthread_mutexattr_t *attributes)
{
	(void)attributes;
	return 0;
}

/* jemalloc only compares what this returns, with other results of it. */
pthread_t __wrap_pthread_self(void)
{
	return (pthread_t)(uintptr_t)__builtin_thread_pointer();
}
