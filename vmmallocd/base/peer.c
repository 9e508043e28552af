/* SPDX-License-Identifier: BSD-3-Clause */
/* peer -- see peer.h. */
#include "vmmallocd/base/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/util/cleanup.h"
#include "common/util/pidfd.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define FDINFO_BYTES 1024

/*
 * Of the very process, from Linux 6.5 on; before, of whoever has its number now. -errno: the process is gone, most
 * likely; -ENOSYS: there are no such descriptors, before Linux 5.3: then root is who has its number, as it was.
 */
static int open_process(int fd, pid_t pid)
{
	socklen_t length = sizeof(int);
	int pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) == 0)
		return pidfd;
	if (errno != ENOPROTOOPT)
		return -errno;
	pidfd = pidfd_of_process(pid);
	return pidfd < 0 ? -errno : pidfd;
}

/*
 * The line "NSpid:" of a process's descriptor has its number in our PID namespace, and then those in namespaces below
 * it (pidfd_show_fdinfo in Linux). Unlike the one in /proc/PID/status it is there though /proc hides processes.
 */
static bool has_one_number(int pidfd)
{
	char path[64], text[FDINFO_BYTES], *line;
	ssize_t n = -1;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	line = strstr(text, "\nNSpid:\t");
	/* before Linux 5.5, or without such namespaces */
	if (!line)
		return true;
	line += strlen("\nNSpid:\t");
	/* a process that has ended has the number -1 */
	return line[0] != '-' && line[0] != '0' && line[strspn(line, "0123456789")] == '\n';
}

bool peer_is_trusted(int fd, const struct ucred *peer)
{
	CLEANUP(cleanup_fd) int pidfd = -1;

	/* 0: in a PID namespace that we do not see */
	if ((peer->uid != 0 && peer->uid != geteuid()) || peer->pid <= 0)
		return false;
	pidfd = open_process(fd, peer->pid);
	return pidfd >= 0 ? has_one_number(pidfd) : pidfd == -ENOSYS;
}
