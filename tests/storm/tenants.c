/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tenants -- starts them, listens to them, kills them, and keeps the table of who has which pool.
 *
 * A process has its pools from STORM_TAKEN, and a forked child from STORM_CHILD, until it has said STORM_RELEASING or
 * was sent SIGKILL. In that time no other tenant may report the same file or the same pool id. Reports of two tenants
 * come on two sockets, in any order; but the one that gave a pool up said so before the other could have it: so both
 * are read to the end before they are compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storm/driver.h"
#include "tests/storm/storm.h"

#define NO_SUCH_CLASS 4     /* EXIT STATUS in vmmallocctl(1) */

#define TENANTS_MOST 64
#define PROCESSES_MOST 64
#define POOLS_MOST 256

struct process {
	pid_t pid;
	bool killed, releasing, reaped;
};

/* One pool, and one process that has it. */
struct had {
	struct storm_report pool;
	size_t process;
};

struct tenant {
	uint32_t lease;                /* 0: the place is free */
	int fd;                        /* of reports; -1 after the last of its processes has ended */
	int pipe;                      /* where pinned pages may come */
	uid_t uid;
	bool client;                   /* not a program */
	bool has_tiers;                /* a program on two pools from the beginning */
	bool leaves;                   /* one that gives back pools that it grew by, without a word */
	bool has_spoken, is_bad;
	struct had pools[POOLS_MOST];
	size_t pool_count;
	struct process processes[PROCESSES_MOST];
	size_t process_count;
};

static struct tenant tenants[TENANTS_MOST];
static uint32_t last_lease;
static struct {
	unsigned long started, with_tiers, taken, grown, none, children, kills;
} figures;

/* --- the table --- */

static bool lives(const struct tenant *tenant, const struct had *had)
{
	const struct process *process = &tenant->processes[had->process];

	return !process->killed && !process->releasing && !process->reaped;
}

static struct process *find_process(struct tenant *tenant, pid_t pid)
{
	for (size_t i = 0; i < tenant->process_count; i++)
		if (tenant->processes[i].pid == pid && !tenant->processes[i].reaped)
			return &tenant->processes[i];
	return NULL;
}

static struct process *add_process(struct tenant *tenant, pid_t pid)
{
	struct process *process = find_process(tenant, pid);

	if (process)
		return process;
	/* it may be killed later: 0 and less are whole groups */
	if (pid <= 1 || tenant->process_count == PROCESSES_MOST)
		driver_die("a report of an impossible process, or of one too many");
	process = &tenant->processes[tenant->process_count++];
	*process = (struct process){ .pid = pid };
	return process;
}

static bool same_pool(const struct storm_report *a, const struct storm_report *b)
{
	return (a->dev == b->dev && a->ino == b->ino) || memcmp(a->pool_id, b->pool_id, sizeof(a->pool_id)) == 0;
}

static void listen_to(struct tenant *tenant);

/* Whether it says when it gives its pool of that number up. */
static bool would_say(const struct tenant *tenant, size_t number)
{
	return !tenant->leaves || number < 1u + tenant->has_tiers;
}

/* What the tenant has had last, and any other tenant. */
static void check_issued_once(struct tenant *tenant)
{
	size_t last = tenant->pool_count - 1;
	struct storm_report pool = tenant->pools[last].pool;

	for (size_t i = 0; i < TENANTS_MOST; i++) {
		struct tenant *other = &tenants[i];

		for (size_t p = 0; other->lease && other != tenant && p < other->pool_count; p++) {
			if (!same_pool(&other->pools[p].pool, &pool) || !lives(other, &other->pools[p]) ||
			    !would_say(other, p))
				continue;
			listen_to(other);
			listen_to(tenant);
			if (lives(other, &other->pools[p]) && lives(tenant, &tenant->pools[last]))
				driver_violation("one pool was issued twice: inode %llu of '%s', to the living %u and "
						 "%u", (unsigned long long)pool.ino, pool.class_name, other->lease,
						 tenant->lease);
		}
	}
}

static void add_pool(struct tenant *tenant, const struct process *process, const struct storm_report *pool)
{
	if (tenant->pool_count == POOLS_MOST)
		driver_die("a report of one pool too many");
	tenant->pools[tenant->pool_count++] =
		(struct had){ .pool = *pool, .process = (size_t)(process - tenant->processes) };
}

static void check_allowed(const struct tenant *tenant, const struct storm_report *pool)
{
	const struct service_class *class = service_class(pool->class_name);

	/* a program does not know its pool's class */
	if (!tenant->client)
		return;
	if (!class)
		driver_violation("tenant %u has a pool of class '%s', which was never configured", tenant->lease,
				 pool->class_name);
	else if (class->restricted && tenant->uid != getuid() && tenant->uid != driver.uids[1])
		driver_violation("uid %u has a pool of class '%s', which is not for it", tenant->uid, class->name);
}

/* --- reports --- */

static void heed(struct tenant *tenant, const struct storm_report *report)
{
	struct process *process = add_process(tenant, report->pid);

	tenant->has_spoken = true;
	switch (report->kind) {
	case STORM_TAKEN:
		figures.taken++;
		figures.grown += tenant->pool_count > tenant->has_tiers;
		add_pool(tenant, process, report);
		check_allowed(tenant, report);
		check_issued_once(tenant);
		break;
	case STORM_NONE: figures.none++; break;
	case STORM_CHILD:
		figures.children++;
		add_pool(tenant, process,
			 report->ino || tenant->pool_count == 0 ? report : &tenant->pools[0].pool);
		break;
	case STORM_PINNED:
		pins_keep(tenant->pipe, tenant->lease, report);
		tenant->pipe = -1;
		break;
	case STORM_RELEASING: process->releasing = true; break;
	case STORM_BAD:
		tenant->is_bad = true;
		driver_violation("tenant %u, uid %u, inode %llu: %.*s", tenant->lease, tenant->uid,
				 (unsigned long long)tenant->pools[0].pool.ino, (int)sizeof(report->words),
				 report->words);
		break;
	default: driver_die("a report of no kind");
	}
}

/* Until there is nothing more to read now. */
static void listen_to(struct tenant *tenant)
{
	struct storm_report report;
	ssize_t n;

	while (tenant->fd >= 0) {
		n = recv(tenant->fd, &report, sizeof(report), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n == (ssize_t)sizeof(report)) {
			heed(tenant, &report);
			continue;
		}
		close(tenant->fd);
		tenant->fd = -1;
	}
}

static void forget_ended(struct tenant *tenant)
{
	for (size_t i = 0; i < tenant->process_count; i++)
		if (!tenant->processes[i].reaped)
			return;
	if (tenant->fd >= 0)
		return;
	if (tenant->pipe >= 0)
		close(tenant->pipe);
	tenant->lease = 0;
}

void tenants_listen(int timeout_ms)
{
	struct pollfd polled[TENANTS_MOST];

	for (size_t i = 0; i < TENANTS_MOST; i++)
		polled[i] = (struct pollfd){ .fd = tenants[i].lease ? tenants[i].fd : -1, .events = POLLIN };
	if (poll(polled, TENANTS_MOST, timeout_ms) < 0 && errno != EINTR)
		driver_die("poll");
	for (size_t i = 0; i < TENANTS_MOST; i++) {
		if (!tenants[i].lease)
			continue;
		listen_to(&tenants[i]);
		forget_ended(&tenants[i]);
	}
}

/* --- the end of processes --- */

static void check_end(const struct tenant *tenant, const struct process *process, int status)
{
	/* the library has no pool, and has said so; or vmmallocctl run has, that there is no such class */
	bool has_none;

	if (WIFSIGNALED(status) && (WTERMSIG(status) != SIGKILL || !process->killed))
		driver_violation("a process of tenant %u died of signal %d%s", tenant->lease, WTERMSIG(status),
				 WCOREDUMP(status) ? ", with a core dump" : "");
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 0 || (WEXITSTATUS(status) == STORM_EXIT_BAD && tenant->is_bad))
		return;
	has_none = WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == NO_SUCH_CLASS;
	if (has_none && !tenant->client && !tenant->has_spoken)
		figures.none++;
	else
		driver_violation("a process of tenant %u ended with status %d", tenant->lease, WEXITSTATUS(status));
}

bool tenants_reaped(pid_t pid, int status)
{
	for (size_t i = 0; i < TENANTS_MOST; i++) {
		struct tenant *tenant = &tenants[i];
		struct process *process;

		if (!tenant->lease)
			continue;
		/* its last words may be the first that were heard of it */
		listen_to(tenant);
		process = find_process(tenant, pid);
		if (!process)
			continue;
		process->reaped = true;
		check_end(tenant, process, status);
		return true;
	}
	return false;
}

/* --- starting --- */

static struct tenant *new_tenant(void)
{
	for (size_t i = 0; i < TENANTS_MOST; i++) {
		if (tenants[i].lease)
			continue;
		tenants[i] = (struct tenant){ .lease = ++last_lease, .fd = -1, .pipe = -1 };
		tenants[i].uid = driver.uids[driver_between(0, (unsigned)driver.uid_count - 1)];
		figures.started++;
		return &tenants[i];
	}
	return NULL;
}

/* `arguments` has its own report and pipe descriptors by number; they are passed on. */
static void start(struct tenant *tenant, int theirs, int pipe_end, uid_t uid, char *const arguments[])
{
	const char *release = tenant->leaves ? "0" : "never";
	pid_t pid = fork();

	if (pid < 0)
		driver_die("fork");
	if (pid == 0) {
		driver_redirect(STDERR_FILENO, "tenants.log");
		driver_become(uid);
		if (setenv("VMMALLOC_RELEASE", release, 1) == 0 && fcntl(theirs, F_SETFD, 0) == 0 &&
		    (pipe_end < 0 || fcntl(pipe_end, F_SETFD, 0) == 0))
			execv(arguments[0], arguments);
		_exit(126);
	}
	add_process(tenant, pid);
}

static int open_reports(struct tenant *tenant)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		driver_die("socketpair");
	tenant->fd = pair[0];
	return pair[1];
}

void tenants_start_client(void)
{
	char report[16], pipe_end[16], lease[16], seed[32], uid[16], bytes[32];
	char socket[DRIVER_PATH * 2], program[DRIVER_PATH * 2];
	struct tenant *tenant = new_tenant();
	const struct service_class *class = service_any_class();
	bool by_directory = driver_chance(25);
	char *arguments[] = {
		program, report, pipe_end, lease, seed, uid, socket,
		(char *)(by_directory ? class->directory : class->name), by_directory ? bytes : NULL, NULL,
	};
	int theirs, ends[2];

	if (!tenant)
		return;
	tenant->client = true;
	theirs = open_reports(tenant);
	if (pipe2(ends, O_CLOEXEC) < 0)
		driver_die("pipe");
	tenant->pipe = ends[0];
	snprintf(program, sizeof(program), "%s/client", driver.bin);
	snprintf(report, sizeof(report), "%d", theirs);
	snprintf(pipe_end, sizeof(pipe_end), "%d", ends[1]);
	snprintf(lease, sizeof(lease), "%u", tenant->lease);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)storm_random(&driver.random) | 1);
	snprintf(uid, sizeof(uid), "%u", tenant->uid);
	snprintf(socket, sizeof(socket), "%s/pool.sock", service_runtime_dir);
	snprintf(bytes, sizeof(bytes), "%u", driver_between(1, class->size_mib << 20));
	/* it becomes that user itself: the program need not be where others can reach it */
	start(tenant, theirs, ends[1], getuid(), arguments);
	close(theirs);
	close(ends[1]);
}

void tenants_start_program(void)
{
	static const char *const forks[] = { "auto", "1", "2", "3" };
	static const char *const places[] = { "--place=fill", "--place=large:16K", "--place=ratio:1:2" };
	char classes[256], report[16], lease[16], seed[32], wait[32], run[DRIVER_PATH * 2], program[DRIVER_PATH * 2];
	struct tenant *tenant = new_tenant();
	const struct service_class *class = service_any_class(), *second = service_any_class();
	bool grows = driver_chance(50), has_tiers = second != class && driver_chance(40);
	char *arguments[] = {
		run, (char *)"run", (char *)"--runtime-dir", service_runtime_dir,
		(char *)"--class", classes, (char *)"--fork", (char *)forks[driver_between(0, 3)],
		wait, (char *)(grows ? "--on-full=grow" : "--on-full=fail"),
		(char *)places[has_tiers ? driver_between(0, 2) : 0],
		(char *)"--", program, report, lease, seed, grows ? (char *)"grow" : NULL, NULL,
	};
	int theirs;

	if (!tenant)
		return;
	tenant->has_tiers = has_tiers;
	tenant->leaves = driver_chance(50);
	figures.with_tiers += has_tiers;
	theirs = open_reports(tenant);
	snprintf(classes, sizeof(classes), has_tiers ? "%s,%s" : "%s", class->name, second->name);
	snprintf(run, sizeof(run), "%s/vmmallocctl", driver.bin);
	snprintf(program, sizeof(program), "%s/program", driver.bin);
	snprintf(report, sizeof(report), "%d", theirs);
	snprintf(lease, sizeof(lease), "%u", tenant->lease);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)storm_random(&driver.random) | 1);
	snprintf(wait, sizeof(wait), "--wait=%u", driver_chance(50) ? driver_between(1, 5) : 0);
	start(tenant, theirs, -1, tenant->uid, arguments);
	close(theirs);
}

/* --- killing --- */

static void kill_process(struct process *process)
{
	process->killed = true;
	kill(process->pid, SIGKILL);
	figures.kills++;
}

void tenants_kill_one(void)
{
	struct process *living[TENANTS_MOST * PROCESSES_MOST];
	size_t count = 0;

	for (size_t i = 0; i < TENANTS_MOST; i++)
		for (size_t p = 0; tenants[i].lease && p < tenants[i].process_count; p++)
			if (!tenants[i].processes[p].reaped && !tenants[i].processes[p].killed)
				living[count++] = &tenants[i].processes[p];
	if (count > 0)
		kill_process(living[driver_between(0, (unsigned)count - 1)]);
}

void tenants_kill_all(void)
{
	for (size_t i = 0; i < TENANTS_MOST; i++)
		for (size_t p = 0; tenants[i].lease && p < tenants[i].process_count; p++)
			if (!tenants[i].processes[p].reaped && !tenants[i].processes[p].killed)
				kill_process(&tenants[i].processes[p]);
}

size_t tenants_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < TENANTS_MOST; i++)
		count += tenants[i].lease != 0;
	return count;
}

void tenants_print_figures(void)
{
	printf("tenants: %lu started, %lu of them on two tiers, %lu pools taken, %lu of them by growth, ",
	       figures.started, figures.with_tiers, figures.taken, figures.grown);
	printf("%lu times none, %lu children, %lu kills\n", figures.none, figures.children, figures.kills);
}
