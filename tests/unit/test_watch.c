/* SPDX-License-Identifier: BSD-3-Clause */
/* test_watch -- events of directories, real ones and what could be read instead. */
/* objects: vmmallocd/pools/ vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
/* packages: libuv */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "vmmallocd/pools/watch.h"

#define NAME "vmmalloc-000102030405060708090a0b0c0d0e0f"

struct heard {
	unsigned closed, gone, overflow;
	int watch;
	uint8_t id[POOL_FILE_ID_BYTES];
};

static void on_closed(void *context, int watch, const uint8_t id[POOL_FILE_ID_BYTES])
{
	struct heard *heard = context;

	heard->closed++;
	heard->watch = watch;
	memcpy(heard->id, id, POOL_FILE_ID_BYTES);
}

static void on_gone(void *context, int watch)
{
	struct heard *heard = context;

	heard->gone++;
	heard->watch = watch;
}

static void on_overflow(void *context)
{
	((struct heard *)context)->overflow++;
}

static const struct watch_events events = { .closed = on_closed, .directory_gone = on_gone, .overflow = on_overflow };

static size_t put(char *buffer, size_t at, int watch, uint32_t mask, const char *name)
{
	struct inotify_event event = { .wd = watch,
				       .mask = mask,
				       .len = name ? (uint32_t)(strlen(name) + 16) & ~15u : 0 };

	memcpy(buffer + at, &event, sizeof(event));
	if (name) {
		memset(buffer + at + sizeof(event), 0, event.len);
		memcpy(buffer + at + sizeof(event), name, strlen(name));
	}
	return at + sizeof(event) + event.len;
}

TEST(test_watch_parse_hears_pools_only)
{
	struct heard heard = { 0 };
	char buffer[1024];
	size_t end = 0;

	end = put(buffer, end, 1, IN_CLOSE_WRITE, "notes.txt");
	end = put(buffer, end, 1, IN_CLOSE_WRITE, NAME ".tmp");
	end = put(buffer, end, 1, IN_CLOSE_WRITE, NULL);
	end = put(buffer, end, 1, IN_IGNORED, NULL);
	watch_parse(buffer, end, &events, &heard);
	assert_int_equal(heard.closed + heard.gone + heard.overflow, 0);
	end = put(buffer, end, 2, IN_CLOSE_WRITE, NAME ".used");
	end = put(buffer, end, -1, IN_Q_OVERFLOW, NULL);
	watch_parse(buffer, end, &events, &heard);
	assert_int_equal(heard.closed, 1);
	assert_int_equal(heard.watch, 2);
	assert_int_equal(heard.id[15], 15);
	assert_int_equal(heard.overflow, 1);
	end = put(buffer, end, 3, IN_DELETE_SELF, NULL);
	end = put(buffer, end, 4, IN_UNMOUNT, NULL);
	watch_parse(buffer, end, &events, &heard);
	assert_int_equal(heard.gone, 2);
	assert_int_equal(heard.watch, 4);
}

TEST(test_watch_parse_stops_at_half_an_event)
{
	char buffer[256];
	size_t end = put(buffer, 0, 1, IN_CLOSE_WRITE, NAME ".used");

	for (size_t bytes = 0; bytes < end; bytes++) {
		struct heard heard = { 0 };

		watch_parse(buffer, bytes, &events, &heard);
		assert_int_equal(heard.closed, 0);
	}
}

static void turn_until(uv_loop_t *loop, const unsigned *count, unsigned n)
{
	for (int i = 0; i < 2000 && *count < n; i++) {
		uv_run(loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
	assert_int_equal(*count, n);
}

TEST(test_watch_hears_a_pool_that_is_closed_in_each_of_its_directories)
{
	char path[SCRATCH_PATH], other[SCRATCH_PATH];
	struct heard heard = { 0 };
	struct watch *watch;
	uv_loop_t loop;
	int dir, other_dir, number, other_number, fd;

	scratch_make("/dev/shm", path);
	scratch_make("/tmp", other);
	dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	other_dir = open(other, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(watch_open(&loop, &events, &heard, &watch), 0);
	assert_int_equal(watch_add(watch, dir, &number), 0);
	assert_int_equal(watch_add(watch, other_dir, &other_number), 0);
	assert_int_not_equal(number, other_number);

	fd = openat(dir, NAME ".used", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(heard.closed, 0);
	close(fd);
	turn_until(&loop, &heard.closed, 1);
	assert_int_equal(heard.watch, number);
	close(openat(other_dir, NAME ".ready", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	turn_until(&loop, &heard.closed, 2);
	assert_int_equal(heard.watch, other_number);
	/* who only reads is not heard */
	close(openat(dir, NAME ".used", O_RDONLY | O_CLOEXEC));
	watch_remove(watch, other_number);
	close(openat(other_dir, NAME ".ready", O_RDWR | O_CLOEXEC));
	close(openat(dir, NAME ".used", O_RDWR | O_CLOEXEC));
	turn_until(&loop, &heard.closed, 3);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(heard.closed, 3);

	watch_close(watch);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	close(dir);
	close(other_dir);
	scratch_remove(path);
	scratch_remove(other);
}

TEST(test_watch_hears_a_directory_that_is_removed)
{
	char path[SCRATCH_PATH];
	struct heard heard = { 0 };
	struct watch *watch;
	uv_loop_t loop;
	int dir, number;

	scratch_make("/dev/shm", path);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(watch_open(&loop, &events, &heard, &watch), 0);
	dir = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(watch_add(watch, dir, &number), 0);
	scratch_remove(path);
	/* an open descriptor keeps it: who has one looks for himself */
	close(dir);
	turn_until(&loop, &heard.gone, 1);
	assert_int_equal(heard.watch, number);
	watch_close(watch);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}
