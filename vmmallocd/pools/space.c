/* SPDX-License-Identifier: BSD-3-Clause */
/* space -- see space.h. */
#include "vmmallocd/pools/space.h"

#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/util/cleanup.h"
#include "vmmallocd/pools/served_dir.h"

/* By its path: a descriptor would keep the file system from being unmounted for as long as it does not answer. */
struct question {
	struct work work;
	struct served_dir *directory; /* not looked at by the thread */
	struct statvfs answer;
	int result;
	char path[];
};

static void note_space(struct space *space, const struct statvfs *answer)
{
	space->known = true;
	space->size_bytes = (uint64_t)answer->f_blocks * answer->f_frsize;
	space->free_bytes = (uint64_t)answer->f_bavail * answer->f_frsize;
	space->inodes = answer->f_files;
	space->free_inodes = answer->f_favail;
}

static void ask_in_thread(struct work *work)
{
	struct question *question = work->data;

	question->result = statvfs(question->path, &question->answer);
}

static void on_answer(struct work *work)
{
	struct question *question = work->data;
	struct space *space = &question->directory->space;

	space->asking = false;
	if (question->result == 0)
		note_space(space, &question->answer);
	else
		space->known = false;
	free(question);
}

void space_ask(struct served_dir *directory, uv_loop_t *loop)
{
	CLEANUP(cleanup_free) struct question *question = NULL;
	struct statvfs answer;

	if (directory->space.asking)
		return;
	if (directory->dir.tmpfs) {
		if (fstatvfs(directory->dir.fd, &answer) == 0)
			note_space(&directory->space, &answer);
		return;
	}
	question = calloc(1, sizeof(*question) + strlen(directory->path) + 1);
	if (!question)
		return;
	strcpy(question->path, directory->path);
	question->directory = directory;
	question->work.data = question;
	/* without a thread the figures are those of the last time */
	if (work_start(loop, &question->work, ask_in_thread, on_answer) < 0)
		return;
	work_abandon(&question->work);
	directory->space.asking = true;
	directory->space.asked_ms = (int64_t)uv_now(loop);
	(void)steal_pointer(&question);
}

bool space_is_coming(const struct space *space, uint64_t now_ms)
{
	return space->asking && (int64_t)now_ms - space->asked_ms < SPACE_ANSWER_MS;
}
