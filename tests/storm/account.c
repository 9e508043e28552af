/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * account -- when all tenants are dead, every pool has to be somewhere, and in order.
 *
 * Three say what there is: `vmmallocctl list --json`, the directories, registry.json. All must say the same, and that
 * it is what the configuration wants. The daemon needs some time for that; it has it until the deadline, and what was
 * still wrong then is the violation.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/storm/driver.h"
#include "tests/storm/storm.h"
#include "vmmallocd/files/pool_dir.h"
#include "vmmallocd/plan/provision.h"

/* Below the time in which the daemon looks after each lease without an event: a pool that waits for that was missed. */
#define SETTLE_MOST_MS 25000
/* A pool of which a page was held, on DAX, is tried again so much later; everything else is waited for from then on. */
#define QUARANTINE_MOST_MS PROVISION_PUNCH_PAUSE_MS
#define POLL_US 30000

static char wrong[1024];

/* What is wrong at this moment. -1 */
__attribute__((format(printf, 1, 2))) static int say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(wrong, sizeof(wrong), format, arguments);
	va_end(arguments);
	return -1;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* --- what the daemon says --- */

static json_t *ask_list(void)
{
	char command[DRIVER_PATH * 3];
	json_t *reply;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "'%s/vmmallocctl' list --json --runtime-dir '%s' 2>&1", driver.bin,
		 service_runtime_dir);
	pipe = popen(command, "re");
	if (!pipe)
		driver_die("popen");
	reply = json_loadf(pipe, 0, NULL);
	status = pclose(pipe);
	if (!reply || status != 0) {
		json_decref(reply);
		(void)say("vmmallocctl list --json: wait status 0x%x", (unsigned)status);
		return NULL;
	}
	return reply;
}

static int check_pool(const json_t *pool)
{
	const struct service_class *class = service_class(text_of(pool, "class"));
	const char *id = text_of(pool, "id"), *path = text_of(pool, "path"), *state = text_of(pool, "state");
	json_int_t size = json_integer_value(json_object_get(pool, "size"));
	char expected[DRIVER_PATH * 2];
	struct stat st;

	if (strcmp(state, "ready") != 0)
		return say("pool %s of '%s' is %s", id, text_of(pool, "class"), state);
	if (!class || !class->configured)
		return say("pool %s is of '%s', which is not configured", id, text_of(pool, "class"));
	if (size != (json_int_t)class->size_mib << 20)
		return say("pool %s of '%s' has %lld bytes", id, class->name, (long long)size);
	snprintf(expected, sizeof(expected), "%s/vmmalloc-%s.ready", class->directory, id);
	if (strcmp(path, expected) != 0)
		return say("pool %s is at %s", id, path);
	if (lstat(path, &st) < 0)
		return say("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & 07777) != 0600 || st.st_nlink != 1 || st.st_size != size ||
	    st.st_uid != geteuid() || (json_int_t)st.st_blocks * 512 < size)
		return say("%s: mode %o, %u links, %lld bytes, %lld blocks, uid %u", path, st.st_mode,
			   (unsigned)st.st_nlink, (long long)st.st_size, (long long)st.st_blocks, st.st_uid);
	return 0;
}

static int check_numbers(const json_t *pools)
{
	for (size_t i = 0; i < SERVICE_CLASSES; i++) {
		const struct service_class *class = &service_classes[i];
		size_t count = 0, at;
		json_t *pool;

		json_array_foreach(pools, at, pool)
			count += strcmp(text_of(pool, "class"), class->name) == 0;
		if (class->configured && (count < class->ready || count > class->max))
			return say("class '%s' has %zu pools, not %u to %u", class->name, count, class->ready,
				   class->max);
	}
	return 0;
}

/* --- what lies there --- */

static bool is_listed(const json_t *pools, const char *directory, const char *name)
{
	char path[DRIVER_PATH * 3];
	size_t at;
	json_t *pool;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	json_array_foreach(pools, at, pool)
		if (strcmp(text_of(pool, "path"), path) == 0)
			return true;
	return false;
}

/* Beside the pools only the lock that keeps another daemon out: empty, and for nobody else to open. */
static bool is_lock(DIR *dir, const char *name)
{
	struct stat st;

	return strcmp(name, POOL_DIR_LOCK_FILE) == 0 && fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_mode == (S_IFREG | 0600) && st.st_size == 0 && st.st_uid == geteuid();
}

static int check_directory(const json_t *pools, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		driver_die(path);
	while (r == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    !is_lock(dir, entry->d_name) && !is_listed(pools, path, entry->d_name))
			r = say("%s/%s is there, and not in the list", path, entry->d_name);
	closedir(dir);
	return r;
}

static const json_t *find_id(const json_t *pools, const char *id)
{
	size_t at;
	json_t *pool;

	json_array_foreach(pools, at, pool)
		if (strcmp(text_of(pool, "id"), id) == 0)
			return pool;
	return NULL;
}

static int compare_registry(const json_t *pools, const json_t *registry)
{
	const json_t *saved = json_object_get(registry, "pools");
	size_t at;
	json_t *pool;

	if (json_array_size(saved) != json_array_size(pools))
		return say("registry.json has %zu pools, the list %zu", json_array_size(saved), json_array_size(pools));
	json_array_foreach(pools, at, pool) {
		const json_t *entry = find_id(saved, text_of(pool, "id"));
		char ino[32] = "";
		struct stat st;

		if (stat(text_of(pool, "path"), &st) == 0)
			snprintf(ino, sizeof(ino), "%llu", (unsigned long long)st.st_ino);
		if (!entry || strcmp(text_of(entry, "state"), text_of(pool, "state")) != 0 ||
		    strcmp(text_of(entry, "class"), text_of(pool, "class")) != 0 ||
		    strcmp(text_of(entry, "ino"), ino) != 0)
			return say("registry.json has pool %s otherwise, or not at all", text_of(pool, "id"));
	}
	return 0;
}

static int check_registry(const json_t *pools)
{
	char path[DRIVER_PATH * 2];
	json_t *registry;
	int r;

	snprintf(path, sizeof(path), "%s/registry.json", service_state_dir);
	registry = json_load_file(path, 0, NULL);
	if (!registry)
		return say("%s cannot be read", path);
	r = compare_registry(pools, registry);
	json_decref(registry);
	return r;
}

static int check_all(const json_t *pools)
{
	size_t at;
	json_t *pool;
	int r = 0;

	json_array_foreach(pools, at, pool)
		if ((r = check_pool(pool)) != 0)
			return r;
	if ((r = check_numbers(pools)) != 0 || (r = check_directory(pools, service_classes[0].directory)) != 0 ||
	    (r = check_directory(pools, service_classes[2].directory)) != 0)
		return r;
	return check_registry(pools);
}

/* --- the bytes of ready pools --- */

static void check_zero(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const uint64_t *words;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		driver_die(path);
	words = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (words == MAP_FAILED)
		driver_die(path);
	for (size_t at = STORM_PAGE / 8; at < (size_t)st.st_size / 8; at++) {
		if (words[at] == 0)
			continue;
		driver_violation("%s is ready and has 0x%016llx at %zu", path, (unsigned long long)words[at], at * 8);
		break;
	}
	munmap((void *)words, (size_t)st.st_size);
	close(fd);
}

static bool have_quarantined(const json_t *pools)
{
	size_t at;
	json_t *pool;

	json_array_foreach(pools, at, pool)
		if (strcmp(text_of(pool, "state"), "quarantined") == 0)
			return true;
	return false;
}

int account_settle(void)
{
	const int64_t start_ms = driver_now_ms();
	int64_t from_ms = start_ms;
	json_t *reply = NULL, *pools, *pool;
	size_t at;

	wrong[0] = '\0';
	do {
		service_keep_up();
		json_decref(reply);
		reply = ask_list();
		pools = json_object_get(reply, "pools");
		if (reply && check_all(pools) == 0) {
			json_array_foreach(pools, at, pool)
				check_zero(text_of(pool, "path"));
			printf("accounted for: %zu pools, after %lld ms; the last to wait for: %s\n",
			       json_array_size(pools), (long long)(driver_now_ms() - start_ms),
			       wrong[0] ? wrong : "nothing");
			json_decref(reply);
			return 0;
		}
		if (have_quarantined(pools) && driver_now_ms() - start_ms < QUARANTINE_MOST_MS)
			from_ms = driver_now_ms();
		usleep(POLL_US);
	} while (driver_now_ms() - from_ms < SETTLE_MOST_MS);
	json_decref(reply);
	driver_violation("not in order after %lld ms: %s", (long long)(driver_now_ms() - start_ms), wrong);
	return -1;
}

/* --- the daemon itself --- */

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	if (!dir)
		driver_die(path);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

void account_measure(size_t *ret_descriptors, size_t *ret_resident_kib)
{
	char path[64], line[256];
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)service_pid());
	*ret_descriptors = count_entries(path);
	*ret_resident_kib = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)service_pid());
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		(void)sscanf(line, "VmRSS: %zu", ret_resident_kib);
	if (!status || *ret_resident_kib == 0)
		driver_die(path);
	fclose(status);
}

void account_leftovers(void)
{
	char path[DRIVER_PATH * 2];

	snprintf(path, sizeof(path), "%s/pool.sock", service_runtime_dir);
	if (access(path, F_OK) == 0)
		driver_violation("%s is left", path);
	snprintf(path, sizeof(path), "%s/control.sock", service_runtime_dir);
	if (access(path, F_OK) == 0)
		driver_violation("%s is left", path);
	snprintf(path, sizeof(path), "%s/metrics.json", service_state_dir);
	if (access(path, F_OK) < 0)
		driver_violation("%s is not there", path);
	if (count_entries(service_state_dir) != 2)
		driver_violation("%s has more than the registry and the metrics", service_state_dir);
	snprintf(path, sizeof(path), "%s/own", driver.pools);
	if (count_entries(path) != 0)
		driver_violation("%s is not empty", path);
}
