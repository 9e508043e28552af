/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * header -- the header in a pool file, as the daemon writes it and as it reads it back. Between the two its owner may
 * have written anything there.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/util/boot_id.h"
#include "common/util/cleanup.h"
#include "common/util/pool_header_decode.h"
#include "common/util/write_all.h"
#include "vmmallocd/files/internal.h"

static int read_header_at_start(int fd, int flags, struct pool_header *ret_header)
{
	char data[sizeof(struct pool_header)];
	const struct iovec part = { .iov_base = data, .iov_len = sizeof(data) };
	ssize_t n;

	do
		n = preadv2(fd, &part, 1, 0, flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : pool_header_decode(data, (size_t)n, ret_header);
}

int pool_file_header_read(int fd, struct pool_header *ret_header)
{
	return read_header_at_start(fd, 0, ret_header);
}

/*
 * Whoever has the pool may be in the middle of a write to it, from memory that does not come. XFS, and every file
 * system on DAX, then keeps readers waiting, and no signal ends that. Where there is no RWF_NOWAIT, reading takes no
 * lock of the file, except on DAX.
 */
static int read_at_once(const struct pool_dir *dir, int fd, struct pool_header *ret_header)
{
	int r = read_header_at_start(fd, RWF_NOWAIT, ret_header);

	if (r != -EOPNOTSUPP)
		return r;
	return dir->dax ? -EAGAIN : read_header_at_start(fd, 0, ret_header);
}

int pool_file_read_header(const struct pool_dir *dir, const struct pool_file *file, struct pool_header *ret_header)
{
	struct stat st;

	CLEANUP(cleanup_fd) int fd = pool_file_open_as(dir, file, O_RDONLY, &st);
	return fd < 0 ? fd : read_at_once(dir, fd, ret_header);
}

static int read_this_boot_id(uint8_t ret_id[BOOT_ID_BYTES])
{
	char text[BOOT_ID_TEXT_BYTES];
	int r = boot_id_read(text);

	return r < 0 ? r : boot_id_parse(text, ret_id);
}

bool pool_file_header_is_of_this_boot(const struct pool_header *header)
{
	uint8_t boot_id[BOOT_ID_BYTES];

	_Static_assert(sizeof(boot_id) == sizeof(header->boot_id), "the header has room for it");
	return read_this_boot_id(boot_id) == 0 && memcmp(boot_id, header->boot_id, sizeof(boot_id)) == 0;
}

/* hugetlbfs knows no write(2). Populating says in an errno what touching would say with SIGBUS. */
static int write_mapped(int fd, const void *data, size_t bytes, size_t grain)
{
	char *page = mmap(NULL, grain, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int r;

	if (page == MAP_FAILED)
		return -errno;
	r = madvise(page, grain, MADV_POPULATE_WRITE) < 0 ? -errno : 0;
	if (r == 0)
		memcpy(page, data, bytes);
	(void)munmap(page, grain);
	return r;
}

int pool_file_header_write(const struct pool_dir *dir, int fd, const struct pool_file *file, const char *class_name,
			   uint64_t reserved_bytes)
{
	const size_t magic_bytes = sizeof(((struct pool_header *)0)->magic);
	struct pool_header header = {
		.version = POOL_HEADER_VERSION,
		.header_bytes = sizeof(header),
		.pool_bytes = file->size_bytes,
		.heap_offset = dir->grain,
		.reserved_bytes = reserved_bytes,
	};
	size_t length = strlen(class_name);
	int r;

	if (length >= sizeof(header.class_name))
		return -EINVAL;
	memcpy(header.class_name, class_name, length);
	memcpy(header.pool_id, file->id, sizeof(header.pool_id));
	r = read_this_boot_id(header.boot_id);
	if (r < 0)
		return r;

	/* the magic last: with it the rest is there, whenever this process is stopped */
	if (!dir->hugetlbfs) {
		r = write_all(fd, &header, sizeof(header), 0);
		memcpy(header.magic, POOL_HEADER_MAGIC, magic_bytes);
		return r < 0 ? r : write_all(fd, header.magic, magic_bytes, 0);
	}
	r = write_mapped(fd, &header, sizeof(header), dir->grain);
	memcpy(header.magic, POOL_HEADER_MAGIC, magic_bytes);
	return r < 0 ? r : write_mapped(fd, &header, sizeof(header), dir->grain);
}
