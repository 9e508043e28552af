/* SPDX-License-Identifier: BSD-3-Clause */
/* remap -- see remap.h. */
#include "libvmmalloc/heap/remap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/pool.h"

#define SPARE_MAPPINGS 8  /* pages, each a mapping of its own */

/*
 * The kernel marks new mappings as locked, and msync() tells of any mapping whether it is. The page can be read because
 * valgrind's memcheck would complain of msync() otherwise.
 */
bool vmm_remap_locks(void)
{
	void *page;
	bool locks;

	if (kernel_is_confined())
		return false;
	page = kernel_mmap(NULL, kernel_page(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (kernel_error(page))
		return kernel_error(page) == -EAGAIN;  /* more than RLIMIT_MEMLOCK */
	locks = kernel_msync(page, kernel_page(), MS_ASYNC | MS_INVALIDATE) == -EBUSY;
	(void)kernel_munmap(page, kernel_page());
	return locks;
}

/* Nothing can be touched in it until it is unlocked. */
static int unlock(void *start, size_t bytes, int protection)
{
	int r = kernel_munlock(start, bytes);

	return r < 0 ? r : kernel_mprotect(start, bytes, protection);
}

/* The file is mapped elsewhere, where that does no harm, and moved into place in one step. */
static int from_aside(char *at, size_t bytes, int protection, int fd, off_t offset, bool locks)
{
	void *aside = kernel_mmap(NULL, bytes, locks ? PROT_NONE : protection, MAP_PRIVATE | MAP_NORESERVE, fd, offset);
	int r = kernel_error(aside);

	if (r < 0)
		return r;
	if (locks)
		r = unlock(aside, bytes, protection);
	if (r == 0)
		r = kernel_error(kernel_mremap(aside, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, at));
	if (r < 0)
		(void)kernel_munmap(aside, bytes);
	return r;
}

/*
 * Older kernels tear down the old mapping first, and may then refuse to commit to the new one. They refuse only where
 * the administrator has asked for strict accounting.
 */
bool vmm_remap_commits_strictly(void)
{
	char setting = '2';
	int fd = kernel_is_confined() ? -EPERM
				      : kernel_open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return true;
	(void)kernel_read(fd, &setting, 1);
	(void)kernel_close(fd);
	return setting == '2';
}

/* Gives them up. False: there were none. */
static bool use_spare(void)
{
	bool had = vmm_remap.spare != NULL;

	if (had)
		(void)kernel_munmap(vmm_remap.spare, SPARE_MAPPINGS * kernel_page());
	vmm_remap.spare = NULL;
	return had;
}

/* The kernel counts only what the new mapping takes more than the old one: nothing. */
static int straight(char *at, size_t bytes, int protection, int fd, off_t offset)
{
	return kernel_error(kernel_mmap(at, bytes, protection, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, offset));
}

int vmm_remap_private(char *at, size_t bytes, int protection, int fd, off_t offset, bool locks)
{
	int r = from_aside(at, bytes, protection, fd, offset, locks);

	if (r != -ENOMEM || locks || vmm_remap_commits_strictly())
		return r;
	r = straight(at, bytes, protection, fd, offset);
	if (r == -ENOMEM && use_spare())
		r = straight(at, bytes, protection, fd, offset);
	return r;
}

int vmm_remap_shared(char *at, size_t bytes, int fd, off_t offset, bool locks)
{
	int protection = locks ? PROT_NONE : PROT_READ | PROT_WRITE;
	int r = kernel_error(
		kernel_mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, offset));

	return r < 0 || !locks ? r : unlock(at, bytes, PROT_READ | PROT_WRITE);
}

void *vmm_remap_memory(size_t bytes)
{
	bool locks = vmm_remap_locks();
	char *memory = kernel_mmap(NULL, bytes, locks ? PROT_NONE : PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (kernel_error(memory))
		return NULL;
	if (!locks || unlock(memory, bytes, PROT_READ | PROT_WRITE) == 0)
		return memory;
	(void)kernel_munmap(memory, bytes);
	return NULL;
}

int vmm_remap_move(void *from, size_t bytes, void *to)
{
	int r = kernel_error(kernel_mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to));

	if (r == -ENOMEM && use_spare())
		r = kernel_error(kernel_mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	return r;
}

void vmm_remap_keep_spare(void)
{
	char *pages;

	if (vmm_remap.spare)
		return;
	pages = kernel_mmap(NULL, SPARE_MAPPINGS * kernel_page(), PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (kernel_error(pages))
		return;
	/* neighbours that are alike would be one */
	for (size_t i = 1; i < SPARE_MAPPINGS; i += 2)
		(void)kernel_mprotect(pages + i * kernel_page(), kernel_page(), PROT_READ);
	vmm_remap.spare = pages;
}
