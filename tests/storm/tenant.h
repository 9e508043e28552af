/* SPDX-License-Identifier: BSD-3-Clause */
/* tenant -- what the two kinds of tenants have in common: client.c, which speaks to the daemon, and program.c. */
#ifndef TESTS_STORM_TENANT_H
#define TESTS_STORM_TENANT_H

#include "tests/storm/storm.h"

struct tenant {
	int report_fd;
	uint32_t lease;
	uint64_t random;
};

/* A report that has nothing but its kind. */
void tenant_say(const struct tenant *tenant, enum storm_kind kind);
void tenant_send(const struct tenant *tenant, struct storm_report *report);

/* Says what must not be, and ends the process. */
_Noreturn void tenant_bad(const struct tenant *tenant, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Rests; ends the process if the driver is no more. */
void tenant_rest(const struct tenant *tenant, int ms);

/* "0x..., which tenant 12 wrote" */
const char *tenant_describe(uint64_t word, char text[64]);

/* tenant_rest that lasts until somebody kills this process; `check` is called again and again. */
_Noreturn void tenant_wait_for_death(struct tenant *tenant, void (*check)(struct tenant *tenant));

#endif
