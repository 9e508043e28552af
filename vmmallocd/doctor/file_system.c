/* SPDX-License-Identifier: BSD-3-Clause */
/* file_system -- file_system_look: what a directory's file system is, and how it is mounted. Nothing is tried. */
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/pool_header.h"
#include "common/util/mount_words.h"
#include "common/util/shell_word.h"
#include "common/util/size_format.h"
#include "vmmallocd/doctor/directory.h"
#include "vmmallocd/doctor/tunable.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define VALUE_BYTES 256

enum kind { KIND_WELL_KNOWN, KIND_DISTANT, KIND_OVERLAY, KIND_OTHER };

static enum kind kind_of(const char *type)
{
	/* whose word that space is reserved the library takes: libvmmalloc(7), BUGS */
	static const char *const well_known[] = {
		"tmpfs", "hugetlbfs", "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"
	};
	static const char *const distant[] = { "nfs",  "nfs4",    "cifs",   "smb3",  "9p",     "ceph",
					       "afs",  "lustre",  "gfs2",   "ocfs2", "beegfs", "virtiofs",
					       "fuse", "fuseblk", "vboxsf", "prl_fs" };

	for (size_t i = 0; i < sizeof(well_known) / sizeof(*well_known); i++)
		if (strcmp(type, well_known[i]) == 0)
			return KIND_WELL_KNOWN;
	for (size_t i = 0; i < sizeof(distant) / sizeof(*distant); i++)
		if (strcmp(type, distant[i]) == 0)
			return KIND_DISTANT;
	if (strncmp(type, "fuse.", 5) == 0)
		return KIND_DISTANT;
	return strcmp(type, "overlay") == 0 ? KIND_OVERLAY : KIND_OTHER;
}

static void look_at_kind(struct findings *findings, const struct directory *directory)
{
	const struct mount_of *mount = &directory->mount;

	if (!directory->has_mount) {
		findings_add(findings, FINDING_NOTE, CHECK_FILE_SYSTEM, "mount /proc", "its kind is not known");
		return;
	}
	switch (kind_of(mount->type)) {
	case KIND_WELL_KNOWN:
		findings_add(findings, FINDING_OK, CHECK_FILE_SYSTEM, NULL, "%s, mounted at %s", mount->type,
			     mount->point);
		break;
	case KIND_DISTANT:
		findings_add(findings, directory_level(directory), CHECK_FILE_SYSTEM,
			     "take a file system of this machine",
			     "%s, mounted at %s: each page that is reserved is sent to its server and waited for",
			     mount->type, mount->point);
		break;
	case KIND_OVERLAY:
		findings_add(findings, directory_level(directory), CHECK_FILE_SYSTEM,
			     "take a tmpfs, or a directory of another file system that is mounted into the container",
			     "overlayfs, mounted at %s: each step is written out and waited for, and the daemon cannot "
			     "tell pools in use from free ones",
			     mount->point);
		break;
	case KIND_OTHER:
		findings_add(findings, FINDING_NOTE, CHECK_FILE_SYSTEM,
			     "a tmpfs, ext4, XFS, btrfs or f2fs is reserved without waiting",
			     "%s, mounted at %s: each step is written out and waited for", mount->type, mount->point);
		break;
	}
}

static bool is_mounted(const struct directory *directory, const char *option)
{
	char value[VALUE_BYTES];

	return mount_of_option(&directory->mount, option, value, sizeof(value)) != NULL;
}

/* "mount -o remount,OPTION POINT" */
static const char *say_remount(const struct directory *directory, const char *option, char *command, size_t bytes)
{
	struct text text = { .data = command, .size = bytes };

	text_add(&text, "%s -o remount,%s ", mount_words(directory->mount.options), option);
	shell_word_add(&text, directory->mount.point);
	return command;
}

static void look_at_options(struct findings *findings, const struct directory *directory)
{
	char command[FINDINGS_WORDS_BYTES];

	if (!directory->has_mount)
		return;
	if (is_mounted(directory, "ro"))
		findings_add(findings, FINDING_PROBLEM, CHECK_OPTIONS,
			     say_remount(directory, "rw", command, sizeof(command)), "mounted read-only");
	else if (is_mounted(directory, "noexec"))
		findings_add(findings, FINDING_NOTE, CHECK_OPTIONS,
			     say_remount(directory, "exec", command, sizeof(command)),
			     "noexec: a program that makes its heap executable (a JIT compiler) is refused that");
	else
		findings_add(findings, FINDING_OK, CHECK_OPTIONS, NULL, "%s%s", "writable",
			     is_mounted(directory, "nosuid") ? "; nosuid changes nothing here" : "");
}

/* A kernel's "deny" and "force" go before what a mount says. */
static void look_at_huge_tmpfs(struct findings *findings, const struct directory *directory)
{
	char huge[VALUE_BYTES] = "never", shmem[VALUE_BYTES], command[FINDINGS_WORDS_BYTES];

	if (!tunable_choice(THP "shmem_enabled", shmem, sizeof(shmem))) {
		findings_add(findings, FINDING_NOTE, CHECK_HUGE_PAGES, "a kernel with CONFIG_TRANSPARENT_HUGEPAGE",
			     "this kernel has none for tmpfs: each page is a small one");
		return;
	}
	(void)mount_of_option(&directory->mount, "huge", huge, sizeof(huge));
	if (strcmp(shmem, "deny") == 0)
		findings_add(findings, FINDING_NOTE, CHECK_HUGE_PAGES, "echo never >" THP "shmem_enabled",
			     "shmem_enabled is deny: no tmpfs has any");
	else if (strcmp(shmem, "force") == 0)
		findings_add(findings, FINDING_OK, CHECK_HUGE_PAGES, NULL,
			     "shmem_enabled is force: each tmpfs has them");
	else if (strcmp(huge, "never") == 0 || strcmp(huge, "advise") == 0)
		findings_add(
			findings, FINDING_NOTE, CHECK_HUGE_PAGES,
			say_remount(directory, "huge=within_size", command, sizeof(command)),
			"huge=%s: only warm pools, and heaps beyond 16 MiB, have huge pages (MADV_COLLAPSE, Linux 6.1)",
			huge);
	else
		findings_add(findings, FINDING_OK, CHECK_HUGE_PAGES, NULL, "huge=%s", huge);
}

static void look_at_hugetlbfs(struct findings *findings, const struct directory *directory)
{
	unsigned long long page = (unsigned long long)directory->fs.f_bsize, wanted, free_pages = 0;
	char size[SIZE_FORMAT_BYTES], path[VALUE_BYTES], command[2 * VALUE_BYTES];

	size_format_whole(page, size);
	wanted = (directory->order->pool_bytes + page - 1) / page;
	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/free_hugepages", page / 1024);
	if (!tunable_number(path, &free_pages)) {
		findings_add(findings, FINDING_NOTE, CHECK_HUGE_PAGES, "mount /sys",
			     "pages of %s; it is not known how "
			     "many are free",
			     size);
		return;
	}
	snprintf(command, sizeof(command), "echo %llu >/sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages", wanted,
		 page / 1024);
	if (free_pages < wanted)
		findings_add(findings, FINDING_PROBLEM, CHECK_HUGE_PAGES, command,
			     "pages of %s, of which %llu are free: a pool needs %llu", size, free_pages, wanted);
	else
		findings_add(findings, FINDING_OK, CHECK_HUGE_PAGES, NULL, "pages of %s, of which %llu are free", size,
			     free_pages);
}

/* Whether a list as "0-3,8" has all numbers of the other. */
static bool list_has_all(const char *list, const char *others)
{
	for (const char *other = others; *other; other += strspn(other, ",")) {
		char *end;
		unsigned long first = strtoul(other, &end, 10), last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		if (end == other)
			return true; /* no list */
		for (unsigned long node = first; node <= last && node - first < 1024; node++) {
			bool found = false;

			for (const char *range = list; *range && !found; range += strspn(range, ",")) {
				char *range_end;
				unsigned long low = strtoul(range, &range_end, 10);
				unsigned long high = *range_end == '-' ? strtoul(range_end + 1, &range_end, 10) : low;

				found = node >= low && node <= high;
				if (range_end == range)
					break;
				range = range_end;
			}
			if (!found)
				return false;
		}
		other = end;
	}
	return true;
}

/* mpol=bind:0-3 and its kin: tmpfs(5). */
static void look_at_nodes(struct findings *findings, const struct directory *directory)
{
	char policy[VALUE_BYTES], memory[VALUE_BYTES];
	const char *nodes;

	if (!mount_of_option(&directory->mount, "mpol", policy, sizeof(policy))) {
		findings_add(findings, FINDING_OK, CHECK_NODES, NULL, "bound to none");
		return;
	}
	/* commas in the list end the option: what follows is taken for options of their own */
	nodes = strchr(policy, ':');
	(void)tunable_text("/sys/devices/system/node/has_memory", memory, sizeof(memory));
	if (nodes && memory[0] != '\0' && !list_has_all(memory, nodes + 1))
		findings_add(findings, FINDING_PROBLEM, CHECK_NODES, "mount it with nodes that have memory: tmpfs(5)",
			     "mpol=%s: memory is on nodes %s", policy, memory);
	else
		findings_add(findings, FINDING_OK, CHECK_NODES, NULL, "mpol=%s", policy);
}

static void look_at_swap(struct findings *findings, const struct directory *directory)
{
	char total[VALUE_BYTES], command[FINDINGS_WORDS_BYTES] = "";
	struct text text = TEXT_INIT(command);

	if (is_mounted(directory, "noswap")) {
		findings_add(findings, FINDING_OK, CHECK_SWAP, NULL, "noswap");
		return;
	}
	if (!tunable_field("/proc/meminfo", "SwapTotal", total, sizeof(total)) || atoll(total) == 0) {
		findings_add(findings, FINDING_OK, CHECK_SWAP, NULL, "the machine has none");
		return;
	}
	text_add(&text, "umount it, and mount -t tmpfs -o noswap,size=... tmpfs ");
	shell_word_add(&text, directory->mount.point);
	findings_add(findings, FINDING_NOTE, CHECK_SWAP, command, "its pages may be swapped out: there are %s of swap",
		     total);
}

/* Only files of a tmpfs are memory that is there for others when they are gone. */
static void look_at_release(struct findings *findings, const struct directory *directory)
{
	if (directory->order->releases && directory->fs.f_type != TMPFS_MAGIC)
		findings_add(findings, FINDING_NOTE, CHECK_FILE_SYSTEM, "on_memory_pressure = keep, or a tmpfs",
			     "a class here has on_memory_pressure = release, which frees no memory on %s",
			     directory->has_mount ? directory->mount.type : "it");
}

void file_system_look(struct findings *findings, const struct directory *directory)
{
	look_at_kind(findings, directory);
	look_at_release(findings, directory);
	look_at_options(findings, directory);
	if (directory->fs.f_type == HUGETLBFS_MAGIC)
		look_at_hugetlbfs(findings, directory);
	if (!directory->has_mount || directory->fs.f_type != TMPFS_MAGIC)
		return;
	look_at_huge_tmpfs(findings, directory);
	look_at_nodes(findings, directory);
	look_at_swap(findings, directory);
}
