/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_header -- the first page of a pool file: what the pool is, whose it is, and live figures.
 *
 * This header is the whole specification of the format. All numbers are in the machine's own byte
 * order: a pool is volatile memory and never leaves the machine that made it.
 *
 *   offset 0             240                        heap_offset                       pool_size
 *   | struct pool_header | struct pool_outside | zero | heap: extents grow upwards ... metadata from the top |
 *
 * heap_offset is the page of the kernel (4, 16 or 64 KiB), or of hugetlbfs: the heap is mapped apart from the header.
 *
 * The header always lies in a page of the file that is mapped MAP_SHARED, also when the heap behind it
 * is private after a fork. Only the owner writes it. Others may read it with pread(2), through
 * /proc/PID/fd of the owner while that descriptor is open and the file's mode lets them: a pool of the
 * daemon is the daemon's, which tells everybody. There is no lock: each figure is written whole (an
 * aligned 64-bit store) but two figures need not be of the same moment.
 *
 * A reader of release 1.2.0 refuses a longer struct pool_header. So what later versions know besides lies behind it, in
 * structures that say for themselves that they are there; in a pool of 1.2.0 there are zeros.
 */
#ifndef COMMON_BASE_POOL_HEADER_H
#define COMMON_BASE_POOL_HEADER_H

#include <stddef.h>
#include <stdint.h>

#define POOL_HEADER_MAGIC "VMMPOOL"  /* with its NUL: 8 bytes */
#define POOL_HEADER_VERSION 1
#define POOL_PAGE_LEAST ((size_t)4096)  /* no machine has smaller pages; every size of a pool is whole ones */
#define POOL_HUGE_PAGE ((size_t)2 << 20)

enum pool_header_mode {
	POOL_HEADER_SHARED = 0,   /* the heap is on the pool file */
	POOL_HEADER_PRIVATE = 1,  /* the heap is a private copy since a fork */
	POOL_HEADER_BACK = 2,     /* the heap is on the pool file again, after a fork */
	POOL_HEADER_RETURNING = 3,  /* what is free, and becomes free, is on the pool file again: private_bytes */
	POOL_HEADER_MODES          /* how many there are */
};

struct pool_header {
	char magic[8];              /* POOL_HEADER_MAGIC; written last, so a reader never sees half a header */
	uint32_t version;           /* POOL_HEADER_VERSION */
	uint32_t header_bytes;      /* sizeof(struct pool_header) of the writer */
	uint64_t pool_bytes;        /* size of the file */
	uint64_t heap_offset;       /* where the heap begins, in bytes from the start of the file */
	uint8_t pool_id[16];        /* random */

	/* the owner */
	uint32_t owner_pid;         /* in the owner's own PID namespace */
	uint32_t owner_uid;         /* the effective user when the pool was made */
	uint64_t owner_start_ns;    /* CLOCK_BOOTTIME when the pool was made: after the process began */
	char owner_command[16];     /* as in /proc/PID/comm; ends in NUL */

	/* live figures; bytes unless they say otherwise */
	uint64_t mode;              /* enum pool_header_mode */
	uint64_t reserved_bytes;    /* of the file, allocated by the file system on our request */
	uint64_t used_bytes;        /* handed to jemalloc, its metadata included */
	uint64_t peak_bytes;        /* the most that used_bytes ever was */
	uint64_t metadata_bytes;    /* of used_bytes: jemalloc's own bookkeeping */
	uint64_t outside_bytes;     /* ordinary memory in use: VMMALLOC_ON_FULL=dram, or jemalloc's last resort */
	uint64_t failed_requests;   /* requests for space that the pool could not serve (count) */
	uint64_t reclaims;          /* times the arenas' caches were emptied to serve a request (count) */
	uint64_t forks;             /* forks of the owner (count) */
	uint64_t private_bytes;     /* of the heap, used or not, mapped privately since a fork */

	/* pools of the daemon only, else zero; written before the pool is handed out */
	uint8_t boot_id[16];        /* /proc/sys/kernel/random/boot_id when the pool was made or scrubbed */
	char class_name[64];        /* ends in NUL */
};

#define POOL_OUTSIDE_MAGIC "VMMOUTS"  /* with its NUL: 8 bytes */
#define POOL_OUTSIDE_MOST 30          /* more reasons than this there will never be */

/* Why memory of the heap is ordinary memory. A later version may have more. */
enum pool_outside_reason {
	POOL_OUTSIDE_EARLY = 0,           /* there was no pool yet; or no memory to note another reason in */
	POOL_OUTSIDE_FULL = 1,            /* VMMALLOC_ON_FULL=dram: the pool had no room for it, */
	POOL_OUTSIDE_SPACE = 2,           /*   the file system had no space for it, */
	POOL_OUTSIDE_LARGE = 3,           /*   it, or its alignment, is larger than the pool, all of it free */
	POOL_OUTSIDE_METADATA_FULL = 4,   /* jemalloc's own bookkeeping: the pool had no room for it, */
	POOL_OUTSIDE_METADATA_SPACE = 5,  /*   the file system had no space for it */
	POOL_OUTSIDE_REASONS              /* how many there are */
};

/*
 * What outside_bytes is made of, by reason: what is in use now. The sum of all is outside_bytes, but for what changes
 * while it is read. Of a heap of many pools the first has the figures of all, as there. A child counts in its own
 * memory until it has a pool of its own: it begins with its parent's figures.
 */
struct pool_outside {
	char magic[8];              /* POOL_OUTSIDE_MAGIC; written last. Else nothing is known of reasons */
	uint32_t reasons;           /* POOL_OUTSIDE_REASONS of the writer: the others are zero */
	uint32_t unused;            /* zero */
	uint64_t bytes[POOL_OUTSIDE_MOST];  /* by enum pool_outside_reason */
};

/* How the page begins. */
struct pool_page {
	struct pool_header header;
	struct pool_outside outside;
};

_Static_assert(offsetof(struct pool_page, outside) == sizeof(struct pool_header), "release 1.2.0 has zeros there");
_Static_assert(sizeof(struct pool_page) <= POOL_PAGE_LEAST, "all of it fits one page");
_Static_assert(POOL_OUTSIDE_REASONS <= POOL_OUTSIDE_MOST, "all reasons have room");

#endif
