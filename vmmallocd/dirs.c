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

/* What a user's daemon has where the system's has another directory: see XDG Base Directory Specification. */
static int choose_in_home(const char *variable, const char *in_home, char path[PATH_MAX])
{
	const char *base = getenv(variable), *home = getenv("HOME");
	int n;

	if (base && base[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/vmmalloc", base);
	else if (home && home[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/%s/vmmalloc", home, in_home);
	else
		return -ENXIO;
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int dirs_find_user_config(char path[PATH_MAX])
{
	int r = choose_in_home("XDG_CONFIG_HOME", ".config", path);
	size_t length = r == 0 ? strlen(path) : 0;

	if (r == 0 && snprintf(path + length, PATH_MAX - length, "/vmmallocd.conf") >= (int)(PATH_MAX - length))
		r = -ENAMETOOLONG;
	return r;
}

static int copy_path(const char *from, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s", from) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* One of a user's own takes the place of the system's, unless the daemon was told that. */
static int choose_state_dir(struct dirs *dirs, const struct daemon_options *options, const char *configured)
{
	if (options->state_dir)
		return copy_path(options->state_dir, dirs->state_dir);
	if ((geteuid() == 0 && !options->is_users) || strcmp(configured, PATHS_STATE_DIR) != 0)
		return copy_path(configured, dirs->state_dir);
	return choose_in_home("XDG_STATE_HOME", ".local/state", dirs->state_dir);
}

static int choose_runtime_dir(struct dirs *dirs, const struct daemon_options *options, const char *configured)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (options->runtime_dir)
		return copy_path(options->runtime_dir, dirs->runtime_dir);
	if (strcmp(configured, PATHS_RUNTIME_DIR) != 0)
		return copy_path(configured, dirs->runtime_dir);
	if (options->is_users)
		return runtime_dir_of_user(xdg, dirs->runtime_dir, sizeof(dirs->runtime_dir));
	return runtime_dir_of_daemon(geteuid(), xdg, dirs->runtime_dir, sizeof(dirs->runtime_dir));
}

static int open_runtime_dir(struct dirs *dirs, const struct daemon_options *options, const char *configured,
			    struct log *log)
{
	char reason[LOG_LINE_BYTES] = "";
	struct text error = TEXT_INIT(reason);
	int r = choose_runtime_dir(dirs, options, configured);

	if (r < 0) {
		log_line(log, LOG_ERR, "no runtime directory: neither --runtime-dir, runtime_dir nor XDG_RUNTIME_DIR");
		return r;
	}
	r = sockets_lock(dirs->runtime_dir, &dirs->lock_fd, &error);
	if (r < 0)
		log_line(log, LOG_ERR, "%s", reason);
	return r;
}

static int make_state_dir(struct dirs *dirs, const struct daemon_options *options, const char *configured,
			  struct log *log)
{
	int r = choose_state_dir(dirs, options, configured);

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
	r = open_runtime_dir(dirs, options, config->runtime_dir, log);
	if (r == 0)
		r = make_state_dir(dirs, options, config->state_dir, log);
	return r;
}

void dirs_close(struct dirs *dirs)
{
	if (dirs->lock_fd >= 0)
		close(dirs->lock_fd);
	dirs->lock_fd = -1;
}
