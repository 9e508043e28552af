/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handout_client -- asks vmmallocd for a pool, once, at the start. The protocol is in common/base/handout.h.
 *
 * The library asks nobody unless VMMALLOC_POOL or VMMALLOC_SOCKET says so. Whatever the daemon does, or does not do,
 * the answer is there within HANDOUT_TIMEOUT_MS, for all tiers together; with VMMALLOC_WAIT, within so many seconds
 * more, and another one if the daemon is started anew meanwhile. Where none is named the user's own is asked, and then,
 * in another HANDOUT_TIMEOUT_MS, the system's: if the first does not answer, or knows no such class or directory. A
 * refusal for any other reason counts: who drained a class, or set a limit, in a daemon of his own meant it. Uses no
 * poll or select, allocates nothing.
 */
#ifndef LIBVMMALLOC_START_HANDOUT_CLIENT_H
#define LIBVMMALLOC_START_HANDOUT_CLIENT_H

#include <stdint.h>

#include "common/base/text.h"
#include "libvmmalloc/context/config.h"

#define HANDOUT_TIMEOUT_MS 1000
#define HANDOUT_SILENCE_MS 10000

/*
 * A daemon that has not answered in its time, as one that is stopped, is not asked for HANDOUT_SILENCE_MS: each tier of
 * a heap would wait for it, and each pool more that a heap takes. Of the start, and then of who has the heap's lock.
 */
struct vmm_handout_silence {
	uint64_t users_until_ns, others_until_ns;   /* 0: it has answered, or was not asked */
};

extern struct vmm_handout_silence vmm_handout_silence;

/*
 * Asks for a pool for a tier, and waits for it for so many seconds. One call at a time.
 *
 * Returns 0 and a descriptor of the pool's file, which is a regular one, open for reading and writing, and, if no
 * class is named, at least as large as the tier's; or -errno with the reason in `error`. *ret_is_cold: space in it is
 * reserved as it is needed, as in a pool that is made here; else all of it is.
 */
int vmm_handout_ask(const struct vmm_config *config, size_t tier, unsigned wait_seconds, int *ret_fd,
		    bool *ret_is_cold, struct text *error);

#endif
