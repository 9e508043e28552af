/* SPDX-License-Identifier: BSD-3-Clause */
/* dirs -- see dirs.h. */
#include "vmmallocd/dirs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/paths.h"
#include "common/util/runtime_dir.h"
#include "vmmallocd/base/make_dir.h"
#include "vmmallocd/sockets.h"

/* A daemon of an ordinary user has one of its own in place of the system's, unless it was told that. */
static int choose_state_dir(struct dirs *dirs, const char *dir, bool was_told)
{
	const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (geteuid() == 0 || was_told || strcmp(dir, PATHS_STATE_DIR) != 0)
		n = snprintf(dirs->state_dir, sizeof(dirs->state_dir), "%s", dir);
	else if (base && base[0] == '/')
		n = snprintf(dirs->state_dir, sizeof(dirs->state_dir), "%s/vmmalloc", base);
	else if (home && home[0] == '/')
		n = snprintf(dirs->state_dir, sizeof(dirs->state_dir), "%s/.local/state/vmmalloc", home);
	else
		return -ENXIO;
	return n < (int)sizeof(dirs->state_dir) ? 0 : -ENAMETOOLONG;
}

static int choose_runtime_dir(struct dirs *dirs, const char *dir, bool was_told)
{
	int n;

	if (!was_told && strcmp(dir, PATHS_RUNTIME_DIR) == 0)
		return runtime_dir_of_daemon(geteuid(), getenv("XDG_RUNTIME_DIR"), dirs->runtime_dir,
					     sizeof(dirs->runtime_dir));
	n = snprintf(dirs->runtime_dir, sizeof(dirs->runtime_dir), "%s", dir);
	return n < (int)sizeof(dirs->runtime_dir) ? 0 : -ENAMETOOLONG;
}

static int open_runtime_dir(struct dirs *dirs, const char *told, const char *configured, struct log *log)
{
	char reason[LOG_LINE_BYTES] = "";
	struct text error = TEXT_INIT(reason);
	int r = choose_runtime_dir(dirs, told ? told : configured, told);

	if (r < 0) {
		log_line(log, LOG_ERR, "no runtime directory: neither --runtime-dir, runtime_dir nor XDG_RUNTIME_DIR");
		return r;
	}
	r = sockets_lock(dirs->runtime_dir, &dirs->lock_fd, &error);
	if (r < 0)
		log_line(log, LOG_ERR, "%s", reason);
	return r;
}

static int make_state_dir(struct dirs *dirs, const char *told, const char *configured, struct log *log)
{
	int r = choose_state_dir(dirs, told ? told : configured, told);

	if (r == 0)
		r = make_dir(dirs->state_dir, 0700);
	if (r == -ENXIO)
		log_line(log, LOG_ERR, "no state directory: neither --state-dir, state_dir, XDG_STATE_HOME nor HOME");
	else if (r < 0)
		log_line(log, LOG_ERR, "state directory '%s': %s", dirs->state_dir, strerrordesc_np(-r));
	return r;
}

int dirs_open(struct dirs *dirs, const struct daemon_options *options, const struct config *config, struct log *log)
{
	int r;

	*dirs = (struct dirs){ .lock_fd = -1 };
	r = open_runtime_dir(dirs, options->runtime_dir, config->runtime_dir, log);
	if (r == 0)
		r = make_state_dir(dirs, options->state_dir, config->state_dir, log);
	return r;
}

void dirs_close(struct dirs *dirs)
{
	if (dirs->lock_fd >= 0)
		close(dirs->lock_fd);
	dirs->lock_fd = -1;
}
