/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_dir_access -- why a directory cannot have pools, said to whoever has to mend it: whose it is, what was expected,
 * and the command that makes it so. May block in NSS.
 *
 *     /mnt/pools: it belongs to root, mode 0755: expected one that the user vmmalloc may write to
 *     (chown vmmalloc: /mnt/pools)
 *     /mnt/pools: expected a tmpfs of its own, and none is mounted there
 *     (mount -t tmpfs -o size=1G,mode=0755,nosuid,nodev,uid=vmmalloc tmpfs /mnt/pools)
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/mount_words.h"
#include "common/util/shell_word.h"
#include "vmmallocd/files/internal.h"
#include "vmmallocd/base/resource.h"

#define USER_BYTES 64
#define ENTRY_BYTES 4096    /* of the user database; a user with more is a number here */

struct words {
	char bytes[USER_BYTES];
};

static struct words user(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char buffer[ENTRY_BYTES];
	struct words words;

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		(void)snprintf(words.bytes, sizeof(words.bytes), "%s", entry.pw_name);
	else
		(void)snprintf(words.bytes, sizeof(words.bytes), "%u", uid);
	return words;
}

static struct words mode(const struct stat *st)
{
	struct words words;

	(void)snprintf(words.bytes, sizeof(words.bytes), "%04o", (unsigned)(st->st_mode & 07777));
	return words;
}

/* `what` is whose owner and mode it is about: the path itself, or a directory above. */
static int fail_access(struct text *error, const char *path, const char *what, const struct stat *st,
		       const char *expected, const char *command)
{
	text_add(error, "%s: %s%s belongs to %s, mode %s: expected %s (%s ", path, what == path ? "it" : "",
		 what == path ? "" : what, user(st->st_uid).bytes, mode(st).bytes, expected, command);
	shell_word_add(error, what);
	text_add(error, ")");
	return -EACCES;
}

static int fail_not_writable(struct text *error, const char *path, const struct stat *st)
{
	struct words self = user(geteuid());
	char expected[2 * USER_BYTES], command[2 * USER_BYTES];

	(void)snprintf(expected, sizeof(expected), "one that the user %s may write to", self.bytes);
	(void)snprintf(command, sizeof(command), "chown %s:", self.bytes);
	return fail_access(error, path, path, st, expected, st->st_uid == geteuid() ? "chmod u+rwx" : command);
}

/* The directory above through which the daemon may not go, if there is one. */
static bool find_closed(const char *path, char above[PATH_MAX], struct stat *ret_st)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		if ((size_t)(slash - path) >= PATH_MAX)
			return false;
		memcpy(above, path, (size_t)(slash - path));
		above[slash - path] = '\0';
		if (stat(above, ret_st) < 0)
			return false;
		if (faccessat(AT_FDCWD, above, X_OK, AT_EACCESS) < 0)
			return true;
	}
	return false;
}

int pool_dir_explain(const char *path, int r, struct text *error)
{
	char above[PATH_MAX], expected[2 * USER_BYTES];
	struct words self = user(geteuid());
	struct stat st;

	if (resource_has_run_out(r)) {
		text_add(error, "pool directory %s: %s", path, resource_reason(RESOURCE_DESCRIPTOR, r).text);
		return r;
	}
	if (r == -EACCES && find_closed(path, above, &st)) {
		(void)snprintf(expected, sizeof(expected), "one that the user %s may pass through", self.bytes);
		return fail_access(error, path, above, &st, expected, "chmod o+x");
	}
	if (r == -EACCES && stat(path, &st) == 0)
		return fail_not_writable(error, path, &st);
	text_add(error, "%s: %s: expected an existing directory", path, strerrordesc_np(-r));
	if (r == -ENOENT) {
		text_add(error, " (install -d -o %s ", self.bytes);
		shell_word_add(error, path);
		text_add(error, ")");
	}
	return r;
}

int pool_dir_access(const char *path, int fd, const struct stat *st, struct text *error)
{
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		struct words self = user(geteuid());
		char expected[2 * USER_BYTES], command[2 * USER_BYTES];

		(void)snprintf(expected, sizeof(expected), "one of the user %s%s", self.bytes,
			       geteuid() == 0 ? "" : " or of root");
		(void)snprintf(command, sizeof(command), "chown %s:", self.bytes);
		return fail_access(error, path, path, st, expected, command);
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !(st->st_mode & S_ISVTX))
		return fail_access(error, path, path, st, "one that only its owner may write to, or a sticky one",
				   "chmod go-w");
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == EACCES)
		return fail_not_writable(error, path, st);
	text_add(error, "%s: %s: expected one that can be written to", path, strerrordesc_np(errno));
	return -errno;
}

void pool_dir_say_no_tmpfs(const char *path, const char *options, struct text *error)
{
	text_add(error, "%s: expected a tmpfs of its own, and none is mounted there ", path);
	text_add(error, "(%s -t tmpfs -o %s,uid=%s tmpfs ", mount_words(options), options, user(geteuid()).bytes);
	shell_word_add(error, path);
	text_add(error, ")");
}
