/* SPDX-License-Identifier: BSD-3-Clause */
/* marker -- see marker.h. */
#include "libvmmalloc/fork/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/pool.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  /* Linux 6.3 */
#endif

/* A process that is confined may not ask, and needs no marker: it does not return. */
static bool has_fd(const struct vmm_marker *marker)
{
	struct stat st;

	if (marker->fd <= 0 || kernel_is_confined())
		return false;
	return kernel_fstat(marker->fd, &st) == 0 && st.st_dev == marker->dev && st.st_ino == marker->ino;
}

/* A machine may insist on files that nobody can execute (vm.memfd_noexec); older kernels do not know the flag. */
static int make_file(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = kernel_memfd_create("vmmalloc-marker", flags | MFD_NOEXEC_SEAL);

	return fd == -EINVAL ? kernel_memfd_create("vmmalloc-marker", flags) : fd;
}

static int make_marker(struct vmm_marker *marker)
{
	struct stat st;
	int fd = make_file();

	if (fd < 0)
		return fd;
	fd = vmm_pool_file_fd_out_of_the_way(fd);
	if (kernel_fstat(fd, &st) < 0) {
		(void)kernel_close(fd);
		return -EBADF;
	}
	*marker = (struct vmm_marker){ .fd = fd, .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

/*
 * The file stays empty: nobody reads or writes the page, and so no limit of file size is in the way. The kernel counts
 * what may be made writable, whatever the protection.
 */
int vmm_marker_plant(struct vmm_marker *marker)
{
	void *page;
	int r;

	if (marker->page)
		return 0;
	if (marker->fd == 0 && (r = make_marker(marker)) < 0)
		return r;
	/* if the descriptor was lost, children may have the old file who would not be counted with a new one */
	if (!has_fd(marker))
		return -EBADF;
	page = kernel_mmap(NULL, kernel_page(), PROT_NONE, MAP_SHARED, marker->fd, 0);
	if (kernel_error(page))
		return kernel_error(page);
	marker->page = page;
	return 0;
}

void vmm_marker_pull(struct vmm_marker *marker)
{
	if (marker->page)
		(void)kernel_munmap(marker->page, kernel_page());
	marker->page = NULL;
}

void vmm_marker_forget(struct vmm_marker *marker)
{
	if (has_fd(marker))
		(void)kernel_close(marker->fd);
	marker->fd = 0;
}

bool vmm_marker_alone(struct vmm_marker *marker)
{
	if (marker->fd == 0)
		return !marker->page;
	if (!has_fd(marker) || kernel_fcntl(marker->fd, F_ADD_SEALS, F_SEAL_WRITE) < 0)
		return false;
	vmm_marker_forget(marker);
	return true;
}
