/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime -- runtime_look: what a program takes its memory from, by its symbols, the libraries that it is linked with,
 * and those that they are. What it opens while it runs is not seen.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/doctor/program.h"

#define LIBRARIES_MOST 128
#define ORIGIN "$ORIGIN"

static const struct trait {
	const char *symbol;  /* that the program has, or */
	const char *library; /* what a library's name begins with, or */
	const char *called;  /* the program's name */
	enum finding_level level;
	enum check check;
	const char *found, *mend;
	const char *variable, *value; /* of the environment: so set it is ok */
} traits[] = {
	{ .symbol = "je_malloc",
	  .level = FINDING_NOTE,
	  .check = CHECK_ALLOCATOR,
	  .found = "jemalloc is built in under names of its own: what it takes by those is not in the pool",
	  .mend = "build it without" },
	{ .symbol = "_rjem_malloc",
	  .level = FINDING_NOTE,
	  .check = CHECK_ALLOCATOR,
	  .found = "Rust's jemalloc is built in: what Rust allocates is not in the pool",
	  .mend = "build it with the system's allocator" },
	{ .symbol = "mi_malloc",
	  .level = FINDING_NOTE,
	  .check = CHECK_ALLOCATOR,
	  .found = "mimalloc is built in: what is taken by its own functions is not in the pool",
	  .mend = "build it without" },
	{ .symbol = "tc_malloc",
	  .level = FINDING_NOTE,
	  .check = CHECK_ALLOCATOR,
	  .found = "tcmalloc is built in: a block of tc_malloc must not be freed by free()",
	  .mend = "build it without" },
	{ .library = "libjemalloc.so",
	  .level = FINDING_OK,
	  .check = CHECK_ALLOCATOR,
	  .found = "linked with jemalloc, whose place the library takes, mallocx() and its kin too" },
	{ .library = "libtcmalloc",
	  .level = FINDING_NOTE,
	  .check = CHECK_ALLOCATOR,
	  .found = "linked with tcmalloc: a block of tc_malloc() that is freed by free() is a crash",
	  .mend = "build it without" },
	{ .library = "libmimalloc",
	  .level = FINDING_NOTE,
	  .check = CHECK_ALLOCATOR,
	  .found = "linked with mimalloc: what is taken by its own functions is not in the pool",
	  .mend = "build it without" },
	{ .library = "libtbbmalloc",
	  .level = FINDING_NOTE,
	  .check = CHECK_ALLOCATOR,
	  .found = "linked with TBB's allocator: what is taken by its own functions is not in the pool",
	  .mend = "build it without" },
	{ .library = "libmemkind",
	  .level = FINDING_NOTE,
	  .check = CHECK_ALLOCATOR,
	  .found = "linked with memkind: what is taken by its own functions is not in the pool" },
	{ .library = "libgc.so",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "linked with Boehm's collector, whose memory is not from malloc()" },
	{ .library = "libluajit",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "LuaJIT: Lua's memory is not from malloc()",
	  .mend = "take Lua" },

	{ .library = "libasan.so",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_SANITIZER,
	  .found = "AddressSanitizer has to come first, and has a malloc() of its own",
	  .mend = "build it without -fsanitize=address" },
	{ .library = "libclang_rt.asan",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_SANITIZER,
	  .found = "AddressSanitizer has to come first, and has a malloc() of its own",
	  .mend = "build it without -fsanitize=address" },
	{ .symbol = "__asan_init",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_SANITIZER,
	  .found = "AddressSanitizer is built in, with a malloc() of its own",
	  .mend = "build it without -fsanitize=address" },
	{ .library = "libhwasan.so",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_SANITIZER,
	  .found = "HWAddressSanitizer has a malloc() of its own",
	  .mend = "build it without -fsanitize=hwaddress" },
	{ .library = "libtsan.so",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_SANITIZER,
	  .found = "ThreadSanitizer has a malloc() of its own",
	  .mend = "build it without -fsanitize=thread" },
	{ .symbol = "__tsan_init",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_SANITIZER,
	  .found = "ThreadSanitizer is built in, with a malloc() of its own",
	  .mend = "build it without -fsanitize=thread" },
	{ .symbol = "__msan_init",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_SANITIZER,
	  .found = "MemorySanitizer is built in, with a malloc() of its own",
	  .mend = "build it without -fsanitize=memory" },
	{ .library = "liblsan.so",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_SANITIZER,
	  .found = "LeakSanitizer has a malloc() of its own",
	  .mend = "build it without -fsanitize=leak" },

	{ .symbol = "Py_BytesMain",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "Python: objects of up to 512 bytes are in arenas of its own, which are not from malloc()",
	  .mend = "PYTHONMALLOC=malloc",
	  .variable = "PYTHONMALLOC",
	  .value = "malloc" },
	{ .library = "libpython",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "Python: objects of up to 512 bytes are in arenas of its own, which are not from malloc()",
	  .mend = "PYTHONMALLOC=malloc",
	  .variable = "PYTHONMALLOC",
	  .value = "malloc" },
	{ .library = "libjvm.so",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_RUNTIME,
	  .found = "a Java machine: Java's heap is not from malloc()",
	  .mend = "java -XX:AllocateHeapAt=DIR puts it there" },
	{ .library = "libjli.so",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_RUNTIME,
	  .found = "a Java machine: Java's heap is not from malloc()",
	  .mend = "java -XX:AllocateHeapAt=DIR puts it there" },
	{ .symbol = "node_module_register",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "Node.js: JavaScript's objects are not from malloc(), buffers are" },
	{ .library = "libnode.so",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "Node.js: JavaScript's objects are not from malloc(), buffers are" },
	{ .symbol = "zend_startup",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "PHP: what a request allocates is not from malloc()",
	  .mend = "USE_ZEND_ALLOC=0",
	  .variable = "USE_ZEND_ALLOC",
	  .value = "0" },
	{ .symbol = "enif_alloc",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "Erlang has allocators of its own",
	  .mend = "erl +Mea min" },
	{ .symbol = "hs_main",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "Haskell: its heap is not from malloc()" },
	{ .symbol = "caml_startup",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "OCaml: its minor heap is not from malloc()" },
	{ .symbol = "mono_jit_init",
	  .level = FINDING_NOTE,
	  .check = CHECK_RUNTIME,
	  .found = "Mono: its collector's heap is not from malloc()" },
	{ .called = "dotnet",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_RUNTIME,
	  .found = ".NET: its collector's heap is not from malloc()" },
	{ .called = "sbcl",
	  .level = FINDING_PROBLEM,
	  .check = CHECK_RUNTIME,
	  .found = "SBCL: Lisp's heap is not from malloc()" },
};

#define TRAITS (sizeof(traits) / sizeof(*traits))
#define SYMBOL_MALLOC 0 /* its place among the names that are asked for */
_Static_assert(TRAITS < 63, "a bit for each");

const char *const *runtime_symbols(void)
{
	static const char *names[TRAITS + 2];
	size_t count = 0;

	names[count++] = "malloc";
	for (size_t i = 0; i < TRAITS; i++)
		if (traits[i].symbol)
			names[count++] = traits[i].symbol;
	names[count] = NULL;
	return names;
}

/* --- the libraries --- */

struct libraries {
	char names[LIBRARIES_MOST][ELF_FILE_NAME_BYTES];
	size_t count;
};

static void add_libraries(struct libraries *libraries, const struct elf_file *file)
{
	for (size_t i = 0; i < file->needed_count && libraries->count < LIBRARIES_MOST; i++) {
		size_t j = 0;

		while (j < libraries->count && strcmp(libraries->names[j], file->needed[i]) != 0)
			j++;
		if (j == libraries->count)
			strcpy(libraries->names[libraries->count++], file->needed[i]);
	}
}

/* A descriptor of a library in one of the directories of a list, or -1. $ORIGIN is that of the program. */
static int open_in(const char *list, const char *origin, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	for (; *list; list += strspn(list, ":")) {
		size_t length = strcspn(list, ":"),
		       of_origin = strncmp(list, ORIGIN, strlen(ORIGIN)) == 0 ? strlen(ORIGIN) : 0;
		int fd;

		if (snprintf(path, sizeof(path), "%s%.*s/%s", of_origin ? origin : "", (int)(length - of_origin),
			     list + of_origin, name) < (int)sizeof(path) &&
		    (fd = elf_file_open(path, &st)) >= 0)
			return fd;
		list += length;
	}
	return -1;
}

/* Where the dynamic linker would find it, or mostly: its cache is not read. */
static int open_library(const char *name, const char *runpath, const char *origin)
{
	const char *from_environment = getenv("LD_LIBRARY_PATH");
	struct utsname machine;
	char usual[512];
	int fd = open_in(runpath, origin, name);

	if (fd < 0 && from_environment)
		fd = open_in(from_environment, origin, name);
	if (fd < 0 && uname(&machine) == 0) {
		/* not in one piece: no program names the usual place of an installation that may be elsewhere */
		snprintf(usual, sizeof(usual),
			 "/lib/%s-linux-gnu:/usr/lib/%s-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib:"
			 "/usr/%s/lib",
			 machine.machine, machine.machine, "local");
		fd = open_in(usual, origin, name);
	}
	return fd;
}

/* All that are loaded with the program, each behind those that need it. */
static void collect_libraries(struct libraries *libraries, const char *path, const struct elf_file *file)
{
	static const char *const none[] = { NULL };
	char origin[PATH_MAX];
	struct elf_file library;

	if (!realpath(path, origin))
		snprintf(origin, sizeof(origin), "%s", path);
	*(strrchr(origin, '/') ? strrchr(origin, '/') : origin) = '\0';
	add_libraries(libraries, file);
	for (size_t i = 0; i < libraries->count; i++) {
		CLEANUP(cleanup_fd) int fd = open_library(libraries->names[i], file->runpath, origin);

		if (fd >= 0 && elf_file_read(fd, none, &library) == 0)
			add_libraries(libraries, &library);
	}
}

/* --- */

static bool has_trait(const struct trait *trait, const char *name, const struct elf_file *file,
		      const struct libraries *libraries)
{
	const char *const *names = runtime_symbols();

	for (size_t i = 0; trait->symbol && names[i]; i++)
		if (strcmp(names[i], trait->symbol) == 0)
			return (file->defines & UINT64_C(1) << i) != 0;
	for (size_t i = 0; trait->library && i < libraries->count; i++)
		if (strncmp(libraries->names[i], trait->library, strlen(trait->library)) == 0)
			return true;
	return trait->called && strcmp(trait->called, name) == 0;
}

/*
 * What stripped programs still have: the words with which an allocator complains. The first letter stands apart, so
 * that this program does not have them.
 */
static const struct inscription {
	char first;
	const char *rest, *name;
} inscriptions[] = {
	{ '<', "jemalloc>: ", "jemalloc" },
	{ 'm', "imalloc: warning: ", "mimalloc" },
	{ 't', "cmalloc: allocation failed", "tcmalloc" },
};

#define INSCRIPTION_BYTES 32    /* more than any has */

static bool has_inscription(const struct inscription *inscription, const char *bytes, size_t count)
{
	size_t length = strlen(inscription->rest);
	const char *end = bytes + count, *found;

	for (const char *from = bytes + 1; from < end; from = found + 1) {
		found = memmem(from, (size_t)(end - from), inscription->rest, length);
		if (!found || found[-1] == inscription->first)
			return found != NULL;
	}
	return false;
}

/* The name of one whose words are in the file, or NULL. */
static const char *find_inscription(int fd)
{
	char bytes[65536];
	size_t kept = 0;
	ssize_t n;

	for (off_t at = 0; (n = pread(fd, bytes + kept, sizeof(bytes) - kept, at)) > 0; at += n) {
		size_t count = kept + (size_t)n;

		for (size_t i = 0; i < sizeof(inscriptions) / sizeof(*inscriptions); i++)
			if (has_inscription(&inscriptions[i], bytes, count))
				return inscriptions[i].name;
		kept = count < INSCRIPTION_BYTES ? count : INSCRIPTION_BYTES;
		memmove(bytes, bytes + count - kept, kept);
	}
	return NULL;
}

static void look_at_malloc(struct findings *findings, int fd, const struct elf_file *file, bool is_other)
{
	bool has_own = (file->defines & UINT64_C(1) << SYMBOL_MALLOC) != 0;
	const char *found = has_own || is_other ? NULL : find_inscription(fd);

	if (has_own)
		findings_add(findings, FINDING_PROBLEM, CHECK_ALLOCATOR, "build it to take malloc() from libc",
			     "it contains a malloc() of its own, which it goes on using");
	else if (found)
		findings_add(findings, FINDING_NOTE, CHECK_ALLOCATOR, "build it without",
			     "%s is built in: what is taken by its own functions is not in the pool",
			     found);
	else if (!file->has_symbols)
		findings_add(findings, FINDING_NOTE, CHECK_ALLOCATOR, NULL, "its symbols are not to be seen");
	else if (!is_other)
		findings_add(findings, FINDING_OK, CHECK_ALLOCATOR, NULL, "it takes malloc() from a library");
}

void runtime_look(struct findings *findings, int fd, const char *path, const char *name, const struct elf_file *file)
{
	static struct libraries libraries; /* 16 KiB */
	bool is_other = false;
	enum check said = CHECKS;

	if (file->interpreter[0] != '\0')
		collect_libraries(&libraries, path, file);
	for (size_t i = 0; i < TRAITS; i++) {
		const struct trait *trait = &traits[i];
		const char *value = trait->variable ? getenv(trait->variable) : NULL;
		bool is_set = value && strcmp(value, trait->value) == 0;

		/* of one kind the first is enough: Python is a symbol or a library, say */
		if (trait->check == said || !has_trait(trait, name, file, &libraries))
			continue;
		findings_add(findings, is_set ? FINDING_OK : trait->level, trait->check, is_set ? NULL : trait->mend,
			     "%s%s%s", is_set ? trait->variable : trait->found, is_set ? "=" : "", is_set ? value : "");
		is_other |= trait->check == CHECK_ALLOCATOR;
		said = trait->check == CHECK_ALLOCATOR ? CHECKS : trait->check;
	}
	if (file->is_go)
		findings_add(findings, FINDING_PROBLEM, CHECK_RUNTIME, NULL,
			     "Go: its heap is not from malloc(), only what is called in C is");
	/* a static program has libc's */
	if (file->interpreter[0] != '\0')
		look_at_malloc(findings, fd, file, is_other);
}
