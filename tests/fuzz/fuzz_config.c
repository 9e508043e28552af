/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_config -- any bytes as vmmallocd.conf: mistakes in printable lines that name the file, and what is left is good
 * within the limits that config.h promises.
 */
/* objects: vmmallocd/config/ common/base/ */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/handout.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/config/ini.h"
#include "vmmallocd/config/tmpfs.h"

#define EXPECT(condition) ((condition) ? (void)0 : expectation_failed(#condition))

static void expectation_failed(const char *condition)
{
	fprintf(stderr, "fuzz_config: not true: %s\n", condition);
	abort();
}

static void check_path(const char *path)
{
	EXPECT(path && path[0] == '/');
	EXPECT(!strstr(path, "/../") && !strstr(path, "/./"));
	EXPECT(ini_is_text(path, strlen(path)));
}

static void check_tmpfs(const struct config_class *class)
{
	char bytes[CONFIG_TMPFS_OPTIONS_BYTES] = "";
	struct text options = TEXT_INIT(bytes);

	EXPECT(class->tmpfs_bytes == 0 || class->tmpfs_bytes >= VMMALLOC_MIN_POOL);
	EXPECT(class->tmpfs_bytes || (!class->nodes && !class->huge));
	EXPECT(!class->nodes || (*class->nodes && strspn(class->nodes, "0123456789,-") == strlen(class->nodes)));
	config_tmpfs_options(class, &options);
	/* none is cut off, and each is one for mount(8) */
	EXPECT(options.length < sizeof(bytes) - 1 && !strpbrk(bytes, " \t\"'\\"));
	EXPECT((options.length > 0) == (class->tmpfs_bytes > 0));
}

static void check_class(const struct config *config, const struct config_class *class)
{
	EXPECT(handout_class_name_check(class->name) == 0);
	EXPECT(config_find(config, class->name) == class);
	EXPECT(class->directory && class->where && strchr(class->where, ':'));
	EXPECT(class->problem || !class->closed);
	if (class->closed)
		return;
	check_path(class->directory);
	EXPECT(class->size_bytes >= VMMALLOC_MIN_POOL && class->size_bytes <= INT64_MAX);
	EXPECT(class->size_bytes % 4096 == 0);
	EXPECT(class->max >= 1 && class->max <= CONFIG_POOLS_MOST && class->ready <= class->max);
	EXPECT(class->max_per_user <= CONFIG_POOLS_MOST && class->max_per_process <= CONFIG_POOLS_MOST);
	check_tmpfs(class);
	EXPECT(class->recycle == CONFIG_RECYCLE_SCRUB || class->recycle == CONFIG_RECYCLE_DESTROY);
}

static void check_config(const struct config *config)
{
	enum config_log_level level;
	char digit[2] = { (char)('0' + config->log_level), '\0' };

	check_path(config->runtime_dir);
	check_path(config->state_dir);
	EXPECT(config_log_level_parse(digit, &level) == 0 && level == config->log_level);
	EXPECT(config->workers >= 1 && config->workers <= 64);
	EXPECT(config->punch_timeout_s >= 1 && config->punch_timeout_s <= 3600);
	EXPECT(config->connections_per_user >= 1 && config->connections_per_user <= 10000);
	EXPECT(config->class_count <= CONFIG_CLASSES_MOST);
	for (size_t i = 0; i < config->class_count; i++)
		check_class(config, &config->classes[i]);
}

static void check_mistakes(const struct config *config, const char *path)
{
	size_t of_classes = 0;

	for (size_t i = 0; i < config->mistake_count; i++) {
		const char *mistake = config->mistakes[i];

		EXPECT(strncmp(mistake, path, strlen(path)) == 0 && mistake[strlen(path)] == ':');
		EXPECT(strstr(mistake, "expected "));
		EXPECT(ini_is_text(mistake, strlen(mistake)));
	}
	for (size_t i = 0; i < config->class_count; i++)
		of_classes += config->classes[i].problem != NULL;
	EXPECT(of_classes <= config->mistake_count);
	EXPECT((config->mistake_count > 0) == (of_classes > 0 || config->problem));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("vmmallocd.conf", MFD_CLOEXEC);
	char path[64];
	struct config config;

	EXPECT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT(config_read(path, &config) == 0);
	close(fd);
	check_config(&config);
	check_mistakes(&config, path);
	config_done(&config);
	return 0;
}
