/* SPDX-License-Identifier: BSD-3-Clause */
/* test_lock -- a lock that knows its owner: nothing lost between threads, as many releases as takes, signals held. */
/* objects: libvmmalloc/base/ libvmmalloc/ */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include "libvmmalloc/base/lock.h"
#include "tests/unit/test.h"

#define THREADS 8
#define ROUNDS 50000

static struct {
	struct vmm_owner owner;
	unsigned long count;  /* guarded by it */
} shared;

static void *count_up(void *try)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (!try || !vmm_owner_try(&shared.owner))
			(void)vmm_owner_take(&shared.owner);
		shared.count++;
		vmm_owner_release(&shared.owner);
	}
	return NULL;
}

TEST(test_owner_is_one_thread_at_a_time)
{
	pthread_t threads[THREADS];

	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, i % 2 ? &shared : NULL), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(shared.count, THREADS * ROUNDS);
	assert_true(vmm_owner_try(&shared.owner));
}

/* A thread that ends as the owner stays the owner. */
static void *try_to_own(void *owner)
{
	return (void *)(intptr_t)vmm_owner_try(owner);
}

static void *release(void *owner)
{
	vmm_owner_release(owner);
	return NULL;
}

static bool in_a_thread(void *(*function)(void *), struct vmm_owner *owner)
{
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, function, owner), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	return (bool)(intptr_t)result;
}

TEST(test_owner_releases_as_often_as_it_took)
{
	struct vmm_owner owner = { 0 };

	assert_int_equal(vmm_owner_take(&owner), 0);
	assert_int_equal(vmm_owner_take(&owner), -EDEADLK);
	assert_int_equal(vmm_owner_take(&owner), -EDEADLK);
	for (int i = 0; i < 3; i++) {
		assert_false(in_a_thread(try_to_own, &owner));
		vmm_owner_release(&owner);
	}
	assert_true(in_a_thread(try_to_own, &owner));
}

TEST(test_owner_is_told_by_try_that_it_has_the_lock)
{
	struct vmm_owner owner = { 0 };

	assert_true(vmm_owner_try(&owner));
	assert_false(vmm_owner_try(&owner));
	vmm_owner_release(&owner);
	assert_true(in_a_thread(try_to_own, &owner));
}

TEST(test_owner_keeps_what_others_release)
{
	struct vmm_owner owner = { 0 };

	assert_int_equal(vmm_owner_take(&owner), 0);
	(void)in_a_thread(release, &owner);
	assert_false(in_a_thread(try_to_own, &owner));
	vmm_owner_release(&owner);
	vmm_owner_release(&owner);
	assert_true(in_a_thread(try_to_own, &owner));
}

static bool is_blocked(int signal)
{
	sigset_t set;

	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
	return sigismember(&set, signal);
}

TEST(test_lock_holds_signals_back_but_those_of_faults)
{
	struct vmm_lock lock = { 0 };

	assert_int_equal(vmm_lock_take(&lock), 0);
	assert_true(is_blocked(SIGUSR1));
	assert_false(is_blocked(SIGSEGV));
	assert_false(is_blocked(SIGBUS));
	vmm_lock_release(&lock);
	assert_false(is_blocked(SIGUSR1));
	assert_true(vmm_lock_try(&lock));
	assert_true(is_blocked(SIGUSR1));
	vmm_lock_release_in_child(&lock);
	assert_false(is_blocked(SIGUSR1));
	assert_true(in_a_thread(try_to_own, &lock.owner));
}

TEST(test_lock_taken_once_more_is_held_until_the_last_release)
{
	struct vmm_lock lock = { 0 };

	assert_int_equal(vmm_lock_take(&lock), 0);
	assert_false(vmm_lock_is_nested(&lock));
	assert_int_equal(vmm_lock_take(&lock), -EDEADLK);
	assert_true(vmm_lock_is_nested(&lock));
	assert_true(is_blocked(SIGUSR1));
	vmm_lock_release(&lock);
	assert_false(vmm_lock_is_nested(&lock));
	assert_true(is_blocked(SIGUSR1));
	vmm_lock_release(&lock);
	assert_false(is_blocked(SIGUSR1));
	assert_true(in_a_thread(try_to_own, &lock.owner));
}
