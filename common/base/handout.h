/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handout -- how a process asks the daemon for a pool. This header is the whole specification of the protocol.
 *
 * The client connects to the daemon's socket (AF_UNIX, SOCK_SEQPACKET; "pool.sock" in the runtime directory), sends
 * one request in one packet, and receives one reply in one packet. If the reply's status is HANDOUT_OK it carries
 * exactly one descriptor (SCM_RIGHTS): the pool's file, open for reading and writing. Both then close the connection.
 * Who asks is known from SO_PEERCRED. All numbers are in the machine's own byte order: both ends are one machine.
 *
 * The pool is a regular file of `pool_bytes` bytes, wholly reserved in its file system. Behind its first page, which
 * holds a struct pool_header, it reads as zero. It stays the client's for as long as any process maps the file or has
 * it open; nothing has to be said at the end.
 *
 * A client that sends a long request (since 1.3.0) may get a cold pool: HANDOUT_COLD, with the same fields and the
 * descriptor. Of its file only the first page is reserved, or little more: whoever uses the rest reserves it first. An
 * older client never gets one, and would take that status for a refusal. An older daemon answers a long request with
 * HANDOUT_BAD_REQUEST, and then the client connects again and sends the request alone.
 *
 * Such a request may also wait. Where it would be refused for what may change (limits, space, none is ready) the answer
 * comes as soon as there is a pool, in the order in which requests came; or it is that refusal when `wait_s` seconds
 * are over. The client only has to keep the connection open: when it is closed the request is given up. A daemon that
 * ends says so; one that was killed has closed the connection.
 *
 * A packet of another size, magic or version is answered with HANDOUT_BAD_REQUEST. A status that the client does not
 * know, of a newer daemon, is a refusal like others. Nothing here allocates.
 */
#ifndef COMMON_BASE_HANDOUT_H
#define COMMON_BASE_HANDOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HANDOUT_SOCKET "pool.sock"
#define HANDOUT_MAGIC "VMMHAND"    /* with its NUL: 8 bytes */
#define HANDOUT_VERSION 1
#define HANDOUT_CLASS_BYTES 64     /* of a class's name, with its NUL: [A-Za-z0-9_-]+ */

enum handout_kind {
	HANDOUT_BY_CLASS = 1,      /* of the class `class_name`; `least_bytes` may be 0 */
	HANDOUT_BY_DIRECTORY = 2,  /* the smallest ready pool in that directory of at least `least_bytes` bytes */
};

enum handout_status {
	HANDOUT_OK = 0,
	HANDOUT_NONE_READY = 1,    /* there is such a class, and it would be given, but none is ready now */
	HANDOUT_NO_SUCH_CLASS = 2, /* also: no class has that directory, or pools as large as that */
	HANDOUT_NOT_ALLOWED = 3,   /* the class is not for this user */
	HANDOUT_LIMIT = 4,         /* this user has as many pools of the class as one may have */
	HANDOUT_BAD_REQUEST = 5,
	HANDOUT_BUSY = 6,          /* this user has too many connections open */
	HANDOUT_PINNED = 7,        /* HANDOUT_LIMIT, counting pools that were given back: pages of them may be held */
	/* In answer to a long request only: */
	HANDOUT_COLD = 8,          /* a pool, as with HANDOUT_OK, but it is not reserved */
	HANDOUT_FULL = 9,          /* the class has as many pools as it may have */
	HANDOUT_NO_SPACE = 10,     /* its directory has no space for a pool */
	HANDOUT_CROWDED = 11,      /* it would have to wait, and as many wait as may */
	HANDOUT_ENDING = 12,       /* it waited, and the daemon ends */
	/* Since 1.3.0: */
	HANDOUT_PROCESS_LIMIT = 13,  /* this process has as many pools of the class as one may have */
	/* Again in answer to a long request only. To others they are HANDOUT_NONE_READY, or HANDOUT_LIMIT for bytes. */
	HANDOUT_DRAINED = 14,      /* nobody gets a pool of the class until an operator says so */
	HANDOUT_BYTES_LIMIT = 15,  /* this user would have more bytes of pools, of all classes, than one may have */
	HANDOUT_CLOSED = 16,       /* the class has a mistake in the daemon's configuration */
	HANDOUT_STATUSES           /* how many there are */
};

struct handout_request {
	char magic[8];                         /* HANDOUT_MAGIC */
	uint32_t version;                      /* HANDOUT_VERSION */
	uint32_t kind;                         /* enum handout_kind */
	uint64_t least_bytes;                  /* the pool must not be smaller than this */
	uint64_t dir_dev;                      /* by directory: its st_dev and st_ino, else 0 */
	uint64_t dir_ino;
	char class_name[HANDOUT_CLASS_BYTES];  /* by class: its name, filled up with NULs, else all NUL */
};

struct handout_long_request {
	struct handout_request request;
	uint32_t flags;                        /* HANDOUT_TAKES_COLD; others are 0 */
	uint32_t wait_s;                       /* up to HANDOUT_WAIT_MOST_S; 0 without that flag */
};

#define HANDOUT_TAKES_COLD 1u    /* the client knows HANDOUT_COLD */
#define HANDOUT_WAIT_MOST_S 1000000

struct handout_reply {
	char magic[8];                         /* HANDOUT_MAGIC */
	uint32_t version;                      /* HANDOUT_VERSION */
	uint32_t status;                       /* enum handout_status */
	uint64_t pool_bytes;                   /* size of the pool's file; 0 unless there is one, like what follows */
	uint8_t pool_id[16];
	char class_name[HANDOUT_CLASS_BYTES];
};

_Static_assert(sizeof(struct handout_request) == 104, "no padding");
_Static_assert(sizeof(struct handout_long_request) == 112, "no padding");
_Static_assert(sizeof(struct handout_reply) == 104, "no padding");

/*
 * Whether a packet is a request that makes sense: its size, magic, version and kind, a class name that is one, nothing
 * in the fields that its kind does not use. 0 or -EBADMSG; *ret_request is written only on success.
 */
int handout_request_decode(const void *packet, size_t bytes, struct handout_request *ret_request);

/* The same for a long one. A request alone is one that has no flags. */
int handout_long_request_decode(const void *packet, size_t bytes, struct handout_long_request *ret_request);

/* Whether there is a pool with that status. */
static inline bool handout_is_given(uint32_t status)
{
	return status == HANDOUT_OK || status == HANDOUT_COLD;
}

/* The same for a reply. With a pool pool_bytes must be a whole number of pages and not 0. */
int handout_reply_decode(const void *packet, size_t bytes, struct handout_reply *ret_reply);

/* Whether `name` is good for a class: one or more of [A-Za-z0-9_-], shorter than HANDOUT_CLASS_BYTES. */
int handout_class_name_check(const char *name);

/* "no pool is ready", and so on. Static storage. */
const char *handout_status_text(uint32_t status);

#endif
