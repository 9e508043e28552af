/* SPDX-License-Identifier: BSD-3-Clause */
/* hold MIB -- writes to MIB of heap, prints READY and waits to be killed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	(void)argc;
	for (int n = atoi(argv[1]); n > 0; n--) {
		char *block = malloc(1 << 20);

		if (!block)
			return 1;
		memset(block, n, 1 << 20);
	}
	puts("READY");
	fflush(stdout);
	for (;;)
		pause();
}
