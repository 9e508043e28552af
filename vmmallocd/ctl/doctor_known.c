/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor_known -- see doctor_known.h. */
#include "vmmallocd/ctl/doctor_known.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/base/paths.h"
#include "common/util/absolute_path.h"
#include "common/util/psi.h"
#include "common/util/runtime_dir.h"
#include "common/util/shell_word.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/doctor/heap.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/daemon_process.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/preload.h"

#define STATUS_MS 5000
#define CHECK_MS 5000
#define NO_POOL_THERE "/proc"

/* --- the configuration, by vmmallocd --- */

/* Where this program lies. False: it is not known without /proc, and no other place is trusted in its stead. */
static bool find_own_directory(char path[PATH_MAX])
{
	ssize_t length = readlink(DOCTOR_SELF, path, PATH_MAX - 1);

	if (length <= 0)
		return false;
	path[length] = '\0';
	dirname(path);
	return true;
}

static bool has_daemon_program(const char *directory, size_t length, const char *below, char path[PATH_MAX])
{
	int bytes = snprintf(path, PATH_MAX, "%.*s%s/vmmallocd", (int)length, directory, below);

	return length > 0 && bytes < PATH_MAX && access(path, X_OK) == 0;
}

/* Beside vmmallocctl, where it is installed, or where a shell finds it. */
static bool find_daemon_program(char path[PATH_MAX])
{
	static const char usual[] = "/usr/sbin:/sbin";
	const char *lists[] = { getenv("PATH"), usual };
	char own[PATH_MAX];

	if (find_own_directory(own) && (has_daemon_program(own, strlen(own), "", path) ||
					has_daemon_program(own, strlen(own), "/../sbin", path)))
		return true;
	for (size_t i = 0; i < 2; i++)
		for (const char *place = lists[i] ? lists[i] : ""; *place; place += strspn(place, ":")) {
			size_t length = strcspn(place, ":");

			if (has_daemon_program(place, length, "", path))
				return true;
			place += length;
		}
	return false;
}

static void say_configuration(struct findings *findings, const json_t *check)
{
	const json_t *mistake;
	size_t i;

	json_array_foreach(json_object_get(check, "mistakes"), i, mistake)
	{
		findings_add(findings, FINDING_PROBLEM, CHECK_CONFIGURATION, "edit it, and vmmallocctl reload", "%s",
			     json_string_value(mistake));
	}
	if (i == 0)
		findings_add(findings, FINDING_OK, CHECK_CONFIGURATION, NULL, "%zu classes, no mistake",
			     json_array_size(json_object_get(check, "classes")));
}

static void ask_configuration(struct doctor_known *known, const char *file, bool is_usual, struct findings *findings)
{
	char program[PATH_MAX];
	const char *const argv[] = { program, "--check", "--json", "--config", file, NULL };
	struct look_output output;
	int r;

	findings->subject = file;
	if (is_usual && access(file, F_OK) < 0 && errno == ENOENT) {
		findings_add(findings, FINDING_OK, CHECK_CONFIGURATION, NULL,
			     "there is none, and none is needed without a daemon");
		return;
	}
	if (access(file, R_OK) < 0 && errno == EACCES) {
		findings_add(findings, FINDING_NOTE, CHECK_CONFIGURATION, "run it as root", "user %u may not read it",
			     geteuid());
		return;
	}
	if (!find_daemon_program(program)) {
		findings_add(findings, FINDING_NOTE, CHECK_CONFIGURATION, "install vmmallocd",
			     "not read: vmmallocd, which does, is not found");
		return;
	}
	r = look_run(argv, environ, false, CHECK_MS, &output);
	known->check = r == 0 ? json_loadb(output.text, output.length, 0, NULL) : NULL;
	if (known->check)
		say_configuration(findings, known->check);
	else
		findings_add(findings, r == -ETIMEDOUT ? FINDING_PROBLEM : FINDING_NOTE, CHECK_CONFIGURATION,
			     r == -ETIMEDOUT ? "see what the user database (NSS) waits for"
					     : "take vmmallocd of this version",
			     r == -ETIMEDOUT ? "%s --check does not end" : "not read: %s says nothing of use", program);
}

/* --- the daemon --- */

static void say_hanging_daemon(const struct ctl *ctl, const char *path, struct findings *findings)
{
	struct daemon_process process;
	char mend[256];
	struct text words = TEXT_INIT(mend);

	daemon_process_find(ctl, &process);
	daemon_process_say_mend(&process, &words);
	if (process.is_stopped)
		findings_add(findings, FINDING_PROBLEM, CHECK_DAEMON, mend, "process %d at %s is stopped",
			     (int)process.pid, path);
	else
		findings_add(findings, FINDING_PROBLEM, CHECK_DAEMON, mend, "no answer within %d seconds at %s",
			     STATUS_MS / 1000, path);
}

static void say_no_daemon(const struct ctl *ctl, const struct doctor_known *known, const struct look_output *output,
			  struct findings *findings)
{
	bool is_configured = json_array_size(json_object_get(known->check, "classes")) > 0;
	const char *text = output->text, *plain = strstr(text, "no daemon answers");
	char path[CTL_PATH_BYTES + sizeof(RUNTIME_DIR_CONTROL_SOCKET) + 1], start[CTL_PATH_BYTES + 64];
	struct text start_words = TEXT_INIT(start);

	snprintf(path, sizeof(path), "%s/" RUNTIME_DIR_CONTROL_SOCKET, ctl->runtime_dir);
	client_say_start(ctl, &start_words);
	if (known->daemon_hangs)
		say_hanging_daemon(ctl, path, findings);
	else if (!is_configured && access(path, F_OK) < 0 && errno == ENOENT)
		findings_add(findings, FINDING_OK, CHECK_DAEMON, NULL,
			     "there is none in %s, and no class is configured", ctl->runtime_dir);
	else
		findings_add(findings, FINDING_NOTE, CHECK_DAEMON,
			     start, "%.*s", (int)strcspn(plain ? plain : text, ";\n"), plain ? plain : text);
}

static void say_daemon(const struct doctor_known *known, struct findings *findings)
{
	const json_t *daemon = json_object_get(known->status, "daemon"), *class;
	const char *version = field_text(daemon, "version"), *problem = field_text(daemon, "problem");
	size_t i;

	if (strcmp(version, VMMALLOC_VERSION) != 0)
		findings_add(findings, FINDING_NOTE, CHECK_DAEMON, "restart it: programs keep their pools",
			     "vmmallocd %s, and vmmallocctl is %s", version, VMMALLOC_VERSION);
	else
		findings_add(findings, FINDING_OK, CHECK_DAEMON, NULL, "vmmallocd %s, process %lld", version,
			     field_number(daemon, "pid"));
	if (*problem)
		findings_add(findings, FINDING_PROBLEM, CHECK_DAEMON, "vmmallocctl reload, when it is mended", "%s",
			     problem);
	json_array_foreach((json_t *)known->classes, i, class)
	{
		char subject[256];

		snprintf(subject, sizeof(subject), "class %s", field_text(class, "name"));
		findings->subject = subject;
		problem = field_text(class, "problem");
		if (*problem)
			findings_add(findings, FINDING_PROBLEM, CHECK_CLASS, "see of its directory here", "%s",
				     problem);
		else
			findings_add(findings, FINDING_OK, CHECK_CLASS, NULL, "%lld ready of %lld",
				     field_number(json_object_get(class, "counts"), "ready"),
				     field_number(class, "ready"));
	}
}

static void ask_status(const struct ctl *ctl, struct doctor_known *known, struct look_output *output)
{
	const char *const argv[] = { DOCTOR_SELF, "--runtime-dir", ctl->runtime_dir, "status", "--json", NULL };
	struct daemon_process process;
	char path[64];
	struct stat st;
	int r = look_run(argv, environ, true, STATUS_MS, output);

	known->daemon_hangs = r == -ETIMEDOUT;
	if (r < 0 || output->status != 0) {
		if (r < 0)
			snprintf(output->text, sizeof(output->text), "no daemon answers: %s", strerrordesc_np(-r));
		return;
	}
	known->status = json_loadb(output->text, output->length, 0, NULL);
	daemon_process_find(ctl, &process);
	known->daemon_pid = daemon_process_here(&process,
						field_number(json_object_get(known->status, "daemon"), "pid"));
	snprintf(path, sizeof(path), "/proc/%d", (int)known->daemon_pid);
	if (known->daemon_pid > 0 && stat(path, &st) == 0)
		known->daemon_uid = st.st_uid;
}

/* --- */

static void find_largest(struct doctor_known *known)
{
	const char *sizes = getenv(ENVIRONMENT_POOL_SIZE);
	const json_t *class;
	char size[64];
	size_t i, bytes;

	known->pool_bytes = VMMALLOC_MIN_POOL;
	for (i = 0; sizes && i < environment_items(sizes, ENVIRONMENT_TIERS_SEPARATOR); i++)
		if (environment_item(sizes, ENVIRONMENT_TIERS_SEPARATOR, i, size, sizeof(size)) &&
		    environment_pool_size(size, VMMALLOC_MIN_POOL, &bytes) == 0 && bytes > known->pool_bytes)
			known->pool_bytes = bytes;
	json_array_foreach((json_t *)known->classes, i,
			   class) if ((uint64_t)field_number(class, "size") > known->pool_bytes) known->pool_bytes =
		(uint64_t)field_number(class, "size");
}

void doctor_ask(const struct ctl *ctl, struct doctor_known *known, struct findings *findings)
{
	struct look_output output;
	const char *of_daemon, *file;

	known->daemon_uid = (uid_t)-1;
	ask_status(ctl, known, &output);
	of_daemon = field_text(json_object_get(known->status, "daemon"), "config");
	file = known->config_file ? known->config_file : *of_daemon ? of_daemon : PATHS_CONFIG_FILE;
	ask_configuration(known, file, file != known->config_file && !*of_daemon, findings);
	known->classes = json_object_get(known->status ? known->status : known->check, "classes");
	findings->subject = "daemon";
	if (known->status)
		say_daemon(known, findings);
	else
		say_no_daemon(ctl, known, &output, findings);
	find_largest(known);
}

/* --- the library --- */

static void find_own_library(struct doctor_known *known)
{
	char own[PATH_MAX];

	if (!find_own_directory(own) || preload_find(own, known->library, sizeof(known->library)) < 0)
		strcpy(known->library, PRELOAD_SONAME);
}

void doctor_ask_library(struct doctor_known *known, struct findings *findings)
{
	static const char prefix[] = "libvmmalloc ";
	struct look_output output = { .length = 0 };
	const char *said, *version;
	int r, length;

	findings->subject = "library";
	find_own_library(known);
	if (strpbrk(known->library, ENVIRONMENT_PRELOAD_SEPARATORS)) {
		findings_add(findings, FINDING_PROBLEM, CHECK_LIBRARY, "install it elsewhere",
			     "%s: LD_PRELOAD cannot name a path with a space or a colon in it", known->library);
		return;
	}
	r = heap_run(DOCTOR_SELF, known->library, NO_POOL_THERE, "dram", &output);
	said = strstr(output.text, prefix);
	if (r < 0 || !said) {
		output.text[strcspn(output.text, "\n")] = '\0';
		findings_add(findings, FINDING_PROBLEM, CHECK_LIBRARY, "install it, and run ldconfig",
			     "%s is not loaded: %s", known->library, r < 0 ? strerrordesc_np(-r) : output.text);
		return;
	}
	version = said + strlen(prefix);
	length = (int)strcspn(version, ":\n");
	if (strncmp(version, VMMALLOC_VERSION, (size_t)length) != 0 || VMMALLOC_VERSION[length] != '\0')
		findings_add(findings, FINDING_NOTE, CHECK_LIBRARY, "install both of one version",
			     "%s is of version %.*s, and vmmallocctl of %s", known->library, length, version,
			     VMMALLOC_VERSION);
	else
		findings_add(findings, FINDING_OK, CHECK_LIBRARY, NULL, "%s, version %.*s", known->library, length,
			     version);
}

void doctor_known_done(struct doctor_known *known)
{
	json_decref(known->status);
	json_decref(known->check);
}

/* --- orders --- */

/* Pools of the class that there are already: those whose memory is reserved. */
static uint64_t count_made(const json_t *class)
{
	const char *key;
	json_t *count;
	json_int_t pools = 0;

	json_object_foreach(json_object_get(class, "counts"), key, count) pools += json_integer_value(count);
	pools -= field_number(class, "cold_pools");
	return pools > 0 ? (uint64_t)pools : 0;
}

/* Only the configuration knows of it: what the daemon says of a class has nothing of mounts. */
static void find_tmpfs(const struct doctor_known *known, struct directory_order *order, const char *absolute)
{
	const json_t *class;
	size_t i;

	json_array_foreach(json_object_get(known->check, "classes"), i, class)
	{
		const char *options = field_text(class, "mount_options");

		if (!*options || json_is_true(json_object_get(class, "closed")) ||
		    strcmp(absolute, field_text(class, "directory")) != 0)
			continue;
		order->mount_options = options;
		order->tmpfs_bytes = (uint64_t)field_number(class, "tmpfs");
	}
}

static bool releases(const json_t *class)
{
	return strcmp(field_text(class, "on_memory_pressure"), "release") == 0;
}

struct directory_order doctor_directory(const struct doctor_known *known, const char *path)
{
	struct directory_order order = {
		.path = path, .daemon_uid = known->daemon_uid, .self = DOCTOR_SELF, .library = known->library
	};
	const json_t *class;
	char absolute[PATH_MAX] = "";
	size_t i;

	json_array_foreach((json_t *)known->classes, i, class)
	{
		uint64_t size = (uint64_t)field_number(class, "size");

		if (absolute_path(path, absolute, sizeof(absolute)) < 0 ||
		    strcmp(absolute, field_text(class, "directory")) != 0)
			continue;
		order.of_class = true;
		order.releases |= releases(class);
		order.pool_bytes = size > order.pool_bytes ? size : order.pool_bytes;
		order.most_bytes += size * (uint64_t)field_number(class, "max");
		order.made_bytes += size * count_made(class);
	}
	if (order.of_class)
		find_tmpfs(known, &order, absolute);
	else
		order.pool_bytes = getenv(ENVIRONMENT_POOL_SIZE) ? known->pool_bytes : VMMALLOC_MIN_POOL;
	return order;
}

/* That of the daemon that runs; else of the files; else what it is where nobody has said it. */
static unsigned find_pressure_limit(const struct doctor_known *known)
{
	const json_t *pressure = json_object_get(json_object_get(known->status, "daemon"), "memory_pressure");
	const json_t *limit = json_object_get(pressure, "limit");

	if (!json_is_number(limit))
		limit = json_object_get(known->check, "memory_pressure_limit");
	return json_is_number(limit) ? (unsigned)(json_number_value(limit) * 100 + 0.5) : PSI_WHOLE / 10;
}

struct machine_order doctor_machine(const struct doctor_known *known)
{
	struct machine_order order = {
		.pool_bytes = known->pool_bytes,
		.has_classes = json_array_size(known->classes) > 0,
		.daemon_pid = known->daemon_pid,
		.pressure_limit = find_pressure_limit(known),
	};
	const json_t *class;
	size_t i;

	json_array_foreach((json_t *)known->classes, i, class)
	{
		if (json_is_true(json_object_get(class, "warm")))
			order.warm_bytes +=
				(uint64_t)field_number(class, "size") * (uint64_t)field_number(class, "ready");
		order.releases |= releases(class);
	}
	return order;
}
