/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch_screen -- see watch.h: drawn by ncurses. Between two looks it waits for keys and signals alone, and the
 * terminal is given back before the process ends by one.
 */
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "common/util/cleanup.h"
#include "common/util/runtime_dir.h"
#include "common/util/size_format.h"
#include "common/util/steady_clock.h"
#include "vmmallocd/ctl/class_table.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/pool_table.h"
#include "vmmallocd/ctl/space.h"
#include "vmmallocd/ctl/watch.h"
#include "vmmallocd/ctl/watch_figures.h"

#define LINE_BYTES 1024
#define PATIENCE_MS 2000    /* a key is not answered while the daemon is asked */
#define SPACE_PAUSE_MS 100  /* while file systems have not answered */
#define BAR_LEAST 6
#define WIDE 100            /* columns: there is room for more than the needed */

enum colour { PLAIN, READY, LEASED, BUSY, BAD };

struct watch {
	json_t *status;
	struct watch_figures figures;
	struct space space;
	int error;          /* of the last look; -errno */
};

static volatile sig_atomic_t ended_by;

static void on_ending_signal(int number)
{
	ended_by = number;
}

/* --- looking --- */

static void ask_for_space(struct watch *watch)
{
	const json_t *classes = json_object_get(watch->status, "classes"), *class;
	CLEANUP(cleanup_free) const char **paths = calloc(json_array_size(classes) + 1, sizeof(*paths));
	size_t i, count = 0;

	json_array_foreach((json_t *)classes, i, class)
		if (paths && *field_text(class, "directory"))
			paths[count++] = field_text(class, "directory");
	if (count > 0)
		(void)space_ask(&watch->space, paths, count);
}

static void look_at_daemon(struct watch *watch, const struct ctl *ctl)
{
	CLEANUP(json_decrefp) json_t *status = NULL, *list = NULL;

	watch->error = client_try(ctl, "Status", &status);
	if (watch->error == 0)
		watch->error = client_try(ctl, "List", &list);
	if (watch->error == 0)
		watch->error = watch_figures_update(&watch->figures, json_object_get(list, "pools"), steady_clock_ms());
	if (watch->error < 0)
		return;
	json_decref(watch->status);
	watch->status = json_incref(status);
	ask_for_space(watch);
}

/* --- drawing --- */

static int columns_of(wchar_t c)
{
	int width = wcwidth(c);

	return width < 0 ? 1 : width;
}

/* From there, in so many columns at the most. What is of others may be anything. Returns the columns. */
static int draw_text(int y, int x, int columns, const char *text)
{
	wchar_t wide[LINE_BYTES];
	mbstate_t state = { 0 };
	int used = 0, count = 0;

	for (size_t length; *text && count < LINE_BYTES - 1; text += length) {
		wchar_t c;

		length = mbrtowc(&c, text, strlen(text), &state);
		if (length == (size_t)-1 || length == (size_t)-2) {
			length = 1;
			state = (mbstate_t){ 0 };
			c = L'?';
		} else if (!iswprint((wint_t)c)) {
			c = L'?';
		}
		if (used + columns_of(c) > columns)
			break;
		used += columns_of(c);
		wide[count++] = c;
	}
	if (y < LINES && count > 0)
		(void)mvaddnwstr(y, x, wide, count);
	return used;
}

static void put_line(int y, int attributes, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put_line(int y, int attributes, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	attron(attributes);
	(void)draw_text(y, 0, COLS, line);
	attroff(attributes);
}

struct part {
	long long count;
	enum colour colour;
	char sign;
};

static void put_bar(int y, int x, int width, const struct part *parts, size_t part_count, long long whole)
{
	int at = x + 1, end = x + width - 1;
	long long sum = 0;

	if (width < BAR_LEAST || y >= LINES || whole <= 0)
		return;
	mvaddch(y, x, '[');
	for (size_t i = 0; i < part_count; i++) {
		int to;

		sum += parts[i].count;
		to = x + 1 + (int)((double)(sum < whole ? sum : whole) / (double)whole * (width - 2) + 0.5);
		attron(COLOR_PAIR(parts[i].colour));
		for (; at < to && at < end; at++)
			mvaddch(y, at, (chtype)parts[i].sign);
		attroff(COLOR_PAIR(parts[i].colour));
	}
	for (; at < end; at++)
		mvaddch(y, at, '.');
	mvaddch(y, end, ']');
}

static int draw_class(int y, const json_t *class)
{
	const json_t *counts = json_object_get(class, "counts");
	const char *problem = field_text(class, "problem"), *order = class_order(class);
	const struct part parts[] = {
		{ field_number(counts, "leased"), LEASED, '#' },
		{ field_number(counts, "ready"), READY, '=' },
		{ field_number(counts, "creating") + field_number(counts, "warming") +
			  field_number(counts, "recycling"), BUSY, '~' },
		{ field_number(counts, "quarantined") + field_number(counts, "failed"), BAD, '!' },
	};
	long long total = parts[0].count + parts[1].count + parts[2].count + parts[3].count;
	int name = COLS / 4 < 20 ? COLS / 4 : 20, figures = name + 1 + 8 + 8;

	(void)draw_text(y, 0, name, field_text(class, "name"));
	mvprintw(y, name + 1, "%3lld/%-3lld %3lld/%-3lld", parts[1].count, field_number(class, "ready"), total,
		 field_number(class, "max"));
	put_bar(y, figures + 1, COLS - figures - 1, parts, 4, field_number(class, "max"));
	if ((!*problem && !*order) || y + 1 >= LINES)
		return y + 1;
	put_line(y + 1, COLOR_PAIR(BAD), "  %s%s%s", order, *problem && *order ? ": " : "", problem);
	return y + 2;
}

static int draw_classes(int y, int end, const json_t *classes)
{
	int name = COLS / 4 < 20 ? COLS / 4 : 20;
	const json_t *class;
	size_t i;

	put_line(y++, A_BOLD, "%-*.*s %7s %7s  %s", name, name, "CLASS", "READY", "ALL/MAX",
		 COLS >= 70 ? "# leased  = ready  ~ at work  ! bad" : "");
	json_array_foreach((json_t *)classes, i, class) {
		if (y >= end - 1 && i + 1 < json_array_size(classes)) {
			put_line(y++, A_DIM, "%zu more", json_array_size(classes) - i);
			break;
		}
		y = draw_class(y, class);
	}
	return y + 1;
}

static int draw_place(int y, const struct space_place *place, const char *path)
{
	char free_text[SIZE_FORMAT_BYTES], size[SIZE_FORMAT_BYTES];
	int name = COLS * 2 / 5, length = (int)strlen(path);
	long long used_kib = place ? (long long)((place->size_bytes - place->free_bytes) >> 10) : 0;
	const struct part used = { used_kib, LEASED, '#' };

	/* the end of a path says more than its beginning */
	(void)draw_text(y, 0, name, length > name ? path + length - name : path);
	if (!place || place->error < 0) {
		(void)draw_text(y, name + 1, COLS - name - 1,
			       place ? strerrordesc_np(-place->error) : "no answer yet");
		return y + 1;
	}
	size_format_short(place->free_bytes, free_text);
	size_format_short(place->size_bytes, size);
	mvprintw(y, name + 1, "%6s %6s", free_text, size);
	put_bar(y, name + 16, COLS - name - 16, &used, 1, (long long)(place->size_bytes >> 10));
	return y + 1;
}

static int draw_places(int y, int end, struct watch *watch)
{
	const json_t *classes = json_object_get(watch->status, "classes"), *class;
	const char *last = "";
	size_t i;

	put_line(y++, A_BOLD, "%-*s %6s %6s", COLS * 2 / 5, "DIRECTORY", "FREE", "OF");
	json_array_foreach((json_t *)classes, i, class) {
		const char *path = field_text(class, "directory");

		/* classes of one directory mostly stand together */
		if (!*path || strcmp(path, last) == 0 || y >= end)
			continue;
		y = draw_place(y, space_find(&watch->space, path), path);
		last = path;
	}
	return y + 1;
}

static void say_growth(const struct watch_pool *pool, char text[SIZE_FORMAT_BYTES + 8])
{
	uint64_t rate = (uint64_t)(pool->bytes_a_second < 0 ? -pool->bytes_a_second : pool->bytes_a_second);
	char size[SIZE_FORMAT_BYTES];

	size_format_short(rate, size);
	snprintf(text, SIZE_FORMAT_BYTES + 8, "%s%s/s", pool->bytes_a_second < 0 ? "-" : "+", size);
	if (!pool->is_known || rate == 0)
		strcpy(text, "-");
}

static void draw_pool(int y, const struct watch_pool *pool)
{
	const json_t *owner = json_object_get(pool->pool, "owner");
	char used[SIZE_FORMAT_BYTES], size[SIZE_FORMAT_BYTES], growth[SIZE_FORMAT_BYTES + 8], user[FORMAT_BYTES];

	size_format_short((uint64_t)pool->used_bytes, used);
	size_format_short((uint64_t)field_number(pool->pool, "size"), size);
	say_growth(pool, growth);
	format_user((uid_t)field_number(owner, "uid"), user);
	if (COLS >= WIDE)
		put_line(y, 0, "%7s %9s %7s  %-20.20s %8lld %-12.12s %-16.16s %.*s", used, growth, size,
			 field_text(pool->pool, "class"), field_number(owner, "pid"), user, field_text(owner, "comm"),
			 POOL_TABLE_ID_SHOWN, field_text(pool->pool, "id"));
	else
		put_line(y, 0, "%6s %9s %-8.8s %7lld %s", used, growth, field_text(pool->pool, "class"),
			 field_number(owner, "pid"), field_text(owner, "comm"));
}

static void draw_pools(int y, const struct watch_figures *figures)
{
	if (COLS >= WIDE)
		put_line(y++, A_BOLD, "%7s %9s %7s  %-20s %8s %-12s %-16s %s", "USED", "GROWS", "SIZE", "CLASS", "PID",
			 "USER", "COMMAND", "POOL");
	else
		put_line(y++, A_BOLD, "%6s %9s %-8s %7s %s", "USED", "GROWS", "CLASS", "PID", "COMMAND");
	for (size_t i = 0; i < figures->count && y < LINES; i++) {
		if (y == LINES - 1 && i + 1 < figures->count)
			put_line(y++, A_DIM, "%zu more", figures->count - i);
		else
			draw_pool(y++, &figures->pools[i]);
	}
}

static void draw(struct watch *watch, const struct ctl *ctl)
{
	const json_t *daemon = json_object_get(watch->status, "daemon");
	const char *problem = field_text(daemon, "problem");
	char uptime[FORMAT_BYTES];
	int y = 0;

	erase();
	format_age(field_number(daemon, "uptime"), uptime);
	put_line(y, A_REVERSE, "vmmallocd %s  up %s  %lld out %lld refused  q quits%*s", field_text(daemon, "version"),
		 uptime, field_number(daemon, "handed_out"), field_number(daemon, "refused"), COLS, "");
	y++;
	if (watch->error < 0)
		put_line(y++, COLOR_PAIR(BAD) | A_BOLD, "no daemon answers at %s/" RUNTIME_DIR_CONTROL_SOCKET ": %s",
			 ctl->runtime_dir, strerrordesc_np(-watch->error));
	if (*problem)
		put_line(y++, COLOR_PAIR(BAD), "%s", problem);
	y = draw_classes(y, LINES / 2, json_object_get(watch->status, "classes"));
	y = draw_places(y, LINES * 3 / 4, watch);
	draw_pools(y, &watch->figures);
	(void)refresh();
}

/* --- the terminal --- */

/* The keys that have come. False: it is over. */
static bool take_keys(struct watch *watch, const struct ctl *ctl)
{
	int key;

	while ((key = getch()) != ERR) {
		if (key == 'q' || key == 'Q')
			return false;
		draw(watch, ctl);
	}
	return true;
}

/* Until the next look, or the end: false. Signals come only here. */
static bool wait_for_keys(struct watch *watch, const struct ctl *ctl, const sigset_t *mask, int64_t until_ms)
{
	for (;;) {
		struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
		int64_t left_ms = until_ms - steady_clock_ms();
		const struct timespec left = { .tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000 };

		if (left_ms <= 0)
			return true;
		if (ppoll(&input, 1, &left, mask) < 0 && errno != EINTR)
			return false;
		if (ended_by || input.revents & (POLLHUP | POLLERR | POLLNVAL) || !take_keys(watch, ctl))
			return false;
	}
}

static void set_up_screen(void)
{
	static const short colours[] = { [READY] = COLOR_GREEN, [LEASED] = COLOR_CYAN, [BUSY] = COLOR_YELLOW,
					 [BAD] = COLOR_RED };

	(void)cbreak();
	(void)noecho();
	(void)curs_set(0);
	(void)keypad(stdscr, TRUE);
	(void)nodelay(stdscr, TRUE);
	if (!has_colors() || start_color() == ERR)
		return;
	(void)use_default_colors();
	for (short i = READY; i <= BAD; i++)
		(void)init_pair(i, colours[i], -1);
}

/* Those that end a process, and the one of another size, wait until it waits. */
static void hold_signals(sigset_t *ret_old)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction action = { .sa_handler = on_ending_signal };
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGWINCH);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		sigaddset(&held, numbers[i]);
		(void)sigaction(numbers[i], &action, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &held, ret_old);
}

static void end_by_signal(const sigset_t *mask)
{
	if (!ended_by)
		return;
	(void)signal(ended_by, SIG_DFL);
	(void)raise(ended_by);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
}

int watch_screen(struct ctl *ctl, unsigned interval_s)
{
	struct watch watch = { 0 };
	int64_t pause_ms;
	sigset_t mask;
	SCREEN *screen;

	ctl->patience_ms = PATIENCE_MS;
	look_at_daemon(&watch, ctl);
	if (watch.error < 0)
		return client_fail(ctl, watch.error == -EPROTO ? -EBADMSG : watch.error);
	hold_signals(&mask);
	screen = newterm(NULL, stdout, stdin);
	if (screen) {
		set_up_screen();
		do {
			if (watch.error < 0 || steady_clock_ms() - watch.figures.looked_ms >= interval_s * 1000)
				look_at_daemon(&watch, ctl);
			draw(&watch, ctl);
			pause_ms = watch.space.job ? SPACE_PAUSE_MS : interval_s * 1000ll;
		} while (wait_for_keys(&watch, ctl, &mask, steady_clock_ms() + pause_ms));
		(void)endwin();
		delscreen(screen);
	} else {
		ctl_complain("the terminal is not known (TERM); --json and a pipe need none");
	}
	json_decref(watch.status);
	watch_figures_done(&watch.figures);
	end_by_signal(&mask);
	return screen ? CTL_OK : CTL_FAILED;
}
