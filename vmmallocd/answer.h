/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * answer -- one request for a pool: its packet, who sent it, and the reply (common/base/handout.h).
 *
 * A request that would be refused because of a pool that its user has just given back may be decided again in a moment:
 * its packet is kept, and so is the connection. So it is with one that waits.
 */
#ifndef VMMALLOCD_ANSWER_H
#define VMMALLOCD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/handout.h"
#include "vmmallocd/pools/pools.h"

struct answer_packet {
	char data[sizeof(struct handout_long_request)];
	size_t bytes;
	uint64_t came_ns;               /* when it was read */
	bool waited;                    /* for a pool: the caller's */
};

/* A request that waits: how it would be refused now, and of which class its pool would be. */
struct answer_wait {
	struct handout_long_request request;
	char class_name[HANDOUT_CLASS_BYTES];
	enum handout_status refusal;
	struct registry_owner owner;    /* when it is decided for the first time */
	bool is_coming;         /* a pool, in a moment: it would be put off if it could not wait */
};

enum answer_outcome {
	ANSWER_GIVEN,           /* or nobody waits for one: the connection can be closed */
	ANSWER_NO_REQUEST,      /* no request has come yet */
	ANSWER_PUT_OFF,         /* it is to be decided again, in a moment */
	ANSWER_WAITS,           /* it asked to wait, and is to be decided again whenever something has changed */
};

/* Whether a request may be decided later instead of being refused. */
enum answer_patience {
	ANSWER_FIRST_TIME,
	ANSWER_AGAIN,           /* it was put off */
	ANSWER_WAITING,
	ANSWER_LAST_TIME,
};

/*
 * Reads the packet of a connection into *ret_packet, if it is there, and answers it for the first time.
 * `refuses_rights`: rights.h. *ret_wait is set with ANSWER_WAITS.
 */
enum answer_outcome answer_next(struct pools *pools, int fd, bool refuses_rights, struct answer_packet *ret_packet,
				struct answer_wait *ret_wait);

/* Decides a request that was read: sends a pool, or why there is none. *ret_wait is set with ANSWER_WAITS. */
enum answer_outcome answer_request(struct pools *pools, int fd, const struct answer_packet *packet,
				   enum answer_patience patience, struct answer_wait *ret_wait);

/* Sends a reply without a pool, and counts it. `class_name`: NULL: it is of no class. */
void answer_refuse(struct pools *pools, const char *class_name, int fd, enum handout_status status);
/* The class that a request is for: `class`, where that is known, or the one that it names; NULL: none that there is. */
const char *answer_class(const struct pools *pools, const struct answer_packet *packet,
			 const struct config_class *class);

#endif
