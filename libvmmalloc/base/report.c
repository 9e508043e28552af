/* SPDX-License-Identifier: BSD-3-Clause */
/* report -- see report.h. */
#include "libvmmalloc/base/report.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/text.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/write.h"

#define REPORT_LINE_BYTES 4608  /* a path of PATH_MAX and the words around it */

void vmm_report_fatal(const char *format, ...)
{
	char line[REPORT_LINE_BYTES];
	struct text text = TEXT_INIT(line);
	va_list args;

	text_add(&text, "Error (libvmmalloc): ");
	va_start(args, format);
	text_add_va(&text, format, args);
	va_end(args);
	text_add(&text, "\n");
	(void)write_all(STDERR_FILENO, text.data, text.length, WRITE_IN_ORDER);
	kernel_exit(EXIT_FAILURE);
}
