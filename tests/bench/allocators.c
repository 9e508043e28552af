/* SPDX-License-Identifier: BSD-3-Clause */
/* allocators -- see allocators.h. */
#include "tests/bench/allocators.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/libvmmalloc.h"
#include "tests/bench/library_version.h"

#define OURS "ours"
#define OTHER "other"
#define LIST_LIBRARIES "PATH=\"$PATH:/sbin:/usr/sbin\" ldconfig -p 2>/dev/null"
#define ALL_SECTIONS (ALLOCATOR_WORKLOADS | ALLOCATOR_START_UP | ALLOCATOR_INSTRUCTIONS)
#define TIMED_SECTIONS (ALLOCATOR_WORKLOADS | ALLOCATOR_START_UP)

/* The settings that settings.bash found best over all workloads. tcmalloc has none with which it is faster. */
#define GLIBC_BEST \
	"GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.tcache_count=127:glibc.malloc.trim_threshold=268435456:" \
	"glibc.malloc.mmap_threshold=67108864"
#define JEMALLOC_BEST "MALLOC_CONF=thp:always"
#define MIMALLOC_BEST "MIMALLOC_LARGE_OS_PAGES=1"

static const struct candidate {
	const char *name;
	unsigned sections;
	const char *libraries[2];               /* beginnings of a soname, the first known is used; or OURS, OTHER */
	const char *before_dir, *after_dir;     /* a variable with the directory of the heap's file in it, if any */
	const char *variables[2];               /* more of them */
} candidates[] = {
	{ "glibc", ALL_SECTIONS, { NULL }, NULL, NULL, { NULL } },
	{ "jemalloc", ALL_SECTIONS, { "libjemalloc.so." }, NULL, NULL, { NULL } },
	{ "libvmmalloc", ALLOCATOR_WORKLOADS | ALLOCATOR_INSTRUCTIONS, { OURS }, "VMMALLOC_POOL_DIR=", "",
	  { "VMMALLOC_POOL_SIZE=4G" } },
	{ "other build", ALL_SECTIONS, { OTHER }, "VMMALLOC_POOL_DIR=", "",
	  { "VMMALLOC_POOL_SIZE=4G" } },
	{ "libvmmalloc 64M", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "", { "VMMALLOC_POOL_SIZE=64M" } },
	{ "libvmmalloc 1G", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "", { "VMMALLOC_POOL_SIZE=1G" } },
	{ "libvmmalloc 16G", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "", { "VMMALLOC_POOL_SIZE=16G" } },
	{ "libvmmalloc 16G, 64 arenas", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "",
	  { "VMMALLOC_POOL_SIZE=16G", "VMMALLOC_ARENAS=64" } },
	{ "libvmmalloc 16G, 256 arenas", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "",
	  { "VMMALLOC_POOL_SIZE=16G", "VMMALLOC_ARENAS=256" } },
	{ "glibc tuned", ALLOCATOR_WORKLOADS, { NULL }, NULL, NULL, { GLIBC_BEST } },
	{ "jemalloc tuned", ALLOCATOR_WORKLOADS, { "libjemalloc.so." }, NULL, NULL, { JEMALLOC_BEST } },
	{ "mimalloc tuned", ALLOCATOR_WORKLOADS, { "libmimalloc.so." }, NULL, NULL, { MIMALLOC_BEST } },
	{ "mimalloc", TIMED_SECTIONS, { "libmimalloc.so." }, NULL, NULL, { NULL } },
	{ "tbbmalloc", TIMED_SECTIONS, { "libtbbmalloc_proxy.so." }, NULL, NULL, { NULL } },
	{ "tcmalloc", TIMED_SECTIONS, { "libtcmalloc_minimal.so.", "libtcmalloc.so." }, NULL, NULL, { NULL } },
	{ "tcmalloc memfs", TIMED_SECTIONS, { "libtcmalloc_minimal.so.", "libtcmalloc.so." },
	  "TCMALLOC_MEMFS_MALLOC_PATH=", "/memfs", { NULL } },
	{ "memtier", TIMED_SECTIONS, { "libmemtier.so." }, "MEMKIND_MEM_TIERS=KIND:FS_DAX,PATH:",
	  ",PMEM_SIZE_LIMIT:4G,RATIO:1;POLICY:STATIC_RATIO", { NULL } },
};

#define CANDIDATES (sizeof(candidates) / sizeof(candidates[0]))
_Static_assert(CANDIDATES + ALLOCATOR_VARIANTS_MOST <= ALLOCATORS_MOST, "there is room for every candidate");

bool allocators_know(const char *text, char end)
{
	for (size_t i = 0; i < CANDIDATES; i++) {
		size_t length = strlen(candidates[i].name);

		if (strncmp(text, candidates[i].name, length) == 0 && (text[length] == '\0' || text[length] == end))
			return true;
	}
	return false;
}

/* A library for another kind of processor would be ignored by the dynamic linker, and glibc measured instead. */
static bool is_loadable(const char *path)
{
	unsigned char header[EI_NIDENT];
	FILE *file = fopen(path, "re");
	bool loadable;

	if (!file)
		return false;
	loadable = fread(header, sizeof(header), 1, file) == 1 &&
		   header[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
	fclose(file);
	return loadable;
}

/* Lines of ldconfig read: a tab, the soname, " (kind) => ", the path. Returns a new string, or NULL. */
static char *find_in_cache(FILE *cache, const char *soname_begins)
{
	char line[PATH_MAX + 256];
	char *found = NULL;

	while (fgets(line, sizeof(line), cache)) {
		char *soname = line + strspn(line, "\t "), *path = strstr(line, " => ");

		line[strcspn(line, "\n")] = '\0';
		if (!found && path && strncmp(soname, soname_begins, strlen(soname_begins)) == 0 &&
		    is_loadable(path + 4))
			found = strdup(path + 4);
	}
	return found;
}

static char *find_library(const char *soname_begins)
{
	FILE *cache = popen(LIST_LIBRARIES, "re");
	char *path = cache ? find_in_cache(cache, soname_begins) : NULL;

	if (cache)
		pclose(cache);
	return path;
}

static int add_variable(struct allocator *allocator, const char *first, const char *second, const char *third)
{
	size_t count = 0;

	while (allocator->environment[count])
		count++;
	if (asprintf(&allocator->environment[count], "%s%s%s", first, second, third) < 0) {
		allocator->environment[count] = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void allocator_done(struct allocator *allocator)
{
	for (size_t i = 0; allocator->environment[i]; i++)
		free(allocator->environment[i]);
	free(allocator->library);
	free(allocator->version);
	*allocator = (struct allocator){ 0 };
}

static int fill_environment(struct allocator *allocator, const struct candidate *candidate, const char *pool_dir)
{
	int r;

	if ((r = add_variable(allocator, "PATH=/usr/local/bin:/usr/bin:/bin", "", "")) < 0 ||
	    (r = add_variable(allocator, "LC_ALL=C", "", "")) < 0)
		return r;
	if (allocator->library && (r = add_variable(allocator, "LD_PRELOAD=", allocator->library, "")) < 0)
		return r;
	if (candidate->before_dir &&
	    (r = add_variable(allocator, candidate->before_dir, pool_dir, candidate->after_dir)) < 0)
		return r;
	for (size_t i = 0; i < 2 && candidate->variables[i]; i++)
		if ((r = add_variable(allocator, candidate->variables[i], "", "")) < 0)
			return r;
	return 0;
}

/* Whether the list has that name, which it need not end with. */
static bool is_listed(const char *list, const char *name, size_t length)
{
	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (strcspn(list, ",") == length && memcmp(list, name, length) == 0)
			return true;
	return false;
}

/* 1 with the library's path, NULL for the C library's own; 0 when this machine, or the order, does not have it. */
static int find_candidate(const struct candidate *candidate, const struct allocators_order *order, char **ret_library)
{
	const char *const *soname = candidate->libraries;
	const char *build = !soname[0]			     ? NULL :
			    strcmp(soname[0], OURS) == 0     ? order->our_library :
			    strcmp(soname[0], OTHER) == 0    ? order->other_library :
							       NULL;
	char *library = NULL;

	if (order->only && !is_listed(order->only, candidate->name, strlen(candidate->name)))
		return 0;
	if (build) {
		library = realpath(build, NULL);
		if (!library) {
			int r = -errno;

			fprintf(stderr, "bench: %s: expected a build of our library there: %s\n", build, strerror(-r));
			return r;
		}
	}
	for (size_t i = 0; i < 2 && soname[i] && !library; i++)
		library = find_library(soname[i]);
	*ret_library = library;
	return library || !soname[0];
}

static int allocator_add(struct allocators *found, const struct candidate *candidate,
			 const struct allocators_order *order, const char *name, const char *variable)
{
	struct allocator *allocator = &found->list[found->count];
	char *library = NULL;
	int r = find_candidate(candidate, order, &library);

	if (r <= 0)
		return r;
	*allocator = (struct allocator){ .name = name, .sections = candidate->sections, .library = library };
	allocator->version = candidate->libraries[0] && strcmp(candidate->libraries[0], OURS) == 0 ?
				     strdup(VMMALLOC_VERSION) : library_version(library);
	if ((r = fill_environment(allocator, candidate, order->pool_dir)) < 0 ||
	    (variable && (r = add_variable(allocator, variable, "", "")) < 0))
		allocator_done(allocator);
	else
		found->count++;
	return r;
}

/* The candidate, and what the order varies of it. */
static int add_variants(struct allocators *found, const struct candidate *candidate,
			const struct allocators_order *order)
{
	size_t length = strlen(candidate->name);
	int r = allocator_add(found, candidate, order, candidate->name, NULL);

	for (size_t i = 0; r == 0 && i < ALLOCATOR_VARIANTS_MOST && order->variants[i]; i++) {
		const char *variant = order->variants[i];

		if (strncmp(variant, candidate->name, length) == 0 && variant[length] == ' ')
			r = allocator_add(found, candidate, order, variant, variant + length + 1);
	}
	return r;
}

int allocators_find(const struct allocators_order *order, struct allocators *ret_allocators)
{
	struct allocators found = { .count = 0 };

	for (size_t i = 0; i < CANDIDATES; i++) {
		int r = add_variants(&found, &candidates[i], order);

		if (r < 0) {
			allocators_done(&found);
			return r;
		}
	}
	*ret_allocators = found;
	return 0;
}

void allocators_done(struct allocators *allocators)
{
	for (size_t i = 0; i < allocators->count; i++)
		allocator_done(&allocators->list[i]);
	allocators->count = 0;
}

size_t allocators_select(const struct allocators *allocators, unsigned section,
			 const struct allocator *ret_list[ALLOCATORS_MOST])
{
	size_t count = 0;

	for (size_t i = 0; i < allocators->count; i++)
		if (allocators->list[i].sections & section)
			ret_list[count++] = &allocators->list[i];
	return count;
}
