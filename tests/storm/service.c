/* SPDX-License-Identifier: BSD-3-Clause */
/* service -- the daemon of the storm: its configuration, its starts, and how it is ended. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storm/driver.h"

#define STOP_MOST_MS 20000
#define CONFIG_FILE "vmmallocd.conf"

struct service_class service_classes[SERVICE_CLASSES] = {
	{ .name = "scrub-warm", .size_mib = 16, .ready = 3, .max = 8, .warm = true },
	{ .name = "destroy-warm", .size_mib = 14, .ready = 2, .max = 6, .warm = true, .destroy = true },
	{ .name = "scrub-cold", .size_mib = 16, .ready = 3, .max = 8 },
	{ .name = "destroy-cold", .size_mib = 18, .ready = 2, .max = 6, .destroy = true },
	{ .name = "restricted", .size_mib = 15, .ready = 1, .max = 3, .warm = true, .restricted = true },
	{ .name = "made-cold", .size_mib = 17, .ready = 0, .max = 12, .max_per_process = 3 },
	{ .name = "few", .size_mib = 20, .ready = 2, .max = 4, .max_per_user = 2 },
};
char service_runtime_dir[DRIVER_PATH], service_state_dir[DRIVER_PATH];

static struct {
	pid_t pid;                 /* 0: it is not there */
	int64_t start_ms;          /* when it is started again */
	bool killed, terminated, served;
} service;
static struct {
	pid_t pid;                 /* of a vmmallocctl; 0: there is none */
	const char *verb;
} ctl;
static unsigned starts, kills, terms, reloads, prunes;

pid_t service_pid(void)
{
	return service.pid;
}

const struct service_class *service_class(const char *name)
{
	for (size_t i = 0; i < SERVICE_CLASSES; i++)
		if (strcmp(service_classes[i].name, name) == 0)
			return &service_classes[i];
	return NULL;
}

const struct service_class *service_any_class(void)
{
	return &service_classes[driver_between(0, SERVICE_CLASSES - 1)];
}

/* --- configuration --- */

static void write_class(FILE *file, const struct service_class *class)
{
	if (!class->configured)
		return;
	fprintf(file, "[pool %s]\ndirectory = %s\nsize = %uM\nready = %u\nmax = %u\nwarm = %s\nrecycle = %s\n",
		class->name, class->directory, class->size_mib, class->ready, class->max, class->warm ? "yes" : "no",
		class->destroy ? "destroy" : "scrub");
	if (class->max_per_user)
		fprintf(file, "max_per_user = %u\n", class->max_per_user);
	if (class->max_per_process)
		fprintf(file, "max_per_process = %u\n", class->max_per_process);
	if (class->restricted)
		fprintf(file, "users = %u\n", driver.uids[driver.uid_count > 1]);
}

static void write_config(void)
{
	char path[DRIVER_PATH * 2], temporary[DRIVER_PATH * 2];
	FILE *file;

	snprintf(path, sizeof(path), "%s/" CONFIG_FILE, driver.work);
	snprintf(temporary, sizeof(temporary), "%s/" CONFIG_FILE ".tmp", driver.work);
	file = fopen(temporary, "we");
	if (!file)
		driver_die(temporary);
	fprintf(file, "[daemon]\nworkers = 4\n");
	for (size_t i = 0; i < SERVICE_CLASSES; i++)
		write_class(file, &service_classes[i]);
	if (fclose(file) != 0 || rename(temporary, path) < 0)
		driver_die(path);
}

/* Another configuration: sizes, numbers, and a class that comes and goes. */
static void change_config(void)
{
	struct service_class *class = &service_classes[driver_between(0, SERVICE_CLASSES - 1)];

	switch (driver_between(0, 5)) {
	case 0: class->size_mib = driver_between(14, 20); break;
	case 1: class->ready = driver_between(1, 4); break;
	case 2: class->max = driver_between(4, 8); break;
	case 3: class->warm = !class->warm; break;
	case 4: class->destroy = !class->destroy; break;
	case 5: service_classes[3].configured = !service_classes[3].configured; break;
	}
	if (class->ready > class->max)
		class->ready = class->max;
	write_config();
}

void service_prepare(void)
{
	char one[DRIVER_PATH], two[DRIVER_PATH];
	const char *second = getenv("STORM_SECOND_DIR");

	snprintf(service_runtime_dir, sizeof(service_runtime_dir), "%s/run", driver.work);
	snprintf(service_state_dir, sizeof(service_state_dir), "%s/state", driver.work);
	snprintf(one, sizeof(one), "%s/one", driver.pools);
	snprintf(two, sizeof(two), "%s/two", second ? second : driver.pools);
	/* clients stat the directories that they ask for */
	if (mkdir(one, 0755) < 0 || mkdir(two, 0755) < 0)
		driver_die("mkdir");
	for (size_t i = 0; i < SERVICE_CLASSES; i++) {
		snprintf(service_classes[i].directory, DRIVER_PATH, "%s", i < 2 || i == 5 ? one : two);
		service_classes[i].configured = true;
	}
	write_config();
}

/* --- the process --- */

static void start(void)
{
	char program[DRIVER_PATH * 2], config[DRIVER_PATH * 2];
	pid_t pid = fork();

	if (pid < 0)
		driver_die("fork");
	if (pid == 0) {
		snprintf(program, sizeof(program), "%s/vmmallocd", driver.bin);
		snprintf(config, sizeof(config), "%s/" CONFIG_FILE, driver.work);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		driver_redirect(STDERR_FILENO, "daemon.log");
		execl(program, program, "--config", config, "--runtime-dir", service_runtime_dir,
		      "--state-dir", service_state_dir, "--log-level", "debug", NULL);
		_exit(126);
	}
	service.pid = pid;
	service.killed = service.terminated = service.served = false;
	starts++;
}

void service_keep_up(void)
{
	if (!service.pid && driver_now_ms() >= service.start_ms)
		start();
}

/* A socket that a killed daemon has left refuses. */
bool service_is_serving(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (!service.pid || service.killed || service.terminated)
		return false;
	if (service.served)
		return true;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/control.sock", service_runtime_dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	service.served = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return service.served;
}

/* Tenants are heard meanwhile: on DAX it waits for pages of theirs, which are held in pipes here. */
static void start_ctl(const char *verb)
{
	char program[DRIVER_PATH * 2];

	ctl.verb = verb;
	ctl.pid = fork();
	if (ctl.pid < 0)
		driver_die("fork");
	if (ctl.pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(program, sizeof(program), "%s/vmmallocctl", driver.bin);
	driver_redirect(STDOUT_FILENO, "ctl.log");
	driver_redirect(STDERR_FILENO, "ctl.log");
	execl(program, program, verb, "--runtime-dir", service_runtime_dir, NULL);
	_exit(126);
}

bool service_has_ctl(void)
{
	return ctl.pid != 0;
}

void service_kill(void)
{
	if (!service.pid || service.killed)
		return;
	service.killed = true;
	kill(service.pid, SIGKILL);
	kills++;
	service.start_ms = driver_now_ms() + (driver_chance(50) ? 0 : driver_between(0, 300));
}

void service_disturb(bool gently)
{
	unsigned what = driver_between(gently ? 80 : 0, 99);

	/* the daemon stays until it has answered */
	if (!service.pid || service.killed || service.terminated || ctl.pid)
		return;
	if (what < 65) {
		service_kill();
	} else if (what < 80) {
		service.terminated = true;
		service.start_ms = 0;
		kill(service.pid, SIGTERM);
		terms++;
	} else if (!service_is_serving()) {
		return;
	} else if (what < 92) {
		change_config();
		kill(service.pid, SIGHUP);
		reloads++;
	} else if (what < 96) {
		change_config();
		start_ctl("reload");
		reloads++;
	} else {
		start_ctl("prune");
		prunes++;
	}
}

bool service_reaped(pid_t pid, int status)
{
	bool expected;

	if (pid == ctl.pid) {
		if (status != 0)
			driver_violation("vmmallocctl %s: wait status 0x%x", ctl.verb, (unsigned)status);
		ctl.pid = 0;
		return true;
	}
	if (pid != service.pid)
		return false;
	expected = service.killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL :
		   service.terminated && status == 0;
	/* before it serves it may not have come to its signal handlers yet */
	expected |= service.terminated && !service.served && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
	if (!expected)
		driver_violation("the daemon has ended: wait status 0x%x%s", (unsigned)status,
				 service.terminated ? " after SIGTERM" : "");
	service.pid = 0;
	return true;
}

void service_stop(void)
{
	int64_t end_ms = driver_now_ms() + STOP_MOST_MS;
	int status;

	service.terminated = true;
	kill(service.pid, SIGTERM);
	while (waitpid(service.pid, &status, WNOHANG) == 0) {
		if (driver_now_ms() > end_ms) {
			driver_violation("the daemon does not end after SIGTERM");
			kill(service.pid, SIGKILL);
			service.killed = true;
			waitpid(service.pid, &status, 0);
			break;
		}
		usleep(5000);
	}
	(void)service_reaped(service.pid, status);
}

void service_print_figures(void)
{
	printf("daemon: %u starts, %u times SIGKILL, %u times SIGTERM, %u reloads, %u prunes\n", starts, kills, terms,
	       reloads, prunes);
}
