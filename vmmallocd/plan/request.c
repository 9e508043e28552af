/* SPDX-License-Identifier: BSD-3-Clause */
/* request -- see request.h. */
#include "vmmallocd/plan/request.h"

#include <string.h>

#include "vmmallocd/plan/provision.h"

static bool lists_id(const struct config_ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->ids[i] == id)
			return true;
	return false;
}

/* Whether the class is for that peer. Root who is not trusted is a container's, with the groups that he likes. */
static bool request_allowed(const struct config_class *class, const struct request_peer *peer)
{
	if (peer->is_trusted)
		return true;
	if (class->users.count == 0 && class->groups.count == 0)
		return true;
	if (peer->uid == 0)
		return false;
	if (lists_id(&class->users, peer->uid) || lists_id(&class->groups, peer->gid))
		return true;
	for (size_t i = 0; i < peer->group_count; i++)
		if (lists_id(&class->groups, peer->groups[i]))
			return true;
	return false;
}

/* The oldest ready pool of the class, a cold one only if `takes_cold` and there is no other; NULL: none. */
static struct registry_pool *find_ready(const struct config_class *class, const struct registry_class *pools,
					bool takes_cold)
{
	struct registry_pool *cold = NULL;

	for (struct registry_pool *pool = pools->first[REGISTRY_READY]; pool; pool = pool->next_in_state) {
		/* after a reload there may be ready pools of another size, not destroyed yet */
		if (provision_is_busy(pool) || !provision_fits(class, pool))
			continue;
		if (!pool->cold)
			return pool;
		if (takes_cold && !cold)
			cold = pool;
	}
	return cold;
}

/* HANDOUT_OK: the user may have so much more, of whichever classes his pools are. */
static enum handout_status ask_bytes(const struct request_context *context, const struct config_class *class,
				     uint32_t uid)
{
	uint64_t most = context->config->max_bytes_per_user;

	if (most == 0 || registry_bytes_of(context->registry, uid, false) + class->size_bytes <= most)
		return HANDOUT_OK;
	return registry_bytes_of(context->registry, uid, true) + class->size_bytes <= most ? HANDOUT_PINNED :
											     HANDOUT_BYTES_LIMIT;
}

/* What one class answers. *ret_pool is set if it is a pool, NULL if one is to be made. */
static enum handout_status ask_class(const struct request_context *context, const struct config_class *class,
				     const struct request_peer *peer, bool takes_cold, struct registry_pool **ret_pool)
{
	const struct registry_class *pools;
	struct registry_pool *pool;
	enum handout_status status;

	/* who may have its pools is not known for sure */
	if (class->closed)
		return HANDOUT_CLOSED;
	if (!request_allowed(class, peer))
		return HANDOUT_NOT_ALLOWED;
	if (class->service != CONFIG_SERVES)
		return HANDOUT_DRAINED;
	if (class->max_per_user && registry_had_by(context->registry, class->name, peer->uid) >= class->max_per_user)
		return registry_leased_by(context->registry, class->name, peer->uid) >= class->max_per_user ?
			       HANDOUT_LIMIT :
			       HANDOUT_PINNED;
	status = ask_bytes(context, class, peer->uid);
	if (status != HANDOUT_OK)
		return status;
	if (class->max_per_process && peer->pid > 0 &&
	    registry_leased_by_process(context->registry, class->name, (uint32_t)peer->pid) >= class->max_per_process)
		return HANDOUT_PROCESS_LIMIT;
	pools = registry_class(context->registry, class->name);
	pool = pools ? find_ready(class, pools, takes_cold) : NULL;
	if (pool) {
		*ret_pool = pool;
		return pool->cold ? HANDOUT_COLD : HANDOUT_OK;
	}
	if (!pools || !takes_cold || !class->cold)
		return HANDOUT_NONE_READY;
	*ret_pool = NULL;
	return provision_total(pools) < class->max ? HANDOUT_COLD : HANDOUT_FULL;
}

/* Of several classes' refusals the one of the highest rank is told: it says most about what would have to change. */
static unsigned rank(enum handout_status status)
{
	switch (status) {
	case HANDOUT_OK: return 11;
	case HANDOUT_COLD: return 10;
	case HANDOUT_FULL: return 9;
	case HANDOUT_NONE_READY: return 8;
	case HANDOUT_CLOSED: return 7;
	case HANDOUT_PINNED: return 6;
	case HANDOUT_LIMIT: return 5;
	case HANDOUT_BYTES_LIMIT: return 4;
	case HANDOUT_PROCESS_LIMIT: return 3;
	case HANDOUT_DRAINED: return 2;
	case HANDOUT_NOT_ALLOWED: return 1;
	default: return 0;
	}
}

static enum handout_status ask_directory(const struct request_context *context, const struct handout_request *request,
					 const struct request_peer *peer, bool takes_cold,
					 struct registry_pool **ret_pool, const struct config_class **ret_class)
{
	enum handout_status best = HANDOUT_NO_SUCH_CLASS;
	const struct config_class *chosen = NULL;

	for (size_t i = 0; i < context->config->class_count; i++) {
		const struct config_class *class = &context->config->classes[i];
		enum handout_status status;
		struct registry_pool *pool;
		dev_t dev;
		ino_t ino;

		if (class->size_bytes < request->least_bytes ||
		    !context->identify(context->context, class->directory, &dev, &ino) ||
		    dev != request->dir_dev || ino != request->dir_ino)
			continue;
		status = ask_class(context, class, peer, takes_cold, &pool);
		if (rank(status) < rank(best) ||
		    (chosen && rank(status) == rank(best) && class->size_bytes >= chosen->size_bytes))
			continue;
		best = status;
		chosen = class;
		if (rank(status) >= rank(HANDOUT_FULL))
			*ret_pool = pool;
	}
	if (takes_cold)
		*ret_class = chosen;
	return best;
}

enum handout_status request_decide(const struct request_context *context, const struct handout_request *request,
				   const struct request_peer *peer, struct registry_pool **ret_pool,
				   const struct config_class **ret_class)
{
	const struct config_class *class;

	if (request->kind == HANDOUT_BY_DIRECTORY)
		return ask_directory(context, request, peer, ret_class, ret_pool, ret_class);
	if (request->kind != HANDOUT_BY_CLASS)
		return HANDOUT_BAD_REQUEST;
	class = config_find(context->config, request->class_name);
	if (!class || (!class->closed && class->size_bytes < request->least_bytes))
		return HANDOUT_NO_SUCH_CLASS;
	if (ret_class)
		*ret_class = class;
	return ask_class(context, class, peer, ret_class, ret_pool);
}

bool request_can_wait(enum handout_status refusal)
{
	return refusal == HANDOUT_FULL || refusal == HANDOUT_NONE_READY || refusal == HANDOUT_NO_SPACE ||
	       refusal == HANDOUT_PROCESS_LIMIT || refusal == HANDOUT_CLOSED || request_is_at_limit(refusal);
}

bool request_is_at_limit(enum handout_status refusal)
{
	return refusal == HANDOUT_LIMIT || refusal == HANDOUT_BYTES_LIMIT || refusal == HANDOUT_PINNED;
}
