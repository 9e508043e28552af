/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mutex -- POSIX's mutexes for jemalloc and for us, in place of libc's.
 *
 * Another library may wrap pthread_mutex_lock(), to count waits say, and would be entered with jemalloc's locks held.
 * So the linker leads every reference in the library here (--wrap in libvmmalloc/library.mk). The objects are libc's,
 * and so are their static initializers: <bits/struct_mutex.h>. Only the kinds that are used are here: normal, adaptive,
 * recursive, and error-checking mutexes.
 *
 * A normal mutex is the word: 0 is free, 1 is taken, 2 is taken and somebody may sleep (Drepper, "Futexes are tricky").
 * A recursive or error-checking mutex knows its owner, and the owner itself is the word. So a signal handler can tell
 * at each instruction whether its thread has the mutex.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libvmmalloc/base/kernel.h"

struct mutex {
	int word;
	unsigned depth;   /* of a recursive one that is taken again */
	uintptr_t owner;  /* of a kind that knows it: 0: free; the thread's data; with SLEEPERS, somebody may sleep */
	int kind;         /* libc's place for it */
};

#define SLEEPERS ((uintptr_t)1)

_Static_assert(sizeof(struct mutex) <= sizeof(pthread_mutex_t), "it lies in libc's object");
_Static_assert(offsetof(struct mutex, kind) == offsetof(pthread_mutex_t, __data.__kind), "libc's initializers set it");
_Static_assert(offsetof(struct mutex, word) == offsetof(pthread_mutex_t, __data.__lock), "as is this");

int __wrap_pthread_mutex_init(pthread_mutex_t *libc_mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_lock(pthread_mutex_t *libc_mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *libc_mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *libc_mutex);
int __wrap_pthread_mutexattr_init(pthread_mutexattr_t *attributes);
int __wrap_pthread_mutexattr_settype(pthread_mutexattr_t *attributes, int type);
int __wrap_pthread_mutexattr_destroy(pthread_mutexattr_t *attributes);
pthread_t __wrap_pthread_self(void);

static bool knows_owner(const struct mutex *mutex)
{
	return mutex->kind == PTHREAD_MUTEX_RECURSIVE_NP || mutex->kind == PTHREAD_MUTEX_ERRORCHECK_NP;
}

static uintptr_t self(void)
{
	return (uintptr_t)__builtin_thread_pointer();
}

static bool is_mine(const struct mutex *mutex)
{
	return (__atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) & ~SLEEPERS) == self();
}

static bool take(struct mutex *mutex)
{
	int found = 0;

	return __atomic_compare_exchange_n(&mutex->word, &found, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void wait(struct mutex *mutex)
{
	while (__atomic_exchange_n(&mutex->word, 2, __ATOMIC_ACQUIRE) != 0)
		(void)kernel_futex(&mutex->word, FUTEX_WAIT_PRIVATE, 2);
}

/* `owner` is what is written. A thread that has slept adds SLEEPERS, since it does not know whether others sleep. */
static bool own(struct mutex *mutex, uintptr_t owner)
{
	uintptr_t found = 0;

	return __atomic_compare_exchange_n(&mutex->owner, &found, owner, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* The kernel compares the lower half only. An owner that is alike in that half has SLEEPERS, too, and wakes us. */
static __attribute__((noinline)) void wait_to_own(struct mutex *mutex)
{
	int *lower = (int *)&mutex->owner + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);

	while (!own(mutex, self() | SLEEPERS)) {
		uintptr_t owner = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);

		if (owner == 0 ||
		    !__atomic_compare_exchange_n(&mutex->owner, &owner, owner | SLEEPERS, false, __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
			continue;
		(void)kernel_futex(lower, FUTEX_WAIT_PRIVATE, (int)(owner | SLEEPERS));
	}
}

static void disown(struct mutex *mutex)
{
	int *lower = (int *)&mutex->owner + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);

	if (__atomic_exchange_n(&mutex->owner, 0, __ATOMIC_RELEASE) & SLEEPERS)
		(void)kernel_futex(lower, FUTEX_WAKE_PRIVATE, 1);
}

/* This thread has the mutex already: it takes a recursive one once more; for others the answer is `error`. */
static int again(struct mutex *mutex, int error)
{
	if (mutex->kind != PTHREAD_MUTEX_RECURSIVE_NP)
		return error;
	mutex->depth++;
	return 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *libc_mutex)
{
	struct mutex *mutex = (struct mutex *)libc_mutex;

	if (!knows_owner(mutex)) {
		if (!take(mutex))
			wait(mutex);
		return 0;
	}
	if (is_mine(mutex))
		return again(mutex, EDEADLK);
	if (!own(mutex, self()))
		wait_to_own(mutex);
	return 0;
}

int __wrap_pthread_mutex_trylock(pthread_mutex_t *libc_mutex)
{
	struct mutex *mutex = (struct mutex *)libc_mutex;

	if (!knows_owner(mutex))
		return take(mutex) ? 0 : EBUSY;
	if (is_mine(mutex))
		return again(mutex, EBUSY);
	return own(mutex, self()) ? 0 : EBUSY;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *libc_mutex)
{
	struct mutex *mutex = (struct mutex *)libc_mutex;

	if (knows_owner(mutex)) {
		if (!is_mine(mutex))
			return EPERM;
		if (mutex->depth > 0) {
			mutex->depth--;
			return 0;
		}
		disown(mutex);
		return 0;
	}
	if (__atomic_exchange_n(&mutex->word, 0, __ATOMIC_RELEASE) == 2)
		(void)kernel_futex(&mutex->word, FUTEX_WAKE_PRIVATE, 1);
	return 0;
}

/* Only jemalloc calls this, and asks for no kind that makes a difference here. */
int __wrap_pthread_mutex_init(pthread_mutex_t *libc_mutex, const pthread_mutexattr_t *attributes)
{
	(void)attributes;
	*libc_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
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
