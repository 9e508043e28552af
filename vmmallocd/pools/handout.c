/* SPDX-License-Identifier: BSD-3-Clause */
/* handout -- a ready pool, or one that is made for it, becomes a client's. See pools.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/probe.h"
#include "vmmallocd/pools/tell.h"
#include "vmmallocd/pools/work.h"

#define TRIES 8    /* ready pools that turn out to be odd, in one request */

static bool identify(void *context, const char *path, dev_t *ret_dev, ino_t *ret_ino)
{
	const struct pools *pools = context;
	const struct served_dir *directory = served_dirs_find(&pools->directories, path);

	if (!directory || !served_dir_is_usable(directory))
		return false;
	*ret_dev = directory->dir.dev;
	*ret_ino = directory->dir.ino;
	return true;
}

/* For people to read: the process may be gone, and its number another's. */
static void read_comm(pid_t pid, char comm[16])
{
	char path[64];
	ssize_t n;

	memset(comm, 0, 16);
	if (pid <= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, comm, 15);
	if (n > 0 && comm[n - 1] == '\n')
		comm[n - 1] = '\0';
}

struct registry_owner pools_owner(const struct request_peer *peer)
{
	struct registry_owner owner = { .pid = (uint32_t)peer->pid, .uid = peer->uid };

	read_comm(peer->pid, owner.comm);
	return owner;
}

/* What an operator has had made besides is there for whoever comes. */
static void count_extra(struct pools *pools, const struct registry_pool *pool)
{
	struct provision_class *class = provision_class(&pools->provision, pool->class_name);

	if (class && class->extra > 0 && !pool->cold)
		class->extra--;
}

/*
 * Opens a ready pool for a client, and marks it as used. -EAGAIN: nothing is wrong with the pool, but it cannot be had
 * now. Other failures: it is not ready any more.
 */
static int lease(struct pools *pools, struct registry_pool *pool, const struct request_peer *peer, int *ret_fd)
{
	const struct served_dir *directory = pools_directory(pools, pool);
	int r = pool_file_check(&directory->dir, &pool->file);

	CLEANUP(cleanup_fd) int fd = r < 0 ? r : pool_file_open(&directory->dir, &pool->file);
	if (resource_has_run_out(fd)) {
		pools_short_of_descriptors(pools, fd, "hand-out of a pool");
		return -EAGAIN;
	}
	if (fd < 0) {
		pools_fail(pools, pool, "open", strerrordesc_np(-fd));
		return fd;
	}
	/* first the directory, which is the truth after a crash: a pool that may have been seen is never ready again */
	r = pool_file_set_mark(&directory->dir, &pool->file, POOL_FILE_USED);
	if (r < 0) {
		pools_fail(pools, pool, "rename", strerrordesc_np(-r));
		return r;
	}
	pool->owner = pools_owner(peer);
	pool->may_be_pinned = pools_know_pins(directory);
	pool->leases++;
	count_extra(pools, pool);
	/* a cold one was to go, had nobody taken it */
	if (pool->work)
		pool->work->due_ms = 0;
	pools_set_state(pools, pool, REGISTRY_LEASED);
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* A cold pool of the class, in *ret_pool if it is made at once. What the answer is without it. */
static enum handout_status make_cold(struct pools *pools, const struct config_class *class,
				     struct registry_pool **ret_pool, bool *ret_is_coming)
{
	switch (-pools_make_cold(pools, class, ret_pool)) {
	case 0:
		return HANDOUT_COLD;
	case EINPROGRESS:
		*ret_is_coming = true;
		return HANDOUT_NONE_READY;
	case ENOSPC:
	case EDQUOT:
		return HANDOUT_NO_SPACE;
	default:
		return HANDOUT_NONE_READY;
	}
}

static enum handout_status choose(struct pools *pools, const struct handout_request *request,
				  const struct request_peer *peer, struct pools_taken *taken)
{
	const struct request_context context = {
		.config = pools->config, .registry = pools->registry,
		.identify = identify, .context = pools,
	};
	enum handout_status status =
		request_decide(&context, request, peer, &taken->pool, peer->takes_cold ? &taken->class : NULL);

	if (status == HANDOUT_COLD && !taken->pool)
		return make_cold(pools, taken->class, &taken->pool, &taken->is_coming);
	if (status == HANDOUT_FULL && pools_make_room(pools, taken->class)) {
		taken->is_coming = true;
		return HANDOUT_NONE_READY;
	}
	return status;
}

static enum handout_status take_ready(struct pools *pools, const struct handout_request *request,
				      const struct request_peer *peer, struct pools_taken *taken)
{
	for (int i = 0; i < TRIES; i++) {
		enum handout_status status = choose(pools, request, peer, taken);
		int r;

		/* a pool that was closed before the request was sent is no longer had, though its event is unread */
		if ((status == HANDOUT_LIMIT || status == HANDOUT_BYTES_LIMIT || status == HANDOUT_PROCESS_LIMIT ||
		     status == HANDOUT_FULL) && i == 0) {
			watch_hear(pools->watch);
			status = choose(pools, request, peer, taken);
		}
		if (!handout_is_given(status))
			return status;
		r = lease(pools, taken->pool, peer, &taken->fd);
		if (r == 0)
			return status;
		/* what fails for a cold pool would fail for the next, and each leaves a file to be removed */
		if (r == -EAGAIN || status == HANDOUT_COLD)
			break;
	}
	return HANDOUT_NONE_READY;
}

enum handout_status pools_take(struct pools *pools, const struct handout_request *request,
			       const struct request_peer *peer, struct pools_taken *ret_taken)
{
	struct pools_taken taken = { .fd = -1 };
	enum handout_status status = take_ready(pools, request, peer, &taken);
	const struct registry_pool *pool = taken.pool;

	if (handout_is_given(status)) {
		pools->handed_out++;
		tell(&pools->events, pools->log, LOG_DEBUG, tell_of_pool(EVENT_HANDED_OUT, pool, NULL),
		     "%s: handed to %s, pid %d of uid %u%s", pools_name(pool).text, pool->owner.comm, (int)peer->pid,
		     (unsigned)peer->uid, pool->cold ? ", cold" : "");
	}
	*ret_taken = taken;
	return status;
}

/* --- a user asks while his last pools are still being looked at --- */

/*
 * Calls `visit` for each pool that a user has given back, and that counts as his while pages of it may be held, until
 * it returns true.
 */
static bool each_pinned(struct pools *pools, uint32_t uid,
			bool (*visit)(struct pools *pools, const struct provision_class *class,
				      struct registry_pool *pool))
{
	static const enum registry_state states[] = { REGISTRY_RECYCLING, REGISTRY_FAILED, REGISTRY_QUARANTINED };

	for (size_t i = 0; i < pools->provision.count; i++) {
		const struct provision_class *provision = pools->provision.classes[i];
		const struct registry_class *class = registry_class(pools->registry, provision->name);

		for (size_t s = 0; class && s < sizeof(states) / sizeof(states[0]); s++)
			for (struct registry_pool *pool = class->first[states[s]]; pool; pool = pool->next_in_state)
				if (pool->owner.uid == uid && registry_is_pinned(pool) &&
				    visit(pools, provision, pool))
					return true;
	}
	return false;
}

static bool look_soon(struct pools *pools, const struct provision_class *class, struct registry_pool *pool)
{
	(void)class;
	if (pool->pins_show && !provision_is_busy(pool))
		pools_hurry(pools, pool);
	return false;
}

/* A job looks at it, or will as soon as there is a worker for it. */
static bool is_looked_at(struct pools *pools, const struct provision_class *class, struct registry_pool *pool)
{
	bool is_due = !pool->work || pool->work->due_ms <= pools_now_ms(pools);

	return pool->state == REGISTRY_RECYCLING ||
	       (pool->pins_show && (provision_is_busy(pool) || (is_due && !class->stuck)));
}

bool pools_put_off(struct pools *pools, const struct request_peer *peer, enum handout_status status,
		   const struct pools_taken *taken, bool first)
{
	if (status == HANDOUT_PINNED && first)
		(void)each_pinned(pools, peer->uid, look_soon);
	if (!taken->is_coming && (status != HANDOUT_PINNED || !each_pinned(pools, peer->uid, is_looked_at)))
		return false;
	return true;
}

void pools_refused(struct pools *pools, const char *class_name, const struct registry_owner *owner,
		   enum handout_status status)
{
	const char *reason = handout_status_text(status);

	pools->refused++;
	tell(&pools->events, pools->log, LOG_DEBUG, tell_of_request(EVENT_REFUSED, class_name, owner, reason),
	     "request of pid %d of uid %u: %s", (int)owner->pid, (unsigned)owner->uid, reason);
}

void pools_waits(struct pools *pools, const char *class_name, const struct registry_owner *owner, uint32_t wait_s,
		 enum handout_status status)
{
	const char *reason = handout_status_text(status);

	tell(&pools->events, pools->log, LOG_DEBUG, tell_of_request(EVENT_WAITING, class_name, owner, reason),
	     "request of pid %d of uid %u waits up to %u s: %s", (int)owner->pid, (unsigned)owner->uid, wait_s, reason);
}

void pools_gave_up(struct pools *pools, const char *class_name, const struct registry_owner *owner)
{
	tell(&pools->events, pools->log, LOG_DEBUG, tell_of_request(EVENT_GAVE_UP, class_name, owner, NULL),
	     "request of pid %d of uid %u waits no more: its client is gone", (int)owner->pid, (unsigned)owner->uid);
}

void pools_sent(struct pools *pools, const struct registry_pool *pool, uint64_t ns, bool waited)
{
	metrics_count(&pools->metrics, pool->class_name,
		      pool->cold ? METRICS_HANDED_OUT_COLD : METRICS_HANDED_OUT_WARM);
	metrics_took(&pools->metrics, pool->class_name, waited ? METRICS_WAIT : METRICS_HANDOUT, ns);
}

void pools_unsent(struct pools *pools, struct registry_pool *pool, int error)
{
	log_line(pools->log, LOG_DEBUG, "%s: not sent: %s", pools_name(pool).text, strerrordesc_np(-error));
	pools->handed_out--;
	/* the client may have it all the same: only a probe tells, as for any other pool */
	(void)pools_probe(pools, pool);
}
