/*
 * A pool of 64 TiB on a file system of 64 MiB: the heap lies at both ends of it, forks, and takes little for itself. On
 * one that small nothing is harmed should a request for 40 TiB fill it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define TIB ((size_t)1 << 40)
#define MOST_KIB (300 << 10)  /* of ordinary memory: two bits for each 64 KiB of the pool, 256 MiB, and a little more */
#define BLOCKS 64

static unsigned *blocks[BLOCKS];

static void write_blocks(unsigned value)
{
	for (unsigned i = 0; i < BLOCKS; i++)
		blocks[i][0] = blocks[i][1000] = value + i;
}

static bool has_blocks(unsigned value)
{
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i][0] != value + i || blocks[i][1000] != value + i)
			return false;
	return true;
}

static long ordinary_kib(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	fclose(status);
	return kib;
}

static void fork_once(unsigned value)
{
	int status;
	pid_t child;

	write_blocks(value);
	child = fork();
	if (child == 0) {
		CHECK(has_blocks(value));
		write_blocks(value + 1000);
		free(malloc(1 << 20));
		_exit(has_blocks(value + 1000) ? 0 : 1);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(has_blocks(value));
}

int main(void)
{
	struct vmmalloc_stats stats;

	for (unsigned i = 0; i < BLOCKS; i++)
		CHECK(blocks[i] = malloc(100000));
	vmmalloc_stats(&stats, sizeof(stats));
	CHECK(stats.pool_bytes == 64 * TIB && stats.metadata_bytes > 0 && stats.outside_bytes == 0);
	CHECK(!malloc(40 * TIB) && !calloc(40, TIB));
	for (unsigned i = 0; i < 5; i++)
		fork_once(i);
	CHECK(ordinary_kib() > 0 && ordinary_kib() < MOST_KIB);
	return 0;
}
