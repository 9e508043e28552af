/* fork_stress SEED ROUNDS -- random work and random forks; every block is checked in every process, to the end. */
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define BLOCKS 3000

#include "tests/preload/blocks.h"

static void check_block(const struct block *block)
{
	for (size_t i = 0; i < block->size; i += block->size > 5000 ? 97 : 1)
		CHECK(block->bytes[i] == block->mark);
}

static void check_all(void)
{
	for (int i = 0; i < BLOCKS; i++)
		check_block(&blocks[i]);
}

static void resize(struct block *block, size_t size)
{
	unsigned char *bytes = realloc(block->bytes, size + 1);

	for (size_t i = 0; i < size && i < block->size; i += 31)
		CHECK(bytes[i] == block->mark);
	*block = (struct block){ .bytes = bytes, .size = size, .mark = (unsigned char)next_random() };
	memset(bytes, block->mark, size);
}

static void replace(struct block *block, size_t size, int zero)
{
	free(block->bytes);
	block->size = size;
	block->bytes = zero ? calloc(1, size + 1) : malloc(size + 1);
	block->mark = zero ? 0 : (unsigned char)next_random();
	if (!zero)
		memset(block->bytes, block->mark, size);
}

static void mutate(int count)
{
	while (count-- > 0) {
		struct block *block = &blocks[next_random() % BLOCKS];

		check_block(block);
		switch (next_random() % 4) {
		case 0: replace(block, next_random() % (next_random() % 8 ? 3000 : 300000), 0); break;
		case 1: resize(block, next_random() % 20000); break;
		case 2: memset(block->bytes, ++block->mark, block->size); break;
		case 3: replace(block, next_random() % 5000, 1); break;
		}
	}
}

static int run(int depth, int rounds);

static int child(int depth)
{
	seed ^= (unsigned)getpid() * 7919u;
	check_all();
	mutate((int)(next_random() % 800));
	if (next_random() % 6 == 0) {
		nanosleep(&(struct timespec){ .tv_nsec = 120000000 }, NULL);  /* old enough for a pool of its own */
		mutate(3000);
	}
	check_all();
	if (depth > 0 && next_random() % 3 == 0)
		return run(depth - 1, 2);
	if (next_random() % 9 == 0)
		execl("/bin/true", "true", NULL);
	return 0;
}

static void reap(int options)
{
	int status;

	while (waitpid(-1, &status, options) > 0)
		CHECK(status == 0);
}

static int run(int depth, int rounds)
{
	while (rounds-- > 0) {
		mutate(300);
		pid_t pid = fork();
		if (pid == 0)
			_exit(child(depth));
		CHECK(pid > 0);
		mutate(200);
		reap(next_random() % 3 ? 0 : WNOHANG);
		mutate(100);
	}
	reap(0);
	check_all();
	return 0;
}

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	seed = (unsigned)atoi(argv[1]);
	for (int i = 0; i < BLOCKS; i++)
		replace(&blocks[i], 1, 0);
	mutate(20000);
	return run(2, atoi(argv[2]));
}
