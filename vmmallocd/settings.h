/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * settings -- the configuration that is in use, whether it is what the files say, and how another comes into use.
 *
 *     settings_reload --> reload.h (a thread reads) --> right: in use, and `use` is called
 *                                                  |--> wrong in classes: the same, but those stay as they were
 *                                                  \--> wrong: `refused` and `failed` are called, and nothing changes
 *
 * The service manager is told that the daemon reloads with each request, and that it is ready after the last of them.
 */
#ifndef VMMALLOCD_SETTINGS_H
#define VMMALLOCD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/daemon.h"
#include "vmmallocd/notify.h"
#include "vmmallocd/reload.h"

/*
 * Whoever waits for a reload looks now and then whether it is done. By then the next one may be, and may have ended
 * otherwise: so many are remembered.
 */
#define SETTINGS_RESULTS 8

/* Both are called in the loop. */
struct settings_events {
	/* settings->config is another. The one before lasts until this returns. */
	void (*use)(void *context);
	/* What was read has mistakes, and settings->problem says so. */
	void (*refused)(void *context);
	/*
	 * A request was carried out: the configuration is in use; or, for that reason, it is what it was. `log`: nobody
	 * else can be told.
	 */
	void (*reloaded)(void *context);
	void (*failed)(void *context, const char *reason, bool log);
};

/* What became of the requests of one reading. */
struct settings_result {
	uint64_t number;                 /* of the last of them; 0: none is kept here */
	int result;                      /* 0 or -errno */
	bool is_in_use;                  /* but for classes */
	char error[LOG_LINE_BYTES];      /* "": it went well */
};

struct settings {
	struct config config;
	char problem[LOG_LINE_BYTES];    /* why it is not what the files say; "": it is */
	/* the module's own */
	const struct daemon_options *options;
	struct log *log;
	struct notify *notify;
	const struct settings_events *events;
	void *context;
	char *first_runtime_dir, *first_state_dir;   /* of the configuration at the start: those in use */
	struct reload *reload;
	struct settings_result results[SETTINGS_RESULTS];   /* of the last readings */
	size_t readings;                             /* so far (count): the next one's result is kept at this, modulo */
	bool reloading;                              /* somebody waits for it */
	bool reload_is_logged;                       /* nobody else can be told how it ends */
};

/*
 * Reads the files at the start, and logs all mistakes. `is_service`: a service manager has started the daemon.
 * `options` and `log`, which gets its level, must last as long as the settings. 0; -EINVAL: do not start; -ENOMEM.
 */
int settings_read(struct settings *settings, const struct daemon_options *options, struct log *log, bool is_service);

/* From now on they are read again while names are missing, and when they are asked for. 0 or -ENOMEM. */
int settings_open(struct settings *settings, uv_loop_t *loop, struct notify *notify,
		  const struct settings_events *events, void *context);

/* Begins a reload. `log`: if it fails that is logged. Returns its number. */
uint64_t settings_reload(struct settings *settings, bool log);
/*
 * What became of it. 0: it is in use; -EINPROGRESS: it is not read yet; -errno: the configuration is what it was, or
 * some of its classes are. But for 0, with one line in `error`.
 */
int settings_reload_result(const struct settings *settings, uint64_t number, struct text *error);
/* A reload hangs; NULL: none does. */
const char *settings_reload_problem(const struct settings *settings);

/* Reads no more, and calls no more events. */
void settings_close(struct settings *settings);
/* After that, when the loop has ended: whether a thread still reads, and needs all of it, and the loop. */
bool settings_are_read(const struct settings *settings);
void settings_done(struct settings *settings);

#endif
