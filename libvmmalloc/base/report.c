/* SPDX-License-Identifier: BSD-3-Clause */
/* report -- see report.h. */
#include "libvmmalloc/base/report.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/base/text.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/write.h"

#define REPORT_LINE_BYTES 4608  /* a path of PATH_MAX and the words around it */

static int write_report(const char *kind, const char *format, va_list args)
{
	char line[REPORT_LINE_BYTES];
	struct text text = TEXT_INIT(line);

	text_add(&text, "%s (libvmmalloc): ", kind);
	text_add_va(&text, format, args);
	text_add(&text, "\n");
	return write_all(STDERR_FILENO, text.data, text.length, WRITE_IN_ORDER);
}

/* A reader who has gone is no reason to end a program that is to run: SIGPIPE is held back, and taken. */
void vmm_report_warning(const char *format, ...)
{
	const struct timespec at_once = { 0 };
	const uint64_t pipe = (uint64_t)1 << (SIGPIPE - 1);
	sigset_t held;
	va_list args;

	kernel_hold_signals(&held);
	va_start(args, format);
	if (write_report("Warning", format, args) == -EPIPE)
		(void)kernel_call(SYS_rt_sigtimedwait, (intptr_t)&pipe, 0, (intptr_t)&at_once, sizeof(pipe), 0, 0);
	va_end(args);
	kernel_restore_signals(&held);
}

void vmm_report_fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)write_report("Error", format, args);
	va_end(args);
	kernel_exit(EXIT_FAILURE);
}
