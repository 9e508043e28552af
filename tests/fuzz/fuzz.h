/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz -- what a fuzzed entry is: libFuzzer's. replay.c calls it with the corpus, clang's fuzzer with what it thinks
 * of.
 *
 * An entry calls one piece of code that reads what others wrote, and aborts when the result is not what that promises.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ASSERT(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

#endif
