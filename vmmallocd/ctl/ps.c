/* SPDX-License-Identifier: BSD-3-Clause */
/* ps -- vmmallocctl ps: the processes on pools. No daemon is needed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/pidfd.h"
#include "vmmallocd/ctl/filter.h"
#include "vmmallocd/ctl/process_shape.h"
#include "vmmallocd/ctl/shape.h"

static const struct scan_process *find_process(const struct scan *scan, pid_t pid)
{
	for (size_t i = 0; i < scan->process_count; i++)
		if (scan->processes[i].pid == pid)
			return &scan->processes[i];
	return NULL;
}

static bool is_unseen(const struct scan *scan, pid_t pid)
{
	for (size_t i = 0; i < scan->unseen_count; i++)
		if (scan->unseen[i] == pid)
			return true;
	return false;
}

/* A thread's number is no process's. */
static bool is_process(pid_t pid)
{
	CLEANUP(cleanup_fd) int fd = pidfd_of_process(pid);

	return fd >= 0;
}

/* Of one that was asked for. */
static int complain_of_process(const struct scan *scan, pid_t pid)
{
	const char *cure = geteuid() == 0 ? "" : ": run it as root to see its pools";

	if (!is_process(pid)) {
		ctl_complain("there is no process %d", pid);
		return CTL_NO_SUCH;
	}
	if (is_unseen(scan, pid) || scan->is_hidden) {
		ctl_complain("process %d could not be looked at%s", pid, cure);
		return CTL_FAILED;
	}
	ctl_complain("process %d has no pool", pid);
	return CTL_NO_SUCH;
}

static void complain_of_unseen(const struct scan *scan)
{
	bool is_one = scan->unseen_count == 1, is_root = geteuid() == 0;
	const char *cure = is_root ? "" : is_one ? ": run it as root to see it" : ": run it as root to see them";

	if (scan->unseen_count > 0)
		ctl_complain("%zu process%s could not be looked at%s", scan->unseen_count, is_one ? "" : "es", cure);
	if (scan->is_hidden)
		ctl_complain("/proc does not show the processes of others (hidepid)%s",
			     is_root ? "" : ": run it as root to see them");
}

/* 0, or -ENOMEM. */
static int add_row(json_t *rows, const struct scan *scan, const struct scan_process *process)
{
	return json_array_append_new(rows, process_shape(scan, process)) == 0 ? 0 : -ENOMEM;
}

/* The processes that were asked for, each once, or all. An exit status. */
static int add_rows_of(json_t *rows, const struct scan *scan, const pid_t *pids, size_t count)
{
	int status = CTL_OK, r = 0;

	for (size_t i = 0; r == 0 && count == 0 && i < scan->process_count; i++)
		r = add_row(rows, scan, &scan->processes[i]);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct scan_process *process = find_process(scan, pids[i]);
		int failure = process ? CTL_OK : complain_of_process(scan, pids[i]);

		status = status == CTL_OK ? failure : status;
		if (process)
			r = add_row(rows, scan, process);
	}
	if (r == 0)
		return status;
	ctl_complain("%s", strerrordesc_np(-r));
	return CTL_FAILED;
}

static int print_processes(const struct scan *scan, const pid_t *pids, size_t count, const struct table_style *style,
			   const struct filter *filter)
{
	CLEANUP(json_decrefp) json_t *all = json_array(), *passed = NULL, *rows = NULL;
	int status = add_rows_of(all, scan, pids, count), printed;

	passed = filter_rows(filter, all);
	rows = passed ? table_sort(style, passed) : NULL;
	if (style->json)
		printed = shape_print(json_pack("{s:i, s:O, s:I, s:b}", "version", 1, "processes", rows, "unseen",
						(json_int_t)scan->unseen_count, "hidden", scan->is_hidden),
				      "the processes");
	else
		printed = table_print(style, rows, NULL);
	if (count == 0)
		complain_of_unseen(scan);
	return status == CTL_OK ? printed : status;
}

/* Into an array for all of them: each once. */
static int parse_pids(int argc, char **argv, pid_t *pids, size_t *ret_count)
{
	size_t count = 0, i;
	pid_t pid;

	for (; optind < argc; optind++) {
		if (!proc_text_pid(argv[optind], &pid)) {
			ctl_complain("'%s': expected the number of a process", argv[optind]);
			return CTL_USAGE;
		}
		for (i = 0; i < count && pids[i] != pid; i++)
			;
		pids[i] = pid;
		count = i == count ? count + 1 : count;
	}
	*ret_count = count;
	return CTL_OK;
}

enum { USER = COMMAND_OPTION_OWN };

static const struct command_option ps_options[] = {
	{ "user", USER, "USER[,USER...]", "only processes of these users, by name or number" },
	TABLE_OPTIONS,
	{ 0 },
};

static int read_ps_options(struct ctl *ctl, int argc, char **argv, struct table_style *style, struct filter *filter)
{
	int option, status, refusal = CTL_OK;

	while (refusal == CTL_OK && (option = ctl_next_option(ctl, argc, argv, &status)) != 0) {
		if (option == USER)
			refusal = filter_set_users(filter, optarg);
		else
			table_option(style, option);
	}
	if (refusal != CTL_OK)
		return refusal;
	return status < 0 ? table_options_end(style, argc, argv) : status;
}

static int ctl_ps(struct ctl *ctl, int argc, char **argv)
{
	struct table_style style = { .kind = &process_table, .columns = PROCESS_TABLE_COLUMNS };
	CLEANUP(cleanup_free) pid_t *pids = NULL;
	struct filter filter = { 0 };
	struct scan scan;
	size_t count = 0;
	int r, status = read_ps_options(ctl, argc, argv, &style, &filter);

	if (status >= 0)
		return status;
	pids = reallocarray(NULL, (size_t)argc, sizeof(*pids));
	if (pids && (status = parse_pids(argc, argv, pids, &count)) != CTL_OK)
		return status;
	r = pids ? scan_all(&scan) : -ENOMEM;
	if (r == 0) {
		status = print_processes(&scan, pids, count, &style, &filter);
	} else {
		ctl_complain("/proc: %s", strerrordesc_np(-r));
		status = CTL_FAILED;
	}
	if (pids)
		scan_done(&scan);
	return status;
}

static const struct command_example ps_examples[] = {
	{ "who keeps a pool that nobody should need any more", "ps -o PID,COMMAND,HOLD,OWNER,CLASS | grep -w fast" },
	{ "how much of a process's heap is where, in bytes, for a script", "ps -nb -o SIZE,USED,OUTSIDE,PRIVATE 4711" },
	{ "who of a user's has most outside of its pool", "ps --user root --sort -outside" },
	{ "all that is known, for a program", "ps --json" },
	{ "what there is to know, and of what types, for a program", "ps --list-columns --json" },
	{ 0 },
};

const struct command ps_command = {
	.name = "ps",
	.function = ctl_ps,
	.synopsis = "[PID...]",
	.summary = "list the processes on pools; no daemon is needed",
	.text = "List the processes that have a pool, also where no daemon runs. Who is not root sees his own.",
	.options = ps_options,
	.examples = ps_examples,
	.table = &process_table,
};
