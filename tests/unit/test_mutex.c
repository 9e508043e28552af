/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mutex -- a mutex as POSIX has it, and nothing lost between threads that contend for one. */
/* objects: libvmmalloc/base/ libvmmalloc/ */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "tests/unit/test.h"

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

#define THREADS 8
#define ROUNDS 50000

static struct {
	pthread_mutex_t mutex;
	unsigned long count;  /* guarded by it */
} shared;

static void *count_up(void *try)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (!try || __wrap_pthread_mutex_trylock(&shared.mutex) != 0)
			__wrap_pthread_mutex_lock(&shared.mutex);
		shared.count++;
		__wrap_pthread_mutex_unlock(&shared.mutex);
	}
	return NULL;
}

static void count_in_threads(pthread_mutex_t initial)
{
	pthread_t threads[THREADS];

	shared.mutex = initial;
	shared.count = 0;
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, i % 2 ? &shared : NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(shared.count, THREADS * ROUNDS);
	assert_int_equal(__wrap_pthread_mutex_trylock(&shared.mutex), 0);
}

TEST(test_mutex_lets_one_thread_in_at_a_time)
{
	count_in_threads((pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER);
	count_in_threads((pthread_mutex_t)PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP);
}

static void *try(void *mutex)
{
	return (void *)(intptr_t)__wrap_pthread_mutex_trylock(mutex);
}

static int try_in_a_thread(pthread_mutex_t *mutex)
{
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, try, mutex), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	return (int)(intptr_t)result;
}

TEST(test_mutex_that_is_taken_is_busy_for_others)
{
	pthread_mutex_t mutex;

	assert_int_equal(__wrap_pthread_mutex_init(&mutex, NULL), 0);
	assert_int_equal(__wrap_pthread_mutex_lock(&mutex), 0);
	assert_int_equal(__wrap_pthread_mutex_trylock(&mutex), EBUSY);
	assert_int_equal(try_in_a_thread(&mutex), EBUSY);
	assert_int_equal(__wrap_pthread_mutex_unlock(&mutex), 0);
	assert_int_equal(try_in_a_thread(&mutex), 0);
}
