/* SPDX-License-Identifier: BSD-3-Clause */
/* pressure -- pressure_look: whether the kernel measures memory pressure, as classes may ask, and how high it is. */
#include <string.h>

#include "common/util/psi.h"
#include "vmmallocd/doctor/machine.h"

void pressure_look(struct findings *findings, void *context)
{
	const struct machine_order *order = context;
	unsigned share;
	int r = psi_read(PSI_MEMORY_FILE, &share);

	if (r < 0 && order->releases)
		findings_add(findings, FINDING_NOTE, CHECK_PRESSURE, "boot a kernel with CONFIG_PSI, with psi=1",
			     PSI_MEMORY_FILE ": %s: a class with on_memory_pressure = release may keep its pools",
			     strerrordesc_np(-r));
	else if (r < 0)
		findings_add(findings, FINDING_OK, CHECK_PRESSURE, NULL,
			     "the kernel does not measure it, and no class asks for it");
	else if (share > order->pressure_limit)
		findings_add(findings, FINDING_NOTE, CHECK_PRESSURE,
			     order->has_classes && !order->releases ?
				     "on_memory_pressure = release, for a class whose ready pools are on tmpfs" : NULL,
			     "tasks waited for memory in %u.%02u%% of the last ten seconds", share / 100, share % 100);
	else
		findings_add(findings, FINDING_OK, CHECK_PRESSURE, NULL,
			     "tasks waited for memory in %u.%02u%% of the last ten seconds", share / 100, share % 100);
}
