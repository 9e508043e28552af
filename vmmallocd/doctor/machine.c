/* SPDX-License-Identifier: BSD-3-Clause */
/* machine -- machine_look: what the kernel can do, tried rather than read from its version, and how it is set. */
#include "vmmallocd/doctor/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/base/madvise.h"
#include "common/base/pool_header.h"
#include "common/base/text.h"
#include "common/util/cleanup.h"
#include "common/util/size_format.h"
#include "vmmallocd/doctor/mount_of.h"
#include "vmmallocd/doctor/tunable.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define WORD_BYTES 256
#define MAPPINGS_USUAL 65530

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* --- what depends on the kernel's version --- */

static bool kernel_populates(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool can = memory != MAP_FAILED && madvise(memory, page, MADV_POPULATE_WRITE) == 0;

	if (memory != MAP_FAILED)
		(void)munmap(memory, page);
	return can;
}

/* EINVAL is also what other advice gets there; one that is known finds no huge page to make, or no memory for it. */
static bool kernel_collapses(void)
{
	void *memory = mmap(NULL, 2 * POOL_HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool can = false;

	if (memory != MAP_FAILED) {
		char *huge = (char *)(((uintptr_t)memory + POOL_HUGE_PAGE - 1) & ~(uintptr_t)(POOL_HUGE_PAGE - 1));

		*huge = 1;
		can = madvise(huge, POOL_HUGE_PAGE, MADV_COLLAPSE) == 0 || errno != EINVAL;
		(void)munmap(memory, 2 * POOL_HUGE_PAGE);
	}
	return can;
}

/* A fork sets a shared mapping aside, with its page tables. */
static bool kernel_moves_shared(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *moved = MAP_FAILED;

	if (memory == MAP_FAILED)
		return false;
	moved = mremap(memory, page, page, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (moved != MAP_FAILED)
		(void)munmap(moved, page);
	(void)munmap(memory, page);
	return moved != MAP_FAILED;
}

static bool kernel_refuses_rights(void)
{
	const int off = 0;

	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == 0;
}

static bool kernel_has_no_huge_pages(void)
{
	char word[WORD_BYTES];

	return !tunable_choice(THP "enabled", word, sizeof(word));
}

static void look_at_kernel(struct findings *findings)
{
	char words[FINDINGS_WORDS_BYTES] = "";
	struct text missing = TEXT_INIT(words);
	struct utsname name;

	(void)uname(&name);
	if (!kernel_populates())
		text_add(&missing,
			 "; no MADV_POPULATE_WRITE (5.14): space is reserved by writing to each page where there "
			 "is no fallocate");
	if (!kernel_moves_shared())
		text_add(&missing,
			 "; no mremap of shared mappings with MREMAP_DONTUNMAP (5.13): a fork of a large heap "
			 "takes longer");
	if (!kernel_has_no_huge_pages() && !kernel_collapses())
		text_add(&missing,
			 "; no MADV_COLLAPSE (6.1): warm pools on a tmpfs have huge pages only if it is mounted "
			 "so");
	if (missing.length > 0)
		findings_add(findings, FINDING_NOTE, CHECK_KERNEL, "a newer kernel", "Linux %s%s", name.release, words);
	else
		findings_add(findings, FINDING_OK, CHECK_KERNEL, NULL, "Linux %s%s", name.release,
			     kernel_refuses_rights() ? "" : "; without SO_PASSRIGHTS (6.16), which nothing needs");
}

static void look_at_page_size(struct findings *findings)
{
	long page = sysconf(_SC_PAGESIZE);

	if (page == (long)POOL_PAGE_LEAST)
		findings_add(findings, FINDING_OK, CHECK_PAGE_SIZE, NULL, "4 KiB");
	else if (page <= 65536)
		findings_add(findings, FINDING_NOTE, CHECK_PAGE_SIZE,
			     "a kernel with pages of 4 KiB has huge pages of 2 MiB",
			     "%ld KiB: huge pages are larger than 2 MiB, and pools have none", page / 1024);
	else
		findings_add(findings, FINDING_PROBLEM, CHECK_PAGE_SIZE, "a kernel with pages of 64 KiB or less",
			     "%ld KiB", page / 1024);
}

static void look_at_transparent(struct findings *findings)
{
	char enabled[WORD_BYTES], defrag[WORD_BYTES], shmem[WORD_BYTES];

	if (!tunable_choice(THP "enabled", enabled, sizeof(enabled))) {
		findings_add(findings, FINDING_NOTE, CHECK_TRANSPARENT, "a kernel with CONFIG_TRANSPARENT_HUGEPAGE",
			     "this kernel has no huge pages but those of hugetlbfs");
		return;
	}
	(void)tunable_choice(THP "defrag", defrag, sizeof(defrag));
	if (!tunable_choice(THP "shmem_enabled", shmem, sizeof(shmem)))
		strcpy(shmem, "not there");
	findings_add(findings, strcmp(shmem, "deny") == 0 ? FINDING_NOTE : FINDING_OK, CHECK_TRANSPARENT,
		     strcmp(shmem, "deny") == 0 ? "echo never >" THP "shmem_enabled" : NULL,
		     "enabled is %s, defrag %s, shmem_enabled %s: pools follow shmem_enabled and their mount's huge=",
		     enabled, defrag, shmem);
}

static void look_at_overcommit(struct findings *findings, const struct machine_order *order)
{
	unsigned long long mode = 0, ratio = 50;
	char limit[WORD_BYTES], committed[WORD_BYTES], left_words[SIZE_FORMAT_BYTES];
	uint64_t left;

	if (!tunable_number("/proc/sys/vm/overcommit_memory", &mode) || mode != 2) {
		findings_add(findings, FINDING_OK, CHECK_OVERCOMMIT, NULL, "vm.overcommit_memory is %llu", mode);
		return;
	}
	(void)tunable_number("/proc/sys/vm/overcommit_ratio", &ratio);
	(void)tunable_field("/proc/meminfo", "CommitLimit", limit, sizeof(limit));
	(void)tunable_field("/proc/meminfo", "Committed_AS", committed, sizeof(committed));
	left = strtoull(limit, NULL, 10) > strtoull(committed, NULL, 10)
		       ? (strtoull(limit, NULL, 10) - strtoull(committed, NULL, 10)) * 1024
		       : 0;
	size_format_short(left, left_words);
	findings_add(findings, left < order->pool_bytes ? FINDING_PROBLEM : FINDING_NOTE, CHECK_OVERCOMMIT,
		     "sysctl vm.overcommit_memory=0",
		     "vm.overcommit_memory is 2, with a ratio of %llu: %s may be committed still; a private heap after "
		     "a fork, "
		     "and the room for VMMALLOC_ON_FULL=grow, count as a whole",
		     ratio, left_words);
}

static void look_at_mappings(struct findings *findings)
{
	unsigned long long most = 0;

	if (!tunable_number("/proc/sys/vm/max_map_count", &most))
		findings_add(findings, FINDING_NOTE, CHECK_MAPPINGS, "mount /proc", "not known");
	else if (most < MAPPINGS_USUAL)
		findings_add(findings, FINDING_NOTE, CHECK_MAPPINGS, "sysctl vm.max_map_count=65530",
			     "vm.max_map_count is %llu: a heap that returns to its pool piece by piece needs many",
			     most);
	else
		findings_add(findings, FINDING_OK, CHECK_MAPPINGS, NULL, "vm.max_map_count is %llu", most);
}

static void look_at_ptrace(struct findings *findings)
{
	unsigned long long scope = 0;

	if (!tunable_number("/proc/sys/kernel/yama/ptrace_scope", &scope) || scope == 0)
		findings_add(findings, FINDING_OK, CHECK_PTRACE, NULL,
			     "processes of one user may look into each other");
	else
		findings_add(findings, scope > 2 ? FINDING_NOTE : FINDING_OK, CHECK_PTRACE,
			     scope > 2 ? "kernel.yama.ptrace_scope=1 from the next boot on" : NULL,
			     "kernel.yama.ptrace_scope is %llu: gcore and gdb need %s; vmmallocctl ps does not mind",
			     scope,
			     scope > 2    ? "another setting"
			     : scope == 2 ? "root"
					  : "root, or to be the parent");
}

static void look_at_proc(struct findings *findings)
{
	struct mount_of mount;
	char hide[WORD_BYTES];

	CLEANUP(cleanup_fd) int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || access("/proc/self/maps", R_OK) < 0)
		findings_add(findings, FINDING_PROBLEM, CHECK_PROC, "mount -t proc proc /proc",
			     "it is not mounted: no heap returns to its pool after a fork, and much here is not known");
	else if (mount_of_directory(fd, &mount) && mount_of_option(&mount, "hidepid", hide, sizeof(hide)) &&
		 strcmp(hide, "0") != 0 && strcmp(hide, "off") != 0 && geteuid() != 0)
		findings_add(findings, FINDING_NOTE, CHECK_PROC, "run vmmallocctl ps as root",
			     "hidepid=%s: processes of others are not seen", hide);
	else
		findings_add(findings, FINDING_OK, CHECK_PROC, NULL, "it is there, and shows processes");
}

static void look_at_numa(struct findings *findings)
{
	char memory[WORD_BYTES], processors[WORD_BYTES];
	unsigned long long balancing = 0;

	if (!tunable_text("/sys/devices/system/node/has_memory", memory, sizeof(memory))) {
		findings_add(findings, FINDING_OK, CHECK_NUMA, NULL, "the kernel knows one kind of memory");
		return;
	}
	(void)tunable_text("/sys/devices/system/node/has_cpu", processors, sizeof(processors));
	(void)tunable_number("/proc/sys/kernel/numa_balancing", &balancing);
	if (balancing != 0 && strcmp(memory, "0") != 0)
		findings_add(
			findings, FINDING_NOTE, CHECK_NUMA,
			"sysctl kernel.numa_balancing=0, if pools are to stay where they are",
			"memory on nodes %s, processors on %s; kernel.numa_balancing is %llu: it moves pages that are "
			"bound to no node",
			memory, processors, balancing);
	else
		findings_add(findings, FINDING_OK, CHECK_NUMA, NULL, "memory on nodes %s, processors on %s", memory,
			     processors);
}

void machine_look(struct findings *findings, void *context)
{
	const struct machine_order *order = context;

	look_at_kernel(findings);
	look_at_page_size(findings);
	look_at_transparent(findings);
	look_at_overcommit(findings, order);
	look_at_mappings(findings);
	look_at_ptrace(findings);
	look_at_proc(findings);
	look_at_numa(findings);
}
