/* Threads that wait on objects in the heap, by their file and offset, are woken after a fork: each kind of object. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#include "tests/preload/forking.h"

#define WAITERS 3
#define PRIVATE_FUTEX 128ul
#define STACK_BYTES ((size_t)256 << 10)
#define DEADLINE_S 20

struct waitv {
	uint64_t value, address;
	uint32_t flags, reserved;
};

/* In the heap. */
struct object {
	sem_t semaphore;
	pthread_mutex_t mutex, robust, *held;
	pthread_cond_t condition;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	pthread_t sleeper;
	atomic_int word, tids[WAITERS], dead;
	bool is_set;
};

static struct object *object;

static void futex_wait(long operation)
{
	while (atomic_load(&object->word) == 0)
		syscall(SYS_futex, &object->word, operation, 0, NULL, NULL, ~0u);
}

static void futex_wake(void)
{
	atomic_store(&object->word, 1);
	syscall(SYS_futex, &object->word, FUTEX_WAKE, WAITERS);
}

static void semaphore_wait(void) { CHECK(sem_wait(&object->semaphore) == 0); }
static void semaphore_timedwait(void)
{
	struct timespec far = { .tv_sec = time(NULL) + 1000 };

	CHECK(sem_timedwait(&object->semaphore, &far) == 0);
}
static void semaphore_wake(void)
{
	for (int i = 0; i < WAITERS; i++)
		sem_post(&object->semaphore);
}

static void mutex_hold(void) { pthread_mutex_lock(&object->mutex); }
static void mutex_wait(void)
{
	CHECK(pthread_mutex_lock(&object->mutex) == 0);
	pthread_mutex_unlock(&object->mutex);
}
static void mutex_wake(void) { pthread_mutex_unlock(&object->mutex); }

static void *dies_with_lock(void *unused)
{
	CHECK(pthread_mutex_lock(object->held) == 0);
	atomic_store(&object->word, 1);
	while (atomic_load(&object->word) == 1)
		sleep_ms(1);
	return unused;
}
static void robust_hold(void)
{
	if (!object->held)
		object->held = &object->robust;
	CHECK(pthread_create(&object->sleeper, NULL, dies_with_lock, NULL) == 0);
	while (atomic_load(&object->word) == 0)
		sleep_ms(1);
}
/* glibc waits without the private flag for all that are robust. */
static void private_robust_hold(void)
{
	pthread_mutexattr_t attributes;

	object->held = &object->mutex;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(object->held, &attributes);
	robust_hold();
}
static void robust_wait(void)
{
	int r = pthread_mutex_lock(object->held);

	CHECK(r == 0 || r == EOWNERDEAD);
	if (r == EOWNERDEAD)
		pthread_mutex_consistent(object->held);
	pthread_mutex_unlock(object->held);
}
static void robust_wake(void)
{
	atomic_store(&object->word, 2);
	CHECK(pthread_join(object->sleeper, NULL) == 0);
}

static void condition_wait(void)
{
	pthread_mutex_lock(&object->mutex);
	while (!object->is_set)
		pthread_cond_wait(&object->condition, &object->mutex);
	pthread_mutex_unlock(&object->mutex);
}
static void condition_wake(void)
{
	pthread_mutex_lock(&object->mutex);
	object->is_set = true;
	pthread_cond_broadcast(&object->condition);
	pthread_mutex_unlock(&object->mutex);
}

static void rwlock_hold(void) { pthread_rwlock_wrlock(&object->rwlock); }
static void rwlock_wait(void)
{
	CHECK(pthread_rwlock_rdlock(&object->rwlock) == 0);
	pthread_rwlock_unlock(&object->rwlock);
}
static void rwlock_wake(void) { pthread_rwlock_unlock(&object->rwlock); }

static void barrier_wait(void) { pthread_barrier_wait(&object->barrier); }

/* The kernel's own wake when a thread ends; its stack, with the word that is waited for, lies in the heap. */
static void *sleeps(void *unused)
{
	while (atomic_load(&object->word) == 0)
		sleep_ms(1);
	return unused;
}
static void join_hold(void)
{
	pthread_attr_t attributes;
	void *stack;

	CHECK(posix_memalign(&stack, 4096, STACK_BYTES) == 0 && pthread_attr_init(&attributes) == 0);
	CHECK(pthread_attr_setstack(&attributes, stack, STACK_BYTES) == 0);
	CHECK(pthread_create(&object->sleeper, &attributes, sleeps, NULL) == 0);
}
static void join_wait(void)
{
	if (atomic_fetch_add(&object->dead, 1) == 0)
		CHECK(pthread_join(object->sleeper, NULL) == 0);
	else
		semaphore_wait();
}
static void join_wake(void) { atomic_store(&object->word, 1); semaphore_wake(); }

static void plain_wait(void) { futex_wait(FUTEX_WAIT); }
static void bitset_wait(void) { futex_wait(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME); }
static void futex2_wait(void)
{
	while (atomic_load(&object->word) == 0)
		if (syscall(455, &object->word, 0ul, 0xfffffffful, 2 /* 32 bits */, NULL, 0) < 0 && errno == ENOSYS)
			futex_wait(FUTEX_WAIT);
}
static void waitv_wait(void)
{
	static atomic_int other;
	struct waitv list[2] = { { 0, (uintptr_t)&other, 2 | PRIVATE_FUTEX, 0 },
				 { 0, (uintptr_t)&object->word, 2, 0 } };

	while (atomic_load(&object->word) == 0)
		if (syscall(449, list, 2, 0, NULL, 0) < 0 && errno == ENOSYS)
			futex_wait(FUTEX_WAIT);
}

static const struct kind {
	const char *name;
	void (*hold)(void), (*wait)(void), (*wake)(void);
} kinds[] = {
	{ "semaphore", NULL, semaphore_wait, semaphore_wake },
	{ "semaphore with a time", NULL, semaphore_timedwait, semaphore_wake },
	{ "mutex", mutex_hold, mutex_wait, mutex_wake },
	{ "robust mutex", robust_hold, robust_wait, robust_wake },
	{ "private robust mutex", private_robust_hold, robust_wait, robust_wake },
	{ "condition", NULL, condition_wait, condition_wake },
	{ "rwlock", rwlock_hold, rwlock_wait, rwlock_wake },
	{ "barrier", NULL, barrier_wait, barrier_wait },
	{ "join", join_hold, join_wait, join_wake },
	{ "futex", NULL, plain_wait, futex_wake },
	{ "futex with a mask", NULL, bitset_wait, futex_wake },
	{ "futex_wait", NULL, futex2_wait, futex_wake },
	{ "futex_waitv", NULL, waitv_wait, futex_wake },
};

static void init_object(void)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t condition;
	pthread_rwlockattr_t rwlock;
	pthread_barrierattr_t barrier;

	object = calloc(1, sizeof(*object));
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&object->mutex, &mutex);
	pthread_mutexattr_setrobust(&mutex, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&object->robust, &mutex);
	pthread_condattr_init(&condition);
	pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&object->condition, &condition);
	pthread_rwlockattr_init(&rwlock);
	pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&object->rwlock, &rwlock);
	pthread_barrierattr_init(&barrier);
	pthread_barrierattr_setpshared(&barrier, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&object->barrier, &barrier, WAITERS + 1);
	sem_init(&object->semaphore, 1, 0);
}

struct waiter {
	const struct kind *kind;
	int number;
};

static void *waits(void *argument)
{
	struct waiter *waiter = argument;

	atomic_store(&object->tids[waiter->number], (int)syscall(SYS_gettid));
	waiter->kind->wait();
	return NULL;
}

static bool sleeps_in_futex(int tid)
{
	char path[64], text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	file = fopen(path, "r");
	CHECK(file && fgets(text, sizeof(text), file));
	fclose(file);
	return atoi(text) == SYS_futex || atoi(text) == 449 || atoi(text) == 455;
}

/* Two forks: the second one finds private memory, or some that has returned. */
static void try(const struct kind *kind, int forks)
{
	struct timespec deadline = { .tv_sec = time(NULL) + DEADLINE_S };
	struct waiter waiters[WAITERS];
	pthread_t threads[WAITERS];

	init_object();
	if (kind->hold)
		kind->hold();
	for (int i = 0; i < WAITERS; i++) {
		waiters[i] = (struct waiter){ kind, i };
		CHECK(pthread_create(&threads[i], NULL, waits, &waiters[i]) == 0);
	}
	for (int i = 0; i < WAITERS; i++)
		while (atomic_load(&object->tids[i]) == 0 || !sleeps_in_futex(object->tids[i]))
			CHECK(time(NULL) < deadline.tv_sec);
	for (int i = 0; i < forks; i++)
		CHECK(forks_well());
	kind->wake();
	for (int i = 0; i < WAITERS; i++) {
		int r = pthread_timedjoin_np(threads[i], NULL, &deadline);

		if (r != 0)
			fprintf(stderr, "%s: a waiter was not woken: %s\n", kind->name, strerror(r)), exit(1);
	}
}

static void *stays(void *unused)
{
	pause();
	return unused;
}

/* "large": enough in use for the shared mapping to be kept; "returned": on memory that came back piece by piece. */
int main(int argc, char **argv)
{
	bool returned = argc > 1 && strcmp(argv[1], "returned") == 0;
	pthread_t thread;

	if (argc > 1 && strcmp(argv[1], "large") == 0)
		memset(malloc(40 << 20), 1, 40 << 20);
	CHECK(pthread_create(&thread, NULL, stays, NULL) == 0);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (returned) {
			CHECK(forks_well());
			for (int n = 0; n < 500 && stats().mode != VMMALLOC_MODE_RETURNING; n++) {
				sleep_ms(10);
				allocate();
			}
			CHECK(stats().mode == VMMALLOC_MODE_RETURNING);
			free(malloc(8 << 20));
		}
		try(&kinds[i], 1);
		try(&kinds[i], 2);
	}
	return 0;
}
