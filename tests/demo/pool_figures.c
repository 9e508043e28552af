/* pool_figures PID -- where a process has its heap, and how full that is: one line, read from outside. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/pool_header.h"

#define MIB(bytes) ((double)(bytes) / (1 << 20))
#define BAR_LENGTH 40

static bool read_header(const char *path, struct pool_header *header)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, header, sizeof(*header), 0);

	if (fd >= 0)
		close(fd);
	return n == sizeof(*header) && memcmp(header->magic, POOL_HEADER_MAGIC, sizeof(header->magic)) == 0;
}

static bool find_pool(const char *pid, struct pool_header *header)
{
	char path[300];
	struct dirent *entry;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%.200s", pid, entry->d_name);
		found = read_header(path, header);
	}
	if (dir)
		closedir(dir);
	return found;
}

int main(int argc, char **argv)
{
	struct pool_header header;

	if (argc != 2 || !find_pool(argv[1], &header)) {
		fprintf(stderr, "usage: pool_figures PID, of a process that runs with libvmmalloc\n");
		return 1;
	}
	int filled = (int)(BAR_LENGTH * header.used_bytes / header.pool_bytes);
	printf("%-12.16s %u  [%.*s%.*s] %7.1f of %.0f MiB used, %.1f reserved, peak %.1f\n", header.owner_command,
	       header.owner_pid, filled, "########################################", BAR_LENGTH - filled,
	       "........................................", MIB(header.used_bytes), MIB(header.pool_bytes),
	       MIB(header.reserved_bytes), MIB(header.peak_bytes));
	return 0;
}
