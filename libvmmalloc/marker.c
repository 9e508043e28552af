/* SPDX-License-Identifier: BSD-3-Clause */
/* marker -- see marker.h. */
#include "libvmmalloc/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/base/text.h"
#include "libvmmalloc/kernel.h"
#include "libvmmalloc/pool.h"

static int open_again(int fd, int flags)
{
	char path[64];
	struct text text = TEXT_INIT(path);

	text_add(&text, "/proc/thread-self/fd/%d", fd);
	return kernel_open(path, flags | O_CLOEXEC, 0);
}

static bool has_fd(const struct vmm_marker *marker)
{
	struct stat st;

	return marker->fd > 0 && kernel_fstat(marker->fd, &st) == 0 && st.st_dev == marker->dev &&
	       st.st_ino == marker->ino;
}

static int make(struct vmm_marker *marker)
{
	int memory = kernel_memfd_create("vmmalloc-marker", MFD_CLOEXEC);
	struct stat st;
	int fd;

	if (memory < 0)
		return memory;
	fd = kernel_ftruncate(memory, (off_t)POOL_PAGE);
	if (fd == 0)
		fd = open_again(memory, O_RDONLY);
	(void)kernel_close(memory);
	if (fd < 0)
		return fd;
	fd = vmm_pool_fd_out_of_the_way(fd);
	if (kernel_fstat(fd, &st) < 0) {
		(void)kernel_close(fd);
		return -EBADF;
	}
	*marker = (struct vmm_marker){ .fd = fd, .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

int vmm_marker_plant(struct vmm_marker *marker)
{
	void *page;
	int fd, r;

	if (marker->page)
		return 0;
	if (marker->fd == 0 && (r = make(marker)) < 0)
		return r;
	/* a descriptor that was lost may have children that cannot be asked for: never make a new one */
	if (!has_fd(marker))
		return -EBADF;
	fd = open_again(marker->fd, O_RDWR);
	if (fd < 0)
		return fd;
	page = kernel_mmap(NULL, POOL_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	r = kernel_error(page);
	(void)kernel_close(fd);
	if (r == 0)
		marker->page = page;
	return r;
}

void vmm_marker_pull(struct vmm_marker *marker)
{
	if (marker->page)
		(void)kernel_munmap(marker->page, POOL_PAGE);
	marker->page = NULL;
}

void vmm_marker_forget(struct vmm_marker *marker)
{
	if (has_fd(marker))
		(void)kernel_close(marker->fd);
	marker->fd = 0;
}

bool vmm_marker_alone(const struct vmm_marker *marker)
{
	if (!has_fd(marker) || kernel_fcntl(marker->fd, F_SETLEASE, F_WRLCK) < 0)
		return false;
	(void)kernel_fcntl(marker->fd, F_SETLEASE, F_UNLCK);
	return true;
}
