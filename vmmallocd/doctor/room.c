/* SPDX-License-Identifier: BSD-3-Clause */
/* room -- room_look: space, inodes and quota, against what pools need. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/util/mount_words.h"
#include "common/util/shell_word.h"
#include "common/util/size_format.h"
#include "vmmallocd/doctor/directory.h"
#include "vmmallocd/doctor/tunable.h"

#define KIB 1024ull
#define GET_QUOTA ((int)((unsigned)Q_GETQUOTA << SUBCMDSHIFT | USRQUOTA))    /* QCMD() shifts into the sign */

struct size_words {
	char text[SIZE_FORMAT_BYTES];
};

static struct size_words size_of(uint64_t bytes)
{
	struct size_words words = { "" };

	size_format_short(bytes, words.text);
	return words;
}

/* What gives it so much space in all. */
static const char *say_enlarge(const struct directory *directory, uint64_t bytes, char *command, size_t size)
{
	struct text text = { .data = command, .size = size };

	if (!directory_is(directory, "tmpfs"))
		return "remove what is not needed there, or have fewer or smaller pools";
	text_add(&text, "%s -o remount,size=%lluK ", mount_words(directory->mount.options),
		 (unsigned long long)(bytes + KIB - 1) / KIB);
	shell_word_add(&text, directory->mount.point);
	return command;
}

static void look_at_space(struct findings *findings, const struct directory *directory)
{
	const struct directory_order *order = directory->order;
	uint64_t block = (uint64_t)(directory->fs.f_frsize ? directory->fs.f_frsize : directory->fs.f_bsize);
	uint64_t is_free = (uint64_t)directory->fs.f_bavail * block, have = is_free + order->made_bytes;
	uint64_t taken = (uint64_t)(directory->fs.f_blocks - directory->fs.f_bavail) * block;
	char command[FINDINGS_WORDS_BYTES] = "";

	/* a hugetlbfs without a limit says nothing; its pages were counted */
	if (directory->fs.f_blocks == 0) {
		findings_add(findings, FINDING_OK, CHECK_SPACE, NULL, "without a limit of its own");
		return;
	}
	taken = taken > order->made_bytes ? taken - order->made_bytes : 0;
	if (have < order->pool_bytes)
		findings_add(findings, FINDING_PROBLEM, CHECK_SPACE,
			     say_enlarge(directory, taken + (order->most_bytes ? order->most_bytes : order->pool_bytes),
					 command, sizeof(command)),
			     "%s are free of %s: a pool may need %s", size_of(is_free).text,
			     size_of((uint64_t)directory->fs.f_blocks * block).text, size_of(order->pool_bytes).text);
	else if (have < order->most_bytes)
		findings_add(findings, FINDING_NOTE, CHECK_SPACE,
			     say_enlarge(directory, taken + order->most_bytes, command, sizeof(command)),
			     "%s are free, and pools have %s: all that there may be need %s", size_of(is_free).text,
			     size_of(order->made_bytes).text, size_of(order->most_bytes).text);
	else
		findings_add(findings, FINDING_OK, CHECK_SPACE, NULL, "%s are free", size_of(is_free).text);
}

/* A tmpfs may be larger than the memory that there is for it. */
static void look_at_memory(struct findings *findings, const struct directory *directory)
{
	const struct directory_order *order = directory->order;
	uint64_t wanted = order->most_bytes ? order->most_bytes - order->made_bytes : order->pool_bytes, memory;
	char available[64], swap[64];

	if (!directory_is(directory, "tmpfs") || order->made_bytes > order->most_bytes ||
	    !tunable_field("/proc/meminfo", "MemAvailable", available, sizeof(available)))
		return;
	(void)tunable_field("/proc/meminfo", "SwapFree", swap, sizeof(swap));
	memory = ((uint64_t)strtoull(available, NULL, 10) + strtoull(swap, NULL, 10)) * KIB;
	if (wanted > memory)
		findings_add(findings, FINDING_NOTE, CHECK_SPACE, "have fewer or smaller pools, or more memory or swap",
			     "pools may need %s more, and %s of memory are available", size_of(wanted).text,
			     size_of(memory).text);
}

static void look_at_inodes(struct findings *findings, const struct directory *directory)
{
	struct text text;
	char command[FINDINGS_WORDS_BYTES] = "";

	if (directory->fs.f_files == 0) {
		findings_add(findings, FINDING_OK, CHECK_INODES, NULL, "without a limit");
		return;
	}
	if (directory->fs.f_ffree > 0) {
		findings_add(findings, FINDING_OK, CHECK_INODES, NULL, "%llu are free",
			     (unsigned long long)directory->fs.f_ffree);
		return;
	}
	text = (struct text)TEXT_INIT(command);
	if (directory_is(directory, "tmpfs")) {
		text_add(&text, "%s -o remount,nr_inodes=%llu ", mount_words(directory->mount.options),
			 (unsigned long long)directory->fs.f_files + 1024);
		shell_word_add(&text, directory->mount.point);
	} else {
		text_add(&text, "remove files there");
	}
	findings_add(findings, FINDING_PROBLEM, CHECK_INODES, command, "none is free of %llu",
		     (unsigned long long)directory->fs.f_files);
}

/* Where there are quotas at all, and this user has one. */
static void look_at_quota(struct findings *findings, const struct directory *directory)
{
	struct dqblk quota;
	uint64_t limit, left;

	if (syscall(SYS_quotactl_fd, directory->fd, GET_QUOTA, geteuid(), &quota) < 0 ||
	    quota.dqb_bhardlimit == 0)
		return;
	limit = quota.dqb_bhardlimit * KIB;
	left = limit > quota.dqb_curspace ? limit - quota.dqb_curspace : 0;
	findings_add(findings, left < directory->order->pool_bytes ? FINDING_PROBLEM : FINDING_OK, CHECK_QUOTA,
		     left < directory->order->pool_bytes ? "raise it: setquota(8)" : NULL,
		     "user %u may have %s, of which %s are left", geteuid(), size_of(limit).text, size_of(left).text);
}

void room_look(struct findings *findings, const struct directory *directory)
{
	look_at_space(findings, directory);
	look_at_memory(findings, directory);
	look_at_inodes(findings, directory);
	look_at_quota(findings, directory);
}
