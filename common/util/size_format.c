/* SPDX-License-Identifier: BSD-3-Clause */
/* size_format -- see size_format.h. */
#include "common/util/size_format.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const char units[] = " KMGTPE";

/* Which of the units is the largest that is not more than `bytes`; of those that leave no remainder, if `whole`. */
static unsigned largest_unit(uint64_t bytes, bool whole)
{
	unsigned unit = 0;

	for (; bytes >= 1024 && (!whole || bytes % 1024 == 0); bytes /= 1024)
		unit++;
	return unit;
}

void size_format_short(uint64_t bytes, char text[SIZE_FORMAT_BYTES])
{
	unsigned unit = largest_unit(bytes, false);
	uint64_t unit_bytes = UINT64_C(1) << (10 * unit);

	if (unit == 0)
		snprintf(text, SIZE_FORMAT_BYTES, "%" PRIu64, bytes);
	else if (bytes % unit_bytes == 0)
		snprintf(text, SIZE_FORMAT_BYTES, "%" PRIu64 "%c", bytes / unit_bytes, units[unit]);
	else
		snprintf(text, SIZE_FORMAT_BYTES, "%.1f%c", (double)bytes / (double)unit_bytes, units[unit]);
}

void size_format_whole(uint64_t bytes, char text[SIZE_FORMAT_BYTES])
{
	unsigned unit = largest_unit(bytes, true);

	if (unit == 0)
		snprintf(text, SIZE_FORMAT_BYTES, "%" PRIu64 " bytes", bytes);
	else
		snprintf(text, SIZE_FORMAT_BYTES, "%" PRIu64 " %ciB", bytes >> (10 * unit), units[unit]);
}
