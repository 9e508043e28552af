/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon_process -- see daemon_process.h. Who listens is told by the kernel, also of one that does not run. */
#include "vmmallocd/ctl/daemon_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/systemd.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/proc_text.h"

/* The part of a file in /proc/PID that fits; "" if there is none. */
static void read_proc(pid_t pid, const char *name, char *text, size_t bytes)
{
	char path[64];
	ssize_t length = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		length = read(fd, text, bytes - 1);
	text[length > 0 ? length : 0] = '\0';
}

/* A socket may have been made by a service manager, which is the one that is named then. */
static void find_starter(struct daemon_process *process)
{
	char cgroup[4096], comm[64];

	read_proc(process->pid, "cgroup", cgroup, sizeof(cgroup));
	read_proc(process->pid, "comm", comm, sizeof(comm));
	/* process 1 of a container may be the daemon, or some other init */
	if (strstr(cgroup, "/system.slice/vmmallocd") || (process->pid == 1 && systemd_is_here() &&
							  strcmp(comm, "vmmallocd\n") != 0))
		process->started = DAEMON_OF_SYSTEM;
	else if (process->pid != 1 && (strcmp(comm, "systemd\n") == 0 || strstr(cgroup, "/vmmallocd.service")))
		process->started = DAEMON_OF_USER;
}

void daemon_process_find(const struct ctl *ctl, struct daemon_process *ret_process)
{
	CLEANUP(cleanup_fd) int fd = client_connect(ctl);
	struct ucred credentials = { 0 };
	socklen_t length = sizeof(credentials);
	char status[4096];

	*ret_process = (struct daemon_process){ 0 };
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return;
	ret_process->is_elsewhere = credentials.pid <= 0;
	if (ret_process->is_elsewhere)
		return;
	ret_process->pid = credentials.pid;
	read_proc(credentials.pid, "status", status, sizeof(status));
	ret_process->is_stopped = strstr(status, "\nState:\tT") || strstr(status, "\nState:\tt");
	find_starter(ret_process);
}

pid_t daemon_process_here(const struct daemon_process *process, long long number)
{
	pid_t pid = (pid_t)number, inner = process->pid;
	char comm[64], status[4096];
	uid_t uid;

	if (process->pid <= 0 || process->pid == pid)
		return process->pid;
	/* the daemon is in a namespace below, where it has that number; or a service manager has made the socket */
	read_proc(process->pid, "status", status, sizeof(status));
	if (proc_text_status(status, &uid, &inner) && inner == pid)
		return process->pid;
	read_proc(pid, "comm", comm, sizeof(comm));
	return strcmp(comm, "vmmallocd\n") == 0 ? pid : 0;
}

void daemon_process_say_mend(const struct daemon_process *process, struct text *words)
{
	if (process->is_stopped)
		text_add(words, "kill -CONT %d, or see which debugger has stopped it", (int)process->pid);
	else if (process->started == DAEMON_OF_SYSTEM)
		text_add(words, "systemctl restart vmmallocd: programs keep their pools");
	else if (process->started == DAEMON_OF_USER)
		text_add(words, "systemctl --user restart vmmallocd: programs keep their pools");
	else if (process->pid > 1)
		text_add(words, "kill -KILL %d, and start it again: programs keep their pools", (int)process->pid);
	else if (process->pid == 1)
		text_add(words, "restart it, or the container whose process 1 it is");
	else
		text_add(words, "restart it: programs keep their pools");
}
