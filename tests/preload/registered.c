/*
 * A buffer of the heap that is registered with io_uring, which holds its page: what is read into it, after a fork.
 * "stays": it is seen at once. "returns": it is seen when the heap has returned to its pool.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/preload/forking.h"

#define SKIPPED 77
#define BYTES 4096

static struct ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} ring;

static void open_ring(void)
{
	struct io_uring_params params = { 0 };
	char *memory;

	ring.fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring.fd < 0)
		exit(SKIPPED);
	CHECK(params.features & IORING_FEAT_SINGLE_MMAP);
	memory = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.sqes = mmap(NULL, 4 * sizeof(*ring.sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQES);
	CHECK(memory != MAP_FAILED && ring.sqes != MAP_FAILED);
	ring.sq_tail = (unsigned *)(memory + params.sq_off.tail);
	ring.sq_mask = (unsigned *)(memory + params.sq_off.ring_mask);
	ring.sq_array = (unsigned *)(memory + params.sq_off.array);
	ring.cq_head = (unsigned *)(memory + params.cq_off.head);
	ring.cq_mask = (unsigned *)(memory + params.cq_off.ring_mask);
	ring.cqes = (struct io_uring_cqe *)(memory + params.cq_off.cqes);
}

/* Into the registered buffer. */
static void read_fixed(int file, char *buffer)
{
	unsigned at = *ring.sq_tail & *ring.sq_mask;

	ring.sqes[at] = (struct io_uring_sqe){ .opcode = IORING_OP_READ_FIXED, .fd = file, .addr = (uintptr_t)buffer,
					       .len = BYTES };
	ring.sq_array[at] = at;
	__atomic_store_n(ring.sq_tail, *ring.sq_tail + 1, __ATOMIC_RELEASE);
	CHECK(syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);
	CHECK(ring.cqes[*ring.cq_head & *ring.cq_mask].res == BYTES);
	__atomic_store_n(ring.cq_head, *ring.cq_head + 1, __ATOMIC_RELEASE);
}

/* From a pipe: for other files the kernel may make a thread. */
static bool arrives(const int *data, char *buffer)
{
	char bytes[BYTES];

	memset(bytes, 'f', sizeof(bytes));
	CHECK(write(data[1], bytes, sizeof(bytes)) == BYTES);
	memset(buffer, 'x', BYTES);
	read_fixed(data[0], buffer);
	return buffer[0] == 'f' && buffer[BYTES - 1] == 'f';
}

/* The child does not allocate: with VMMALLOC_FORK=0 both would, in one heap, whose locks are each process's own. */
static bool forks(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return ended_well(pid);
}

int main(int argc, char **argv)
{
	bool stays = argc > 1 && strcmp(argv[1], "stays") == 0;
	char *buffer;
	int data[2];

	CHECK(pipe(data) == 0);
	CHECK(posix_memalign((void **)&buffer, BYTES, BYTES) == 0);
	memset(buffer, 0, BYTES);
	open_ring();
	CHECK(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &(struct iovec){ buffer, BYTES }, 1) ==
	      0);
	CHECK(arrives(data, buffer));
	for (int i = 0; i < 3; i++) {
		CHECK(forks());
		if (!stays)
			CHECK(comes_back());
		CHECK(arrives(data, buffer));
	}
	return 0;
}
