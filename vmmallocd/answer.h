/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * answer -- one request for a pool: its packet, who sent it, and the reply (common/base/handout.h).
 *
 * A request that would be refused because of a pool that its user has just given back may be decided again in a moment:
 * its packet is kept, and so is the connection.
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
};

enum answer_outcome {
	ANSWER_GIVEN,           /* or nobody waits for one: the connection can be closed */
	ANSWER_NO_REQUEST,      /* no request has come yet */
	ANSWER_PUT_OFF,         /* it is to be decided again */
};

/* Whether a request may be decided later instead of being refused. */
enum answer_patience { ANSWER_FIRST_TIME, ANSWER_AGAIN, ANSWER_LAST_TIME };

/*
 * Reads the packet of a connection into *ret_packet, if it is there, and answers it for the first time.
 * `refuses_rights`: rights.h.
 */
enum answer_outcome answer_next(struct pools *pools, int fd, bool refuses_rights, struct answer_packet *ret_packet);

/* Decides a request that was read: sends a pool, or why there is none. */
enum answer_outcome answer_request(struct pools *pools, int fd, const struct answer_packet *packet,
				   enum answer_patience patience);

/* Sends a reply without a pool. */
void answer_refuse(int fd, enum handout_status status);

#endif
