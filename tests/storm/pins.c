/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins -- pages that tenants have left in pipes. They stay there while the pool is scrubbed and has its next tenants,
 * and must never show anything of those.
 */
#include <string.h>
#include <unistd.h>

#include "tests/storm/driver.h"
#include "tests/storm/storm.h"

#define PINS_MOST 128
#define HUGE_PAGE ((uint64_t)2 << 20)  /* the daemon punches the first page of each, to see whether it is held */
#define WORDS (STORM_PAGE / sizeof(uint64_t))

static struct pin {
	int pipe;                      /* 0: the place is free */
	uint32_t lease;
	unsigned count;
	bool may_be_zero;
	uint64_t offset[STORM_PINS];
	int64_t due_ms;
} pins[PINS_MOST];
static unsigned long kept, pages;

void pins_keep(int pipe, uint32_t lease, const struct storm_report *report)
{
	for (size_t i = 0; i < PINS_MOST; i++) {
		if (pins[i].pipe)
			continue;
		pins[i] = (struct pin){
			.pipe = pipe, .lease = lease, .count = report->pins, .may_be_zero = report->pins_may_be_zero,
			.due_ms = driver_now_ms() + driver_between(100, 6000),
		};
		memcpy(pins[i].offset, report->pin_offset, sizeof(pins[i].offset));
		kept++;
		return;
	}
	driver_die("too many pins");
}

static void check(struct pin *pin)
{
	uint64_t words[WORDS];

	for (unsigned page = 0; page < pin->count; page++) {
		size_t have = 0;

		while (have < sizeof(words)) {
			ssize_t n = read(pin->pipe, (char *)words + have, sizeof(words) - have);

			if (n <= 0)
				driver_die("read of pinned pages");
			have += (size_t)n;
		}
		pages++;
		for (size_t w = 0; w < WORDS; w++) {
			if (words[w] == storm_word(pin->lease, pin->offset[page] + w * sizeof(uint64_t)) ||
			    (words[w] == 0 && (pin->may_be_zero || pin->offset[page] % HUGE_PAGE == 0)))
				continue;
			driver_violation("a page that tenant %u pinned at %llu reads 0x%016llx%s%u", pin->lease,
					 (unsigned long long)pin->offset[page], (unsigned long long)words[w],
					 storm_word_is_tenants(words[w]) ? ", of tenant " : ", word ",
					 storm_word_is_tenants(words[w]) ? storm_word_lease(words[w]) : (unsigned)w);
			break;
		}
	}
	close(pin->pipe);
	pin->pipe = 0;
}

void pins_check(bool all)
{
	int64_t now_ms = driver_now_ms();

	for (size_t i = 0; i < PINS_MOST; i++)
		if (pins[i].pipe && (all || pins[i].due_ms <= now_ms))
			check(&pins[i]);
}

void pins_print_figures(void)
{
	printf("pins: %lu pipes, %lu pages looked at\n", kept, pages);
}
