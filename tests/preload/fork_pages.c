/*
 * fork_pages -- what a program makes of pages of its heap is lost by a fork, as the manual says, and does not come back
 * with the heap: a page that could not be written to can be, and no memory is counted as locked any more.
 */
#include <sys/mman.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define BLOCKS 40  /* of 1 MiB: so much that a fork sets the pages aside */

static void fork_and_come_back(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	allocate();
	CHECK(ended_well(pid) && comes_back());
}

int main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *blocks[BLOCKS], *pages;

	for (size_t i = 0; i < BLOCKS; i++) {
		CHECK((blocks[i] = malloc(MIB)));
		memset(blocks[i], 'x', MIB);
	}
	CHECK((pages = aligned_alloc(page, MIB)));
	memset(pages, 'a', MIB);

	CHECK(mprotect(pages + page, page, PROT_READ) == 0);
	fork_and_come_back();
	memset(pages, 'b', MIB);
	for (int i = 0; i < 3; i++) {
		CHECK(mlock(pages, MIB / 2) == 0);
		fork_and_come_back();
		CHECK(munlock(pages, MIB / 2) == 0 && status_bytes("VmLck:") == 0);
	}
	memset(pages, 'c', MIB);
	for (size_t i = 0; i < BLOCKS; i++)
		CHECK(blocks[i][0] == 'x' && blocks[i][MIB - 1] == 'x');
	return 0;
}
