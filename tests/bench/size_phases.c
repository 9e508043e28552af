/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * size_phases LIVE_MIB ROUNDS -- so many bytes are live at all times, in blocks whose sizes change from phase to phase:
 * what one phase leaves is of use to the next only where free space has been joined. Mostly the youngest blocks go
 * first, and a tenth of them at random. Always the same sequence.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define BLOCKS_MOST ((size_t)4 << 20)
#define YOUNG 4000

struct block {
	char *data;
	size_t bytes;
};

static const struct {
	size_t least, most;
} phases[] = {
	{ 16, 512 }, { 1000, 10000 }, { 16000, 140000 }, { 16, 4000 }, { 200000, 2200000 }, { 1000000, 7000000 },
	{ 30, 30000 }, { 64, 128 },
};

static uint64_t next_random(void)
{
	static uint64_t x = 0x2545f4914f6cdd1d;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x >> 8;
}

static size_t victim(size_t count)
{
	uint64_t random = next_random();
	size_t among = random % 10 == 0 || count < YOUNG ? count : YOUNG;

	return count - 1 - (size_t)(random / 10 % among);
}

int main(int argc, char **argv)
{
	size_t most = argc == 3 ? strtoul(argv[1], NULL, 10) << 20 : 0, rounds = most ? strtoul(argv[2], NULL, 10) : 0;
	size_t count = 0, live = 0;
	struct block *blocks = mmap(NULL, BLOCKS_MOST * sizeof(*blocks), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (rounds == 0 || blocks == MAP_FAILED)
		return EXIT_FAILURE;
	for (size_t phase = 0; phase < rounds * (sizeof(phases) / sizeof(phases[0])); phase++) {
		size_t least = phases[phase % (sizeof(phases) / sizeof(phases[0]))].least;
		size_t span = phases[phase % (sizeof(phases) / sizeof(phases[0]))].most - least;

		for (size_t turned = 0; turned < 2 * most;) {
			struct block block = { .bytes = least + next_random() % span };

			while (count > 0 && (live + block.bytes > most || count == BLOCKS_MOST)) {
				size_t i = victim(count);

				live -= blocks[i].bytes;
				free(blocks[i].data);
				blocks[i] = blocks[--count];
			}
			block.data = malloc(block.bytes);
			if (!block.data) {
				fprintf(stderr, "size_phases: no memory with %zu MiB live\n", live >> 20);
				return EXIT_FAILURE;
			}
			for (size_t i = 0; i < block.bytes; i += 4096)
				block.data[i] = 1;
			blocks[count++] = block;
			live += block.bytes;
			turned += block.bytes;
		}
	}
	return EXIT_SUCCESS;
}
