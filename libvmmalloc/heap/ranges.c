/* SPDX-License-Identifier: BSD-3-Clause */
/* ranges -- see ranges.h. */
#include "libvmmalloc/heap/ranges.h"

#include "common/base/round.h"

#define RANGE_END(range) ((range)->start + (range)->length)

static size_t longest_of(const struct range *tree)
{
	return tree ? tree->longest : 0;
}

static void refresh(struct range *tree)
{
	size_t longest = tree->length;

	if (longest_of(tree->left) > longest)
		longest = longest_of(tree->left);
	if (longest_of(tree->right) > longest)
		longest = longest_of(tree->right);
	tree->longest = longest;
}

/* Refreshes every node on the way to the one that starts at `start`, from the bottom up. */
static void refresh_path(struct range *tree, uintptr_t start)
{
	if (start != tree->start)
		refresh_path(start < tree->start ? tree->left : tree->right, start);
	refresh(tree);
}

/* Both trees in one; all of `low` lies below all of `high`. */
static struct range *join(struct range *low, struct range *high)
{
	if (!low)
		return high;
	if (!high)
		return low;
	if (low->priority > high->priority) {
		low->right = join(low->right, high);
		refresh(low);
		return low;
	}
	high->left = join(low, high->left);
	refresh(high);
	return high;
}

/* Parts the tree into what starts below `start` and what starts at or above it. */
static void part(struct range *tree, uintptr_t start, struct range **low, struct range **high)
{
	if (!tree) {
		*low = *high = NULL;
		return;
	}
	if (tree->start < start) {
		part(tree->right, start, &tree->right, high);
		*low = tree;
	} else {
		part(tree->left, start, low, &tree->left);
		*high = tree;
	}
	refresh(tree);
}

static uint64_t next_priority(struct ranges *ranges)
{
	/* xorshift64 (Marsaglia 2003): any sequence without a pattern keeps a treap balanced */
	uint64_t x = ranges->seed ? ranges->seed : 0x9e3779b97f4a7c15u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return ranges->seed = x;
}

void ranges_init(struct ranges *ranges, void *memory, size_t bytes)
{
	*ranges = (struct ranges){ .unused = memory };
	ranges->unused_end = ranges->unused + bytes / sizeof(struct range);
}

void ranges_extend(struct ranges *ranges, size_t bytes)
{
	ranges->unused_end += bytes / sizeof(struct range);
}

bool ranges_has_room(const struct ranges *ranges)
{
	return ranges->spare || ranges->unused < ranges->unused_end;
}

void ranges_more(struct ranges *ranges, void *memory, size_t bytes)
{
	ranges->unused = memory;
	ranges->unused_end = ranges->unused + bytes / sizeof(struct range);
}

static void insert(struct ranges *ranges, uintptr_t start, size_t length)
{
	struct range *node = ranges->spare, *low, *high;

	if (node)
		ranges->spare = node->right;
	else
		node = ranges->unused++;
	*node = (struct range){ .start = start, .length = length, .longest = length,
				.priority = next_priority(ranges) };
	part(ranges->root, start, &low, &high);
	ranges->root = join(join(low, node), high);
}

/* The tree less one of its nodes. */
static struct range *without(struct range *tree, const struct range *node)
{
	if (tree == node)
		return join(tree->left, tree->right);
	if (node->start < tree->start)
		tree->left = without(tree->left, node);
	else
		tree->right = without(tree->right, node);
	refresh(tree);
	return tree;
}

static void drop_node(struct ranges *ranges, struct range *node)
{
	ranges->root = without(ranges->root, node);
	node->right = ranges->spare;
	ranges->spare = node;
}

/* A node keeps its place in the order when its bounds move within the gap around it. */
static void set_bounds(struct ranges *ranges, struct range *node, uintptr_t start, size_t length)
{
	node->start = start;
	node->length = length;
	refresh_path(ranges->root, start);
}

/* The last range that starts below `address`. */
static struct range *find_below(const struct ranges *ranges, uintptr_t address)
{
	struct range *found = NULL;

	for (struct range *tree = ranges->root; tree;) {
		if (tree->start < address) {
			found = tree;
			tree = tree->right;
		} else {
			tree = tree->left;
		}
	}
	return found;
}

const struct range *ranges_next(const struct ranges *ranges, uintptr_t address)
{
	const struct range *found = NULL;

	for (const struct range *tree = ranges->root; tree;) {
		if (tree->start >= address) {
			found = tree;
			tree = tree->left;
		} else {
			tree = tree->right;
		}
	}
	return found;
}

const struct range *ranges_at(const struct ranges *ranges, uintptr_t address)
{
	const struct range *range = find_below(ranges, address + 1);

	return range && RANGE_END(range) > address ? range : NULL;
}

const struct range *ranges_ending_at(const struct ranges *ranges, uintptr_t end)
{
	const struct range *range = find_below(ranges, end);

	return range && RANGE_END(range) == end ? range : NULL;
}

bool ranges_add(struct ranges *ranges, uintptr_t start, size_t length)
{
	struct range *below = find_below(ranges, start);
	struct range *above = (struct range *)ranges_next(ranges, start);
	bool joins_below = below && RANGE_END(below) == start;
	bool joins_above = above && above->start == start + length;

	if (joins_below && joins_above) {
		size_t joined = below->length + length + above->length;

		drop_node(ranges, above);
		set_bounds(ranges, below, below->start, joined);
	} else if (joins_below) {
		set_bounds(ranges, below, below->start, below->length + length);
	} else if (joins_above) {
		set_bounds(ranges, above, start, length + above->length);
	} else if (ranges_has_room(ranges)) {
		insert(ranges, start, length);
	} else {
		return false;
	}
	ranges->free_bytes += length;
	return true;
}

/* Cuts [start, start + length) out of a node that contains it. */
static bool cut(struct ranges *ranges, struct range *node, uintptr_t start, size_t length)
{
	size_t before = start - node->start;
	size_t after = RANGE_END(node) - (start + length);

	if (before && after && !ranges_has_room(ranges))
		return false;
	if (before) {
		set_bounds(ranges, node, node->start, before);
		if (after)
			insert(ranges, start + length, after);
	} else if (after) {
		set_bounds(ranges, node, start + length, after);
	} else {
		drop_node(ranges, node);
	}
	ranges->free_bytes -= length;
	return true;
}

static uintptr_t align_down(uintptr_t address, size_t align)
{
	return address & ~(align - 1);
}

/* What of a range lies in [from, to): its end. */
static uintptr_t end_within(const struct range *range, uintptr_t to)
{
	return RANGE_END(range) < to ? RANGE_END(range) : to;
}

static bool fits(const struct range *range, uintptr_t start, size_t length, uintptr_t to)
{
	uintptr_t end = end_within(range, to);

	return start >= range->start && start <= end && end - start >= length;
}

static uintptr_t lowest_in(const struct range *range, uintptr_t from, size_t align)
{
	return round_up(range->start > from ? range->start : from, align);
}

/* Less than its start, or than `from`: it does not fit. */
static uintptr_t highest_in(const struct range *range, uintptr_t to, size_t length, size_t align)
{
	uintptr_t end = end_within(range, to);

	return end < length ? 0 : align_down(end - length, align);
}

static struct range *find_lowest(struct range *tree, size_t length, size_t align, uintptr_t from, uintptr_t to)
{
	struct range *found;

	if (longest_of(tree) < length)
		return NULL;
	if (tree->start >= to)
		return find_lowest(tree->left, length, align, from, to);
	found = tree->start > from ? find_lowest(tree->left, length, align, from, to) : NULL;
	if (found)
		return found;
	if (fits(tree, lowest_in(tree, from, align), length, to))
		return tree;
	return find_lowest(tree->right, length, align, from, to);
}

static struct range *find_highest(struct range *tree, size_t length, size_t align, uintptr_t from, uintptr_t to)
{
	struct range *found;
	uintptr_t start;

	if (longest_of(tree) < length)
		return NULL;
	if (tree->start >= to)
		return find_highest(tree->left, length, align, from, to);
	found = find_highest(tree->right, length, align, from, to);
	if (found)
		return found;
	start = highest_in(tree, to, length, align);
	if (start >= from && fits(tree, start, length, to))
		return tree;
	return tree->start > from ? find_highest(tree->left, length, align, from, to) : NULL;
}

bool ranges_take_lowest(struct ranges *ranges, size_t length, size_t align, uintptr_t from, uintptr_t to,
			uintptr_t *ret_start)
{
	struct range *node = find_lowest(ranges->root, length, align, from, to);
	uintptr_t start = node ? lowest_in(node, from, align) : 0;

	if (!node || !cut(ranges, node, start, length))
		return false;
	*ret_start = start;
	return true;
}

bool ranges_take_highest(struct ranges *ranges, size_t length, size_t align, uintptr_t from, uintptr_t to,
			 uintptr_t *ret_start)
{
	struct range *node = find_highest(ranges->root, length, align, from, to);
	uintptr_t start = node ? highest_in(node, to, length, align) : 0;

	if (!node || !cut(ranges, node, start, length))
		return false;
	*ret_start = start;
	return true;
}

bool ranges_take_at(struct ranges *ranges, uintptr_t start, size_t length)
{
	struct range *node = find_below(ranges, start + 1);

	return node && fits(node, start, length, UINTPTR_MAX) && cut(ranges, node, start, length);
}
