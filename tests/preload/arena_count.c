/*
 * arena_count -- prints how many arenas there may be.
 * arena_count many COMMAND... -- runs a command as on a machine that may have 4,096 processors: the kernel refuses to
 * tell which of them a process may run on if the mask has no room for that many.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define MASK_BYTES 512

int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length);

static void have_many_processors(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_getaffinity, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, MASK_BYTES, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(*filter), .filter = filter };

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

int main(int argc, char **argv)
{
	unsigned arenas;
	size_t length = sizeof(arenas);

	if (argc > 2) {
		have_many_processors();
		execvp(argv[2], argv + 2);
		CHECK(0);
	}
	CHECK(mallctl("opt.narenas", &arenas, &length, NULL, 0) == 0);
	printf("%u\n", arenas);
	return 0;
}
