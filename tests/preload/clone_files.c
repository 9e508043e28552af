/* A child that shares our descriptors, but not our memory, closes none of them; and we return to our pool. */
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/preload/forking.h"

#define DESCRIPTORS 4096

static char stack[1 << 18] __attribute__((aligned(16)));

static int child(void *unused)
{
	(void)unused;
	for (int i = 0; i < 30; i++) {
		sleep_ms(10);
		allocate();
	}
	_exit(0);
}

/* What is open under each number, 0 for nothing. */
static void list(ino_t *inodes)
{
	struct stat st;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		inodes[fd] = fstat(fd, &st) == 0 ? st.st_ino : 0;
}

int main(void)
{
	static ino_t before[DESCRIPTORS], after[DESCRIPTORS];

	pid_t pid = _Fork();                    /* the marker of children, that it makes, stays open */
	if (pid == 0)
		_exit(0);
	CHECK(ended_well(pid) && comes_back());
	list(before);
	for (int i = 0; i < 2; i++) {
		CHECK(ended_well(clone(child, stack + sizeof(stack), SIGCHLD | CLONE_FILES, NULL)));
		CHECK(comes_back());
		list(after);
		for (int fd = 0; fd < DESCRIPTORS; fd++)
			CHECK(after[fd] == before[fd]);
	}
	return 0;
}
