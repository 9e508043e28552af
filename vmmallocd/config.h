/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config -- vmmallocd.conf and conf.d, read into a structure. vmmallocd.conf(5) describes the files.
 *
 *   [daemon]                           [pool NAME]            a class
 *   log_level = info                   directory = /mnt/pmem0     an absolute path; must be given
 *   workers = 4                        size = 1G                  of each pool; must be given
 *   runtime_dir = /run/vmmalloc        ready = 2                  pools kept ready; default 1
 *   state_dir = /var/lib/vmmalloc      max = 16                   pools in all, leased ones too; default 16
 *   punch_timeout = 10                 warm = yes                 default yes
 *   connections_per_user = 64          users = alice, 1000        who may have them; neither: everybody
 *                                      groups = pmem
 *                                      max_per_user = 4           leased at a time; 0 (default): no limit
 *                                      recycle = scrub            or destroy
 *
 * conf.d/NAME.conf files are read after the file itself, in the order of their names; a later value of [daemon] wins,
 * and a class may be described in one place only. No libuv here; it may block on the user database (NSS).
 */
#ifndef VMMALLOCD_CONFIG_H
#define VMMALLOCD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/text.h"

#define CONFIG_FILE_DEFAULT "/etc/vmmalloc/vmmallocd.conf"
#define CONFIG_RUNTIME_DIR_DEFAULT "/run/vmmalloc"
#define CONFIG_STATE_DIR_DEFAULT "/var/lib/vmmalloc"
#define CONFIG_CLASSES_MOST 64
#define CONFIG_POOLS_MOST 65536        /* `max` of one class */

enum config_recycle {
	CONFIG_RECYCLE_SCRUB,    /* punched, reserved again, warmed, ready again */
	CONFIG_RECYCLE_DESTROY,  /* removed, and a new one made */
};

/* Those of syslog(3). */
enum config_log_level { CONFIG_LOG_ERROR = 3, CONFIG_LOG_WARNING = 4, CONFIG_LOG_INFO = 6, CONFIG_LOG_DEBUG = 7 };

struct config_ids {
	uint32_t *ids;           /* uid_t or gid_t */
	size_t count;
};

struct config_class {
	char *name;              /* handout_class_name_check() */
	char *directory;         /* absolute; need not exist yet */
	uint64_t size_bytes;     /* at least VMMALLOC_MIN_POOL, whole pages */
	unsigned ready;          /* 0 to max */
	unsigned max;            /* 1 to CONFIG_POOLS_MOST */
	bool warm;
	struct config_ids users, groups;  /* both empty: everybody */
	unsigned max_per_user;   /* 0: no limit */
	enum config_recycle recycle;
	char *where;             /* "FILE:LINE" of the section, for messages */
};

struct config {
	char *runtime_dir;       /* never NULL */
	char *state_dir;         /* never NULL */
	enum config_log_level log_level;
	unsigned workers;        /* 1 to 64; default 4, or the number of processors if that is less */
	unsigned punch_timeout_s;         /* 1 to 3600; default 10: then a pool that cannot be punched is quarantined */
	unsigned connections_per_user;    /* 1 to 10000; default 64 */
	struct config_class *classes;     /* in the order of the files */
	size_t class_count;
};

/*
 * Reads `file` and, if it exists, the *.conf files in the directory conf.d beside it. A missing `file` is an error.
 * Returns 0, or -errno (-EINVAL for what is in the files), with one line in `error` that names file, line, key, value
 * and what was expected:
 *     /etc/vmmalloc/vmmallocd.conf:7: size (12Q): expected a number of bytes or one with K, M, G or T
 */
int config_read(const char *file, struct config *ret_config, struct text *error);

/* Frees what a struct config owns, and zeroes it. */
void config_done(struct config *config);

/* The class of that name, or NULL. */
const struct config_class *config_find(const struct config *config, const char *name);

/* "error", "warning", "info", "debug" or 3, 4, 6, 7. 0 or -EINVAL. */
int config_log_level_parse(const char *word, enum config_log_level *ret_level);

#endif
