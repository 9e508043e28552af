/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_fixture -- see pool_fixture.h. */
#include "tests/unit/pool_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/faults.h"
#include "tests/unit/test.h"

bool pool_fixture_on_dax;
size_t pool_fixture_page;

int __real_statx(int fd, const char *path, int flags, unsigned mask, struct statx *sx) __attribute__((weak));
int __wrap_statx(int fd, const char *path, int flags, unsigned mask, struct statx *sx)
{
	int r = __real_statx(fd, path, flags, mask, sx);

	if (pool_fixture_on_dax) {
		sx->stx_attributes_mask |= STATX_ATTR_DAX;
		sx->stx_attributes |= STATX_ATTR_DAX;
	}
	return r;
}

long __real_sysconf(int name) __attribute__((weak));
long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE && pool_fixture_page ? (long)pool_fixture_page : __real_sysconf(name);
}

static int open_fixture(void **state, struct pool_fixture *fixture)
{
	/* as the daemon: probes must not kill it, and no umask may matter */
	signal(SIGIO, SIG_IGN);
	umask(0);
	faults_clear();
	pool_fixture_on_dax = false;
	pool_fixture_page = 0;
	fixture->error = (struct text){ .data = fixture->error_text, .size = sizeof(fixture->error_text) };
	*state = fixture;
	return pool_dir_open(fixture->path, &fixture->dir, &fixture->error);
}

int pool_fixture_setup(void **state)
{
	struct pool_fixture *fixture = calloc(1, sizeof(*fixture));

	scratch_make(*state ? *state : "/dev/shm", fixture->path);
	return open_fixture(state, fixture);
}

int pool_fixture_setup_small(void **state)
{
	struct pool_fixture *fixture = calloc(1, sizeof(*fixture));

	scratch_make("/tmp", fixture->path);
	fixture->mounted = scratch_mount(fixture->path, 8 * MIB);
	chmod(fixture->path, 0700);
	return open_fixture(state, fixture);
}

int pool_fixture_teardown(void **state)
{
	struct pool_fixture *fixture = *state;

	while (fixture->child_count > 0)
		pool_fixture_kill(fixture, fixture->children[0]);
	if (fixture->dir.path)
		pool_dir_close(&fixture->dir);
	scratch_remove(fixture->path);
	free(fixture);
	return 0;
}

struct pool_file pool_fixture_make(struct pool_fixture *fixture, size_t bytes, enum pool_file_mark mark)
{
	struct pool_file file;

	if (pool_file_create(&fixture->dir, "small", bytes, NULL, &file, &fixture->error) < 0)
		fail_msg("%s", fixture->error_text);
	assert_int_equal(pool_file_set_mark(&fixture->dir, &file, mark), 0);
	return file;
}

const char *pool_fixture_path(const struct pool_fixture *fixture, const struct pool_file *file)
{
	static char path[SCRATCH_PATH + POOL_FILE_NAME_BYTES];
	char name[POOL_FILE_NAME_BYTES];

	pool_file_name_format(file, name);
	snprintf(path, sizeof(path), "%s/%s", fixture->path, name);
	return path;
}

pid_t pool_fixture_child(struct pool_fixture *fixture, void (*act)(int fd), int fd)
{
	pid_t parent = getpid(), pid;
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		act(fd);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	fixture->children[fixture->child_count++] = pid;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

void pool_fixture_kill(struct pool_fixture *fixture, pid_t pid)
{
	for (int i = 0; i < fixture->child_count; i++)
		if (fixture->children[i] == pid)
			fixture->children[i] = fixture->children[--fixture->child_count];
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

char *pool_fixture_map(int fd, size_t offset, size_t bytes)
{
	char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);

	assert_ptr_not_equal(base, MAP_FAILED);
	return base;
}

bool pool_fixture_reads_zero(const struct pool_fixture *fixture, const struct pool_file *file)
{
	static char data[MIB], zero[MIB];
	int fd = open(pool_fixture_path(fixture, file), O_RDONLY | O_CLOEXEC);
	off_t offset = 4096;
	bool clean = true;
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = pread(fd, data, sizeof(data), offset)) > 0) {
		clean = clean && memcmp(data, zero, (size_t)n) == 0;
		offset += n;
	}
	close(fd);
	assert_int_equal(n, 0);
	return clean;
}
