/* SPDX-License-Identifier: BSD-3-Clause */
/* limits -- limits_look: what this process, and so a program that it starts, may have; and its user. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/size_format.h"
#include "vmmallocd/doctor/machine.h"
#include "vmmallocd/doctor/tunable.h"

#define INDEX_BYTES ((uint64_t)256 << 20) /* addresses beside the pool, for a small program and jemalloc's index */
#define FILES_LEAST 64
#define FILTER_ANONYMOUS 0x2u      /* core(5): a pool without a name */
#define FILTER_SHARED_FILES 0x8u   /* a daemon's */
#define FILTER_HUGE_AND_DAX 0x1c0u /* on hugetlbfs and DAX file systems */

static const struct limit {
	int resource;
	const char *name, *option;
	const char *words; /* what becomes of it; NULL: it is only said */
	bool is_pool;      /* it must have room for a pool */
	uint64_t besides;  /* and for so much more */
} limits[] = {
	{ RLIMIT_AS, "RLIMIT_AS", "v", "a pool that does not fit cannot be mapped", true, INDEX_BYTES },
	{ RLIMIT_DATA, "RLIMIT_DATA", "d", "a fork whose private heap does not fit fails with ENOMEM", true, 0 },
	{ RLIMIT_FSIZE, "RLIMIT_FSIZE", "f", "a larger file cannot be made: no pool", true, 0 },
	{ RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", "l", NULL, false, 0 },
};

static void look_at_limit(struct findings *findings, const struct limit *limit, const struct machine_order *order)
{
	char words[SIZE_FORMAT_BYTES], pool[SIZE_FORMAT_BYTES], command[128];
	struct rlimit is;
	bool is_hard;

	if (getrlimit(limit->resource, &is) < 0)
		return;
	size_format_short(is.rlim_cur, words);
	size_format_short(order->pool_bytes, pool);
	is_hard = is.rlim_max != RLIM_INFINITY;
	snprintf(command, sizeof(command), "ulimit -%s unlimited%s", limit->option,
		 is_hard ? ", where the limit was set: limits.conf(5), systemd.exec(5)" : "");
	if (is.rlim_cur == RLIM_INFINITY)
		findings_add(findings, FINDING_OK, CHECK_LIMITS, NULL, "%s: unlimited", limit->name);
	else if (limit->is_pool && is.rlim_cur < order->pool_bytes)
		findings_add(findings, limit->resource == RLIMIT_DATA ? FINDING_NOTE : FINDING_PROBLEM, CHECK_LIMITS,
			     command, "%s is %s, and a pool has %s: %s", limit->name, words, pool, limit->words);
	else if (limit->is_pool && is.rlim_cur - order->pool_bytes < limit->besides)
		findings_add(findings, FINDING_NOTE, CHECK_LIMITS, command,
			     "%s is %s, which leaves little beside a pool of %s", limit->name, words, pool);
	else
		findings_add(findings, FINDING_OK, CHECK_LIMITS, NULL, "%s: %s", limit->name, words);
}

/* The library's descriptor is above 900, or above half of the limit; a heap of many pools has many. */
static void look_at_files(struct findings *findings)
{
	struct rlimit is;

	if (getrlimit(RLIMIT_NOFILE, &is) < 0)
		return;
	if (is.rlim_cur < FILES_LEAST)
		findings_add(findings, FINDING_NOTE, CHECK_LIMITS, "ulimit -n 1024",
			     "RLIMIT_NOFILE is %llu: a pool needs a descriptor, and each fork some",
			     (unsigned long long)is.rlim_cur);
	else
		findings_add(findings, FINDING_OK, CHECK_LIMITS, NULL, "RLIMIT_NOFILE: %llu",
			     (unsigned long long)is.rlim_cur);
}

/* --- inotify, of which the daemon needs an instance --- */

/* How many descriptors of inotify a process has, as far as that may be seen. */
static unsigned count_instances_of(const char *pid)
{
	char path[64], target[64];
	unsigned count = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	CLEANUP(cleanup_dir) DIR *files = opendir(path);
	for (const struct dirent *file; files && (file = readdir(files));) {
		ssize_t length = readlinkat(dirfd(files), file->d_name, target, sizeof(target) - 1);

		target[length > 0 ? length : 0] = '\0';
		count += strcmp(target, "anon_inode:inotify") == 0;
	}
	return count;
}

static unsigned count_instances(uid_t uid)
{
	CLEANUP(cleanup_dir) DIR *processes = opendir("/proc");
	unsigned count = 0;
	struct stat st;

	for (const struct dirent *entry; processes && (entry = readdir(processes));)
		if (isdigit((unsigned char)entry->d_name[0]) && fstatat(dirfd(processes), entry->d_name, &st, 0) == 0 &&
		    st.st_uid == uid)
			count += count_instances_of(entry->d_name);
	return count;
}

static void look_at_inotify(struct findings *findings)
{
	unsigned long long instances = 0, watches = 0;
	unsigned used = count_instances(geteuid());

	CLEANUP(cleanup_fd) int fd = inotify_init1(IN_CLOEXEC);
	(void)tunable_number("/proc/sys/fs/inotify/max_user_instances", &instances);
	(void)tunable_number("/proc/sys/fs/inotify/max_user_watches", &watches);
	if (fd < 0)
		findings_add(
			findings, FINDING_PROBLEM, CHECK_INOTIFY,
			errno == EMFILE ? "sysctl fs.inotify.max_user_instances=1024" : NULL,
			"no instance is to be had (%s): user %u has %u of %llu; a daemon of that user hears of no pool",
			strerrordesc_np(errno), geteuid(), used, instances);
	else if (used + used / 8 + 2 > instances)
		findings_add(findings, FINDING_NOTE, CHECK_INOTIFY, "sysctl fs.inotify.max_user_instances=1024",
			     "user %u has %u of %llu instances; a daemon of that user needs one", geteuid(), used,
			     instances);
	else
		findings_add(findings, FINDING_OK, CHECK_INOTIFY, NULL,
			     "user %u has %u of %llu instances; %llu watches", geteuid(), used, instances, watches);
}

/* --- core dumps --- */

static void look_at_cores(struct findings *findings, const struct machine_order *order)
{
	unsigned wanted = FILTER_ANONYMOUS | FILTER_HUGE_AND_DAX | (order->has_classes ? FILTER_SHARED_FILES : 0),
		 filter = 0;
	char text[64], pattern[256], command[128];
	struct rlimit is;

	(void)tunable_text("/proc/self/coredump_filter", text, sizeof(text));
	(void)tunable_text("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
	filter = (unsigned)strtoul(text, NULL, 16);
	snprintf(command, sizeof(command), "echo 0x%x >/proc/self/coredump_filter, or vmmallocctl run",
		 filter | wanted);
	/* a program that the kernel starts has its core whatever the limit is */
	if (getrlimit(RLIMIT_CORE, &is) == 0 && is.rlim_cur == 0 && pattern[0] != '|')
		findings_add(findings, FINDING_OK, CHECK_CORES, NULL, "there are none: RLIMIT_CORE is 0");
	else if (text[0] == '\0')
		findings_add(findings, FINDING_NOTE, CHECK_CORES, NULL, "the kernel has no coredump_filter");
	else if ((filter & wanted) != wanted)
		findings_add(findings, FINDING_NOTE, CHECK_CORES, command,
			     "coredump_filter is 0x%x: heaps are missing on%s%s%s", filter,
			     filter & FILTER_ANONYMOUS ? "" : " all pools",
			     wanted & ~filter & FILTER_SHARED_FILES ? " pools of the daemon" : "",
			     wanted & ~filter & FILTER_HUGE_AND_DAX ? " hugetlbfs and DAX" : "");
	else
		findings_add(findings, FINDING_OK, CHECK_CORES, NULL, "coredump_filter is 0x%x: heaps are in them",
			     filter);
}

void limits_look(struct findings *findings, void *context)
{
	const struct machine_order *order = context;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		look_at_limit(findings, &limits[i], order);
	look_at_files(findings);
	look_at_inotify(findings);
	look_at_cores(findings, order);
}
