/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon_pools -- pool files as a daemon that has ended leaves them, ready, but without space behind the header: many
 * of them are there in no time, and cost little.
 *
 *   daemon_pools DIRECTORY CLASS MIB COUNT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/pool_header.h"
#include "tests/bench/daemon_take.h"

static void read_boot_id(uint8_t id[16])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

	for (int i = 0; file && i < 16; i++)
		if (fscanf(file, "%*1[-]") < 0 || fscanf(file, "%2hhx", &id[i]) != 1)
			die("boot_id", EIO);
	if (!file)
		die("boot_id", errno);
	fclose(file);
}

static void make(int dir, const struct pool_header *header)
{
	char name[64] = "vmmalloc-";
	int fd;

	for (size_t i = 0; i < sizeof(header->pool_id); i++)
		sprintf(name + strlen(name), "%02x", header->pool_id[i]);
	strcat(name, ".ready");
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)header->pool_bytes) < 0 ||
	    pwrite(fd, header, sizeof(*header), 0) != sizeof(*header))
		die(name, errno);
	close(fd);
}

int main(int argc, char **argv)
{
	struct pool_header header = {
		.magic = POOL_HEADER_MAGIC,
		.version = POOL_HEADER_VERSION,
		.header_bytes = sizeof(header),
		.heap_offset = 4096,
	};
	int dir = argc == 5 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;

	if (argc != 5)
		return 2;
	if (dir < 0)
		die(argv[1], errno);
	header.pool_bytes = header.reserved_bytes = strtoull(argv[3], NULL, 10) << 20;
	snprintf(header.class_name, sizeof(header.class_name), "%s", argv[2]);
	read_boot_id(header.boot_id);
	for (int i = 0; i < atoi(argv[4]); i++) {
		if (getrandom(header.pool_id, sizeof(header.pool_id), 0) != sizeof(header.pool_id))
			die("getrandom", errno);
		make(dir, &header);
	}
	return 0;
}
