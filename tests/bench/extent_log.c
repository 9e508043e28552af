/* SPDX-License-Identifier: BSD-3-Clause */
/* extent_log -- see extent_log.h. */
#include "tests/bench/extent_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_POOL_MOST ((size_t)64 << 30)

static void __attribute__((format(printf, 3, 4), noreturn))
refuse(const char *path, size_t line, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "extent_sim: %s:%zu: ", path, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

static bool add_event(struct extent_log *log, const struct extent_event *event)
{
	if (log->count == log->room) {
		size_t room = log->room ? 2 * log->room : 4096;
		struct extent_event *events = realloc(log->events, room * sizeof(*events));

		if (!events)
			return false;
		log->events = events;
		log->room = room;
	}
	log->events[log->count++] = *event;
	return true;
}

/* The last one that took this address is for a slab: the seam says so afterwards, and others may speak meanwhile. */
static void mark_slab(struct extent_log *log, uintptr_t address)
{
	for (size_t i = log->count; i-- > 0;)
		if (log->events[i].kind == EXTENT_TAKE && log->events[i].address == address) {
			log->events[i].slab = true;
			return;
		}
}

static bool read_reserved(struct extent_log *log, const struct extent_event *event)
{
	if (!log->start)
		log->start = event->address;  /* the heap's first step, before the pool is spoken of */
	log->reserved += event->bytes;
	if (log->reserved > log->reserved_peak)
		log->reserved_peak = log->reserved;
	return add_event(log, event);
}

static bool read_pool(struct extent_log *log, const char *text)
{
	const char *at = text;

	/* the directory's name may be anything */
	for (const char *next = text; (next = strstr(next, " at 0x")); next++)
		at = next;
	if (log->pool_bytes || sscanf(text, "pool of %zu bytes", &log->pool_bytes) != 1)
		return false;
	log->base = strtoull(at + strlen(" at "), NULL, 16);
	return true;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* An extent, or a block of metadata; or none, and there was no room. */
static bool read_taken(struct extent_log *log, const char *function, const char *text)
{
	struct extent_event event = { .kind = EXTENT_TAKE };

	if (strstr(text, ", and nowhere else"))
		event.kind = EXTENT_GROW;
	if (strcmp(function, "vmm_heap_take_metadata") == 0)
		event.kind = EXTENT_METADATA;
	return sscanf(text, "%zu bytes, aligned to %zu, at 0x%zx", &event.bytes, &event.align, &event.address) == 3 &&
	       (!event.address || add_event(log, &event));
}

/* What is given to the heap, reserved, or punched out again. */
static bool read_bytes(struct extent_log *log, const char *function, const char *text)
{
	struct extent_event event = { .kind = EXTENT_GIVE };

	if (sscanf(text, "%zu bytes at 0x%zx", &event.bytes, &event.address) != 2)
		return false;
	if (begins(function, "vmm_heap_give"))
		return add_event(log, &event);
	if (!strstr(text, ": done"))
		return true;
	event.kind = EXTENT_RESERVE;
	if (strcmp(function, "reserve") == 0)
		return read_reserved(log, &event);
	log->reserved -= event.bytes;
	return true;
}

/* What a function of the library said. False: what cannot be replayed. */
static bool read_words(struct extent_log *log, const char *function, const char *text)
{
	struct extent_event event = { .kind = EXTENT_LOOK };

	if (begins(function, "vmm_heap_take"))
		return read_taken(log, function, text);
	if (begins(function, "vmm_heap_give") || strcmp(function, "reserve") == 0 ||
	    strcmp(function, "vmm_reserve_punch") == 0)
		return read_bytes(log, function, text);
	if (sscanf(text, "for a slab: 0x%zx", &event.address) == 1)
		mark_slab(log, event.address);
	else if (begins(text, "all free ranges are looked at"))
		return add_event(log, &event);
	else if (begins(text, "huge pages at "))
		log->huge_pages = true;
	else if (begins(text, "pool of "))
		return read_pool(log, text);
	return !begins(text, "child of ") && !begins(text, "the heap becomes private") && !begins(text, "another pool");
}

static void read_lines(struct extent_log *log, const char *path, FILE *file)
{
	char *line = NULL, function[64];
	size_t room = 0;
	ssize_t length;
	int at;

	for (size_t number = 1; (length = getline(&line, &room, file)) >= 0; number++) {
		at = 0;
		if (length > 0 && line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (sscanf(line, "<libvmmalloc>: <%*[0-9]> [%63[a-z_]] %n", function, &at) == 1 && at > 0 &&
		    !read_words(log, function, line + at))
			refuse(path, number, "'%s': expected what a process with one pool and no forks logs", line);
	}
	free(line);
}

/* All must lie in the pool: then it can be replayed. */
static const char *find_mistake(struct extent_log *log)
{
	uintptr_t end = log->base + log->pool_bytes;
	bool taken = false;

	if (!log->pool_bytes || !log->start || log->start < log->base)
		return "no pool: expected a log of the debug library with VMMALLOC_LOG_LEVEL=3";
	if (log->pool_bytes > LOG_POOL_MOST)
		return "the pool is too large: expected 64 GiB at most";
	log->metadata = end;
	for (size_t i = 0; i < log->count; i++) {
		const struct extent_event *event = &log->events[i];

		if (event->kind == EXTENT_LOOK)
			continue;
		if (!event->bytes || event->bytes % EXTENT_PAGE || event->address % EXTENT_PAGE ||
		    event->address < log->start || event->address >= end || event->bytes > end - event->address)
			return "an extent that is not whole pages of the pool";
		if (event->kind == EXTENT_METADATA && event->address < log->metadata)
			log->metadata = event->address;
		taken = taken || event->kind == EXTENT_TAKE;
	}
	return taken ? NULL : "nothing was taken from the pool";
}

void extent_log_read(struct extent_log *log, const char *path)
{
	FILE *file = fopen(path, "re");
	const char *mistake;

	*log = (struct extent_log){ 0 };
	if (!file)
		refuse(path, 0, "%s", strerror(errno));
	read_lines(log, path, file);
	fclose(file);
	mistake = find_mistake(log);
	if (mistake)
		refuse(path, 0, "%s", mistake);
}

void extent_log_drop(struct extent_log *log)
{
	free(log->events);
}
