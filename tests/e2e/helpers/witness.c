/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness -- preloaded behind libvmmalloc, writes one line for each process that ends by itself: where its heap was.
 *
 *   COMMAND PID mode=N used=BYTES peak=BYTES outside=BYTES failed=N rss=KIB brk=KIB
 *
 * goes to the end of the file that $WITNESS names. mode is enum pool_header_mode plus 1, 0 without a pool; rss is what
 * /proc/self/smaps says is resident of the mapping of the pool file, brk the size of [heap]. Nothing here allocates:
 * it shall see the program's heap, not its own.
 *
 * A program that has locked itself out of the file system (xz does, by Landlock) can open nothing at its end. So all
 * three files are opened at the start as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "include/libvmmalloc.h"

#pragma weak vmmalloc_stats
#pragma weak vmmalloc_contains

#define FIRST_KEPT 800  /* where no program looks for its own descriptors */

static struct kept {
	int fd;
	struct stat file;
} kept_smaps = { .fd = -1 }, kept_command = { .fd = -1 }, kept_witness = { .fd = -1 };
static pid_t kept_for;  /* what /proc said of this process holds for no child */

static void keep(struct kept *kept, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		return;
	kept->fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_KEPT);
	if (fstat(fd, &kept->file) != 0)
		kept->fd = -1;
	close(fd);
}

__attribute__((constructor)) static void open_early(void)
{
	const char *path = getenv("WITNESS");
	int saved = errno;

	if (path) {
		kept_for = getpid();
		keep(&kept_smaps, "/proc/self/smaps", O_RDONLY);
		keep(&kept_command, "/proc/self/comm", O_RDONLY);
		keep(&kept_witness, path, O_WRONLY | O_APPEND | O_CREAT);
	}
	errno = saved;
}

/* Opens a file, or takes the kept one if that is still what it was. */
static int open_late(const char *path, int flags, struct kept *kept)
{
	struct stat now;
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd >= 0 || kept->fd < 0 || (kept != &kept_witness && kept_for != getpid()) || fstat(kept->fd, &now) != 0 ||
	    now.st_dev != kept->file.st_dev || now.st_ino != kept->file.st_ino)
		return fd;
	fd = kept->fd;
	kept->fd = -1;
	return fd;
}

struct figures {
	unsigned long rss_kib;
	unsigned long brk_kib;
	bool in_pool;  /* the lines that come now are about the pool */
};

static void read_line(struct figures *figures, const char *line)
{
	unsigned long start, end, kib;
	char permissions[5], path[64] = "";

	if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %63s", &start, &end, permissions, path) >= 3) {
		figures->in_pool = vmmalloc_contains && vmmalloc_contains((void *)start) && path[0] == '/';
		if (strcmp(path, "[heap]") == 0)
			figures->brk_kib += (end - start) / 1024;
	} else if (figures->in_pool && (sscanf(line, "Rss: %lu", &kib) == 1 ||
					sscanf(line, "Shared_Hugetlb: %lu", &kib) == 1 ||
					sscanf(line, "Private_Hugetlb: %lu", &kib) == 1)) {
		figures->rss_kib += kib;
	}
}

static struct figures read_smaps(void)
{
	struct figures figures = { 0 };
	char buffer[8192];
	size_t held = 0;
	ssize_t n;
	int fd = open_late("/proc/self/smaps", O_RDONLY, &kept_smaps);

	while (fd >= 0 && (n = read(fd, buffer + held, sizeof(buffer) - 1 - held)) > 0) {
		char *line = buffer, *newline;

		held += (size_t)n;
		buffer[held] = '\0';
		for (; (newline = strchr(line, '\n')); line = newline + 1) {
			*newline = '\0';
			read_line(&figures, line);
		}
		held = (size_t)(buffer + held - line);
		memmove(buffer, line, held);
	}
	if (fd >= 0)
		close(fd);
	return figures;
}

/* The process's name: that of its first thread, whichever thread ends it. */
static void read_command(char *command, size_t size)
{
	int fd = open_late("/proc/self/comm", O_RDONLY, &kept_command);
	ssize_t n = fd < 0 ? 0 : read(fd, command, size - 1);

	command[n > 0 ? n : 0] = '\0';
	command[strcspn(command, "\n")] = '\0';
	for (char *c = command; *c; c++)
		if (*c == ' ')
			*c = '_';
	if (fd >= 0)
		close(fd);
}

__attribute__((destructor)) static void testify(void)
{
	const char *path = getenv("WITNESS");
	struct figures figures;
	struct vmmalloc_stats stats = { 0 };
	char line[256], command[16];
	int saved = errno;

	if (!path)
		return;
	if (vmmalloc_stats)
		vmmalloc_stats(&stats, sizeof(stats));
	figures = read_smaps();
	read_command(command, sizeof(command));

	int length = snprintf(line, sizeof(line),
			      "%s %d mode=%d used=%lu peak=%lu outside=%lu failed=%lu rss=%lu brk=%lu\n", command,
			      getpid(), (int)stats.mode, stats.used_bytes, stats.peak_bytes, stats.outside_bytes,
			      stats.failed_requests, figures.rss_kib, figures.brk_kib);
	int fd = open_late(path, O_WRONLY | O_APPEND | O_CREAT, &kept_witness);
	if (fd >= 0) {
		(void)!write(fd, line, (size_t)length);
		close(fd);
	}
	errno = saved;
}

/* Forked children end this way, and no destructor runs. */
__attribute__((noreturn)) void _exit(int status)
{
	testify();
	for (;;)
		syscall(SYS_exit_group, status);
}

__attribute__((noreturn)) void _Exit(int status)
{
	_exit(status);
}
