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
 *   max_bytes_per_user = 0             groups = pmem
 *   memory_pressure_limit = 10%        max_per_user = 4           leased at a time; 0 (default): no limit
 *                                      max_per_process = 0        the same for one process
 *                                      recycle = scrub            or destroy
 *                                      cold = yes                 made when none is ready; default yes
 *                                      max_waiting = 1024         requests that wait for a pool; default 1024
 *                                      max_waiting_per_user = 256     default 256
 *                                      on_memory_pressure = keep      or release
 *                                      tmpfs = 64G                a tmpfs is mounted at `directory`, of that size
 *                                      nodes = 2,3                and has its memory of these NUMA nodes
 *                                      huge = always              or never, within_size, advise: its huge pages
 *
 * conf.d/NAME.conf files are read after the file itself, in the order of their names; a later value of [daemon] wins,
 * and a class may be described in one place only. No libuv here; it may block on the user database (NSS).
 *
 * Reading goes on after a mistake, to find them all. What is right can be used: a mistake in a class closes that class,
 * and one elsewhere leaves a default in its place. The caller decides whether to use it.
 */
#ifndef VMMALLOCD_CONFIG_CONFIG_H
#define VMMALLOCD_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/text.h"

#define CONFIG_CLASSES_MOST 64
#define CONFIG_POOLS_MOST 65536        /* `max` of one class */

#define CONFIG_ID_NOBODY UINT32_MAX     /* (uid_t)-1 and (gid_t)-1, which no process has */

enum config_recycle {
	CONFIG_RECYCLE_SCRUB,    /* punched, reserved again, warmed, ready again */
	CONFIG_RECYCLE_DESTROY,  /* removed, and a new one made */
};

/* What a class does with its ready pools while memory is short: vmmallocd/plan/pressure.h. */
enum config_on_pressure {
	CONFIG_PRESSURE_KEEP,
	CONFIG_PRESSURE_RELEASE, /* they are removed, and none is made */
};

/* What an operator has ordered for a class: vmmallocd/plan/orders.h. */
enum config_service {
	CONFIG_SERVES,
	CONFIG_DRAINED,          /* nobody gets a pool, and none is made; ready ones stay, what comes back is cleaned */
	CONFIG_DISABLED,         /* nor does it keep any: what is ready, or comes back, is removed */
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
	unsigned max_per_user, max_per_process;   /* 0: no limit */
	enum config_recycle recycle;
	bool cold;               /* a request that finds none ready gets a cold pool, made for it */
	unsigned max_waiting, max_waiting_per_user;  /* requests; 0: they are refused at once */
	enum config_on_pressure on_memory_pressure;
	uint64_t tmpfs_bytes;    /* of a tmpfs that has to be mounted at `directory` (tmpfs.h); 0: none has to */
	char *nodes, *huge;      /* of it; NULL: not said */
	char *where;             /* "FILE:LINE" of the section, for messages */
	char *problem;           /* a mistake in it, the one that closes it if one does; NULL: none */
	/* By a mistake: nobody gets its pools, and none is made; `directory` may be "", and `size_bytes` 0. A name that
	 * does not exist closes nothing: it stands for nobody. */
	bool closed;
	/* Of `users` or `groups`: a name was not found, and stands for nobody; or of `nodes`: it has no memory. */
	bool names_missing;
	/* Not of the files, but of orders. Where it is resized, `ready` and `max` are those of an order. */
	enum config_service service;
	bool resized;
	unsigned file_ready, file_max;    /* what the files say then */
};

struct config {
	char *runtime_dir;       /* never NULL */
	char *state_dir;         /* never NULL */
	enum config_log_level log_level;
	unsigned workers;        /* 1 to 64; default 4, or the number of processors if that is less */
	unsigned punch_timeout_s;         /* 1 to 3600; default 10: then a pool that cannot be punched is quarantined */
	unsigned connections_per_user;    /* 1 to 10000; default 64 */
	uint64_t max_bytes_per_user;      /* of the pools of all classes that a user has; 0 (default): no limit */
	unsigned memory_pressure_limit;   /* hundredths of a percent, 1 to 9999 (psi.h); default 1000 */
	struct config_class *classes;     /* in the order of the files */
	size_t class_count;
	char **mistakes;                  /* one line each, in the order of the files */
	size_t mistake_count;
	const char *problem;              /* the first of them that is not of a class alone; NULL: none */
	bool names_missing;               /* of some class */
	bool names_unasked;               /* it was read by config_read_alone */
};

/*
 * Reads `file` and, if it exists, the *.conf files in the directory conf.d beside it. 0, with what was wrong with them
 * in ret_config->mistakes, or -ENOMEM. That `file` is missing is a mistake. Each names file, line, key, value and what
 * was expected:
 *     /etc/vmmalloc/vmmallocd.conf:7: size (12Q): expected a number of bytes or one with K, M, G or T
 */
int config_read(const char *file, struct config *ret_config);

/*
 * The same without the user database, for who must not wait for it: every name of a user or a group stands for nobody,
 * and none is missing. What else is read, and which class is closed, is the same.
 */
int config_read_alone(const char *file, struct config *ret_config);

/* Says in one line what is wrong: a mistake, and how many others there are. */
void config_sum_up(const struct config *config, struct text *words);

/*
 * Before `config` takes the place of `old`: a class that has a mistake, and had none there, or a lesser one, stays as
 * it is in `old`, and its problem says so. What it would have been goes with `old`.
 */
void config_keep_classes(struct config *config, struct config *old);

/* Frees what a struct config owns, and zeroes it. */
void config_done(struct config *config);

/* The class of that name, or NULL. */
const struct config_class *config_find(const struct config *config, const char *name);

/* "error", "warning", "info", "debug" or 3, 4, 6, 7. 0 or -EINVAL. */
int config_log_level_parse(const char *word, enum config_log_level *ret_level);

#endif
