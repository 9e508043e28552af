/* SPDX-License-Identifier: BSD-3-Clause */
/* report -- see report.h. */
#include "libvmmalloc/base/report.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/text.h"
#include "libvmmalloc/base/kernel.h"

#define REPORT_LINE_BYTES 4608  /* a path of PATH_MAX and the words around it */

void vmm_report_write(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = kernel_write(fd, data, length);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		length -= (size_t)n;
	}
}

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
	vmm_report_write(STDERR_FILENO, text.data, text.length);
	kernel_exit(EXIT_FAILURE);
}
