/* SPDX-License-Identifier: BSD-3-Clause */
/* progress -- see progress.h. */
#include "vmmallocd/ctl/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_LEAST 20
#define WIDTH_DEFAULT 80
#define BAR 20

static bool is_shown;

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return WIDTH_DEFAULT;
	return size.ws_col < WIDTH_LEAST ? WIDTH_LEAST : size.ws_col;
}

/* A line that is longer than the terminal is wide would not be drawn again in its place. */
void progress_show(size_t done, size_t total, const char *format, ...)
{
	int filled = total == 0 ? 0 : done >= total ? BAR : (int)(done * BAR / total);
	int width = terminal_width() - 1;
	char words[256];
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	if (total > 0 && width > 2 * BAR)
		fprintf(stderr, "\r\033[K[%.*s%.*s] %.*s", filled, "####################", BAR - filled,
			"....................", width - BAR - 3, words);
	else
		fprintf(stderr, "\r\033[K%.*s", width, words);
	fflush(stderr);
	is_shown = true;
}

void progress_clear(void)
{
	if (is_shown)
		fputs("\r\033[K", stderr);
	is_shown = false;
}
