/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_file -- see pool_file.h. */
#include "libvmmalloc/heap/pool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/text.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/outside.h"
#include "libvmmalloc/heap/pool.h"

#define FD_PREFERRED 900                     /* out of the way of programs that use fixed small numbers */
#define NAME_ATTEMPTS 16

/* Not inlined: callers that need no path would have it on their stack, and that of a signal handler is small. */
__attribute__((noinline)) static int open_unlinked(const char *dir)
{
	for (int i = 0; i < NAME_ATTEMPTS; i++) {
		char path[PATH_MAX];
		struct text text = TEXT_INIT(path);
		unsigned long random = 0;
		ssize_t n;

		n = kernel_getrandom(&random, sizeof(random), 0);
		if (n != sizeof(random))
			return n < 0 ? (int)n : -EIO;
		text_add(&text, "%s/vmmalloc.%d.%lx", dir, (int)kernel_getpid(), random);
		if (text.length + 1 == text.size)
			return -ENAMETOOLONG;

		int fd = kernel_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			(void)kernel_unlink(path);
		if (fd != -EEXIST)
			return fd;
	}
	return -EEXIST;
}

int vmm_pool_file_open(const char *dir)
{
	int fd = kernel_open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	/* EOPNOTSUPP: the file system has none; EISDIR: an old kernel; EINVAL, ENOSYS: FUSE servers */
	if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -EINVAL || fd == -ENOSYS)
		return open_unlinked(dir);
	return fd;
}

int vmm_pool_file_fd_out_of_the_way(int fd)
{
	struct rlimit limit;
	int wanted = FD_PREFERRED;

	if (kernel_getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= FD_PREFERRED)
		wanted = (int)(limit.rlim_cur / 2);

	int moved = kernel_fcntl(fd, F_DUPFD_CLOEXEC, wanted > STDERR_FILENO ? wanted : STDERR_FILENO + 1);
	if (moved < 0)
		return fd;
	(void)kernel_close(fd);
	return moved;
}

/* What the daemon wrote into its pool's header stays: the pool's identity, the boot, the class. */
void vmm_pool_file_write_header(struct pool_header *header, bool is_ours, size_t pool_bytes, size_t heap_offset,
				size_t reserved_bytes)
{
	struct pool_outside *outside = vmm_outside_figures(header);
	struct timespec now = { 0 };

	header->version = POOL_HEADER_VERSION;
	header->header_bytes = sizeof(*header);
	header->pool_bytes = pool_bytes;
	header->heap_offset = heap_offset;
	header->reserved_bytes = reserved_bytes;
	if (is_ours)
		(void)kernel_getrandom(header->pool_id, sizeof(header->pool_id), GRND_NONBLOCK);
	header->owner_pid = (uint32_t)kernel_getpid();
	header->owner_uid = kernel_geteuid();
	(void)kernel_clock_gettime(CLOCK_BOOTTIME, &now);
	header->owner_start_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	(void)kernel_prctl(PR_GET_NAME, (uintptr_t)header->owner_command);
	header->mode = POOL_HEADER_SHARED;
	outside->reasons = POOL_OUTSIDE_REASONS;
	memcpy(outside->magic, POOL_OUTSIDE_MAGIC, sizeof(outside->magic));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(header->magic, POOL_HEADER_MAGIC, sizeof(header->magic));
}

/* Where fstat() is refused, the file's header tells. To map and read a file does nothing to it, whose ever it is. */
static bool has_fd_by_header(const struct vmm_pool_file *file)
{
	const struct pool_header *header = kernel_mmap(NULL, kernel_page(), PROT_READ, MAP_SHARED, file->fd, 0);
	bool is_ours;

	if (kernel_error(header))
		return false;
	is_ours = kernel_madvise((void *)header, kernel_page(), MADV_POPULATE_READ) == 0 &&
		  memcmp(header->magic, POOL_HEADER_MAGIC, sizeof(header->magic)) == 0 &&
		  memcmp(header->pool_id, file->header->pool_id, sizeof(header->pool_id)) == 0 &&
		  header->owner_start_ns == file->header->owner_start_ns &&
		  header->pool_bytes == file->header->pool_bytes;
	(void)kernel_munmap((void *)header, kernel_page());
	return is_ours;
}

bool vmm_pool_file_has_fd(const struct vmm_pool_file *file)
{
	struct stat st;
	int r = kernel_is_confined() ? -EPERM : kernel_fstat(file->fd, &st);

	if (r == 0)
		return st.st_dev == file->dev && st.st_ino == file->ino;
	return r != -EBADF && file->header && has_fd_by_header(file);
}

struct vmm_pool_file *vmm_pool_file_at(const struct vmm_pool *pool, size_t offset, size_t *bytes)
{
	size_t i = __atomic_load_n(&pool->files, __ATOMIC_ACQUIRE) - 1;
	struct vmm_pool_file *file;

	ASSERT(offset < pool->size);
	while (vmm_pool_file(pool, i)->start > offset)
		i--;
	file = vmm_pool_file(pool, i);
	if (*bytes > file->end - offset)
		*bytes = file->end - offset;
	return file;
}
