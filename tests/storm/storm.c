/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * storm -- many tenants of many kinds, killed at random, on a daemon that is killed and restarted at random. At no time
 * may a byte of one be seen by another, or a pool be two tenants'; at the end every pool is accounted for.
 *
 *     storm --bin DIR --work DIR --pools DIR [--seconds N] [--seed N]
 *
 * BIN has vmmallocd, vmmallocctl, the library, client and program; the other two are empty directories. The time is
 * spent in rounds. After each all tenants are killed, and what is left is counted. In every second round the daemon
 * stays, and is only reloaded: after such a round it must have no more descriptors and hardly more memory than before.
 * The seed is printed. The same seed makes the same decisions; when the kernel carries them out is its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/storm/driver.h"
#include "tests/storm/storm.h"

#define LONG_ROUND_MS 12000
#define CALM_PERCENT 35            /* of a pair of rounds is without the daemon's death */
#define TENANTS_AT_ONCE 14
#define REAL_AT_ONCE 3
#define END_MOST_MS 10000
#define GROWTH_MOST_KIB 16384
#define SETTLE_MS 10000              /* until the daemon has no more descriptors than before */
#define VIOLATIONS_MOST 20         /* more of the same say nothing new */

struct driver driver = { .uids = { 0, 65534, 65533, 65532 } };

int64_t driver_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

unsigned driver_between(unsigned from, unsigned to)
{
	return storm_between(&driver.random, from, to);
}

bool driver_chance(unsigned percent)
{
	return storm_chance(&driver.random, percent);
}

void driver_violation(const char *format, ...)
{
	va_list arguments;

	if (++driver.violations > VIOLATIONS_MOST)
		return;
	printf("VIOLATION: ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

void driver_die(const char *what)
{
	printf("storm: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	tenants_kill_all();
	real_kill_all();
	service_kill();
	_exit(2);
}

void driver_redirect(int fd, const char *name)
{
	char path[DRIVER_PATH * 2];
	int file;

	snprintf(path, sizeof(path), "%s/%s", driver.work, name);
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file < 0 || dup2(file, fd) < 0)
		_exit(126);
}

void driver_become(uid_t uid)
{
	if (uid != getuid() && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
		_exit(126);
}

/* Forked processes whose parents are dead come to the driver, which is their subreaper. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (service_reaped(pid, status) || real_reaped(pid, status) || tenants_reaped(pid, status))
			continue;
		/* a subshell of a real program that was killed writes to nobody */
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGPIPE)
			driver_violation("a forked process died of signal %d", WTERMSIG(status));
	}
}

/* --- a round --- */

static void start_somebody(void)
{
	unsigned what = driver_between(0, 99);

	if (what < 60)
		tenants_start_client();
	else if (what < 85)
		tenants_start_program();
	else if (real_count() < REAL_AT_ONCE)
		real_start();
}

static void blow(int64_t until_ms, bool gently)
{
	int64_t now_ms, kill_ms = 0, disturb_ms = 0, start_ms = 0;

	while ((now_ms = driver_now_ms()) < until_ms && driver.violations == 0) {
		tenants_listen(2);
		reap();
		pins_check(false);
		service_keep_up();
		if (now_ms >= start_ms && tenants_count() < TENANTS_AT_ONCE) {
			start_somebody();
			start_ms = now_ms + driver_between(0, 12);
		}
		if (now_ms >= kill_ms) {
			if (kill_ms)
				driver_chance(85) ? tenants_kill_one() : real_kill_one();
			kill_ms = now_ms + driver_between(1, 60);
		}
		if (now_ms >= disturb_ms) {
			if (disturb_ms)
				service_disturb(gently);
			/* often while it is not yet done with its start */
			disturb_ms = now_ms + (driver_chance(40) ? driver_between(5, 200) : driver_between(200, 2500));
		}
	}
}

/* Kills all tenants, and waits until they are gone, and until vmmallocctl has its answer. */
static void end_tenants(void)
{
	int64_t end_ms = driver_now_ms() + END_MOST_MS;

	do {
		/* some are heard of only now */
		tenants_kill_all();
		real_kill_all();
		tenants_listen(5);
		reap();
		pins_check(false);
	} while ((tenants_count() + real_count() > 0 || service_has_ctl()) && driver_now_ms() < end_ms);
	if (tenants_count() + real_count() > 0)
		driver_violation("%zu tenants do not end", tenants_count() + real_count());
	pins_check(true);
}

static void wait_until_serving(void)
{
	int64_t end_ms = driver_now_ms() + END_MOST_MS;

	while (!service_is_serving() && driver_now_ms() < end_ms) {
		service_keep_up();
		reap();
		usleep(5000);
	}
	if (!service_is_serving())
		driver_violation("the daemon does not serve");
}

/* A client that was killed a moment ago may still be connected. */
static void measure_afterwards(size_t most_descriptors, size_t *ret_descriptors, size_t *ret_resident_kib)
{
	int64_t end_ms = driver_now_ms() + SETTLE_MS;

	account_measure(ret_descriptors, ret_resident_kib);
	while (*ret_descriptors > most_descriptors && driver_now_ms() < end_ms) {
		service_keep_up();
		reap();
		usleep(50000);
		account_measure(ret_descriptors, ret_resident_kib);
	}
}

static void run_round(unsigned number, int64_t ms, bool gently)
{
	size_t descriptors = 0, resident_kib = 0, descriptors_then, resident_then_kib;

	printf("round %u: %lld ms, the daemon %s\n", number, (long long)ms, gently ? "stays" : "is killed");
	if (gently)
		account_measure(&descriptors, &resident_kib);
	blow(driver_now_ms() + ms, gently);
	end_tenants();
	wait_until_serving();
	if (driver.violations == 0)
		(void)account_settle();
	if (!gently || driver.violations > 0)
		return;
	measure_afterwards(descriptors, &descriptors_then, &resident_then_kib);
	printf("daemon: %zu descriptors, then %zu; %zu KiB resident, then %zu\n", descriptors, descriptors_then,
	       resident_kib, resident_then_kib);
	if (descriptors_then > descriptors)
		driver_violation("the daemon has more descriptors than before");
	if (resident_then_kib > resident_kib + GROWTH_MOST_KIB)
		driver_violation("the daemon has more memory than before");
}

static void run(int64_t ms)
{
	int64_t end_ms = driver_now_ms() + ms, pair_ms;
	unsigned rounds = ms > 2 * LONG_ROUND_MS ? (unsigned)(ms / (2 * LONG_ROUND_MS)) : 1;

	pair_ms = ms / rounds;
	for (unsigned number = 1; driver.violations == 0 && (number == 1 || driver_now_ms() < end_ms); number += 2) {
		run_round(number, pair_ms * (100 - CALM_PERCENT) / 100, false);
		if (driver.violations == 0)
			run_round(number + 1, pair_ms * CALM_PERCENT / 100, true);
	}
}

static void prepare(void)
{
	/* others have to reach the sockets and the programs */
	if (chmod(driver.work, 0711) < 0 || chmod(driver.pools, 0755) < 0)
		driver_die("chmod");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		driver_die("prctl");
	signal(SIGPIPE, SIG_IGN);
	driver.uid_count = getuid() == 0 ? DRIVER_UIDS : 1;
	if (getuid() != 0)
		driver.uids[0] = getuid();
	driver.random = driver.seed * 0x9e3779b97f4a7c15ull | 1;
	service_prepare();
	real_prepare();
}

static uint64_t clock_seed(void)
{
	return (uint64_t)time(NULL) * 1000003 % 1000000007 + (uint64_t)getpid();
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "bin", required_argument, NULL, 'b' }, { "work", required_argument, NULL, 'w' },
		{ "pools", required_argument, NULL, 'p' }, { "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' }, { 0 },
	};
	int64_t seconds = 20;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'b': driver.bin = optarg; break;
		case 'w': driver.work = optarg; break;
		case 'p': driver.pools = optarg; break;
		case 's': seconds = strtoll(optarg, NULL, 10); break;
		case 'r': driver.seed = strtoull(optarg, NULL, 10); break;
		default: return 2;
		}
	}
	if (!driver.bin || !driver.work || !driver.pools || optind < argc)
		return 2;
	if (driver.seed == 0)
		driver.seed = clock_seed();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("storm: seed %llu, %lld s\n", (unsigned long long)driver.seed, (long long)seconds);
	prepare();
	run(seconds * 1000);
	if (driver.violations == 0) {
		service_stop();
		account_leftovers();
	}
	service_kill();
	tenants_print_figures();
	pins_print_figures();
	real_print_figures();
	service_print_figures();
	if (driver.violations > 0)
		printf("%u violations; the seed was %llu\n", driver.violations, (unsigned long long)driver.seed);
	return driver.violations > 0;
}
