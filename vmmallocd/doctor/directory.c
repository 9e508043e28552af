/* SPDX-License-Identifier: BSD-3-Clause */
/* directory -- see directory.h. */
#include "vmmallocd/doctor/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util/mount_words.h"
#include "common/util/shell_word.h"
#include "common/util/size_format.h"

#define COMMAND_BYTES (PATH_MAX + 64)

struct directory_command {
	char text[COMMAND_BYTES];
};

/* "WORDS PATH", to be typed. */
static struct directory_command command_on(const char *words, const char *path)
{
	struct directory_command command = { "" };
	struct text text = TEXT_INIT(command.text);

	text_add(&text, "%s ", words);
	shell_word_add(&text, path);
	return command;
}

static struct directory_command command_for(const char *words, uid_t uid, const char *path)
{
	char with_user[64];

	snprintf(with_user, sizeof(with_user), "%s%u", words, uid);
	return command_on(with_user, path);
}

/* --- the tmpfs that the configuration has there --- */

static bool has_tmpfs(const struct directory *directory)
{
	struct stat above;

	return directory->fs.f_type == TMPFS_MAGIC && fstatat(directory->fd, "..", &above, 0) == 0 &&
	       above.st_dev != directory->st.st_dev;
}

static void say_no_tmpfs(struct findings *findings, const struct directory_order *order)
{
	uid_t owner = order->daemon_uid != (uid_t)-1 ? order->daemon_uid : geteuid();
	char words[COMMAND_BYTES];

	snprintf(words, sizeof(words), "%s -t tmpfs -o %s,uid=%u tmpfs", mount_words(order->mount_options),
		 order->mount_options, owner);
	findings_add(findings, FINDING_PROBLEM, CHECK_FILE_SYSTEM, command_on(words, order->path).text,
		     "no tmpfs is mounted here, and the configuration has one: its classes are not served");
}

/* What was mounted before the configuration changed, or by hand. */
static void judge_tmpfs_size(struct findings *findings, const struct directory *directory)
{
	uint64_t bytes = (uint64_t)directory->fs.f_blocks * (uint64_t)directory->fs.f_bsize;
	char has[SIZE_FORMAT_BYTES], expected[SIZE_FORMAT_BYTES], words[COMMAND_BYTES];

	if (bytes == directory->order->tmpfs_bytes)
		return;
	size_format_whole(bytes, has);
	size_format_whole(directory->order->tmpfs_bytes, expected);
	snprintf(words, sizeof(words), "%s -o remount,size=%llu", mount_words(directory->mount.options),
		 (unsigned long long)directory->order->tmpfs_bytes);
	findings_add(findings, FINDING_NOTE, CHECK_FILE_SYSTEM, command_on(words, directory->order->path).text,
		     "the tmpfs has %s, and the configuration says %s", has, expected);
}

/* False: nothing else matters before it is mounted. */
static bool judge_tmpfs(struct findings *findings, const struct directory *directory)
{
	const struct directory_order *order = directory->order;

	if (!order->mount_options || !*order->mount_options)
		return true;
	if (!has_tmpfs(directory)) {
		say_no_tmpfs(findings, order);
		return false;
	}
	judge_tmpfs_size(findings, directory);
	return true;
}

/* --- */

static void say_not_open(struct findings *findings, const struct directory_order *order, int error)
{
	uid_t owner = order->daemon_uid != (uid_t)-1 ? order->daemon_uid : geteuid();

	if (error == ENOENT)
		findings_add(findings, FINDING_PROBLEM, CHECK_DIRECTORY,
			     command_for("install -d -o ", owner, order->path).text, "there is none");
	else if (error == ENOTDIR)
		findings_add(findings, FINDING_PROBLEM, CHECK_DIRECTORY, "name another", "it is no directory");
	else if (error == EACCES && geteuid() != 0)
		findings_add(findings, order->of_class ? FINDING_NOTE : FINDING_PROBLEM, CHECK_DIRECTORY,
			     "run it as root, or let this user pass through the directories above",
			     "user %u may not see it: nothing more is known of it", geteuid());
	else
		findings_add(findings, FINDING_PROBLEM, CHECK_DIRECTORY, NULL, "cannot be opened: %s",
			     strerrordesc_np(error));
}

/* Whether the daemon, as its user, can have pools there. */
static bool judge_for_daemon(struct findings *findings, const struct directory *directory)
{
	const struct stat *st = &directory->st;
	uid_t uid = directory->order->daemon_uid;
	const char *path = directory->order->path;

	if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !(st->st_mode & S_ISVTX)) {
		findings_add(findings, FINDING_PROBLEM, CHECK_DIRECTORY, command_on("chmod go-w", path).text,
			     "mode %04o: others may remove pools of the daemon", st->st_mode & 07777);
		return false;
	}
	if (uid == (uid_t)-1)
		return true;
	if (st->st_uid != 0 && st->st_uid != uid) {
		findings_add(findings, FINDING_PROBLEM, CHECK_DIRECTORY, command_for("chown ", uid, path).text,
			     "it belongs to user %u: the daemon is user %u", st->st_uid, uid);
		return false;
	}
	if (uid != 0 && (st->st_uid == uid ? (st->st_mode & 0300) != 0300 : (st->st_mode & 0003) != 0003)) {
		findings_add(findings, FINDING_PROBLEM, CHECK_DIRECTORY, command_for("chown ", uid, path).text,
			     "user %u, mode %04o: the daemon, user %u, may not write there", st->st_uid,
			     st->st_mode & 07777, uid);
		return false;
	}
	return true;
}

/* Whether this user can have files there. */
static void judge_rights(struct findings *findings, struct directory *directory)
{
	bool of_class = directory->order->of_class;
	bool is_good = !of_class || judge_for_daemon(findings, directory);

	directory->can_write = faccessat(directory->fd, ".", W_OK | X_OK, AT_EACCESS) == 0;
	if (!directory->can_write && errno == EACCES)
		findings_add(findings, of_class ? FINDING_NOTE : FINDING_PROBLEM, CHECK_DIRECTORY,
			     of_class ? "run it as root, or as the daemon's user, to try the rest"
				      : command_for("chown ", geteuid(), directory->order->path).text,
			     "user %u may not write there%s", geteuid(),
			     of_class ? ": nothing that needs a file was tried" : "");
	else if (is_good)
		findings_add(findings, FINDING_OK, CHECK_DIRECTORY, NULL, "user %u, mode %04o", directory->st.st_uid,
			     directory->st.st_mode & 07777);
}

void directory_look(struct findings *findings, void *context)
{
	const struct directory_order *order = context;
	struct directory directory = { .order = order, .fd = open(order->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };

	if (directory.fd < 0 && errno == EACCES)
		directory.fd = open(order->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory.fd < 0 || fstat(directory.fd, &directory.st) < 0 || fstatfs(directory.fd, &directory.fs) < 0) {
		say_not_open(findings, order, errno);
		return;
	}
	if (!judge_tmpfs(findings, &directory))
		return;
	directory.has_mount = mount_of_directory(directory.fd, &directory.mount);
	judge_rights(findings, &directory);
	file_system_look(findings, &directory);
	if (directory.can_write)
		trial_look(findings, &directory);
	room_look(findings, &directory);
	if (directory.can_write)
		heap_look(findings, &directory);
}
