/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cgroup -- cgroup_look: limits of memory, of this process's control group and all above it, and of the daemon's. Pages
 * of a tmpfs are charged to whoever touches them first: a program's, or for warm pools the daemon's.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/size_format.h"
#include "vmmallocd/doctor/machine.h"
#include "vmmallocd/doctor/mount_of.h"
#include "vmmallocd/doctor/tunable.h"

#define NONE UINT64_MAX
#define V1_NO_LIMIT ((uint64_t)1 << 60) /* version 1 writes a number that large where there is none */

struct cgroup {
	bool is_v2;
	char path[PATH_MAX];  /* of the process's group, below `mount` */
	char mount[PATH_MAX]; /* of the hierarchy that limits memory */
};

struct cgroup_limit {
	uint64_t bytes;
	char file[2 * PATH_MAX];
};

/* A line of /proc/PID/cgroup: "ID:CONTROLLERS:PATH". */
static bool parse_group(char *line, struct cgroup *cgroup, bool *ret_found)
{
	char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
	bool is_v1_memory;

	if (!path)
		return false;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	controllers++;
	is_v1_memory =
		strcmp(controllers, "memory") == 0 || strstr(controllers, ",memory") || strstr(controllers, "memory,");
	if (!is_v1_memory && controllers[0] != '\0')
		return false;
	/* where both are there, memory is limited in version 1 */
	if (controllers[0] == '\0' && *ret_found)
		return false;
	cgroup->is_v2 = !is_v1_memory;
	snprintf(cgroup->path, sizeof(cgroup->path), "%s", path);
	*ret_found = true;
	return is_v1_memory;
}

static bool find_cgroup(pid_t pid, struct cgroup *cgroup)
{
	char path[64], line[PATH_MAX + 256];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	CLEANUP(cleanup_stream) FILE *stream = fopen(path, "re");
	while (stream && fgets(line, sizeof(line), stream) && !parse_group(line, cgroup, &found))
		;
	return found;
}

static bool find_hierarchy(struct cgroup *cgroup)
{
	CLEANUP(cleanup_stream) FILE *stream = fopen("/proc/self/mountinfo", "re");
	char line[MOUNT_OF_LINE_BYTES], value[16];
	struct mount_of mount;

	while (stream && fgets(line, sizeof(line), stream)) {
		if (!mount_of_parse(line, &mount) || strcmp(mount.type, cgroup->is_v2 ? "cgroup2" : "cgroup") != 0 ||
		    (!cgroup->is_v2 && !mount_of_option(&mount, "memory", value, sizeof(value))))
			continue;
		snprintf(cgroup->mount, sizeof(cgroup->mount), "%s", mount.point);
		return true;
	}
	return false;
}

static void consider(const struct cgroup *cgroup, const char *name, struct cgroup_limit *least)
{
	char file[2 * PATH_MAX];
	unsigned long long bytes;

	if (snprintf(file, sizeof(file), "%s%s/%s", cgroup->mount, strcmp(cgroup->path, "/") == 0 ? "" : cgroup->path,
		     name) >= (int)sizeof(file))
		return;
	if (tunable_number(file, &bytes) && bytes < V1_NO_LIMIT && bytes < least->bytes) {
		least->bytes = bytes;
		strcpy(least->file, file);
	}
}

/* The least of the process's group and all above it. What is above the root of a cgroup namespace is not seen. */
static bool find_least(pid_t pid, struct cgroup_limit *ret_least)
{
	struct cgroup cgroup;

	*ret_least = (struct cgroup_limit){ .bytes = NONE };
	if (!find_cgroup(pid, &cgroup) || !find_hierarchy(&cgroup))
		return false;
	for (;;) {
		char *slash = strrchr(cgroup.path, '/');

		if (cgroup.is_v2) {
			consider(&cgroup, "memory.max", ret_least);
			consider(&cgroup, "memory.high", ret_least);
		} else {
			consider(&cgroup, "memory.limit_in_bytes", ret_least);
		}
		if (!slash || cgroup.path[1] == '\0')
			return true;
		slash[slash == cgroup.path] = '\0';
	}
}

static void judge(struct findings *findings, const char *whose, pid_t pid, uint64_t wanted, const char *mend)
{
	struct cgroup_limit least;
	char limit[SIZE_FORMAT_BYTES], words[SIZE_FORMAT_BYTES];

	if (!find_least(pid, &least)) {
		findings_add(findings, FINDING_OK, CHECK_CGROUP, NULL, "%s: none limits memory, or none is to be seen",
			     whose);
		return;
	}
	size_format_short(least.bytes, limit);
	size_format_short(wanted, words);
	if (least.bytes == NONE)
		findings_add(findings, FINDING_OK, CHECK_CGROUP, NULL,
			     "%s: memory has no limit, as far as is seen from here", whose);
	else if (least.bytes < wanted)
		findings_add(findings, FINDING_NOTE, CHECK_CGROUP, mend,
			     "%s: at most %s (%s), and pools may have %s: pages in memory are charged to it, and what "
			     "it kills "
			     "for that frees none",
			     whose, limit, least.file, words);
	else
		findings_add(findings, FINDING_OK, CHECK_CGROUP, NULL, "%s: at most %s (%s)", whose, limit, least.file);
}

void cgroup_look(struct findings *findings, void *context)
{
	const struct machine_order *order = context;

	judge(findings, "this process", getpid(), order->pool_bytes,
	      "raise it, take smaller pools, or warm ones of the daemon, which are charged to the daemon");
	if (order->daemon_pid > 0)
		judge(findings, "the daemon", order->daemon_pid, order->warm_bytes,
		      "systemctl set-property vmmallocd.service MemoryMax=infinity MemoryHigh=infinity");
}
