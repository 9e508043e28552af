/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * extent_sim -- how much of a pool's file a program would take if its extents were placed by other rules.
 *
 *   extent_sim LOG...     logs of the debug library (VMMALLOC_LOG_LEVEL=3), each of one process on one pool that does
 *                         not fork
 *
 * Replays what jemalloc asked of the heap, in the order in which it did, by each policy of extent_places.c, and prints
 * MiB: how far up anything ever lay, what the file had at the most, what was in use at the most, both of which are
 * peaks of their own, and their ratio; when the heap grew last, the free ranges, the longest of them and the huge pages
 * of which some is free; extents that could not grow where they were although they had, and moved; and the smallest
 * pool in which it goes to its end, if nothing is given back because the pool is full.
 *
 * What jemalloc would have asked for with other addresses is not known: it joins neighbours in its caches, and serves
 * from them. The first policy is the library's own: how many of its addresses are the recorded ones is printed first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/extent_log.h"
#include "tests/bench/extent_places.h"

#define MIB ((size_t)1 << 20)

/* One replay: where each page of the recording is now, and where the extent begins that it was taken with. */
struct replay {
	const struct extent_log *log;
	struct extent_heap heap;
	uintptr_t *pages;
	size_t *firsts;
	size_t takes, same, moved;
};

static size_t page_of(const struct replay *replay, uintptr_t address)
{
	return (address - replay->log->base) / EXTENT_PAGE;
}

static void put(struct replay *replay, const struct extent_event *event, size_t first, uintptr_t start)
{
	size_t page = page_of(replay, event->address), last = page + event->bytes / EXTENT_PAGE;

	replay->takes++;
	replay->same += start == event->address;
	for (; page < last; page++, start += EXTENT_PAGE) {
		replay->pages[page] = start;
		replay->firsts[page] = first;
	}
}

/* Gives back whatever lies where these pages are, piece by piece. */
static void give(struct replay *replay, size_t page, size_t last)
{
	while (page < last) {
		uintptr_t start = replay->pages[page];
		size_t bytes = 0;

		for (; page < last && start && replay->pages[page] == start + bytes; bytes += EXTENT_PAGE)
			replay->pages[page++] = 0;
		if (start)
			extent_heap_give(&replay->heap, start, bytes);
		else
			page++;  /* it was metadata */
	}
}

static bool take(struct replay *replay, const struct extent_event *event)
{
	struct extent_request request = { event->bytes, event->align, event->slab };
	uintptr_t start;

	if (!extent_heap_take(&replay->heap, &request, &start))
		return false;
	put(replay, event, page_of(replay, event->address), start);
	return true;
}

/* It grew in its place. If that is not free now, it moves as a whole. */
static bool grow(struct replay *replay, const struct extent_event *event)
{
	size_t page = page_of(replay, event->address), first = page ? replay->firsts[page - 1] : page;
	uintptr_t before = page ? replay->pages[page - 1] : 0, start;
	struct extent_request request = { event->bytes, EXTENT_PAGE, false };
	struct extent_event whole = *event;

	if (before && extent_heap_take_at(&replay->heap, before + EXTENT_PAGE, event->bytes)) {
		put(replay, event, first, before + EXTENT_PAGE);
		return true;
	}
	while (first < page && !replay->pages[first])
		first++;
	request.bytes += (page - first) * EXTENT_PAGE;
	if (!extent_heap_take(&replay->heap, &request, &start))
		return false;
	give(replay, first, page);
	whole.address = replay->log->base + first * EXTENT_PAGE;
	whole.bytes = request.bytes;
	put(replay, &whole, first, start);
	replay->moved++;
	return true;
}

static bool step(struct replay *replay, const struct extent_event *event)
{
	size_t page = page_of(replay, event->address);
	uintptr_t start;

	switch (event->kind) {
	case EXTENT_TAKE:
		return take(replay, event);
	case EXTENT_GROW:
		return grow(replay, event);
	case EXTENT_GIVE:
		give(replay, page, page + event->bytes / EXTENT_PAGE);
		return true;
	case EXTENT_METADATA:
		return extent_heap_take_metadata(&replay->heap, event->bytes, event->align, &start);
	case EXTENT_RESERVE:
		if (event->address >= replay->log->metadata)
			extent_heap_reserve_metadata(&replay->heap, event->bytes);
		return true;
	case EXTENT_LOOK:
		extent_heap_look(&replay->heap);
		return true;
	}
	return false;
}

/* Whether all of it went well in a pool of so many bytes. */
static bool run(struct replay *replay, const struct extent_log *log, const struct extent_policy *policy, size_t bytes)
{
	size_t pages = log->pool_bytes / EXTENT_PAGE;
	bool went = true;

	*replay = (struct replay){ .log = log, .pages = calloc(pages, sizeof(uintptr_t)),
				   .firsts = calloc(pages, sizeof(size_t)) };
	if (!replay->pages || !replay->firsts) {
		fprintf(stderr, "extent_sim: no memory for a pool of %zu bytes\n", log->pool_bytes);
		exit(EXIT_FAILURE);
	}
	extent_heap_init(&replay->heap, policy, log->start, log->base + bytes,
			 log->base + log->pool_bytes - log->metadata, log->huge_pages);
	for (size_t i = 0; i < log->count && went; i++)
		went = step(replay, &log->events[i]);
	free(replay->pages);
	free(replay->firsts);
	extent_heap_drop(&replay->heap);
	return went;
}

/* In whole MiB. 0: not even one as large as the recorded pool. */
static size_t smallest_pool(const struct extent_log *log, const struct extent_policy *policy, size_t at_least)
{
	size_t low = at_least / MIB, high = log->pool_bytes / MIB;  /* too small, and enough */
	struct replay replay;

	if (!run(&replay, log, policy, high * MIB))
		return 0;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (run(&replay, log, policy, middle * MIB))
			high = middle;
		else
			low = middle;
	}
	return high;
}

static double mib(size_t bytes)
{
	return (double)bytes / (double)MIB;
}

static void print_policy(const struct extent_log *log, const struct extent_policy *policy)
{
	const struct extent_figures *peak;
	struct replay replay;
	bool went = run(&replay, log, policy, log->pool_bytes);

	peak = &replay.heap.peak;
	if (policy == extent_policies)
		printf("%zu of %zu addresses and %.1f of %.1f MiB of the file as recorded\n"
		       "%-12s %8s %8s %8s %6s %7s %8s %7s %6s %6s\n", replay.same, replay.takes, mib(peak->touched),
		       mib(log->reserved_peak), "", "span", "file", "in use", "ratio", "ranges", "longest", "pieces",
		       "moved", "pool");
	printf("%-12s", policy->name);
	if (!went) {
		printf(" does not fit the recorded pool\n");
		return;
	}
	printf(" %8.1f %8.1f %8.1f %6.3f %7zu %8.1f %7zu %6zu %6zu\n", mib(peak->span), mib(peak->touched),
	       mib(peak->used), mib(peak->touched) / mib(peak->used), peak->ranges, mib(peak->largest), peak->pieces,
	       replay.moved, smallest_pool(log, policy, peak->used));
}

int main(int argc, char **argv)
{
	struct extent_log log;

	if (argc < 2 || argv[1][0] == '-') {
		fprintf(argc < 2 ? stderr : stdout, "usage: extent_sim LOG...\n");
		for (size_t i = 0; i < extent_policy_count; i++)
			fprintf(argc < 2 ? stderr : stdout, "  %-12s %s\n", extent_policies[i].name,
				extent_policies[i].what);
		return argc < 2 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	for (int i = 1; i < argc; i++) {
		extent_log_read(&log, argv[i]);
		printf("%s%s: ", i > 1 ? "\n" : "", argv[i]);
		for (size_t n = 0; n < extent_policy_count; n++)
			print_policy(&log, &extent_policies[n]);
		extent_log_drop(&log);
	}
	return EXIT_SUCCESS;
}
