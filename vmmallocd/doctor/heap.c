/* SPDX-License-Identifier: BSD-3-Clause */
/* heap -- see heap.h; and heap_look. */
#include "vmmallocd/doctor/heap.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/util/absolute_path.h"
#include "common/util/cleanup.h"
#include "common/util/size_format.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/doctor/directory.h"

#define BLOCK_BYTES 100000
#define ASSIGNMENT_BYTES (PATH_MAX + 64)

/* The library's functions, if it is loaded. */
struct heap_library {
	const char *(*version)(void);
	int (*contains)(const void *pointer);
	int (*stats)(struct vmmalloc_stats *stats, size_t bytes);
};

static bool find_library(struct heap_library *library)
{
	/* as dlsym(3) would have it: no pointer to a function is a pointer to an object, but here */
	*(void **)&library->version = dlsym(RTLD_DEFAULT, "vmmalloc_version");
	*(void **)&library->contains = dlsym(RTLD_DEFAULT, "vmmalloc_contains");
	*(void **)&library->stats = dlsym(RTLD_DEFAULT, "vmmalloc_stats");
	return library->version && library->contains && library->stats;
}

static bool block_is_in_pool(const struct heap_library *library)
{
	CLEANUP(cleanup_free) char *block = malloc(BLOCK_BYTES);

	if (!block)
		return false;
	memset(block, 'd', BLOCK_BYTES);
	return library->contains(block) == 1;
}

static bool child_is_in_pool(const struct heap_library *library)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(block_is_in_pool(library) ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool heap_say(char *words, size_t bytes)
{
	struct heap_library library = { NULL, NULL, NULL };
	struct vmmalloc_stats stats = { 0 };
	char size[SIZE_FORMAT_BYTES];

	if (!find_library(&library)) {
		snprintf(words, bytes, "the heap is in ordinary memory: the library is not loaded");
		return false;
	}
	if (!block_is_in_pool(&library)) {
		snprintf(words, bytes, "libvmmalloc %s: the heap is in ordinary memory", library.version());
		return false;
	}
	if (!child_is_in_pool(&library)) {
		snprintf(words, bytes, "libvmmalloc %s: the heap is on a pool, and a child's is not",
			 library.version());
		return false;
	}
	(void)library.stats(&stats, sizeof(stats));
	size_format_whole(stats.pool_bytes, size);
	snprintf(words, bytes, "libvmmalloc %s: the heap is on a pool of %s, and a child's is", library.version(),
		 size);
	return true;
}

/* Whether a variable is set anew for the trial. */
static bool is_set_anew(const char *assignment)
{
	static const char *const names[] = {
		ENVIRONMENT_POOL_DIR, ENVIRONMENT_POOL_SIZE, ENVIRONMENT_POOL,    ENVIRONMENT_SOCKET,
		ENVIRONMENT_PLACE,    ENVIRONMENT_ON_FULL,   ENVIRONMENT_ON_FAIL, ENVIRONMENT_MAX_SIZE,
		ENVIRONMENT_WAIT,     ENVIRONMENT_PRELOAD,   "LD_AUDIT",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t length = strlen(names[i]);

		if (strncmp(assignment, names[i], length) == 0 && assignment[length] == '=')
			return true;
	}
	return false;
}

int heap_run(const char *self, const char *library, const char *directory, const char *on_fail,
	     struct look_output *ret_output)
{
	char preload[ASSIGNMENT_BYTES], pool_dir[ASSIGNMENT_BYTES], pool_size[64], fail[64], path[PATH_MAX];
	const char *const argv[] = { self, "doctor", "--heap", NULL };
	char *const added[] = { preload, pool_dir, pool_size, fail };
	const size_t more = sizeof(added) / sizeof(*added);
	CLEANUP(cleanup_free) char **envp = NULL;
	size_t count = 0, all = 0;
	int r = absolute_path(directory, path, sizeof(path));

	while (environ[all])
		all++;
	envp = reallocarray(NULL, all + more + 1, sizeof(*envp));
	if (r < 0 || !envp)
		return r < 0 ? r : -ENOMEM;
	snprintf(preload, sizeof(preload), ENVIRONMENT_PRELOAD "=%s", library);
	snprintf(pool_dir, sizeof(pool_dir), ENVIRONMENT_POOL_DIR "=%s", path);
	snprintf(pool_size, sizeof(pool_size), ENVIRONMENT_POOL_SIZE "=%zu", VMMALLOC_MIN_POOL);
	snprintf(fail, sizeof(fail), ENVIRONMENT_ON_FAIL "=%s", on_fail);
	for (size_t i = 0; i < all; i++)
		if (!is_set_anew(environ[i]))
			envp[count++] = environ[i];
	for (size_t i = 0; i < more; i++)
		envp[count++] = added[i];
	envp[count] = NULL;
	return look_run(argv, envp, true, HEAP_RUN_MS, ret_output);
}

void heap_look(struct findings *findings, const struct directory *directory)
{
	const struct directory_order *order = directory->order;
	struct look_output output;
	int r;

	/* what keeps all programs from it is said of the library */
	if (strpbrk(order->library, ENVIRONMENT_PRELOAD_SEPARATORS))
		return;
	r = heap_run(order->self, order->library, order->path, "exit", &output);
	output.text[strcspn(output.text, "\n")] = '\0';
	if (r == -ETIMEDOUT)
		findings_add(findings, FINDING_PROBLEM, CHECK_POOL, NULL, "a program does not start on one within %d s",
			     HEAP_RUN_MS / 1000);
	else if (r < 0)
		findings_add(findings, FINDING_NOTE, CHECK_POOL, NULL, "not tried: %s: %s", order->self,
			     strerrordesc_np(-r));
	else if (WIFSIGNALED(output.status))
		findings_add(findings, FINDING_PROBLEM, CHECK_POOL, NULL, "a program on one is killed by SIG%s",
			     sigabbrev_np(WTERMSIG(output.status)));
	else
		findings_add(findings, output.status == 0 ? FINDING_OK : FINDING_PROBLEM, CHECK_POOL, NULL, "%s",
			     output.text);
}
