/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request -- who gets which pool: a request, its sender's credentials, the registry and the configuration decide.
 *
 * Changes nothing, blocks on nothing: groups are those that the process had when it connected (SO_PEERGROUPS), not what
 * a user database says by now.
 */
#ifndef VMMALLOCD_PLAN_REQUEST_H
#define VMMALLOCD_PLAN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/handout.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/plan/registry.h"

struct request_peer {
	pid_t pid;               /* 0: in no PID namespace that we see, and so without a limit of its own */
	uid_t uid;
	gid_t gid;
	bool is_trusted;         /* may have everything: peer.h */
	bool takes_cold;         /* knows what a cold pool is */
	const gid_t *groups;     /* supplementary */
	size_t group_count;
};

struct request_context {
	const struct config *config;
	struct registry *registry;
	/* Which directory the path of a class is; false: it is not in service. */
	bool (*identify)(void *context, const char *path, dev_t *ret_dev, ino_t *ret_ino);
	void *context;
};

/*
 * HANDOUT_OK and the oldest ready pool of the class, or the smallest class; else why there is none, and no pool.
 *
 * If `ret_class` is not NULL the peer takes cold pools as well: HANDOUT_COLD and a ready one, or no pool, and in
 * *ret_class the class of which one may be made. HANDOUT_FULL and the class: it has as many pools as it may have.
 */
enum handout_status request_decide(const struct request_context *context, const struct handout_request *request,
				   const struct request_peer *peer, struct registry_pool **ret_pool,
				   const struct config_class **ret_class);

/* Whether a refusal may be over when a pool comes back, space comes free, or the configuration is another. */
bool request_can_wait(enum handout_status refusal);
/* Whether a refusal is for what the user has, and says nothing of others' requests. */
bool request_is_at_limit(enum handout_status refusal);

#endif
