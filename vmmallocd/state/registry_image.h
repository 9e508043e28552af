/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry_image -- what is saved of a registry, at one moment: copied in the daemon's loop, which serves clients again
 * at once, so that a thread can make the text of it, which takes eight times as long.
 *
 * Nobody else has what is in it; any thread may read it.
 */
#ifndef VMMALLOCD_STATE_REGISTRY_IMAGE_H
#define VMMALLOCD_STATE_REGISTRY_IMAGE_H

#include "common/util/boot_id.h"
#include "vmmallocd/plan/registry.h"

struct registry_image {
	char boot_id[BOOT_ID_TEXT_BYTES];
	int64_t epoch_s;
	/* Copies, those of one class and state in the order of their list; without `work` and without neighbours. */
	struct registry_pool *pools;
	size_t count;
	char **directories;        /* of the pools: each is here once */
	size_t directory_count;
};

/*
 * Of the pools of `registry`, and then of those of `others`, which may be NULL, that the first does not have as well.
 * 0; -ENOMEM; -EINVAL: `boot_id` is no uuid as the kernel writes it. Freed by registry_image_free.
 */
int registry_image_take(struct registry *registry, struct registry *others, const char *boot_id,
			struct registry_image **ret_image);
void registry_image_free(struct registry_image *image);

#endif
