/*
 * Huge pages of a heap on tmpfs:
 * huge_pages touch|refuse BYTES FAULTS|small MIB | space MIB | random SEED ROUNDS.
 *
 * touch: so many MiB in blocks of BYTES, each page of them written, take at most FAULTS page faults; or one for each
 * small page. random: blocks come and go, are given back, trimmed, and forked; each has its bytes in every process.
 */
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define SMALL 4096
#define BLOCKS 400
#define MOST (600 << 10)    /* bytes of a block: 120 MiB are live */

#include "tests/preload/blocks.h"

static long page_faults(void)
{
	struct rusage usage;

	CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
	return usage.ru_minflt;
}

static int touch(size_t bytes, const char *expected, size_t mib)
{
	long before, faults, small = (long)(mib * MIB / SMALL);

	before = page_faults();
	for (size_t done = 0; done < mib * MIB; done += bytes) {
		char *block = malloc(bytes);

		CHECK(block);
		for (size_t i = 0; i < bytes; i += SMALL) {
			CHECK(bytes < MIB || block[i] == 0);   /* no block of that size was there before */
			block[i] = 1;
		}
		block[bytes - 1] = 1;
	}
	faults = page_faults() - before;
	if (strcmp(expected, "small") == 0 ? faults < small : faults > atol(expected)) {
		printf("%ld faults, expected %s; small pages are %ld\n", faults, expected, small);
		return 1;
	}
	return 0;
}

static void check_block(const struct block *block)
{
	for (size_t i = 0; i < block->size; i += i % 4096 > 4000 ? 1 : 509)
		CHECK(block->bytes[i] == block->mark);
}

static void replace(struct block *block)
{
	int zero = next_random() % 3 == 0;

	check_block(block);
	free(block->bytes);
	block->size = 1 + next_random() % (next_random() % 9 ? MOST : 8 * MOST);
	block->bytes = zero ? calloc(1, block->size) : malloc(block->size);
	CHECK(block->bytes);
	if (zero)
		block->mark = 0;
	else
		memset(block->bytes, block->mark = (unsigned char)next_random(), block->size);
}

static void work(int times)
{
	while (times-- > 0)
		replace(&blocks[next_random() % BLOCKS]);
}

static void fork_and_look(void)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		work(40);
	else
		work(20);
	for (int i = 0; i < BLOCKS; i++)
		check_block(&blocks[i]);
	if (pid == 0)
		_exit(0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static int random_work(int rounds)
{
	while (rounds-- > 0) {
		work(60);
		switch (next_random() % 4) {
		case 0: fork_and_look(); break;
		case 1: (void)malloc_trim(0); break;
		case 2:
			/* a peak goes */
			for (int i = 0; i < BLOCKS; i += 1 + (int)(next_random() % 3)) {
				check_block(&blocks[i]);
				free(blocks[i].bytes);
				blocks[i] = (struct block){ 0 };
			}
			break;
		}
	}
	for (int i = 0; i < BLOCKS; i++)
		check_block(&blocks[i]);
	return 0;
}

/* What is reserved after so many MiB in small blocks. */
static int space(size_t mib)
{
	for (size_t done = 0; done < mib * MIB; done += 4000)
		CHECK(malloc(4000));
	printf("%llu\n", (unsigned long long)stats().reserved_bytes);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "space") == 0)
		return space(strtoul(argv[2], NULL, 10));
	if (argc == 4 && strcmp(argv[1], "random") == 0) {
		seed = (unsigned)atoi(argv[2]);
		return random_work(atoi(argv[3]));
	}
	CHECK(argc == 5);
	/* as programs do which do not want them */
	CHECK(strcmp(argv[1], "touch") == 0 || prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
	return touch(strtoul(argv[2], NULL, 10), argv[3], strtoul(argv[4], NULL, 10));
}
