/* SPDX-License-Identifier: BSD-3-Clause */
/* surroundings -- surroundings_look: what a program inherits from this process that is in the library's way. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "vmmallocd/doctor/program.h"
#include "vmmallocd/doctor/tunable.h"

#define PRELOAD_FILE "/etc/ld.so.preload"
#define STATIC_TLS "glibc.rtld.optional_static_tls="
#define STATIC_TLS_LEAST 8192

/* Libraries that are preloaded, and do not go with this one, or only behind it. */
static const struct neighbour {
	const char *name; /* what the last part of the path begins with */
	bool only_before; /* it does no harm behind the library */
	const char *found;
} neighbours[] = {
	{ "libjemalloc", true, "jemalloc comes first: the heap is its own" },
	{ "libtcmalloc", true, "tcmalloc comes first: the heap is its own" },
	{ "libmimalloc", true, "mimalloc comes first: the heap is its own" },
	{ "libtbbmalloc_proxy", true, "TBB's allocator comes first: the heap is its own" },
	{ "libhoard", true, "Hoard comes first: the heap is its own" },
	{ "libsnmalloc", true, "snmalloc comes first: the heap is its own" },
	{ "librpmalloc", true, "rpmalloc comes first: the heap is its own" },
	{ "libscudo", true, "Scudo comes first: the heap is its own" },
	{ "libhardened_malloc", true, "hardened_malloc comes first: the heap is its own" },
	{ "libmemkind", true, "memkind comes first: the heap is its own" },
	{ "libc_malloc_debug", true, "glibc's debugging malloc comes first: the heap is its own" },
	{ "libefence", true, "Electric Fence comes first: the heap is its own" },
	{ "libduma", true, "DUMA comes first: the heap is its own" },
	{ "libasan", false, "AddressSanitizer has a malloc() of its own, and has to come first" },
	{ "libtsan", false, "ThreadSanitizer has a malloc() of its own" },
	{ "liblsan", false, "LeakSanitizer has a malloc() of its own" },
	{ "libhwasan", false, "HWAddressSanitizer has a malloc() of its own" },
	{ "libclang_rt.", false, "a sanitizer has a malloc() of its own, and has to come first" },
};

/* Another version of the library, or the entry of a neighbour. */
static const struct neighbour *find_neighbour(const char *entry, size_t length)
{
	const char *slash = memrchr(entry, '/', length), *name = slash ? slash + 1 : entry;
	size_t bytes = length - (size_t)(name - entry);

	for (size_t i = 0; i < sizeof(neighbours) / sizeof(*neighbours); i++)
		if (strlen(neighbours[i].name) <= bytes &&
		    strncmp(neighbours[i].name, name, strlen(neighbours[i].name)) == 0)
			return &neighbours[i];
	return NULL;
}

/* Entries of LD_PRELOAD, or of the file that goes before all programs, which are loaded behind those. */
struct preload_list {
	const char *name;
	const char *words;
	const char *separators;
};

static const char *next_entry(const struct preload_list *list, const char *at, size_t *ret_length)
{
	at += strspn(at, list->separators);
	*ret_length = strcspn(at, list->separators);
	return *ret_length > 0 ? at : NULL;
}

static bool names_library(const struct preload_list *list)
{
	size_t length = 0;

	for (const char *entry = list->words; (entry = next_entry(list, entry, &length)); entry += length)
		if (environment_is_library(entry, length))
			return true;
	return false;
}

/* Whether anything is to be said of an entry that the library comes before, or not. */
static bool judge_entry(struct findings *findings, const struct preload_list *list, const char *entry, size_t length,
			bool is_behind)
{
	const struct neighbour *neighbour = find_neighbour(entry, length);
	char path[PATH_MAX], advice[128];

	if (neighbour && !(neighbour->only_before && is_behind)) {
		snprintf(advice, sizeof(advice),
			 neighbour->only_before ? "name libvmmalloc before it" : "take it out of %s", list->name);
		findings_add(findings, FINDING_PROBLEM, CHECK_PRELOAD, advice, "%.*s: %s", (int)length, entry,
			     neighbour->found);
		return true;
	}
	snprintf(path, sizeof(path), "%.*s", (int)length, entry);
	if (!strchr(path, '/') || strchr(path, '$') || access(path, R_OK) == 0)
		return false;
	snprintf(advice, sizeof(advice), "take it out of %s", list->name);
	findings_add(findings, FINDING_NOTE, CHECK_PRELOAD, advice, "%s: %s: each program that starts says so", path,
		     strerrordesc_np(errno));
	return true;
}

static void look_at_preload(struct findings *findings)
{
	const char *variable = getenv(ENVIRONMENT_PRELOAD);
	char file[4096] = "";
	const struct preload_list lists[] = {
		{ ENVIRONMENT_PRELOAD, variable ? variable : "", ENVIRONMENT_PRELOAD_SEPARATORS },
		{ PRELOAD_FILE, file, ENVIRONMENT_PRELOAD_SEPARATORS "\t\n" },
	};
	size_t count = 0, said = 0, length = 0;
	bool is_behind;

	(void)tunable_text(PRELOAD_FILE, file, sizeof(file));
	/* where none names the library, it is put before all of them: vmmallocctl run */
	is_behind = !names_library(&lists[0]);
	for (size_t i = 0; i < 2; i++)
		for (const char *entry = lists[i].words; (entry = next_entry(&lists[i], entry, &length));
		     entry += length) {
			is_behind |= environment_is_library(entry, length);
			said += judge_entry(findings, &lists[i], entry, length, is_behind);
			count++;
		}
	if (count == 0)
		findings_add(findings, FINDING_OK, CHECK_PRELOAD, NULL, "LD_PRELOAD and " PRELOAD_FILE " have nothing");
	else if (said == 0)
		findings_add(findings, FINDING_OK, CHECK_PRELOAD, NULL,
			     "%zu libraries, of which none is known not to go with this one", count);
}

/* libvmmalloc(7), NOTES: then glibc has no room for the library's thread-local data. */
static void look_at_audit(struct findings *findings)
{
	const char *audit = getenv("LD_AUDIT"), *tunables = getenv("GLIBC_TUNABLES");
	const char *room = tunables ? strstr(tunables, STATIC_TLS) : NULL;

	if (!audit || *audit == '\0')
		findings_add(findings, FINDING_OK, CHECK_AUDIT, NULL, "LD_AUDIT is not set");
	else if (room && atol(room + strlen(STATIC_TLS)) >= STATIC_TLS_LEAST)
		findings_add(findings, FINDING_OK, CHECK_AUDIT, NULL,
			     "LD_AUDIT is set, and room for thread-local data");
	else
		findings_add(findings, FINDING_PROBLEM, CHECK_AUDIT,
			     "GLIBC_TUNABLES=" STATIC_TLS "8192, or without LD_AUDIT",
			     "LD_AUDIT is %s: the dynamic linker has no room for the library's thread-local data",
			     audit);
}

static void look_at_confinement(struct findings *findings)
{
	char filters[32], profile[256];

	(void)tunable_field("/proc/self/status", "Seccomp", filters, sizeof(filters));
	if (!tunable_text("/proc/self/attr/current", profile, sizeof(profile)))
		profile[0] = '\0';
	if (filters[0] != '\0' && filters[0] != '0')
		findings_add(findings, FINDING_NOTE, CHECK_CONFINEMENT,
			     "see SYSTEM CALLS in libvmmalloc(7) for what must be let "
			     "pass",
			     "a filter of system calls is on this process, and on all that it starts");
	else if (profile[0] != '\0' && strncmp(profile, "unconfined", 10) != 0 && strncmp(profile, "kernel", 6) != 0)
		findings_add(findings, FINDING_NOTE, CHECK_CONFINEMENT,
			     "let it make files in the pools' directory, and map them", "confined by the profile %s",
			     profile);
	else
		findings_add(findings, FINDING_OK, CHECK_CONFINEMENT, NULL, "no filter of system calls, no profile");
}

void surroundings_look(struct findings *findings, void *unused)
{
	(void)unused;
	look_at_preload(findings);
	look_at_audit(findings);
	look_at_confinement(findings);
}
