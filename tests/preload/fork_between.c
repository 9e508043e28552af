/* Beside atfork_allocates.so: what handlers allocate that run between the library's is in the child's figures. */
#include <dlfcn.h>

#include "tests/preload/forking.h"

int main(void)
{
	void **before_fork = dlsym(RTLD_DEFAULT, "taken_before_fork");
	void **in_child = dlsym(RTLD_DEFAULT, "taken_in_child");

	CHECK(before_fork && in_child);
	for (int i = 0; i < 5; i++) {
		uint64_t before = stats().used_bytes;
		pid_t pid = fork();

		CHECK(pid >= 0 && *before_fork);
		if (pid == 0) {
			CHECK(*in_child && stats().used_bytes >= before + ((size_t)48 << 20));
			free(*in_child);
			free(*before_fork);
			CHECK(stats().used_bytes == before);
			_exit(0);
		}
		CHECK(ended_well(pid));
		free(*before_fork);
	}
	return 0;
}
