/* SPDX-License-Identifier: BSD-3-Clause */
/* findings -- see findings.h. In a pipe a finding is its level, its check, and three texts with their NULs. */
#include "vmmallocd/doctor/findings.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#define TEXTS 3
#define RECORD_BYTES (2 + TEXTS * FINDINGS_WORDS_BYTES)

_Static_assert(RECORD_BYTES <= PIPE_BUF, "a finding is written whole, or not at all");

static const struct {
	const char *name, *words;
} checks[CHECKS] = {
	[CHECK_DIRECTORY] = { "directory", "whether it is there, whose it is and who may write to it" },
	[CHECK_FILE_SYSTEM] = { "file-system", "its kind" },
	[CHECK_OPTIONS] = { "mount-options", "ro, noexec, nosuid" },
	[CHECK_DAX] = { "dax", "whether files are mapped without the page cache" },
	[CHECK_HUGE_PAGES] = { "huge-pages", "whether a pool gets pages of 2 MiB" },
	[CHECK_FILES] = { "files", "whether a file without a name can be made" },
	[CHECK_RESERVING] = { "reserving", "whether space can be reserved before it is used" },
	[CHECK_PUNCHING] = { "hole-punching", "whether space that is free in a pool goes back" },
	[CHECK_MAPPING] = { "mapping", "whether files can be mapped shared" },
	[CHECK_FORKS] = { "forks", "whether a pool can be mapped privately, as a fork needs it" },
	[CHECK_RECLAIM] = { "reclaim", "leases and inotify, by which the daemon takes pools back" },
	[CHECK_SPACE] = { "space", "what is free, against what pools need" },
	[CHECK_INODES] = { "inodes", "whether there are any for pools" },
	[CHECK_QUOTA] = { "quota", "what the user may have" },
	[CHECK_NODES] = { "nodes", "NUMA nodes that a tmpfs is bound to" },
	[CHECK_SWAP] = { "swap", "whether pages of a tmpfs may be swapped out" },
	[CHECK_POOL] = { "pool", "whether a program starts there with its heap on a pool" },
	[CHECK_KERNEL] = { "kernel", "its version, and what depends on it" },
	[CHECK_PAGE_SIZE] = { "page-size", "the kernel's page" },
	[CHECK_TRANSPARENT] = { "transparent-huge-pages", "enabled, defrag, shmem_enabled" },
	[CHECK_OVERCOMMIT] = { "overcommit", "vm.overcommit_memory and what may be committed" },
	[CHECK_MAPPINGS] = { "max-map-count", "vm.max_map_count" },
	[CHECK_CGROUP] = { "cgroup", "limits of memory of this process's control groups, and of the daemon's" },
	[CHECK_PRESSURE] = { "pressure", "whether the kernel measures how tasks wait for memory, and whether they do" },
	[CHECK_LIMITS] = { "limits", "RLIMIT_AS, DATA, FSIZE, MEMLOCK, NOFILE" },
	[CHECK_INOTIFY] = { "inotify", "instances and watches of the user" },
	[CHECK_CORES] = { "core-dumps", "whether the heap is in them" },
	[CHECK_PTRACE] = { "ptrace", "who may look into processes" },
	[CHECK_PROC] = { "proc", "whether /proc is there, and hides processes" },
	[CHECK_NUMA] = { "numa", "nodes with memory, and its balancing" },
	[CHECK_PRELOAD] = { "preload", "what LD_PRELOAD has besides" },
	[CHECK_AUDIT] = { "audit", "LD_AUDIT" },
	[CHECK_CONFINEMENT] = { "confinement", "filters of system calls and profiles of this process" },
	[CHECK_PROGRAM] = { "program", "whether it is found and can be run" },
	[CHECK_SCRIPT] = { "script", "the interpreter that runs it" },
	[CHECK_ARCHITECTURE] = { "architecture", "whether the library can be loaded into it" },
	[CHECK_LINKING] = { "linking", "whether it is dynamically linked" },
	[CHECK_LIBC] = { "libc", "glibc, musl or another" },
	[CHECK_PRIVILEGES] = { "privileges", "set-uid, set-gid, file capabilities" },
	[CHECK_ALLOCATOR] = { "allocator", "an allocator of its own" },
	[CHECK_SANITIZER] = { "sanitizer", "libasan and its kin" },
	[CHECK_RUNTIME] = { "runtime", "languages whose memory is not from malloc" },
	[CHECK_SANDBOX] = { "sandbox", "snap, flatpak, AppImage" },
	[CHECK_CONFIGURATION] = { "configuration", "all that vmmallocd --check says of it" },
	[CHECK_DAEMON] = { "daemon", "whether it answers, its version, its problem" },
	[CHECK_CLASS] = { "class", "what keeps a class from having its pools" },
	[CHECK_LIBRARY] = { "library", "where it is, and its version" },
};

static const char *const levels[FINDING_LEVELS] = { "ok", "note", "problem" };

const char *finding_level_name(enum finding_level level)
{
	return levels[level];
}

const char *check_name(enum check check)
{
	return checks[check].name;
}

const char *check_words(enum check check)
{
	return checks[check].words;
}

/* A '?' for each byte that is no character of the locale's, or one that is not to be printed. */
static void make_printable(char *text)
{
	mbstate_t state = { 0 };
	wchar_t character;

	for (size_t left = strlen(text), length; left > 0; left -= length, text += length) {
		length = mbrtowc(&character, text, left, &state);
		if (length == (size_t)-1 || length == (size_t)-2 || length == 0 || !iswprint((wint_t)character)) {
			state = (mbstate_t){ 0 };
			length = 1;
			*text = '?';
		}
	}
}

static void finding_free(struct finding *finding)
{
	free(finding->subject);
	free(finding->found);
	free(finding->mend);
}

static void keep_finding(struct findings *findings, enum finding_level level, enum check check,
			 const char *const *texts)
{
	struct finding *list = reallocarray(findings->list, findings->count + 1, sizeof(*list));
	struct finding made = { .level = level, .check = check };

	if (list) {
		findings->list = list;
		made.subject = strdup(texts[0]);
		made.found = strdup(texts[1]);
		made.mend = strdup(texts[2]);
	}
	if (list && made.subject && made.found && made.mend) {
		list[findings->count++] = made;
		return;
	}
	finding_free(&made);
	findings->out_of_memory = true;
}

void findings_add(struct findings *findings, enum finding_level level, enum check check, const char *mend,
		  const char *format, ...)
{
	char texts[TEXTS][FINDINGS_WORDS_BYTES], record[RECORD_BYTES] = { (char)level, (char)check };
	const char *const pointers[TEXTS] = { texts[0], texts[1], texts[2] };
	size_t bytes = 2;
	va_list args;

	snprintf(texts[0], sizeof(texts[0]), "%s", findings->subject);
	va_start(args, format);
	vsnprintf(texts[1], sizeof(texts[1]), format, args);
	va_end(args);
	snprintf(texts[2], sizeof(texts[2]), "%s", mend ? mend : "");
	for (size_t i = 0; i < TEXTS; i++) {
		make_printable(texts[i]);
		memcpy(record + bytes, texts[i], strlen(texts[i]) + 1);
		bytes += strlen(texts[i]) + 1;
	}
	if (findings->fd < 0)
		keep_finding(findings, level, check, pointers);
	else if (write(findings->fd, record, bytes) != (ssize_t)bytes)
		_exit(1); /* whoever wants to know has gone */
}

/* The bytes of a whole one at the beginning; 0: there is none. */
static size_t take_one(struct findings *findings, const char *bytes, size_t count)
{
	const char *texts[TEXTS];
	size_t used = 2;

	if (count < used)
		return 0;
	for (size_t i = 0; i < TEXTS; i++) {
		size_t length = strnlen(bytes + used, count - used);

		if (used + length == count)
			return 0;
		texts[i] = bytes + used;
		used += length + 1;
	}
	if ((unsigned char)bytes[0] < FINDING_LEVELS && (unsigned char)bytes[1] < CHECKS)
		keep_finding(findings, (enum finding_level)bytes[0], (enum check)bytes[1], texts);
	return used;
}

size_t findings_take(struct findings *findings, const char *bytes, size_t count)
{
	size_t taken = 0, one;

	while ((one = take_one(findings, bytes + taken, count - taken)) > 0)
		taken += one;
	return taken;
}

size_t findings_count(const struct findings *findings, enum finding_level level)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i].level >= level;
	return count;
}

void findings_done(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		finding_free(&findings->list[i]);
	free(findings->list);
	*findings = (struct findings)FINDINGS_INIT;
}
