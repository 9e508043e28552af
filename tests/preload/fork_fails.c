/* A fork that the kernel refuses is not counted, and leaves the program as it was. Must start as root. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/preload/check.h"

int main(void)
{
	struct rlimit none = { 0, 0 };
	struct vmmalloc_stats stats;
	char *block = strdup("kept");

	CHECK(setgid(65534) == 0 && setuid(65534) == 0 && setrlimit(RLIMIT_NPROC, &none) == 0);
	for (int i = 0; i < 5; i++) {
		CHECK(fork() == -1 && errno == EAGAIN);
		block = realloc(block, 1000000 * (size_t)(i + 1));
		CHECK(block && strcmp(block, "kept") == 0);
	}
	vmmalloc_stats(&stats, sizeof(stats));
	CHECK(stats.forks == 0);
	return 0;
}
