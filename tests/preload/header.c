/* The pool's header tells another process whose it is and how full. Here a child without the library reads it. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/pool_header.h"
#include "tests/preload/check.h"

#define BLOCK ((size_t)40 << 20)

/* argv: PID SIZE */
static int read_header_of(const char *pid)
{
	char path[512];
	struct pool_header header = { 0 };
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	for (DIR *dir = opendir(path); dir && (entry = readdir(dir));) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, entry->d_name);
		int fd = open(path, O_RDONLY | O_NONBLOCK);
		ssize_t n = fd < 0 ? -1 : pread(fd, &header, sizeof(header), 0);
		close(fd);
		if (n == sizeof(header) && memcmp(header.magic, POOL_HEADER_MAGIC, sizeof(header.magic)) == 0)
			break;
	}
	CHECK(header.version == POOL_HEADER_VERSION && header.header_bytes == sizeof(header));
	CHECK(header.pool_bytes == (size_t)1 << 30 && header.heap_offset == (size_t)sysconf(_SC_PAGESIZE));
	CHECK(header.owner_pid == (uint32_t)atol(pid) && header.owner_uid == geteuid());
	CHECK(strcmp(header.owner_command, "header") == 0 && header.owner_start_ns > 0);
	CHECK(header.mode == POOL_HEADER_SHARED && header.used_bytes >= BLOCK);
	CHECK(header.reserved_bytes >= header.used_bytes && header.peak_bytes >= header.used_bytes);
	CHECK(header.metadata_bytes >= 64 << 10 && header.failed_requests == 1 && header.outside_bytes == 0);
	return 0;
}

int main(int argc, char **argv)
{
	char pid[32];
	int status;

	if (argc == 2)
		return read_header_of(argv[1]);
	memset(malloc(BLOCK), 1, BLOCK);
	CHECK(malloc((size_t)2 << 30) == NULL);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (vfork() == 0) {
		execl(argv[0], argv[0], pid, NULL);
		_exit(2);
	}
	CHECK(wait(&status) > 0 && status == 0);
	return 0;
}
