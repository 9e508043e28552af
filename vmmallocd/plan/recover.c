/* SPDX-License-Identifier: BSD-3-Clause */
/* recover -- see recover.h. */
#include "vmmallocd/plan/recover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void recover_read(const struct pool_file *file, const struct pool_header *header, bool of_this_boot,
		  struct recover_found *ret_found)
{
	*ret_found = (struct recover_found){
		.file = *file, .has_header = header, .names_inode = pool_file_id_is_of(file->id, file->ino),
	};
	if (!header)
		return;
	ret_found->of_this_boot = of_this_boot;
	ret_found->owner_pid = header->owner_pid;
	ret_found->cold = header->reserved_bytes < header->pool_bytes;
	/* its owner may have left out the NUL */
	memcpy(ret_found->owner_comm, header->owner_command, sizeof(ret_found->owner_comm) - 1);
	memcpy(ret_found->class_name, header->class_name, sizeof(ret_found->class_name) - 1);
	if (handout_class_name_check(ret_found->class_name) < 0)
		ret_found->class_name[0] = '\0';
}

static const char *class_of(const struct recover_found *found, const struct registry_pool *known)
{
	/* the header of a pool that was handed out is its owner's to write */
	if (known && found->file.mark != POOL_FILE_READY)
		return known->class_name;
	if (found->class_name[0] != '\0')
		return found->class_name;
	return known ? known->class_name : RECOVER_CLASS_UNKNOWN;
}

/* The size that the pool should have: its owner may have changed the length of the file, to nothing even. */
static uint64_t size_of_pool(const struct recover_found *found, const struct registry_pool *known,
			const struct config_class *class, size_t grain)
{
	if (known)
		return known->size_bytes;
	if (class && class->size_bytes)
		return class->size_bytes;
	return found->file.size_bytes ? found->file.size_bytes : grain;
}

static void fill_in(const struct recover_found *found, const struct registry_pool *known,
		    const struct config_class *class, char *directory, size_t grain, int64_t now_s,
		    struct registry_pool *ret_pool)
{
	*ret_pool = (struct registry_pool){
		.directory = directory,
		.file = found->file,
		.size_bytes = size_of_pool(found, known, class, grain),
		.created_s = known ? known->created_s : now_s,
		.changed_s = known ? known->changed_s : now_s,
		.leases = known ? known->leases : 0,
		/* the registry may have been saved before it was cleaned */
		.cold = found->file.mark != POOL_FILE_READY && (known ? known->cold : found->cold),
		.owner = { .uid = RECOVER_UID_UNKNOWN },
	};
	memcpy(ret_pool->id, found->file.id, sizeof(ret_pool->id));
	snprintf(ret_pool->class_name, sizeof(ret_pool->class_name), "%s", class_of(found, known));
	if (known && (known->state == REGISTRY_LEASED || registry_is_pinned(known))) {
		ret_pool->owner = known->owner;
	} else if (found->has_header) {
		ret_pool->owner.pid = found->owner_pid;
		memcpy(ret_pool->owner.comm, found->owner_comm, sizeof(ret_pool->owner.comm));
	}
}

enum recover_verdict recover_judge(const struct recover_found *found, int probe, const struct registry_pool *known,
				   const struct config *config, char *directory, size_t grain, int64_t now_s,
				   struct registry_pool *ret_pool)
{
	const struct config_class *class;

	if (known && (known->file.dev != found->file.dev || known->file.ino != found->file.ino))
		known = NULL;
	if (!known && !found->has_header && !found->names_inode)
		return RECOVER_IGNORE;
	if (probe == -ENOENT || probe == -ESTALE)
		return RECOVER_IGNORE;
	class = config_find(config, class_of(found, known));
	/* what a closed class says may be wrong: its pools wait until it is right */
	if (class && !class->closed && strcmp(class->directory, directory) != 0)
		class = NULL;
	fill_in(found, known, class, directory, grain, now_s, ret_pool);
	if (found->file.mark == POOL_FILE_NEW)
		return RECOVER_DESTROY;
	if (probe < 0)
		return RECOVER_LEASED;  /* or it cannot be known: then it is not free */
	if (found->file.mark == POOL_FILE_BAD)
		return RECOVER_QUARANTINED;
	if (found->file.mark == POOL_FILE_READY && found->has_header && found->of_this_boot) {
		/* a file has whole grains: more than the class says, with huge pages */
		bool fits = class && (class->closed || found->file.size_bytes ==
							       (class->size_bytes + grain - 1) / grain * grain);

		ret_pool->size_bytes = fits && !class->closed ? class->size_bytes : found->file.size_bytes;
		return fits ? RECOVER_READY : RECOVER_DESTROY;
	}
	return RECOVER_RECYCLE;
}
