/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * touch_heap MIB [BYTE] -- allocates so much, writes BYTE to each
 * page of it, and prints the minor faults that the writing took: "faults N". With BYTE it then fills all of it, says
 * "held" and sleeps until it is killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define HUGE ((size_t)2 << 20)

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

int main(int argc, char *argv[])
{
	size_t bytes = strtoull(argv[1], NULL, 0) << 20;
	volatile char *block;
	long before;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* whatever else is done the first time, and faults */
	printf("%zu bytes\n", bytes);
	(void)minor_faults();
	block = aligned_alloc(HUGE, bytes);
	if (!block) {
		perror("aligned_alloc");
		return 1;
	}
	before = minor_faults();
	for (size_t i = 0; i < bytes; i += 4096)
		block[i] = argc > 2 ? (char)atoi(argv[2]) : 1;
	printf("faults %ld\n", minor_faults() - before);
	if (argc > 2) {
		memset((char *)block, atoi(argv[2]), bytes);
		puts("held");
		pause();
	}
	return 0;
}
