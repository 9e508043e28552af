/* SPDX-License-Identifier: BSD-3-Clause */
/* scan -- see scan.h. */
#include "vmmallocd/ctl/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"

/* --- a process --- */

/* All of it: the groups of a user, of which there may be many, come before what is looked for. */
static int read_text(int proc, const char *name, char **ret_text)
{
	CLEANUP(cleanup_fd) int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_stream) FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");
	size_t size = 0;

	if (!stream)
		return -errno;
	(void)steal_fd(&fd);
	return getdelim(ret_text, &size, '\0', stream) > 0 ? 0 : -ESRCH;
}

static int read_stat(int proc, struct proc_stat *ret_stat)
{
	CLEANUP(cleanup_free) char *text = NULL;
	int r = read_text(proc, "stat", &text);

	return r < 0 ? r : proc_text_stat(text, ret_stat) ? 0 : -ESRCH;
}

/* Its directory is this one's, and stays so: another that gets its number meanwhile has another directory. */
static int look_at_process(int proc, struct scan_process *process)
{
	CLEANUP(cleanup_free) char *text = NULL;
	int r = read_stat(proc, &process->stat);

	if (r < 0)
		return r;
	if (process->stat.has_ended || process->stat.is_kernel)
		return -ESRCH;
	r = read_text(proc, "status", &text);
	process->inner = process->pid;
	if (r < 0 || !proc_text_status(text, &process->uid, &process->inner))
		return -ESRCH;
	r = holdings_look(proc, &process->holdings);
	if (read_stat(proc, &process->stat) < 0 || process->stat.has_ended)
		return -ESRCH;
	return r;
}

/* --- all of them --- */

static bool is_same_pool(const struct holding *one, const struct holding *other)
{
	if (one->inode != other->inode)
		return false;
	if (one->has_file && other->has_file)
		return one->dev == other->dev;
	if (one->has_header && other->has_header)
		return memcmp(one->header.pool_id, other->header.pool_id, sizeof(one->header.pool_id)) == 0;
	return strcmp(one->path, other->path) == 0;
}

static int knows(const struct holding *holding)
{
	return 2 * holding->has_header + holding->has_file;
}

static int find_or_add_pool(struct scan *scan, struct holding *holding, size_t *ret_pool)
{
	struct scan_pool *pools;
	size_t i;

	for (i = 0; i < scan->pool_count && !is_same_pool(scan->pools[i].known, holding); i++)
		;
	if (i == scan->pool_count) {
		pools = reallocarray(scan->pools, i + 1, sizeof(*pools));
		if (!pools)
			return -ENOMEM;
		scan->pools = pools;
		pools[scan->pool_count++] = (struct scan_pool){ .known = holding, .owner = SCAN_NOBODY };
	}
	if (knows(holding) > knows(scan->pools[i].known))
		scan->pools[i].known = holding;
	*ret_pool = i;
	return 0;
}

/* Takes its holdings over, unless it fails. */
static int add_process(struct scan *scan, const struct scan_process *process)
{
	size_t count = process->holdings.count;
	CLEANUP(cleanup_free) size_t *pools = reallocarray(NULL, count + 1, sizeof(*pools));
	struct scan_process *list;
	int r = pools ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = find_or_add_pool(scan, &process->holdings.list[i], &pools[i]);
	list = r == 0 ? reallocarray(scan->processes, scan->process_count + 1, sizeof(*list)) : NULL;
	if (!list)
		return -ENOMEM;
	scan->processes = list;
	list[scan->process_count] = *process;
	list[scan->process_count++].pools = steal_pointer(&pools);
	return 0;
}

static int add_unseen(struct scan *scan, pid_t pid)
{
	pid_t *unseen = reallocarray(scan->unseen, scan->unseen_count + 1, sizeof(*unseen));

	if (!unseen)
		return -ENOMEM;
	scan->unseen = unseen;
	unseen[scan->unseen_count++] = pid;
	return 0;
}

/* One that ends meanwhile, and one of which nothing can be said, is no error. */
static int scan_one(struct scan *scan, int all, const char *name)
{
	CLEANUP(cleanup_fd) int proc = openat(all, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct scan_process process = { 0 };
	bool has_any;
	int r;

	if (proc < 0 || !proc_text_pid(name, &process.pid))
		return 0;
	r = look_at_process(proc, &process);
	has_any = r == 0 && (process.holdings.count > 0 || process.holdings.has_library);
	if (r == -EACCES || r == -EPERM || (r == 0 && process.holdings.is_denied))
		r = add_unseen(scan, process.pid);
	else if (r != -ENOMEM)
		r = 0;
	if (r == 0 && has_any) {
		r = add_process(scan, &process);
		if (r == 0)
			return 0;
	}
	holdings_done(&process.holdings);
	return r;
}

/* --- whose they are --- */

/*
 * The header has the number that the owner had where it lives. Whoever is in another PID namespace may have that one,
 * too: the owner was there first.
 */
static void find_owner(const struct scan *scan, size_t of, struct scan_process *process)
{
	size_t *owner = &scan->pools[of].owner;
	const struct holding *known = scan->pools[of].known;

	if (known->has_header && known->header.owner_pid == (uint32_t)process->inner &&
	    (*owner == SCAN_NOBODY || process->stat.start < scan->processes[*owner].stat.start))
		*owner = (size_t)(process - scan->processes);
}

static int by_pid(const void *one, const void *other)
{
	const struct scan_process *a = one, *b = other;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

int scan_all(struct scan *ret_scan)
{
	CLEANUP(cleanup_dir) DIR *all = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	*ret_scan = (struct scan){ 0 };
	if (!all)
		return -errno;
	if (faccessat(dirfd(all), "self", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return -ENOENT;
	ret_scan->is_hidden = faccessat(dirfd(all), "1", F_OK, 0) < 0 && errno == ENOENT;
	while (r == 0 && (entry = readdir(all)))
		r = scan_one(ret_scan, dirfd(all), entry->d_name);
	if (r < 0)
		return r;
	if (ret_scan->process_count > 0)
		qsort(ret_scan->processes, ret_scan->process_count, sizeof(*ret_scan->processes), by_pid);
	for (size_t i = 0; i < ret_scan->process_count; i++)
		for (size_t j = 0; j < ret_scan->processes[i].holdings.count; j++)
			find_owner(ret_scan, ret_scan->processes[i].pools[j], &ret_scan->processes[i]);
	return 0;
}

void scan_done(struct scan *scan)
{
	for (size_t i = 0; i < scan->process_count; i++) {
		holdings_done(&scan->processes[i].holdings);
		free(scan->processes[i].pools);
	}
	free(scan->processes);
	free(scan->pools);
	free(scan->unseen);
}
