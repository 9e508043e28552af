/* SPDX-License-Identifier: BSD-3-Clause */
/* report -- see report.h. */
#include "libvmmalloc/base/report.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/text.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/write.h"

#define REPORT_LINE_BYTES 4608  /* a path of PATH_MAX and the words around it */

static void write_report(const char *kind, const char *format, va_list args)
{
	char line[REPORT_LINE_BYTES];
	struct text text = TEXT_INIT(line);

	text_add(&text, "%s (libvmmalloc): ", kind);
	text_add_va(&text, format, args);
	text_add(&text, "\n");
	(void)write_all(STDERR_FILENO, text.data, text.length, WRITE_IN_ORDER);
}

void vmm_report_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_report("Warning", format, args);
	va_end(args);
}

void vmm_report_fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_report("Error", format, args);
	va_end(args);
	kernel_exit(EXIT_FAILURE);
}
