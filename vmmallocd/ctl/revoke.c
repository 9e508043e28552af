/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * revoke -- vmmallocctl revoke: all who have a pool are ended, by SIGTERM first, and by SIGKILL in the end.
 *
 *     holders_find --> SIGTERM --> (all of them have ended, or the grace is over) --> holders_find --> ...
 *
 * Who has the pool is looked for again and again: a holder may have started others, or handed the pool on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/pidfd.h"
#include "common/util/steady_clock.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/holders.h"
#include "vmmallocd/ctl/pool_match.h"
#include "vmmallocd/ctl/progress.h"
#include "vmmallocd/ctl/words.h"

#define GRACE_SECONDS 10
#define GRACE_SECONDS_MOST 86400
#define LOOK_MS 200              /* between looks for others */
#define GIVEN_BACK_MS 5000       /* until the daemon has noticed that nobody has the pool */
#define KILL_ROUNDS 20           /* who goes on to start others is given up */

/* Who was sent a signal already, by its number and that signal: said once. */
struct told {
	pid_t *pids;
	size_t count;
	int signal;
};

static bool is_told(const struct told *told, pid_t pid)
{
	for (size_t i = 0; i < told->count; i++)
		if (told->pids[i] == pid)
			return true;
	return false;
}

static int tell_holder(struct told *told, const struct holder *holder)
{
	pid_t *pids = reallocarray(told->pids, told->count + 1, sizeof(*pids));
	char user[FORMAT_BYTES];

	if (!pids)
		return -ENOMEM;
	told->pids = pids;
	pids[told->count++] = holder->pid;
	if (pidfd_signal(holder->pidfd, told->signal) < 0)
		return errno == ESRCH ? 0 : -errno;
	format_user(holder->uid, user);
	progress_clear();
	printf("process %d (%s of user %s): %s\n", (int)holder->pid, holder->command, user,
	       told->signal == SIGKILL ? "SIGKILL" : "SIGTERM");
	(void)fflush(stdout);
	return 0;
}

/* Sends the signal to those who were not sent it. How many have the pool, or -errno. */
static int tell_holders(struct told *told, const struct stat *file)
{
	struct holders holders;
	int r = holders_find(file, &holders), count = (int)holders.count;

	for (size_t i = 0; r == 0 && i < holders.count; i++)
		if (!is_told(told, holders.list[i].pid))
			r = tell_holder(told, &holders.list[i]);
	holders_done(&holders);
	return r < 0 ? r : count;
}

/* Until nobody has the pool, or the time is over. How many have it then, or -errno. */
static int end_holders(int signal, unsigned for_ms, const struct stat *file)
{
	struct told told = { .signal = signal };
	int64_t began_ms = steady_clock_ms();
	uint64_t passed_ms = 0;
	int count = tell_holders(&told, file);

	while (count > 0 && passed_ms < for_ms) {
		progress_show((size_t)passed_ms, for_ms, "processes that have the pool: %d", count);
		(void)poll(NULL, 0, for_ms - passed_ms < LOOK_MS ? (int)(for_ms - passed_ms) : LOOK_MS);
		count = tell_holders(&told, file);
		passed_ms = (uint64_t)(steady_clock_ms() - began_ms);
	}
	progress_clear();
	free(told.pids);
	return count;
}

static int revoke_file(const char *which, const struct stat *file, unsigned grace_seconds)
{
	int count = end_holders(SIGTERM, grace_seconds * 1000, file);

	if (count > 0)
		count = end_holders(SIGKILL, KILL_ROUNDS * LOOK_MS, file);
	if (count < 0) {
		ctl_complain("pool %s: its holders cannot be ended: %s", which, strerrordesc_np(-count));
		return CTL_FAILED;
	}
	if (count > 0) {
		ctl_complain("pool %s: %d processes still have it", which, count);
		return CTL_FAILED;
	}
	printf("pool %s: no process has it\n", which);
	return CTL_OK;
}

/* The file, which keeps its inode number while it is open like this; that holds nothing that is counted. */
static int open_pool(const char *which, const char *path, struct stat *ret_file)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret_file) < 0) {
		ctl_complain("pool %s: %s: %s", which, path, strerrordesc_np(errno));
		return -1;
	}
	/* whatever a daemon of another user answers, nobody is ended for a file that is no pool */
	if (!S_ISREG(ret_file->st_mode) || proc_text_path(path) != PROC_PATH_POOL) {
		ctl_complain("pool %s: %s: expected a pool of a daemon's", which, path);
		return -1;
	}
	return steal_fd(&fd);
}

/* Whether it is still in the hands that it was in, by what the daemon says: 1, 0, or -errno if it says nothing. */
static int ask_still_leased(const struct ctl *ctl, const json_t *pool)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	const json_t *owner = json_object_get(pool, "owner"), *other;
	size_t i;
	int r = client_try(ctl, "List", &reply);

	if (r < 0)
		return r;
	json_array_foreach(json_object_get(reply, "pools"), i, other)
		if (strcmp(field_text(other, "id"), field_text(pool, "id")) == 0)
			return strcmp(field_text(other, "state"), "leased") == 0 &&
			       json_equal(json_object_get(other, "owner"), owner);
	return 0;
}

/* `r` is the last answer. */
static int complain_of_lease(const char *which, int r)
{
	if (r < 0) {
		ctl_complain("pool %s: whether the daemon has it back is not known, as it does not answer any more: "
			     "%s; vmmallocctl list tells, when one does", which, strerrordesc_np(-r));
		return CTL_UNREACHABLE;
	}
	ctl_complain("pool %s: no process is seen to have it, and yet it does not come back: a "
		     "descriptor of it may be in a socket, or with a process that is not in this "
		     "/proc; revoke it again when somebody has received it", which);
	return CTL_FAILED;
}

/*
 * A descriptor that was sent through a socket, and that nobody has received yet, is no process's: /proc does not show
 * it. The kernel counts it, and so the daemon does not take the pool back. One that is started anew meanwhile is asked.
 */
static int check_given_back(const struct ctl *ctl, const char *which, const json_t *pool)
{
	struct ctl asking = *ctl;
	int r;

	if (strcmp(field_text(pool, "state"), "leased") != 0)
		return CTL_OK;
	asking.deadline_ms = steady_clock_ms() + GIVEN_BACK_MS;
	while ((r = ask_still_leased(&asking, pool)) != 0) {
		if (steady_clock_ms() >= asking.deadline_ms)
			return complain_of_lease(which, r);
		(void)poll(NULL, 0, LOOK_MS);
	}
	return CTL_OK;
}

/* A path needs no daemon. */
static int find_path(const struct ctl *ctl, const char *which, json_t **ret_pool, const char **ret_path)
{
	int status;

	*ret_path = which;
	if (which[0] == '/')
		return CTL_OK;
	status = pool_match_one(ctl, which, ret_pool);
	*ret_path = field_text(*ret_pool, "path");
	return status;
}

static int revoke_pool(const struct ctl *ctl, const char *which, unsigned grace_seconds)
{
	CLEANUP(json_decrefp) json_t *pool = NULL;
	const char *path;
	struct stat file;
	int status = find_path(ctl, which, &pool, &path);

	if (status != CTL_OK)
		return status;
	CLEANUP(cleanup_fd) int fd = open_pool(which, path, &file);
	if (fd < 0)
		return CTL_FAILED;
	status = revoke_file(which, &file, grace_seconds);
	return status == CTL_OK ? check_given_back(ctl, which, pool) : status;
}

static int ctl_revoke(struct ctl *ctl, int argc, char **argv)
{
	unsigned grace_seconds = GRACE_SECONDS;
	const char *which = NULL;
	int status;

	while (ctl_next_option(ctl, argc, argv, &status) != 0)
		if (!words_number("--grace", optarg, 0, GRACE_SECONDS_MOST, &grace_seconds))
			return CTL_USAGE;
	if (status < 0)
		status = words_take_last("a pool", argc, argv, &which);
	if (status >= 0)
		return status;
	if (geteuid() != 0) {
		ctl_complain("not permitted: this is for root");
		return CTL_FAILED;
	}
	return revoke_pool(ctl, which, grace_seconds);
}

static const struct command_option revoke_options[] = {
	{ "grace", COMMAND_OPTION_OWN, "SECONDS", "between SIGTERM and SIGKILL, at the most; 10 if it is not given" },
	{ 0 },
};

static const struct command_example revoke_examples[] = {
	{ "its holders have half a minute to end", "revoke 9b2d4112 --grace 30" },
	{ 0 },
};

const struct command revoke_command = {
	.name = "revoke",
	.function = ctl_revoke,
	.synopsis = "POOL",
	.summary = "end all processes that have a pool",
	.text = "End all processes that have the pool, mapped or open: by SIGTERM, and those that are left after the"
		" grace by SIGKILL. For root.",
	.options = revoke_options,
	.examples = revoke_examples,
};
