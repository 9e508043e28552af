/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool -- pools in real directories, and what happens when the kernel says no.
 *
 * Every system call of the module goes through a wrapper below that can be told to fail, and that keeps account of
 * what the module maps and reserves.
 */
/* objects: libvmmalloc/heap/ libvmmalloc/base/ libvmmalloc/ common/base/ */
/* wrap: kernel_open kernel_fallocate kernel_mmap kernel_munmap kernel_ftruncate kernel_fstat kernel_fstatfs */
/* wrap: kernel_touch kernel_madvise kernel_mremap kernel_getrandom kernel_getrlimit kernel_fcntl */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/pool.h"
#include "libvmmalloc/heap/space.h"
#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

/* --- what the kernel says, and what it was asked --- */

static struct {
	rlim_t nofile, fsize;        /* what getrlimit() says, if not 0 */
	long huge_page;              /* fstatfs() says hugetlbfs with this page, if not 0 */
	bool squats;                 /* where mremap() fails another thread maps a page, ... */
	char *squatter;              /* ... which is here */
} kernel;

static struct {
	size_t mapped;               /* bytes mapped, less bytes unmapped */
	size_t fallocates;           /* calls */
	size_t pieces;               /* calls that went well */
	size_t longest_piece;        /* bytes */
	size_t last_piece;           /* bytes */
	off_t next_offset;           /* where the last piece ended */
	bool in_order;               /* every piece began where the one before ended */
	int last_mode;
} seen;

int __real_kernel_open(const char *path, int flags, mode_t mode);
int __wrap_kernel_open(const char *path, int flags, mode_t mode)
{
	bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
	int r = -faults_strike(nameless ? "nameless" : "open");

	return r < 0 ? r : __real_kernel_open(path, flags, mode);
}

int __real_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes);
int __wrap_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	int r = -faults_strike("fallocate");

	seen.fallocates++;
	seen.last_mode = mode;
	if (r == 0)
		r = __real_kernel_fallocate(fd, mode, offset, bytes);
	if (r < 0)
		return r;
	seen.in_order = seen.in_order && offset == seen.next_offset;
	seen.next_offset = offset + bytes;
	seen.last_piece = (size_t)bytes;
	seen.longest_piece = seen.last_piece > seen.longest_piece ? seen.last_piece : seen.longest_piece;
	seen.pieces++;
	return 0;
}

void *__real_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	int r = -faults_strike("mmap");
	void *address;

	if (r < 0)
		return (void *)(intptr_t)r;
	address = __real_kernel_mmap(at, bytes, protection, flags, fd, offset);
	if (!kernel_error(address) && !(flags & MAP_FIXED))
		seen.mapped += bytes;
	return address;
}

int __real_kernel_munmap(void *address, size_t bytes);
int __wrap_kernel_munmap(void *address, size_t bytes)
{
	int r = __real_kernel_munmap(address, bytes);

	if (r == 0)
		seen.mapped -= bytes;
	return r;
}

int __real_kernel_ftruncate(int fd, off_t bytes);
int __wrap_kernel_ftruncate(int fd, off_t bytes)
{
	int r = -faults_strike("ftruncate");

	return r < 0 ? r : __real_kernel_ftruncate(fd, bytes);
}

int __real_kernel_fstat(int fd, struct stat *st);
int __wrap_kernel_fstat(int fd, struct stat *st)
{
	int r = -faults_strike("fstat");

	return r < 0 ? r : __real_kernel_fstat(fd, st);
}

int __real_kernel_fstatfs(int fd, struct statfs *fs);
int __wrap_kernel_fstatfs(int fd, struct statfs *fs)
{
	int r = -faults_strike("fstatfs");

	if (r == 0)
		r = __real_kernel_fstatfs(fd, fs);
	if (r == 0 && kernel.huge_page) {
		fs->f_type = HUGETLBFS_MAGIC;
		fs->f_bsize = kernel.huge_page;
	}
	return r;
}

int __real_kernel_madvise(void *address, size_t bytes, int advice);
int __wrap_kernel_madvise(void *address, size_t bytes, int advice)
{
	int r = -faults_strike("madvise");

	return r < 0 ? r : __real_kernel_madvise(address, bytes, advice);
}

/* Where it fails what was there before is gone. */
void *__real_kernel_mremap(void *from, size_t bytes, size_t new_bytes, int flags, void *to);
void *__wrap_kernel_mremap(void *from, size_t bytes, size_t new_bytes, int flags, void *to)
{
	int r = -faults_strike("mremap");

	if (r == 0)
		return __real_kernel_mremap(from, bytes, new_bytes, flags, to);
	munmap(to, new_bytes);
	if (kernel.squats) {
		kernel.squatter = (char *)to + new_bytes / 2;
		assert_ptr_equal(mmap(kernel.squatter, kernel_page(), PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), kernel.squatter);
		*kernel.squatter = 's';
	}
	return (void *)(intptr_t)r;
}

int __real_kernel_touch(void *page);
int __wrap_kernel_touch(void *page)
{
	int r = -faults_strike("touch");

	return r < 0 ? r : __real_kernel_touch(page);
}

ssize_t __real_kernel_getrandom(void *buffer, size_t bytes, unsigned flags);
ssize_t __wrap_kernel_getrandom(void *buffer, size_t bytes, unsigned flags)
{
	int r = -faults_strike("getrandom");

	return r < 0 ? r : __real_kernel_getrandom(buffer, bytes, flags);
}

int __real_kernel_getrlimit(int resource, struct rlimit *limit);
int __wrap_kernel_getrlimit(int resource, struct rlimit *limit)
{
	int r = __real_kernel_getrlimit(resource, limit);

	if (resource == RLIMIT_NOFILE && kernel.nofile)
		limit->rlim_cur = kernel.nofile;
	if (resource == RLIMIT_FSIZE && kernel.fsize)
		limit->rlim_cur = kernel.fsize;
	return r;
}

int __real_kernel_fcntl(int fd, int command, long argument);
int __wrap_kernel_fcntl(int fd, int command, long argument)
{
	int r = -faults_strike("fcntl");

	return r < 0 ? r : __real_kernel_fcntl(fd, command, argument);
}

/* --- a directory for each test, and a look at what is left in the end --- */

struct place {
	char dir[SCRATCH_PATH];
	size_t descriptors;          /* open when the test began */
};

static void forget_faults_and_account(void)
{
	faults_clear();
	memset(&kernel, 0, sizeof(kernel));
	memset(&seen, 0, sizeof(seen));
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	const char *tmpdir = getenv("TMPDIR");

	forget_faults_and_account();
	scratch_make(*state ? *state : tmpdir ? tmpdir : "/tmp", place->dir);
	place->descriptors = scratch_entries("/proc/self/fd");
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	forget_faults_and_account();
	scratch_remove(place->dir);
	free(place);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

static struct vmm_pool create(const struct place *place, size_t bytes, bool reserve_all)
{
	char buffer[512] = "";
	struct text error = TEXT_INIT(buffer);
	struct vmm_pool pool = { 0 };

	if (vmm_pool_create(place->dir, bytes, reserve_all, &pool, &error) != 0)
		fail_msg("%s", buffer);
	assert_int_equal(error.length, 0);
	return pool;
}

static void destroy(struct vmm_pool *pool)
{
	assert_int_equal(kernel_munmap(pool->base - kernel_page(), pool->size + 2 * kernel_page()), 0);
	close(pool->first.fd);
}

static void assert_nothing_left(const struct place *place)
{
	assert_int_equal(scratch_entries("/proc/self/fd"), place->descriptors);
	assert_int_equal(scratch_entries(place->dir), 0);
	assert_int_equal(seen.mapped, 0);
	assert_false(scratch_maps_have(place->dir));
}

/* The error is what comes before the directory's name, the name, and what comes after it. */
static void assert_create_fails(const struct place *place, const char *dir, size_t bytes, bool reserve_all,
				int expected, const char *before, const char *after)
{
	char buffer[3 * PATH_MAX] = "", words[3 * PATH_MAX];
	struct text error = TEXT_INIT(buffer), expected_words = TEXT_INIT(words);
	struct vmm_pool pool, untouched;

	memset(&pool, 0x5a, sizeof(pool));
	untouched = pool;
	text_add(&expected_words, "pool creation failed: %s%s%s", before, dir, after);
	assert_int_equal(vmm_pool_create(dir, bytes, reserve_all, &pool, &error), expected);
	assert_string_equal(buffer, words);
	assert_memory_equal(&pool, &untouched, sizeof(pool));
	assert_nothing_left(place);
}

static void assert_zero(const char *address, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (address[i] != 0)
			fail_msg("byte %zu is %d, not zero", i, address[i]);
}

/* A file system may count a little more than what was asked for: its own lists of blocks. */
static void assert_allocated(int fd, size_t bytes)
{
	fsync(fd);
	assert_uint_in_range(scratch_allocated(fd), bytes, bytes + 16 * kernel_page());
}

/* --- a pool that stands --- */

TEST_ALSO_IN(test_pool_create_maps_a_file_of_that_size, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);
	struct stat st;

	assert_int_equal(pool.size, 16 * MIB);
	assert_int_equal(pool.grain, kernel_page());
	assert_int_equal((uintptr_t)pool.base % POOL_HUGE_PAGE, 0);
	assert_ptr_equal(pool.header, pool.base);
	assert_int_equal(fstat(pool.first.fd, &st), 0);
	assert_int_equal(st.st_size, 16 * MIB);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_dev, pool.first.dev);
	assert_int_equal(st.st_ino, pool.first.ino);
	assert_int_equal(seen.mapped, 16 * MIB + 2 * kernel_page());
	destroy(&pool);
	assert_nothing_left(place);
}

/* A file as the daemon hands it out. */
static int make_daemon_file(const struct place *place)
{
	struct pool_header header = { .magic = POOL_HEADER_MAGIC,
				      .version = POOL_HEADER_VERSION,
				      .pool_id = { 1, 2, 3 },
				      .boot_id = { 4, 5, 6 },
				      .class_name = "fast" };
	int fd = open(place->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 16 * MIB), 0);
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	return fd;
}

TEST_ALSO_IN(test_pool_adopt_keeps_what_the_daemon_wrote, "/dev/shm")
{
	struct place *place = *state;
	char buffer[512] = "";
	struct text error = TEXT_INIT(buffer);
	struct vmm_pool pool;

	assert_int_equal(vmm_pool_adopt(make_daemon_file(place), false, &pool, &error), 0);
	assert_int_equal(pool.size, 16 * MIB);
	assert_int_equal((uintptr_t)pool.base % POOL_HUGE_PAGE, 0);
	assert_memory_equal(pool.header->pool_id, ((uint8_t[16]){ 1, 2, 3 }), 16);
	assert_memory_equal(pool.header->boot_id, ((uint8_t[16]){ 4, 5, 6 }), 16);
	assert_string_equal(pool.header->class_name, "fast");
	assert_int_equal(pool.header->owner_pid, getpid());
	assert_int_equal(pool.header->reserved_bytes, 16 * MIB);
	assert_int_equal(pool.header->pool_bytes, 16 * MIB);
	assert_int_equal(seen.fallocates, 0);
	assert_true(vmm_pool_has_fd(&pool));
	destroy(&pool);
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_adopt_reserves_nothing_of_a_cold_one, "/dev/shm")
{
	struct place *place = *state;
	char buffer[512] = "";
	struct text error = TEXT_INIT(buffer);
	struct vmm_pool pool;
	struct stat st;

	assert_int_equal(vmm_pool_adopt(make_daemon_file(place), true, &pool, &error), 0);
	assert_int_equal(pool.header->reserved_bytes, pool.grain);
	assert_int_equal(fstat(pool.first.fd, &st), 0);
	assert_true((size_t)st.st_blocks * 512 < 1 * MIB);
	assert_int_equal(vmm_space_reserve_all(&pool), 0);
	assert_int_equal(pool.header->reserved_bytes, 16 * MIB);
	assert_int_equal(fstat(pool.first.fd, &st), 0);
	assert_true((size_t)st.st_blocks * 512 >= 16 * MIB);
	destroy(&pool);
	assert_nothing_left(place);
}

TEST(test_pool_adopt_that_fails_leaves_nothing)
{
	struct place *place = *state;
	char buffer[512] = "";
	struct text error = TEXT_INIT(buffer);
	struct vmm_pool pool;
	int fd = make_daemon_file(place);

	/* the addresses, and a look at whether mappings are locked, come first */
	faults_order("mmap", 2, 1, ENODEV);
	assert_int_equal(vmm_pool_adopt(fd, false, &pool, &error), -ENODEV);
	assert_string_equal(buffer, "pool creation failed: mmap in the daemon's file: No such device");
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_mapping_is_shared_with_the_file, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);
	char word[5] = "";

	assert_int_equal(vmm_space_reserve(&pool, MIB, kernel_page()), 0);
	memcpy(pool.base + MIB, "word", 5);
	assert_int_equal(pread(pool.first.fd, word, sizeof(word), (off_t)MIB), 5);
	assert_string_equal(word, "word");
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_file_has_no_name, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);
	struct stat st;

	assert_int_equal(scratch_entries(place->dir), 0);
	assert_int_equal(fstat(pool.first.fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_create_rounds_up_to_pages, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB + 1, false);
	struct stat st;

	assert_int_equal(pool.size, 16 * MIB + kernel_page());
	assert_int_equal(pool.header->pool_bytes, 16 * MIB + kernel_page());
	assert_int_equal(fstat(pool.first.fd, &st), 0);
	assert_int_equal(st.st_size, pool.size);
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_create_reserves_the_header_only, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	assert_allocated(pool.first.fd, kernel_page());
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_create_reserves_all_when_told_to, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 20 * MIB, true);

	assert_allocated(pool.first.fd, 20 * MIB);
	assert_int_equal(pool.header->reserved_bytes, 20 * MIB);
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_header_counts_its_own_page_as_reserved, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	assert_int_equal(pool.header->reserved_bytes, kernel_page());
	destroy(&pool);
}

static uint64_t boot_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

TEST_ALSO_IN(test_pool_header_says_what_it_is_and_whose, "/dev/shm")
{
	struct place *place = *state;
	uint64_t before = boot_time_ns();
	struct vmm_pool pool = create(place, 16 * MIB, false);
	struct pool_header header;
	char command[16];

	assert_int_equal(pread(pool.first.fd, &header, sizeof(header), 0), sizeof(header));
	assert_memory_equal(header.magic, "VMMPOOL", 8);
	assert_int_equal(header.version, 1);
	assert_int_equal(header.header_bytes, sizeof(header));
	assert_int_equal(header.pool_bytes, 16 * MIB);
	assert_int_equal(header.heap_offset, kernel_page());
	assert_int_equal(header.owner_pid, getpid());
	assert_int_equal(header.owner_uid, geteuid());
	assert_uint_in_range(header.owner_start_ns, before, boot_time_ns());
	prctl(PR_GET_NAME, command);
	assert_string_equal(header.owner_command, command);
	assert_int_equal(header.mode, POOL_HEADER_SHARED);
	assert_int_equal(header.used_bytes, 0);
	assert_int_equal(header.peak_bytes, 0);
	assert_int_equal(header.metadata_bytes, 0);
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_rest_of_the_header_page_is_zero, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	const struct pool_page *page = (const struct pool_page *)(const void *)pool.base;

	assert_memory_equal(pool.base + 240, "VMMOUTS", 8);
	assert_int_equal(page->outside.reasons, 6);
	assert_int_equal(page->outside.unused, 0);
	assert_zero((const char *)page->outside.bytes, sizeof(page->outside.bytes));
	assert_zero(pool.base + sizeof(*page), kernel_page() - sizeof(*page));
	destroy(&pool);
}

TEST(test_pool_ids_differ)
{
	struct place *place = *state;
	struct vmm_pool one = create(place, 16 * MIB, false), two = create(place, 16 * MIB, false);

	assert_memory_not_equal(one.header->pool_id, two.header->pool_id, sizeof(one.header->pool_id));
	assert_ptr_not_equal(one.base, two.base);
	destroy(&one);
	destroy(&two);
	assert_nothing_left(place);
}

static void assert_guard_page(char *page)
{
	unsigned char resident[16];  /* of 4 KiB, in 64 */

	assert_int_equal(mincore(page, kernel_page(), resident), 0);  /* something is mapped there ... */
	assert_false(scratch_readable(page));                      /* ... that cannot be touched */
	assert_false(scratch_readable(page + kernel_page() - 1));
}

TEST_ALSO_IN(test_pool_has_inaccessible_pages_on_both_sides, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, true);

	assert_guard_page(pool.base - kernel_page());
	assert_guard_page(pool.base + pool.size);
	assert_true(scratch_readable(pool.base));
	assert_true(scratch_readable(pool.base + pool.size - 1));
	destroy(&pool);
}

TEST(test_pool_up_to_1_gib_lies_in_one_leaf)
{
	static const size_t sizes[] = { 16 * MIB, 500 * MIB, 1000 * MIB, GIB };
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct vmm_pool pool = create(place, sizes[i], false);

		assert_int_equal((uintptr_t)pool.base / GIB, ((uintptr_t)pool.base + pool.size - 1) / GIB);
		destroy(&pool);
	}
	assert_nothing_left(place);
}

TEST(test_pool_beyond_1_gib_begins_a_leaf)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 3 * GIB + kernel_page(), false);

	assert_int_equal((uintptr_t)pool.base % GIB, 0);
	destroy(&pool);
	assert_nothing_left(place);
}

TEST(test_pool_contains_its_first_and_last_byte_only)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	assert_true(vmm_pool_contains(&pool, pool.base));
	assert_true(vmm_pool_contains(&pool, pool.base + pool.size - 1));
	assert_false(vmm_pool_contains(&pool, pool.base - 1));
	assert_false(vmm_pool_contains(&pool, pool.base + pool.size));
	assert_false(vmm_pool_contains(&pool, NULL));
	assert_false(vmm_pool_contains(&pool, place));
	destroy(&pool);
}

/* --- the descriptor --- */

TEST(test_pool_descriptor_is_high_and_closed_on_exec)
{
	struct place *place = *state;
	struct vmm_pool pool;

	kernel.nofile = 1024;
	pool = create(place, 16 * MIB, false);
	assert_true(pool.first.fd >= 900);
	assert_int_equal(fcntl(pool.first.fd, F_GETFD, 0) & FD_CLOEXEC, FD_CLOEXEC);
	destroy(&pool);
	assert_nothing_left(place);
}

TEST(test_pool_descriptor_is_in_the_upper_half_of_a_low_limit)
{
	struct place *place = *state;
	struct vmm_pool pool;

	kernel.nofile = 256;
	pool = create(place, 16 * MIB, false);
	assert_uint_in_range(pool.first.fd, 128, 255);
	destroy(&pool);
}

TEST(test_pool_descriptor_is_never_a_standard_one)
{
	struct place *place = *state;
	struct vmm_pool pool;
	int in = dup(STDIN_FILENO), err = dup(STDERR_FILENO);

	kernel.nofile = 4;
	close(STDIN_FILENO);
	close(STDERR_FILENO);
	pool = create(place, 16 * MIB, false);
	dup2(in, STDIN_FILENO);
	dup2(err, STDERR_FILENO);
	close(in);
	close(err);
	assert_true(pool.first.fd > STDERR_FILENO);
	destroy(&pool);
}

TEST(test_pool_keeps_a_low_descriptor_when_none_is_high)
{
	struct place *place = *state;
	struct vmm_pool pool;

	faults_order("fcntl", 0, 1, EMFILE);
	pool = create(place, 16 * MIB, false);
	assert_int_equal(faults_left("fcntl"), 0);
	assert_int_equal(fcntl(pool.first.fd, F_GETFD, 0) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), 0);
	destroy(&pool);
	assert_nothing_left(place);
}

/* --- directories that will not do --- */

TEST(test_pool_create_says_that_a_directory_is_missing)
{
	struct place *place = *state;
	char path[SCRATCH_PATH + 16];
	struct text text = TEXT_INIT(path);

	text_add(&text, "%s/missing", place->dir);
	assert_create_fails(place, path, 16 * MIB, false, -ENOENT, "VMMALLOC_POOL_DIR (",
			    "): No such file or directory, expected an existing, writable directory");
}

TEST(test_pool_create_says_that_a_file_is_no_directory)
{
	assert_create_fails(*state, "/proc/self/exe", 16 * MIB, false, -ENOTDIR, "VMMALLOC_POOL_DIR (",
			    "): Not a directory, expected an existing, writable directory");
}

static void assert_open_fails(const struct place *place, int error, const char *after)
{
	faults_order("nameless", 0, 1, error);
	assert_create_fails(place, place->dir, 16 * MIB, false, -error, "VMMALLOC_POOL_DIR (", after);
}

TEST(test_pool_create_says_why_a_directory_cannot_be_written)
{
	assert_open_fails(*state, EACCES, "): Permission denied, expected an existing, writable directory");
	assert_open_fails(*state, EROFS, "): Read-only file system, expected an existing, writable directory");
}

TEST(test_pool_create_says_what_is_not_the_directorys_fault)
{
	assert_open_fails(*state, EMFILE, "): Too many open files");
	assert_open_fails(*state, ENOSPC, "): No space left on device");
	assert_open_fails(*state, ELOOP, "): Too many levels of symbolic links");
}

/* --- file systems without O_TMPFILE --- */

static void assert_unlinked_file_serves(const struct place *place, int error)
{
	struct vmm_pool pool;
	struct stat st;

	faults_order("nameless", 0, 1, error);
	pool = create(place, 16 * MIB, false);
	assert_int_equal(faults_left("nameless"), 0);
	assert_int_equal(scratch_entries(place->dir), 0);
	assert_int_equal(fstat(pool.first.fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(pool.first.fd, F_GETFD, 0) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), 0);
	destroy(&pool);
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_without_o_tmpfile_is_an_unlinked_file, "/dev/shm")
{
	assert_unlinked_file_serves(*state, EOPNOTSUPP);
	assert_unlinked_file_serves(*state, EISDIR);
	assert_unlinked_file_serves(*state, EINVAL);
	assert_unlinked_file_serves(*state, ENOSYS);
}

TEST(test_pool_without_o_tmpfile_tries_another_name)
{
	faults_order("open", 0, 5, EEXIST);
	assert_unlinked_file_serves(*state, EOPNOTSUPP);
	assert_int_equal(faults_left("open"), 0);
}

static void assert_named_open_fails(const struct place *place, const char *dir, int error, const char *after)
{
	faults_order("nameless", 0, 1, EOPNOTSUPP);
	assert_create_fails(place, dir, 16 * MIB, false, -error, "VMMALLOC_POOL_DIR (", after);
}

TEST(test_pool_without_o_tmpfile_gives_up_on_names)
{
	struct place *place = *state;

	faults_order("open", 0, FAULTS_ALWAYS, EEXIST);
	assert_named_open_fails(place, place->dir, EEXIST, "): File exists");
}

TEST(test_pool_without_o_tmpfile_says_why_a_file_cannot_be_made)
{
	struct place *place = *state;

	faults_order("open", 0, 1, EACCES);
	assert_named_open_fails(place, place->dir, EACCES,
				"): Permission denied, expected an existing, writable directory");
}

TEST(test_pool_without_o_tmpfile_refuses_a_path_that_is_too_long)
{
	struct place *place = *state;
	char dir[PATH_MAX];
	struct text text = TEXT_INIT(dir);

	text_add(&text, "%s", place->dir);
	while (text.length + 1 < text.size)
		text_add(&text, "/.");
	assert_named_open_fails(place, dir, ENAMETOOLONG, "): File name too long");
}

TEST(test_pool_without_o_tmpfile_needs_random_numbers)
{
	struct place *place = *state;

	faults_order("getrandom", 0, 1, ENOSYS);
	assert_named_open_fails(place, place->dir, ENOSYS, "): Function not implemented");
}

/* --- a file that cannot be sized, mapped, reserved --- */

TEST(test_pool_create_says_that_stat_failed)
{
	struct place *place = *state;

	faults_order("fstat", 0, 1, EIO);
	assert_create_fails(place, place->dir, 16 * MIB, false, -EIO, "stat in ", ": Input/output error");
	faults_order("fstatfs", 0, 1, ENOSYS);
	assert_create_fails(place, place->dir, 16 * MIB, false, -ENOSYS, "stat in ", ": Function not implemented");
}

TEST_ALSO_IN(test_pool_create_says_that_the_file_cannot_be_so_large, "/dev/shm")
{
	struct place *place = *state;

	faults_order("ftruncate", 0, 1, EFBIG);
	assert_create_fails(place, place->dir, 16 * MIB, false, -EFBIG, "file size in ", ": File too large");
	assert_create_fails(place, place->dir, SIZE_MAX, false, -EFBIG, "file size in ", ": File too large");
	assert_create_fails(place, place->dir, (size_t)PTRDIFF_MAX, false, -EFBIG, "file size in ",
			    ": File too large");
	assert_create_fails(place, place->dir, (size_t)PTRDIFF_MAX - kernel_page() + 1, false, -EFBIG, "file size in ",
			    ": File too large");
}

TEST(test_pool_create_heeds_the_file_size_limit)
{
	struct place *place = *state;
	struct vmm_pool pool;

	kernel.fsize = 16 * MIB;
	assert_create_fails(place, place->dir, 16 * MIB + 1, false, -EFBIG, "file size limit (ulimit -f) in ",
			    ": File too large");
	pool = create(place, 16 * MIB, false);
	destroy(&pool);
}

TEST(test_pool_create_says_that_addresses_are_scarce)
{
	struct place *place = *state;

	faults_order("mmap", 0, 1, ENOMEM);
	assert_create_fails(place, place->dir, 16 * MIB, false, -ENOMEM, "address space in ",
			    ": Cannot allocate memory");
}

TEST(test_pool_create_says_that_the_file_cannot_be_mapped)
{
	struct place *place = *state;

	/* the addresses, and a look at whether mappings are locked, come first */
	faults_order("mmap", 2, 1, ENODEV);
	assert_create_fails(place, place->dir, 16 * MIB, false, -ENODEV, "mmap in ", ": No such device");
}

TEST_ALSO_IN(test_pool_create_says_that_the_file_system_is_full, "/dev/shm")
{
	struct place *place = *state;

	faults_order("fallocate", 0, 1, ENOSPC);
	assert_create_fails(place, place->dir, 16 * MIB, false, -ENOSPC, "reservation of space in ",
			    ": No space left on device");
}

TEST_ALSO_IN(test_pool_create_says_that_not_all_can_be_reserved, "/dev/shm")
{
	struct place *place = *state;

	faults_order("fallocate", 1, 1, ENOSPC);
	assert_create_fails(place, place->dir, 40 * MIB, true, -ENOSPC, "reservation of space in ",
			    ": No space left on device");
}

/* --- reserving --- */

static void forget_pieces(size_t offset)
{
	size_t mapped = seen.mapped;

	memset(&seen, 0, sizeof(seen));
	seen.mapped = mapped;
	seen.in_order = true;
	seen.next_offset = (off_t)offset;
}

TEST_ALSO_IN(test_pool_reserve_allocates_just_that, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	assert_int_equal(vmm_space_reserve(&pool, 4 * MIB, 3 * MIB), 0);
	assert_allocated(pool.first.fd, 3 * MIB + kernel_page());
	assert_zero(pool.base + 4 * MIB, 3 * MIB);
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_reserve_keeps_what_is_written_there, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	assert_int_equal(vmm_space_reserve(&pool, 4 * MIB, MIB), 0);
	memset(pool.base + 4 * MIB, 'x', MIB);
	assert_int_equal(vmm_space_reserve(&pool, 3 * MIB, 3 * MIB), 0);
	assert_int_equal(pool.base[4 * MIB], 'x');
	assert_int_equal(pool.base[5 * MIB - 1], 'x');
	destroy(&pool);
}

TEST(test_pool_reserve_never_changes_the_files_size)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	assert_int_equal(vmm_space_reserve(&pool, 4 * MIB, MIB), 0);
	assert_int_equal(seen.last_mode, FALLOC_FL_KEEP_SIZE);
	destroy(&pool);
}

TEST(test_pool_reserve_goes_in_pieces_of_16_mib)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 64 * MIB, false);

	forget_pieces(2 * MIB);
	assert_int_equal(vmm_space_reserve(&pool, 2 * MIB, 36 * MIB), 0);
	assert_int_equal(seen.pieces, 3);
	assert_int_equal(seen.longest_piece, 16 * MIB);
	assert_int_equal(seen.next_offset, 38 * MIB);
	assert_true(seen.in_order);
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_reserve_goes_on_after_signals_in_smaller_pieces, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 64 * MIB, false);

	forget_pieces(16 * MIB);
	faults_order("fallocate", 1, 3, EINTR);
	assert_int_equal(vmm_space_reserve(&pool, 16 * MIB, 24 * MIB), 0);
	assert_int_equal(seen.longest_piece, 16 * MIB);
	assert_int_equal(seen.last_piece, 2 * MIB);
	assert_int_equal(seen.next_offset, 40 * MIB);
	assert_true(seen.in_order);
	assert_allocated(pool.first.fd, 24 * MIB + kernel_page());
	destroy(&pool);
}

TEST(test_pool_reserve_survives_very_many_signals)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	forget_pieces(MIB);
	faults_order("fallocate", 0, 1000, EINTR);
	assert_int_equal(vmm_space_reserve(&pool, MIB, 5 * kernel_page()), 0);
	assert_int_equal(seen.longest_piece, kernel_page());
	assert_int_equal(seen.next_offset, MIB + 5 * kernel_page());
	assert_true(seen.in_order);
	destroy(&pool);
}

static void assert_reserves_without_fallocate(const struct place *place, int error)
{
	struct vmm_pool pool = create(place, 16 * MIB, false);

	faults_order("fallocate", 0, 1, error);
	assert_int_equal(vmm_space_reserve(&pool, 4 * MIB, 2 * MIB), 0);
	assert_int_equal(faults_left("fallocate"), 0);
	assert_allocated(pool.first.fd, 2 * MIB + kernel_page());
	assert_zero(pool.base + 4 * MIB, 2 * MIB);
	destroy(&pool);
}

TEST_ALSO_IN(test_pool_reserve_works_without_fallocate, "/dev/shm")
{
	assert_reserves_without_fallocate(*state, EOPNOTSUPP);
	assert_reserves_without_fallocate(*state, ENOSYS);
}

TEST_ALSO_IN(test_pool_create_works_without_fallocate, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool;

	faults_order("fallocate", 0, FAULTS_ALWAYS, EOPNOTSUPP);
	pool = create(place, 16 * MIB, false);
	destroy(&pool);
	pool = create(place, 16 * MIB, true);
	assert_int_equal(pool.header->reserved_bytes, 16 * MIB);
	destroy(&pool);
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_reserve_gives_back_what_it_got_before_it_failed, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 64 * MIB, false);

	assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), 0);
	memset(pool.base + MIB, 'x', MIB);
	faults_order("fallocate", 1, 1, ENOSPC);
	assert_int_equal(vmm_space_reserve(&pool, 2 * MIB, 40 * MIB), -ENOSPC);
	assert_allocated(pool.first.fd, MIB + kernel_page());
	assert_int_equal(pool.base[MIB], 'x');
	assert_int_equal(pool.base[2 * MIB - 1], 'x');
	destroy(&pool);
}

TEST(test_pool_reserve_that_has_no_space_says_so)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	faults_order("fallocate", 0, 1, EFBIG);
	assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), -EFBIG);
	faults_order("fallocate", 0, 1, EDQUOT);
	assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), -EDQUOT);
	assert_allocated(pool.first.fd, kernel_page());
	destroy(&pool);
}

TEST(test_pool_reserve_finds_a_way_whatever_a_filter_answers)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	for (int error = 1; error < 134; error++) {
		if (error == ENOSPC || error == EDQUOT || error == EFBIG)
			continue;
		faults_order("fallocate", 0, 1, error);
		faults_order("madvise", 0, error % 2, error);
		assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), 0);
		assert_allocated(pool.first.fd, MIB + kernel_page());
		for (size_t i = 0; i < MIB; i += 8)
			assert_int_equal(pool.base[MIB + i], 0);
		faults_clear();
		assert_int_equal(vmm_space_release(&pool, MIB, MIB), 0);
		faults_order("fstat", 0, 1, error);
		assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), 0);
		assert_allocated(pool.first.fd, MIB + kernel_page());
		assert_int_equal(vmm_space_release(&pool, MIB, MIB), 0);
	}
	destroy(&pool);
}

TEST(test_pool_reserve_goes_on_where_nothing_is_allowed)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	faults_order("fallocate", 0, 1, EPERM);
	faults_order("madvise", 0, 1, EPERM);
	faults_order("touch", 0, FAULTS_ALWAYS, EPERM);
	assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), 0);
	destroy(&pool);
}

TEST(test_pool_descriptor_is_known_by_the_header_where_fstat_is_refused)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false), other = create(place, 16 * MIB, false);
	int ours = pool.first.fd;

	faults_order("fstat", 0, FAULTS_ALWAYS, EPERM);
	assert_true(vmm_pool_has_fd(&pool));
	pool.first.fd = other.first.fd;
	assert_false(vmm_pool_has_fd(&pool));
	pool.first.fd = open("/dev/null", O_RDONLY);
	assert_false(vmm_pool_has_fd(&pool));
	close(pool.first.fd);
	pool.first.fd = memfd_create("empty", MFD_CLOEXEC);
	assert_false(vmm_pool_has_fd(&pool));
	close(pool.first.fd);
	assert_false(vmm_pool_has_fd(&pool));
	faults_clear();
	pool.first.fd = ours;
	destroy(&other);
	destroy(&pool);
}

TEST(test_pool_reserve_says_full_when_pages_cannot_be_touched)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);
	int fd = pool.first.fd;

	pool.first.fd = -1;
	for (size_t i = 0; i < 3; i++) {
		static const int errors[] = { EFAULT, ENOMEM, EINVAL };

		faults_order("madvise", 0, 1, errors[i]);
		faults_order("touch", 3, 1, EFAULT);
		assert_int_equal(vmm_space_reserve(&pool, MIB, MIB), -ENOSPC);
	}
	pool.first.fd = fd;
	destroy(&pool);
}

/* --- a program that takes our descriptor away --- */

TEST_ALSO_IN(test_pool_reserve_works_when_the_program_closed_the_descriptor, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);
	int copy = dup(pool.first.fd);

	close(pool.first.fd);
	seen.fallocates = 0;
	assert_int_equal(vmm_space_reserve(&pool, 4 * MIB, 2 * MIB), 0);
	assert_int_equal(seen.fallocates, 0);
	assert_allocated(copy, 2 * MIB + kernel_page());
	memset(pool.base + 4 * MIB, 'x', 2 * MIB);
	pool.first.fd = copy;
	destroy(&pool);
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_reserve_never_touches_a_file_under_its_old_number, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);
	int copy = dup(pool.first.fd), other = memfd_create("other", 0);
	char word[5] = "";
	struct stat st;

	assert_int_equal(pwrite(other, "word", 5, 0), 5);
	assert_int_equal(dup2(other, pool.first.fd), pool.first.fd);
	size_t allocated = scratch_allocated(other);
	seen.fallocates = 0;
	assert_int_equal(vmm_space_reserve(&pool, 4 * MIB, 2 * MIB), 0);
	assert_int_equal(vmm_space_release(&pool, 4 * MIB, MIB), 0);
	assert_int_equal(seen.fallocates, 0);
	assert_allocated(copy, MIB + kernel_page());
	assert_int_equal(scratch_allocated(other), allocated);
	assert_int_equal(fstat(other, &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(pread(other, word, 5, 0), 5);
	assert_string_equal(word, "word");
	close(copy);
	close(other);
	destroy(&pool);
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_reserve_never_touches_another_pool, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false), other = create(place, 16 * MIB, false);

	assert_int_equal(dup2(other.first.fd, pool.first.fd), pool.first.fd);
	assert_int_equal(vmm_space_reserve(&pool, 4 * MIB, 2 * MIB), 0);
	assert_allocated(other.first.fd, kernel_page());
	memset(pool.base + 4 * MIB, 'x', 2 * MIB);
	destroy(&pool);
	destroy(&other);
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_reserve_works_when_its_number_is_no_file, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], pool.first.fd), pool.first.fd);
	assert_int_equal(vmm_space_reserve(&pool, 4 * MIB, 2 * MIB), 0);
	memset(pool.base + 4 * MIB, 'x', 2 * MIB);
	close(ends[0]);
	close(ends[1]);
	destroy(&pool);
	assert_nothing_left(place);
}

/* --- giving back --- */

TEST_ALSO_IN(test_pool_release_gives_space_back_and_leaves_zeros, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	assert_int_equal(vmm_space_reserve(&pool, MIB, 4 * MIB), 0);
	memset(pool.base + MIB, 'x', 4 * MIB);
	assert_int_equal(vmm_space_release(&pool, 2 * MIB, 2 * MIB), 0);
	assert_allocated(pool.first.fd, 2 * MIB + kernel_page());
	assert_int_equal(pool.base[2 * MIB - 1], 'x');
	assert_zero(pool.base + 2 * MIB, 2 * MIB);
	assert_int_equal(pool.base[4 * MIB], 'x');
	destroy(&pool);
}

TEST(test_pool_release_passes_on_errors)
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB, false);

	faults_order("madvise", 0, 1, EOPNOTSUPP);
	assert_int_equal(vmm_space_release(&pool, MIB, MIB), -EOPNOTSUPP);
	destroy(&pool);
}

/* --- a small file system that is really full --- */

TEST(test_pool_create_leaves_a_full_file_system_as_it_was)
{
	struct place *place = *state;
	struct statfs before, after;

	if (!scratch_mount(place->dir, 24 * MIB))
		skip();
	assert_int_equal(statfs(place->dir, &before), 0);
	assert_create_fails(place, place->dir, 40 * MIB, true, -ENOSPC, "reservation of space in ",
			    ": No space left on device");
	assert_int_equal(statfs(place->dir, &after), 0);
	assert_int_equal(after.f_bfree, before.f_bfree);
}

TEST(test_pool_reserve_leaves_a_full_file_system_as_it_was)
{
	struct place *place = *state;
	struct vmm_pool pool;

	if (!scratch_mount(place->dir, 24 * MIB))
		skip();
	pool = create(place, 64 * MIB, false);
	assert_int_equal(vmm_space_reserve(&pool, 2 * MIB, 32 * MIB), -ENOSPC);
	assert_allocated(pool.first.fd, kernel_page());
	assert_int_equal(vmm_space_reserve(&pool, 2 * MIB, 20 * MIB), 0);
	memset(pool.base + 2 * MIB, 'x', 20 * MIB);
	assert_int_equal(vmm_space_reserve(&pool, 22 * MIB, 20 * MIB), -ENOSPC);
	assert_int_equal(pool.base[22 * MIB - 1], 'x');
	assert_allocated(pool.first.fd, 20 * MIB + kernel_page());
	destroy(&pool);
	assert_nothing_left(place);
}

TEST(test_pool_reserve_without_descriptor_leaves_a_full_file_system_as_it_was)
{
	struct place *place = *state;
	struct vmm_pool pool;
	int fd;

	if (!scratch_mount(place->dir, 24 * MIB))
		skip();
	pool = create(place, 64 * MIB, false);
	fd = pool.first.fd;
	pool.first.fd = -1;
	assert_int_equal(vmm_space_reserve(&pool, 2 * MIB, 32 * MIB), -ENOSPC);
	assert_allocated(fd, kernel_page());
	assert_int_equal(vmm_space_reserve(&pool, 2 * MIB, 20 * MIB), 0);
	memset(pool.base + 2 * MIB, 'x', 20 * MIB);
	pool.first.fd = fd;
	destroy(&pool);
	assert_nothing_left(place);
}

/* --- the pages of other kernels, as far as this one can serve them: it maps in multiples of its own --- */

/* --- files more --- */

static struct vmm_pool create_with_room(const struct place *place, size_t room)
{
	struct vmm_pool pool = create(place, 16 * MIB, false);

	assert_int_equal(vmm_pool_make_room(&pool, room), 0);
	assert_int_equal(pool.room, room);
	return pool;
}

TEST_ALSO_IN(test_pool_that_grew_is_one_range, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create_with_room(place, 64 * MIB);
	const struct vmm_pool_file *file;
	char word[9] = "";
	size_t bytes = 8;

	assert_int_equal(vmm_pool_grow(&pool, place->dir, 8 * MIB), 0);
	assert_int_equal(vmm_pool_grow(&pool, place->dir, 8 * MIB), 0);
	assert_int_equal(pool.size, 32 * MIB);
	assert_int_equal(pool.files, 3);
	assert_int_equal(vmm_space_reserve(&pool, 12 * MIB, 16 * MIB), 0);
	/* across the first boundary, by the mapping and by writing */
	memcpy(pool.base + 16 * MIB - 4, "headtail", 8);
	assert_int_equal(vmm_pool_write(&pool, 24 * MIB - 4, "longtail", 8), 0);
	assert_memory_equal(pool.base + 24 * MIB - 4, "longtail", 8);
	file = vmm_pool_file_at(&pool, 16 * MIB - 4, &bytes);
	assert_int_equal(bytes, 4);
	assert_int_equal(pread(file->fd, word, 4, (off_t)(16 * MIB - 4)), 4);
	assert_string_equal(word, "head");
	file = vmm_pool_file_at(&pool, 16 * MIB, &bytes);
	assert_int_equal(pread(file->fd, word, 4, vmm_pool_file_offset(file, 16 * MIB)), 4);
	assert_string_equal(word, "tail");
	/* huge pages lie alike in file and pool */
	assert_int_equal(file->skip % (2 * MIB), (uintptr_t)(pool.base + file->start) % (2 * MIB));
	assert_int_equal(file->header->pool_bytes, 8 * MIB + file->skip);
	assert_int_equal(file->header->heap_offset, file->skip);
	/* no more than there are addresses for */
	assert_int_equal(vmm_pool_grow(&pool, place->dir, 33 * MIB), -ENOMEM);
	vmm_pool_shrink(&pool);
	assert_int_equal(pool.size, 24 * MIB);
	vmm_pool_drop(&pool);
	assert_nothing_left(place);
}

/* When the header is written the page cache writes all of its folio. */
TEST_ALSO_IN(test_pool_has_the_space_of_a_headers_folio, "/dev/shm")
{
	struct place *place = *state;
	struct vmm_pool pool = create(place, 16 * MIB + 5 * kernel_page(), false);
	const struct vmm_pool_file *file;
	size_t before;

	assert_int_equal(vmm_pool_make_room(&pool, 64 * MIB), 0);
	assert_int_equal(vmm_pool_grow(&pool, place->dir, 8 * MIB), 0);
	file = vmm_pool_file(&pool, 1);
	assert_int_equal(file->skip % (2 * MIB), 5 * kernel_page());
	assert_true(pool.unit == kernel_page() || file->skip >= pool.unit);
	assert_allocated(file->fd, pool.unit == kernel_page() ? kernel_page() : file->skip);
	/* and has it when all that is the heap's of it was given back */
	assert_int_equal(vmm_space_reserve(&pool, file->start, 4 * MIB), 0);
	before = scratch_allocated(file->fd);
	assert_int_equal(vmm_space_release(&pool, file->start, 4 * MIB), 0);
	assert_true(scratch_allocated(file->fd) <= before - 4 * MIB + 16 * kernel_page());
	assert_allocated(file->fd, pool.unit == kernel_page() ? kernel_page() : file->skip);
	vmm_pool_drop(&pool);
	assert_nothing_left(place);
}

TEST(test_pool_whose_file_cannot_be_mapped_keeps_its_addresses)
{
	struct place *place = *state;
	struct vmm_pool pool = create_with_room(place, 64 * MIB);
	size_t mapped = seen.mapped;
	unsigned char vector[8 * MIB / 4096];

	pool.mapping.is_private = true;
	faults_order("mremap", 0, 1, ENOMEM);
	faults_order("open", 0, FAULTS_ALWAYS, ENOENT);  /* nobody says that the kernel does not commit strictly */
	assert_int_equal(vmm_pool_grow(&pool, place->dir, 8 * MIB), -ENOMEM);
	assert_int_equal(mincore(pool.base + 16 * MIB, 8 * MIB, vector), 0);
	assert_int_equal(pool.room, 64 * MIB);
	assert_int_equal(vmm_pool_grow(&pool, place->dir, 8 * MIB), 0);
	vmm_pool_shrink(&pool);
	/* and where somebody else was faster they are his */
	kernel.squats = true;
	faults_order("mremap", 0, 1, ENOMEM);
	assert_int_equal(vmm_pool_grow(&pool, place->dir, 8 * MIB), -ENOMEM);
	assert_int_equal(pool.room, 16 * MIB);
	assert_int_equal(vmm_pool_grow(&pool, place->dir, 8 * MIB), -ENOMEM);
	assert_int_equal(*kernel.squatter, 's');
	munmap(kernel.squatter, kernel_page());
	pool.room = 64 * MIB;
	seen.mapped = mapped;
	vmm_pool_drop(&pool);
	assert_nothing_left(place);
}

static void assert_grows_or_not(struct place *place, const char *call, int error)
{
	struct vmm_pool pool = create_with_room(place, 64 * MIB);
	size_t descriptors = scratch_entries("/proc/self/fd");
	int n;

	FAULTS_AT_EACH(n, call, error) {
		int r = vmm_pool_grow(&pool, place->dir, 8 * MIB);

		if (r == 0)
			vmm_pool_shrink(&pool);
		assert_int_equal(pool.size, 16 * MIB);
		assert_int_equal(pool.files, 1);
		assert_int_equal(scratch_entries("/proc/self/fd"), descriptors);
	}
	faults_clear();
	assert_true(n > 0);
	assert_int_equal(vmm_pool_grow(&pool, place->dir, 8 * MIB), 0);
	memset(pool.base + 16 * MIB, 1, kernel_page());
	vmm_pool_drop(&pool);
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_that_cannot_grow_is_as_it_was, "/dev/shm")
{
	struct place *place = *state;

	assert_grows_or_not(place, "nameless", EMFILE);
	assert_grows_or_not(place, "fstat", EIO);
	assert_grows_or_not(place, "fstatfs", EIO);
	assert_grows_or_not(place, "ftruncate", EFBIG);
	assert_grows_or_not(place, "fallocate", ENOSPC);
	assert_grows_or_not(place, "mmap", ENOMEM);
	assert_grows_or_not(place, "getrandom", ENOSYS);
}

/* A file on tmpfs may begin and end anywhere; on most others what is reserved has to be whole units. */
TEST(test_pool_grows_by_a_file_that_needs_less)
{
	struct place *place = *state;
	struct vmm_pool pool = create_with_room(place, 64 * MIB);

	assert_int_equal(vmm_pool_grow(&pool, "/dev/shm", 16 * MIB), 0);
	assert_int_equal(pool.size, 32 * MIB);
	vmm_pool_drop(&pool);
	assert_nothing_left(place);
}

TEST(test_pool_grows_by_a_file_that_needs_more_only_if_it_was_told)
{
	struct place *place = *state;
	char dir[SCRATCH_PATH];
	struct vmm_pool pool;
	size_t unit = kernel_page();

	memcpy(dir, place->dir, sizeof(dir));
	scratch_make("/dev/shm", place->dir);
	for (int told = 0; told < 2; told++) {
		int fd = open(dir, O_RDONLY | O_DIRECTORY);

		pool = create(place, 16 * MIB, false);
		assert_int_equal(pool.unit, kernel_page());
		if (told) {
			assert_int_equal(vmm_pool_fit(&pool, fd), 0);
			unit = pool.unit;
		}
		close(fd);
		assert_int_equal(vmm_pool_make_room(&pool, 64 * MIB), 0);
		assert_int_equal((uintptr_t)pool.base % unit, 0);
		if (told || vmm_pool_grow(&pool, dir, 16 * MIB) == 0)
			assert_int_equal(vmm_pool_grow(&pool, dir, 16 * MIB), 0);
		vmm_pool_drop(&pool);
	}
	scratch_remove(place->dir);
	memcpy(place->dir, dir, sizeof(dir));
	assert_nothing_left(place);
}

static void assert_pool_has_pages_of(struct place *place, size_t page, size_t largest_folio)
{
	struct vmm_pool pool;
	struct statfs fs;

	kernel_state.page = page;
	pool = create(place, 3 * MIB + 1, false);
	assert_int_equal(pool.grain, page);
	assert_int_equal(pool.size, 3 * MIB + page);
	assert_int_equal(pool.header->heap_offset, page);
	assert_int_equal(fstatfs(pool.first.fd, &fs), 0);
	assert_int_equal(pool.unit, fs.f_type == TMPFS_MAGIC ? page : largest_folio);
	assert_int_equal((uintptr_t)pool.base % pool.unit, 0);
	assert_allocated(pool.first.fd, page);
	assert_guard_page(pool.base - page);
	assert_guard_page(pool.base + pool.size);
	assert_int_equal(vmm_space_reserve(&pool, page, page), 0);
	assert_allocated(pool.first.fd, 2 * page);
	destroy(&pool);
	kernel_state.page = 0;
	assert_nothing_left(place);
}

TEST_ALSO_IN(test_pool_on_pages_of_16_kib_is_made_of_whole_ones, "/dev/shm")
{
	assert_pool_has_pages_of(*state, 16384, 32 * MIB);
}

TEST_ALSO_IN(test_pool_on_pages_of_64_kib_is_made_of_whole_ones, "/dev/shm")
{
	assert_pool_has_pages_of(*state, 65536, 128 * MIB);
}

/* --- huge pages, as far as they can be played on an ordinary file --- */

TEST(test_pool_on_huge_pages_is_made_of_whole_ones)
{
	struct place *place = *state;
	struct vmm_pool pool;

	kernel.huge_page = (long)POOL_HUGE_PAGE;
	pool = create(place, 15 * MIB, false);
	assert_int_equal(pool.grain, POOL_HUGE_PAGE);
	assert_int_equal(pool.size, 16 * MIB);
	assert_int_equal(pool.header->heap_offset, POOL_HUGE_PAGE);
	assert_allocated(pool.first.fd, POOL_HUGE_PAGE);
	destroy(&pool);
	assert_nothing_left(place);
}

TEST(test_pool_on_huge_pages_is_aligned_to_the_largest)
{
	struct place *place = *state;
	struct vmm_pool pool;

	kernel.huge_page = (long)(64 * MIB);
	pool = create(place, 65 * MIB, false);
	assert_int_equal(pool.size, 128 * MIB);
	assert_int_equal((uintptr_t)pool.base % (64 * MIB), 0);
	assert_int_equal(seen.longest_piece, 64 * MIB);
	destroy(&pool);
	assert_nothing_left(place);
}

TEST(test_pool_on_huge_pages_reserves_whole_ones_after_signals)
{
	struct place *place = *state;
	struct vmm_pool pool;

	kernel.huge_page = (long)POOL_HUGE_PAGE;
	pool = create(place, 16 * MIB, false);
	forget_pieces(2 * MIB);
	faults_order("fallocate", 0, 20, EINTR);
	assert_int_equal(vmm_space_reserve(&pool, 2 * MIB, 6 * MIB), 0);
	assert_int_equal(seen.pieces, 3);
	assert_int_equal(seen.longest_piece, POOL_HUGE_PAGE);
	assert_true(seen.in_order);
	destroy(&pool);
}
