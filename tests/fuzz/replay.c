/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * replay -- gives a fuzzed entry every file of its corpus, and some thousand variations of each, always the same ones.
 *
 *     fuzz_NAME [DIRECTORY] [VARIATIONS]     default: tests/fuzz/corpus/NAME, 3000
 *
 * Counts files that passed. The first failure ends it, and says with which file and which variation.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES_MOST ((size_t)1 << 20)
#define VARIATIONS 3000
#define CHANGES_MOST 8

/* What is being tried, for whoever has to find out why it failed. */
static char current[512];

void __sanitizer_set_death_callback(void (*callback)(void));

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_abort=1";
}

static void say_what_was_tried(void)
{
	(void)!write(STDERR_FILENO, current, strlen(current));
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

struct input {
	uint8_t *data;       /* of INPUT_BYTES_MOST */
	size_t size;
};

static void change_bytes(struct input *input, uint64_t *random)
{
	static const uint64_t numbers[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, UINT32_MAX, INT64_MAX,
					    (uint64_t)INT64_MAX + 1, UINT64_MAX };
	const size_t at = next_random(random) % input->size;
	size_t width = (size_t)1 << next_random(random) % 4;

	if (width > input->size - at)
		width = input->size - at;
	switch (next_random(random) % 3) {
	case 0:
		input->data[at] ^= (uint8_t)(1u << next_random(random) % 8);
		break;
	case 1:
		input->data[at] = (uint8_t)next_random(random);
		break;
	default:
		memcpy(input->data + at, &numbers[next_random(random) % (sizeof(numbers) / sizeof(numbers[0]))], width);
		break;
	}
}

static void change_length(struct input *input, uint64_t *random)
{
	const size_t at = input->size ? next_random(random) % input->size : 0;
	const size_t bytes = next_random(random) % 32;

	switch (next_random(random) % 3) {
	case 0:  /* cut off */
		input->size = at;
		break;
	case 1:  /* leave out */
		if (bytes <= input->size - at) {
			memmove(input->data + at, input->data + at + bytes, input->size - at - bytes);
			input->size -= bytes;
		}
		break;
	default: /* say twice */
		if (bytes <= input->size - at && input->size + bytes <= INPUT_BYTES_MOST) {
			memmove(input->data + at + bytes, input->data + at, input->size - at);
			input->size += bytes;
		}
		break;
	}
}

/* In memory of exactly that size, so that a byte read too far is seen. */
static void try_input(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);

	if (size)
		memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void try_file(const char *path, const struct input *original, unsigned variations)
{
	struct input input = { .data = malloc(INPUT_BYTES_MOST) };

	snprintf(current, sizeof(current), "replay: %s as it is\n", path);
	try_input(original->data, original->size);
	for (unsigned i = 1; i <= variations; i++) {
		uint64_t random = 0x9e3779b97f4a7c15u * i;
		unsigned changes = 1 + (unsigned)(next_random(&random) % CHANGES_MOST);

		memcpy(input.data, original->data, original->size);
		input.size = original->size;
		while (changes--) {
			if (input.size && next_random(&random) % 4)
				change_bytes(&input, &random);
			else
				change_length(&input, &random);
		}
		snprintf(current, sizeof(current), "replay: %s, variation %u\n", path, i);
		try_input(input.data, input.size);
	}
	free(input.data);
}

/* False: it cannot be read, or is too long. */
static int read_file(const char *path, struct input *input)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	input->size = fread(input->data, 1, INPUT_BYTES_MOST, file);
	fclose(file);
	return input->size == INPUT_BYTES_MOST ? -EFBIG : 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const unsigned variations = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : VARIATIONS;
	struct input input = { .data = malloc(INPUT_BYTES_MOST) };
	unsigned passed = 0, failed = 0;
	struct dirent *entry;
	char directory[200], path[480];
	DIR *entries;

	__sanitizer_set_death_callback(say_what_was_tried);
	snprintf(directory, sizeof(directory), "tests/fuzz/corpus/%s", strncmp(name, "fuzz_", 5) ? name : name + 5);
	if (argc > 1)
		snprintf(directory, sizeof(directory), "%s", argv[1]);
	entries = opendir(directory);
	while (entries && (entry = readdir(entries))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (read_file(path, &input) < 0) {
			printf("FAIL %s: it cannot be read\n", path);
			failed++;
			continue;
		}
		try_file(path, &input, variations);
		passed++;
	}
	if (passed + failed == 0) {
		printf("FAIL %s: no corpus\n", directory);
		failed++;
	}
	if (entries)
		closedir(entries);
	free(input.data);
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed > 0;
}
