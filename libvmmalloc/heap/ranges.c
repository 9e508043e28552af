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

static bool has_node(const struct ranges *ranges)
{
	return ranges->spare || ranges->unused < ranges->unused_end;
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
	} else if (has_node(ranges)) {
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

	if (before && after && !has_node(ranges))
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

static bool fits(const struct range *range, uintptr_t start, size_t length)
{
	return start >= range->start && start <= RANGE_END(range) && RANGE_END(range) - start >= length;
}

static struct range *find_lowest(struct range *tree, size_t length, size_t align)
{
	if (longest_of(tree) < length)
		return NULL;

	struct range *found = find_lowest(tree->left, length, align);
	if (found)
		return found;
	if (fits(tree, round_up(tree->start, align), length))
		return tree;
	return find_lowest(tree->right, length, align);
}

static struct range *find_highest(struct range *tree, size_t length, size_t align)
{
	if (longest_of(tree) < length)
		return NULL;

	struct range *found = find_highest(tree->right, length, align);
	if (found)
		return found;
	if (tree->length >= length && fits(tree, align_down(RANGE_END(tree) - length, align), length))
		return tree;
	return find_highest(tree->left, length, align);
}

bool ranges_take_lowest(struct ranges *ranges, size_t length, size_t align, uintptr_t *ret_start)
{
	struct range *node = find_lowest(ranges->root, length, align);
	uintptr_t start = node ? round_up(node->start, align) : 0;

	if (!node || !cut(ranges, node, start, length))
		return false;
	*ret_start = start;
	return true;
}

bool ranges_take_highest(struct ranges *ranges, size_t length, size_t align, uintptr_t *ret_start)
{
	struct range *node = find_highest(ranges->root, length, align);
	uintptr_t start = node ? align_down(RANGE_END(node) - length, align) : 0;

	if (!node || !cut(ranges, node, start, length))
		return false;
	*ret_start = start;
	return true;
}

bool ranges_take_at(struct ranges *ranges, uintptr_t start, size_t length)
{
	struct range *node = find_below(ranges, start + 1);

	return node && fits(node, start, length) && cut(ranges, node, start, length);
}
