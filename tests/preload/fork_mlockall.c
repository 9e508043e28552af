/*
 * In a process that locks its future memory a fork locks and copies nothing of what is not in use, and works under a
 * small limit of locked memory. "threads": with another thread. "current": what it has is locked as well, and stays so.
 * "fault": pages are locked when they are touched. "user": without privileges.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define LITTLE (64 * MIB)

/* What the pool takes of its file system. */
static size_t file_bytes(void)
{
	struct stat st;

	for (int fd = 0; fd < 1024; fd++)
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == stats().pool_bytes)
			return (size_t)st.st_blocks * 512;
	CHECK(!"no pool");
	return 0;
}

static bool is_locked(void *block)
{
	void *page = (void *)((uintptr_t)block & ~(uintptr_t)(page_bytes() - 1));

	return msync(page, page_bytes(), MS_ASYNC | MS_INVALIDATE) < 0 && errno == EBUSY;
}

static void *stays(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* An ordinary user, who may lock a little. */
static void lose_privileges(void)
{
	struct rlimit limit = { MIB, MIB };

	CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	if (geteuid() == 0)
		CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
}

int main(int argc, char **argv)
{
	bool threads = argc > 1 && strcmp(argv[1], "threads") == 0;
	bool fault = argc > 1 && strcmp(argv[1], "fault") == 0;
	bool current = argc > 1 && strcmp(argv[1], "current") == 0;
	char *block = malloc(MIB / 2);
	pthread_t thread;
	const char *fork_mode = getenv("VMMALLOC_FORK");
	uint64_t wanted = fork_mode && strcmp(fork_mode, "1") == 0 ? 0
			  : threads ? VMMALLOC_MODE_RETURNING : VMMALLOC_MODE_POOL;

	memset(block, 'x', MIB / 2);
	if (threads)
		CHECK(pthread_create(&thread, NULL, stays, NULL) == 0);
	if (argc > 2 && strcmp(argv[2], "user") == 0)
		lose_privileges();
	CHECK(mlockall(MCL_FUTURE | (current ? MCL_CURRENT : 0) | (fault ? MCL_CURRENT | MCL_ONFAULT : 0)) == 0);
	CHECK(is_locked(block) == (current || fault));
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			CHECK(block[0] == 'x' && block[MIB / 2 - 1] == 'x');
			memset(block, 'c', MIB / 2);
			allocate();
			_exit(0);
		}
		CHECK(ended_well(pid) && block[0] == 'x' && block[MIB / 2 - 1] == 'x');
		if (!current)
			CHECK((fault || status_bytes("VmLck:") < LITTLE) && status_bytes("VmRSS:") < LITTLE &&
			      file_bytes() < LITTLE);
		CHECK(is_locked(block) == (current || fault));
		for (int n = 0; n < 2000 && wanted && stats().mode != wanted; n++) {
			sleep_ms(10);
			allocate();
		}
		CHECK(!wanted || stats().mode == wanted);
		if (!current)
			CHECK((fault || status_bytes("VmLck:") < LITTLE) && status_bytes("VmRSS:") < LITTLE &&
			      file_bytes() < LITTLE);
		CHECK(is_locked(block) == (current || fault));
	}
	exit(0);
}
