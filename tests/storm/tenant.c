/* SPDX-License-Identifier: BSD-3-Clause */
/* tenant -- see tenant.h. */
#include "tests/storm/tenant.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void tenant_send(const struct tenant *tenant, struct storm_report *report)
{
	report->pid = getpid();
	if (send(tenant->report_fd, report, sizeof(*report), MSG_NOSIGNAL) != (ssize_t)sizeof(*report))
		_exit(0);  /* the driver is no more */
}

void tenant_say(const struct tenant *tenant, enum storm_kind kind)
{
	struct storm_report report = { .kind = kind };

	tenant_send(tenant, &report);
}

void tenant_bad(const struct tenant *tenant, const char *format, ...)
{
	struct storm_report report = { .kind = STORM_BAD };
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(report.words, sizeof(report.words), format, arguments);
	va_end(arguments);
	tenant_send(tenant, &report);
	_exit(STORM_EXIT_BAD);
}

void tenant_rest(const struct tenant *tenant, int ms)
{
	struct pollfd driver = { .fd = tenant->report_fd };

	if (poll(&driver, 1, ms) > 0)
		_exit(0);
}

const char *tenant_describe(uint64_t word, char text[64])
{
	if (storm_word_is_tenants(word))
		snprintf(text, 64, "0x%016" PRIx64 ", which tenant %u wrote", word, storm_word_lease(word));
	else
		snprintf(text, 64, "0x%016" PRIx64, word);
	return text;
}

void tenant_wait_for_death(struct tenant *tenant, void (*check)(struct tenant *tenant))
{
	for (;;) {
		tenant_rest(tenant, (int)storm_between(&tenant->random, 5, 40));
		check(tenant);
	}
}
