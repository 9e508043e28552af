/* A parent with threads: what it allocates after its child is gone is on the pool; without them all of it is. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define THREADS 3
#define BLOCKS 300
#define OLD_BYTES ((size_t)8 << 20)

static atomic_bool stop;

/* Blocks of all sizes that come and go; each holds its own mark from end to end. */
static void *churn(void *argument)
{
	unsigned seed = (unsigned)(size_t)argument;
	unsigned char *blocks[BLOCKS] = { NULL };
	size_t sizes[BLOCKS] = { 0 };

	while (!stop) {
		size_t i = (size_t)rand_r(&seed) % BLOCKS;

		for (size_t at = 0; at < sizes[i]; at += 509)
			CHECK(blocks[i][at] == (unsigned char)i);
		free(blocks[i]);
		sizes[i] = (size_t)rand_r(&seed) % (rand_r(&seed) % 16 ? 4000 : 300000);
		blocks[i] = memset(malloc(sizes[i]), (int)i, sizes[i]);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	return NULL;
}

static struct vmmalloc_stats stats(void)
{
	struct vmmalloc_stats now;

	vmmalloc_stats(&now, sizeof(now));
	return now;
}

static int reaches(uint64_t mode)
{
	for (int i = 0; i < 3000 && stats().mode != mode; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		free(memset(malloc(1 << 20), 1, 1 << 20));
	}
	return stats().mode == mode;
}

/* Older kernels (6.1) do not say of all pages of DAX that they are a file's. */
static int is_dax(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR, 0600);
	struct statx sx = { 0 };

	CHECK(fd >= 0 && statx(fd, "", AT_EMPTY_PATH, 0, &sx) == 0);
	close(fd);
	return (sx.stx_attributes & STATX_ATTR_DAX) != 0;
}

/*
 * Whether the kernel says that a page is one of a file, not of this process alone: pagemap, bit 61. It says so only of
 * what is present, and a page on a disk may have been written out meanwhile: so it is touched.
 */
static int is_of_file(void *address)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t page = 0;
	size_t number = (uintptr_t)address / page_bytes();

	(void)*(volatile char *)address;
	CHECK(pread(fd, &page, sizeof(page), (off_t)(number * sizeof(page))) == sizeof(page));
	close(fd);
	return page >> 61 & 1;
}

/*
 * Nearly all of a new block is on the pool. Its beginning need not be: a free piece of less than 64 KiB stays private
 * where there is nothing shared beside it, until it is part of a larger one.
 */
static int is_nearly_of_file(char *block, size_t bytes)
{
	size_t pages = 0;

	for (size_t at = 0; at < bytes; at += 4096)
		pages += (size_t)is_of_file(block + at);
	return bytes - pages * 4096 < 128 << 10;
}

static void fork_and_check(unsigned char *old)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t at = 0; at < OLD_BYTES; at += 4096)
			CHECK(old[at] == 'o');
		free(memset(malloc(1 << 20), 1, 1 << 20));
		_exit(0);
	}
	old[OLD_BYTES / 2 + 1] = 'p';
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	unsigned char *old = memset(malloc(OLD_BYTES), 'o', OLD_BYTES), *fresh;
	const int told = !is_dax(getenv("VMMALLOC_POOL_DIR"));
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 5; i++)
			fork_and_check(old);
		CHECK(reaches(VMMALLOC_MODE_RETURNING));
		CHECK(stats().private_bytes < stats().pool_bytes / 2);
		fresh = memset(malloc(64 << 20), 'n', 64 << 20);
		CHECK(!told || is_nearly_of_file((char *)fresh, 64 << 20));
		CHECK(!is_of_file(old + OLD_BYTES / 2));
		free(fresh);
	}
	stop = 1;
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(reaches(VMMALLOC_MODE_POOL) && stats().private_bytes == 0);
	for (size_t at = 0; at < OLD_BYTES; at += 4096)
		CHECK(old[at] == 'o' && (!told || is_of_file(old + at)));
	CHECK(old[OLD_BYTES / 2 + 1] == 'p');
	return 0;
}
