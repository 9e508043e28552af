/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * waiting -- the requests that wait for a pool: in which order they are decided, and how many may wait.
 *
 *     all, as they came:    A1 - A2 - B1 - A3 - C1        A, B: users; each belongs to a group, who ask for the same
 *     groups:               { request, user, how many }
 *
 * They are decided in the order in which they came. In one walk, whose request was refused for all is not asked for
 * again, and whose own limit is in the way does not keep others: so a walk decides about as many requests as there are
 * different ones, and as it gives pools, however many wait. Pure: no clock, no libuv, no sockets.
 */
#ifndef VMMALLOCD_PLAN_WAITING_H
#define VMMALLOCD_PLAN_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/base/handout.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/plan/registry.h"

struct waiting_group;

/* One request; the caller's storage, which holds it. */
struct waiting_client {
	/* the caller's, for people to read */
	struct registry_owner owner;
	int64_t since_s;                /* by clock.h */
	/* the module's own */
	TAILQ_ENTRY(waiting_client) link;
	struct waiting_group *group;    /* NULL: it is decided in every walk, and counts for nothing */
	uint64_t number;                /* of those in groups, who came later has a higher one; from 1 on */
};

TAILQ_HEAD(waiting_clients, waiting_client);
LIST_HEAD(waiting_groups, waiting_group);

struct waiting {
	struct waiting_clients clients;   /* who came first is the first */
	struct waiting_groups groups;
	size_t count;                     /* clients that are in a group */
	uint64_t walk;
	uint64_t numbers;                 /* the last one that was given */
};

void waiting_init(struct waiting *waiting);

/* One more, at the end, that is not in a group. */
void waiting_add_short(struct waiting *waiting, struct waiting_client *client);

/*
 * One more, at the end, for a pool of `class`. 0; -EUSERS: as many wait for this class, or of this user, as may; or
 * -ENOMEM. Then it does not wait.
 */
int waiting_add(struct waiting *waiting, struct waiting_client *client, const struct handout_request *request,
		const struct config_class *class, uint32_t uid);

void waiting_remove(struct waiting *waiting, struct waiting_client *client);

/* How many wait for a pool of that class. */
size_t waiting_count(const struct waiting *waiting, const char *class_name);

/* Of which class a client waits for a pool that is in a group. */
const char *waiting_class(const struct waiting_client *client);

/*
 * Visits the clients in groups whose numbers are higher than `after`, in their order. The first value of `visit` that
 * is not zero ends that, and is returned.
 */
int waiting_each(const struct waiting *waiting, uint64_t after,
		 int (*visit)(void *context, const struct waiting_client *client, const char *class_name),
		 void *context);

/* From here on nobody is passed over. */
void waiting_begin_walk(struct waiting *waiting);
/* Whether the client would be refused as another one was in this walk. */
bool waiting_is_passed_over(const struct waiting *waiting, const struct waiting_client *client);
/* The client, which is in a group, was refused in this walk; of_user: for what the user has, and so not for all. */
void waiting_refused(struct waiting *waiting, const struct waiting_client *client, bool of_user);

#endif
