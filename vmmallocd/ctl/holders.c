/* SPDX-License-Identifier: BSD-3-Clause */
/* holders -- see holders.h. */
#include "vmmallocd/ctl/holders.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/pidfd.h"
#include "vmmallocd/ctl/scan.h"

static bool has_file(const struct holdings *holdings, const struct stat *file)
{
	for (size_t i = 0; i < holdings->count; i++)
		if (holdings->list[i].has_file && holdings->list[i].dev == file->st_dev &&
		    holdings->list[i].inode == file->st_ino)
			return true;
	return false;
}

static int open_proc(pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The daemon looks into its own files. Others may be called like it, but are not of the files' owner. */
static bool is_daemon(int proc, uid_t uid, const struct stat *file)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX], *name;
	ssize_t n = readlinkat(proc, "exe", path, sizeof(path) - 1);

	if (n < 0 || uid != file->st_uid)
		return false;
	path[n] = '\0';
	if ((size_t)n > strlen(deleted) && strcmp(path + n - strlen(deleted), deleted) == 0)
		path[(size_t)n - strlen(deleted)] = '\0';
	name = strrchr(path, '/');
	return name && strcmp(name + 1, "vmmallocd") == 0;
}

/*
 * Whether the process of the pidfd has the file. It is looked at by its number, which is its own for as long as it
 * lives: so it has to live still when that is done.
 */
static bool holds(pid_t pid, int pidfd, uid_t uid, const struct stat *file)
{
	CLEANUP(cleanup_fd) int proc = open_proc(pid);
	struct holdings holdings = { 0 };
	bool found;

	if (proc < 0)
		return false;
	found = holdings_look(proc, &holdings) == 0 && has_file(&holdings, file) && !is_daemon(proc, uid, file);
	holdings_done(&holdings);
	return found && pidfd_signal(pidfd, 0) == 0;
}

static int add_holder(struct holders *holders, const struct scan_process *process, const struct stat *file)
{
	CLEANUP(cleanup_fd) int pidfd = pidfd_of_process(process->pid);
	struct holder *list;

	/* it may have ended, and so may whoever has its number now */
	if (pidfd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (!holds(process->pid, pidfd, process->uid, file))
		return 0;
	list = reallocarray(holders->list, holders->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	holders->list = list;
	list[holders->count] = (struct holder){ .pid = process->pid, .uid = process->uid, .pidfd = steal_fd(&pidfd) };
	memcpy(list[holders->count++].command, process->stat.command, sizeof(list->command));
	return 0;
}

int holders_find(const struct stat *file, struct holders *ret_holders)
{
	struct scan scan;
	int r = scan_all(&scan);

	*ret_holders = (struct holders){ 0 };
	for (size_t i = 0; r == 0 && i < scan.process_count; i++) {
		const struct scan_process *process = &scan.processes[i];

		if (process->pid != 1 && process->pid != getpid() && has_file(&process->holdings, file))
			r = add_holder(ret_holders, process, file);
	}
	scan_done(&scan);
	return r;
}

void holders_done(struct holders *holders)
{
	for (size_t i = 0; i < holders->count; i++)
		close(holders->list[i].pidfd);
	free(holders->list);
	*holders = (struct holders){ 0 };
}
