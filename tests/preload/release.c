/*
 * Free memory goes back to the file system, in the middle of the heap, too:
 * release trim|fork|shared|idle|never|grow [disk].
 *
 * Most blocks of a peak are freed, and a few stay between them. All that stays has its bytes, also in a child that was
 * forked before its parent freed and trimmed.
 */
#include <malloc.h>
#include <pthread.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define BLOCKS 15000
#define BYTES 4000          /* 58 MiB */
#define EACH 1500           /* one of so many stays */
#define LEFT ((on_disk ? 32 : 6) * MIB)  /* the blocks that stay, each with its granule, and metadata */
#define SECONDS 40

int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);

static int on_disk;         /* where granules are of 2 MiB, and the pool is not on a tmpfs */
static unsigned char *blocks[BLOCKS];

static unsigned char word(int i)
{
	return (unsigned char)(i * 7 + 1);
}

static void fill(void)
{
	for (int i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BYTES);
		CHECK(blocks[i]);
		memset(blocks[i], word(i), BYTES);
	}
	CHECK(stats().reserved_bytes >= BLOCKS * BYTES);
}

static void look(int each)
{
	for (int i = 0; i < BLOCKS; i += each)
		for (int at = 0; at < BYTES; at++)
			CHECK(blocks[i][at] == word(i));
}

static void free_most(void)
{
	for (int i = 0; i < BLOCKS; i++)
		if (i % EACH)
			free(blocks[i]);
}

/* What the pool's file has. */
static size_t file_bytes(void)
{
	struct stat st;
	size_t bytes = 0;

	for (int fd = 0; fd < 1024; fd++)
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == stats().pool_bytes)
			bytes += (size_t)st.st_blocks * 512;
	return bytes;
}

static void expect_small(void)
{
	CHECK(stats().reserved_bytes < LEFT);
	CHECK(file_bytes() < LEFT);
	look(EACH);
}

/* Space that was given back is taken again, zeroed and all. */
static void use_again(void)
{
	for (int i = 0; i < BLOCKS; i++) {
		if (i % EACH == 0)
			continue;
		blocks[i] = calloc(1, BYTES);
		CHECK(blocks[i] && blocks[i][0] == 0 && blocks[i][BYTES - 1] == 0);
		memset(blocks[i], word(i), BYTES);
	}
	look(1);
}

static void trims(void)
{
	for (int round = 0; round < 3; round++) {
		free_most();
		CHECK(malloc_trim(0) == 1);
		expect_small();
		use_again();
	}
}

static void trims_beside_children(void)
{
	int ends[2];
	char end;
	pid_t pid;

	CHECK(pipe(ends) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		close(ends[1]);
		CHECK(read(ends[0], &end, 1) == 0);
		look(1);
		free_most();
		(void)malloc_trim(0);
		use_again();
		_exit(0);
	}
	close(ends[0]);
	free_most();
	(void)malloc_trim(0);
	use_again();
	free_most();
	(void)malloc_trim(0);
	look(EACH);
	close(ends[1]);
	CHECK(ended_well(pid));
	/* with 1 it never does, and there is nothing to wait for */
	if (stats().mode == VMMALLOC_MODE_POOL ||
	    (strcmp(getenv("VMMALLOC_FORK") ?: "auto", "1") != 0 && comes_back())) {
		(void)malloc_trim(0);
		expect_small();
	}
	use_again();
	CHECK(forks_well());
	look(1);
}

/* jemalloc keeps what is free for a while, too: here it does not. */
static void empty_caches(void)
{
	CHECK(mallctl("thread.tcache.flush", NULL, NULL, NULL, 0) == 0);
	CHECK(mallctl("arena.4096.purge", NULL, NULL, NULL, 0) == 0);
}

static void goes_back_by_itself(int expected)
{
	free_most();
	empty_caches();
	for (int i = 0; i < SECONDS * 100 && stats().reserved_bytes >= LEFT && (expected || i < 400); i++) {
		sleep_ms(10);
		for (int n = 0; n < 100; n++)
			free(malloc(1000));
	}
	if (expected)
		expect_small();
	else
		CHECK(stats().reserved_bytes >= BLOCKS / 2 * BYTES);
	use_again();
}

/* A child that has its parent's heap, and not what the parent knows of it, until it calls exec. */
static void shares_with_a_child(void)
{
	int ends[2];
	char end;
	pid_t pid;

	free_most();
	empty_caches();
	CHECK(pipe(ends) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		close(ends[1]);
		CHECK(read(ends[0], &end, 1) == 0);
		for (int i = 0; i < 400; i++) {
			sleep_ms(10);
			for (int n = 0; n < 100; n++)
				free(malloc(1000));
		}
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	close(ends[0]);
	use_again();
	close(ends[1]);
	CHECK(ended_well(pid));
	look(1);
}

/* What is reserved is little more than what is used, at any time. */
static void grows_in_small_steps(void)
{
	for (size_t i = 0; i < 275; i++) {
		memset(malloc(MIB), 1, MIB);
		CHECK(stats().reserved_bytes < stats().used_bytes + 5 * MIB);
	}
	CHECK(file_bytes() < 283 * MIB);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	on_disk = argc > 2 && strcmp(argv[2], "disk") == 0;
	if (strcmp(what, "grow") == 0) {
		grows_in_small_steps();
		return 0;
	}
	fill();
	if (strcmp(what, "trim") == 0)
		trims();
	else if (strcmp(what, "fork") == 0)
		trims_beside_children();
	else if (strcmp(what, "shared") == 0)
		shares_with_a_child();
	else
		goes_back_by_itself(strcmp(what, "idle") == 0);
	return 0;
}
