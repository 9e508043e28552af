/* SPDX-License-Identifier: BSD-3-Clause */
/* waiting -- see waiting.h. */
#include "vmmallocd/plan/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One user's requests of which one is as good as the other. */
struct waiting_group {
	LIST_ENTRY(waiting_group) link;
	struct handout_request request;
	char class_name[HANDOUT_CLASS_BYTES];    /* by directory: of the pool that it would get */
	uint32_t uid;
	size_t count;
	uint64_t refused_walk;                   /* in which one of them was refused; 0: in none */
};

void waiting_init(struct waiting *waiting)
{
	*waiting = (struct waiting){ 0 };
	TAILQ_INIT(&waiting->clients);
	LIST_INIT(&waiting->groups);
}

void waiting_add_short(struct waiting *waiting, struct waiting_client *client)
{
	client->group = NULL;
	TAILQ_INSERT_TAIL(&waiting->clients, client, link);
}

static bool asks_for(const struct waiting_group *group, const struct handout_request *request)
{
	return memcmp(&group->request, request, sizeof(*request)) == 0;
}

static struct waiting_group *add_group(struct waiting *waiting, const struct handout_request *request,
				       const char *class_name, uint32_t uid)
{
	struct waiting_group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->request = *request;
	memcpy(group->class_name, class_name, strlen(class_name));
	group->uid = uid;
	LIST_INSERT_HEAD(&waiting->groups, group, link);
	return group;
}

/* How many wait for a pool of that class; `uid`: of that user alone, or NULL. */
static size_t count_of(const struct waiting *waiting, const char *class_name, const uint32_t *uid)
{
	const struct waiting_group *group;
	size_t count = 0;

	LIST_FOREACH(group, &waiting->groups, link)
		if (strcmp(group->class_name, class_name) == 0 && (!uid || group->uid == *uid))
			count += group->count;
	return count;
}

static struct waiting_group *find_group(const struct waiting *waiting, const struct handout_request *request,
					const char *class_name, uint32_t uid)
{
	struct waiting_group *group;

	LIST_FOREACH(group, &waiting->groups, link)
		if (group->uid == uid && strcmp(group->class_name, class_name) == 0 && asks_for(group, request))
			return group;
	return NULL;
}

int waiting_add(struct waiting *waiting, struct waiting_client *client, const struct handout_request *request,
		const struct config_class *class, uint32_t uid)
{
	struct waiting_group *group;

	if (count_of(waiting, class->name, NULL) >= class->max_waiting ||
	    count_of(waiting, class->name, &uid) >= class->max_waiting_per_user)
		return -EUSERS;
	group = find_group(waiting, request, class->name, uid);
	if (!group)
		group = add_group(waiting, request, class->name, uid);
	if (!group)
		return -ENOMEM;
	client->group = group;
	client->number = ++waiting->numbers;
	group->count++;
	waiting->count++;
	TAILQ_INSERT_TAIL(&waiting->clients, client, link);
	return 0;
}

void waiting_remove(struct waiting *waiting, struct waiting_client *client)
{
	struct waiting_group *group = client->group;

	TAILQ_REMOVE(&waiting->clients, client, link);
	if (!group)
		return;
	client->group = NULL;
	waiting->count--;
	if (--group->count == 0) {
		LIST_REMOVE(group, link);
		free(group);
	}
}

const char *waiting_class(const struct waiting_client *client)
{
	return client->group->class_name;
}

size_t waiting_count(const struct waiting *waiting, const char *class_name)
{
	return count_of(waiting, class_name, NULL);
}

int waiting_each(const struct waiting *waiting, uint64_t after,
		 int (*visit)(void *context, const struct waiting_client *client, const char *class_name),
		 void *context)
{
	const struct waiting_client *client = TAILQ_FIRST(&waiting->clients);
	int r = 0;

	for (; r == 0 && client; client = TAILQ_NEXT(client, link))
		if (client->group && client->number > after)
			r = visit(context, client, client->group->class_name);
	return r;
}

void waiting_begin_walk(struct waiting *waiting)
{
	waiting->walk++;
}

bool waiting_is_passed_over(const struct waiting *waiting, const struct waiting_client *client)
{
	return client->group && client->group->refused_walk == waiting->walk;
}

void waiting_refused(struct waiting *waiting, const struct waiting_client *client, bool of_user)
{
	const struct handout_request *request = &client->group->request;
	struct waiting_group *group;

	client->group->refused_walk = waiting->walk;
	if (of_user)
		return;
	LIST_FOREACH(group, &waiting->groups, link)
		if (asks_for(group, request))
			group->refused_walk = waiting->walk;
}
