/* SPDX-License-Identifier: BSD-3-Clause */
/* pressure -- see pressure.h. */
#include "vmmallocd/plan/pressure.h"

static void begin_pressure(struct pressure *pressure, int64_t now_ms)
{
	bool is_soon = pressure->calm_ms > 0 && now_ms - pressure->over_ms < PRESSURE_SOON_MS;

	pressure->is_high = true;
	pressure->is_below = false;
	if (!is_soon)
		pressure->calm_ms = PRESSURE_CALM_MS;
	else if (pressure->calm_ms > PRESSURE_CALM_MOST_MS / 2)
		pressure->calm_ms = PRESSURE_CALM_MOST_MS;
	else
		pressure->calm_ms *= 2;
}

bool pressure_note(struct pressure *pressure, unsigned share, unsigned limit, int64_t now_ms)
{
	if (!pressure->is_high) {
		if (share > limit)
			begin_pressure(pressure, now_ms);
		return pressure->is_high;
	}
	if (2 * share >= limit) {
		pressure->is_below = false;
		return false;
	}
	if (!pressure->is_below) {
		pressure->is_below = true;
		pressure->below_since_ms = now_ms;
	}
	if (now_ms - pressure->below_since_ms < pressure->calm_ms)
		return false;
	pressure->is_high = false;
	pressure->over_ms = now_ms;
	return true;
}

bool pressure_forget(struct pressure *pressure)
{
	bool was_high = pressure->is_high;

	*pressure = (struct pressure){ 0 };
	return was_high;
}
