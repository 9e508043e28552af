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

#define OURS "ours"
#define LIST_LIBRARIES "PATH=\"$PATH:/sbin:/usr/sbin\" ldconfig -p 2>/dev/null"
#define ALL_SECTIONS (ALLOCATOR_WORKLOADS | ALLOCATOR_START_UP | ALLOCATOR_INSTRUCTIONS)
#define TIMED_SECTIONS (ALLOCATOR_WORKLOADS | ALLOCATOR_START_UP)

static const struct candidate {
	const char *name;
	unsigned sections;
	const char *libraries[2];               /* beginnings of a soname, the first one known is used; or OURS */
	const char *before_dir, *after_dir;     /* a variable with the directory of the heap's file in it, if any */
	const char *variables[2];               /* more of them */
} candidates[] = {
	{ "glibc", ALL_SECTIONS, { NULL }, NULL, NULL, { NULL } },
	{ "jemalloc", ALL_SECTIONS, { "libjemalloc.so." }, NULL, NULL, { NULL } },
	{ "libvmmalloc", ALLOCATOR_WORKLOADS | ALLOCATOR_INSTRUCTIONS, { OURS }, "VMMALLOC_POOL_DIR=", "",
	  { "VMMALLOC_POOL_SIZE=4G" } },
	{ "libvmmalloc 64M", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "", { "VMMALLOC_POOL_SIZE=64M" } },
	{ "libvmmalloc 1G", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "", { "VMMALLOC_POOL_SIZE=1G" } },
	{ "libvmmalloc 16G", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "", { "VMMALLOC_POOL_SIZE=16G" } },
	{ "libvmmalloc 16G, 64 arenas", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "",
	  { "VMMALLOC_POOL_SIZE=16G", "VMMALLOC_ARENAS=64" } },
	{ "libvmmalloc 16G, 256 arenas", ALLOCATOR_START_UP, { OURS }, "VMMALLOC_POOL_DIR=", "",
	  { "VMMALLOC_POOL_SIZE=16G", "VMMALLOC_ARENAS=256" } },
	{ "mimalloc", TIMED_SECTIONS, { "libmimalloc.so." }, NULL, NULL, { NULL } },
	{ "tcmalloc", TIMED_SECTIONS, { "libtcmalloc_minimal.so.", "libtcmalloc.so." }, NULL, NULL, { NULL } },
	{ "tcmalloc memfs", TIMED_SECTIONS, { "libtcmalloc_minimal.so.", "libtcmalloc.so." },
	  "TCMALLOC_MEMFS_MALLOC_PATH=", "/memfs", { NULL } },
	{ "memtier", TIMED_SECTIONS, { "libmemtier.so." }, "MEMKIND_MEM_TIERS=KIND:FS_DAX,PATH:",
	  ",PMEM_SIZE_LIMIT:4G,RATIO:1;POLICY:STATIC_RATIO", { NULL } },
};

#define CANDIDATES (sizeof(candidates) / sizeof(candidates[0]))
_Static_assert(CANDIDATES <= ALLOCATORS_MOST, "struct allocators has room for every candidate");

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

/* 1 when this machine has it, 0 when it is left out. */
static int allocator_init(struct allocator *allocator, const struct candidate *candidate, const char *our_library,
			  const char *pool_dir)
{
	const char *const *soname = candidate->libraries;
	int r;

	*allocator = (struct allocator){ .name = candidate->name, .sections = candidate->sections };
	if (soname[0] && strcmp(soname[0], OURS) == 0)
		allocator->library = realpath(our_library, NULL);
	else
		for (size_t i = 0; i < 2 && soname[i] && !allocator->library; i++)
			allocator->library = find_library(soname[i]);
	if (soname[0] && !allocator->library)
		return strcmp(soname[0], OURS) == 0 ? -errno : 0;
	if ((r = fill_environment(allocator, candidate, pool_dir)) < 0)
		allocator_done(allocator);
	return r < 0 ? r : 1;
}

int allocators_find(const char *our_library, const char *pool_dir, struct allocators *ret_allocators)
{
	struct allocators found = { .count = 0 };

	for (size_t i = 0; i < CANDIDATES; i++) {
		int r = allocator_init(&found.list[found.count], &candidates[i], our_library, pool_dir);

		if (r < 0) {
			allocators_done(&found);
			return r;
		}
		found.count += (size_t)r;
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
