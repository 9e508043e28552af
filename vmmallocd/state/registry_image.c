/* SPDX-License-Identifier: BSD-3-Clause */
/* registry_image -- see registry_image.h. */
#include "vmmallocd/state/registry_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct taking {
	struct registry_image *image;
	const struct registry *taken;      /* whose pools are there already; may be NULL */
};

static char *add_directory(struct registry_image *image, const char *path)
{
	char **directories = reallocarray(image->directories, image->directory_count + 1, sizeof(*directories));
	char *copy = directories ? strdup(path) : NULL;

	if (directories)
		image->directories = directories;
	if (copy)
		directories[image->directory_count++] = copy;
	return copy;
}

/* The image's own copy of it. There are few, and mostly it is that of the pool before. */
static char *find_directory(struct registry_image *image, const char *path)
{
	const struct registry_pool *last = image->count > 0 ? &image->pools[image->count - 1] : NULL;

	if (last && strcmp(last->directory, path) == 0)
		return last->directory;
	for (size_t i = 0; i < image->directory_count; i++)
		if (strcmp(image->directories[i], path) == 0)
			return image->directories[i];
	return add_directory(image, path);
}

static int copy_into_image(struct registry_image *image, const struct registry_pool *pool)
{
	char *directory = find_directory(image, pool->directory);
	struct registry_pool *copy = image->pools + image->count;

	if (!directory)
		return -ENOMEM;
	*copy = *pool;
	copy->directory = directory;
	copy->work = NULL;
	copy->next_in_state = copy->prev_in_state = copy->next_by_id = NULL;
	copy->class = NULL;
	image->count++;
	return 0;
}

/* Takes a list when it meets its first pool, and so all lists in their order. */
static int take_state_list(void *context, struct registry_pool *pool)
{
	const struct taking *taking = context;
	int r = 0;

	if (!pool->prev_in_state)
		for (; pool && r == 0; pool = pool->next_in_state)
			if (!taking->taken || !registry_find(taking->taken, pool->id))
				r = copy_into_image(taking->image, pool);
	return r;
}

static struct registry_image *make_image(size_t pools_most)
{
	struct registry_image *image = calloc(1, sizeof(*image));

	if (!image)
		return NULL;
	image->pools = reallocarray(NULL, pools_most + 1, sizeof(*image->pools));
	if (image->pools)
		return image;
	free(image);
	return NULL;
}

int registry_image_take(struct registry *registry, struct registry *others, const char *boot_id,
			struct registry_image **ret_image)
{
	size_t most = registry_count(registry) + (others ? registry_count(others) : 0);
	struct taking taking = { .image = make_image(most) };
	uint8_t id[BOOT_ID_BYTES];
	int r = taking.image ? boot_id_parse(boot_id, id) : -ENOMEM;

	if (r == 0) {
		memcpy(taking.image->boot_id, boot_id, BOOT_ID_TEXT_BYTES);
		taking.image->epoch_s = registry_epoch(registry);
		r = registry_each(registry, take_state_list, &taking);
	}
	taking.taken = registry;
	if (r == 0 && others)
		r = registry_each(others, take_state_list, &taking);
	if (r < 0) {
		registry_image_free(taking.image);
		return r;
	}
	*ret_image = taking.image;
	return 0;
}

void registry_image_free(struct registry_image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < image->directory_count; i++)
		free(image->directories[i]);
	free(image->directories);
	free(image->pools);
	free(image);
}
