/* SPDX-License-Identifier: BSD-3-Clause */
/* run_daemon -- see run_daemon.h. */
#include "vmmallocd/ctl/run_daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/base/handout.h"
#include "common/base/paths.h"
#include "common/util/absolute_path.h"
#include "common/util/cleanup.h"
#include "common/util/runtime_dir.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/filter.h"

#define SOCKET_PATH_BYTES (CTL_PATH_BYTES + sizeof(HANDOUT_SOCKET) + 1)
#define LOOK_MS 1000       /* as long as the library waits for an answer */
#define DAEMONS_MOST 2

/* The user has a daemon of his own, or may have one. */
static bool may_be_users(const struct ctl *ctl, char dir[CTL_PATH_BYTES])
{
	return !ctl->is_runtime_dir_given && geteuid() != 0 &&
	       runtime_dir_of_user(getenv("XDG_RUNTIME_DIR"), dir, CTL_PATH_BYTES) == 0;
}

/* The directories of those that will be asked. */
static size_t find_daemons(const struct ctl *ctl, char dirs[DAEMONS_MOST][CTL_PATH_BYTES])
{
	if (ctl->is_runtime_dir_given) {
		strcpy(dirs[0], ctl->runtime_dir);
		return 1;
	}

	size_t count = may_be_users(ctl, dirs[0]) ? 1 : 0;

	strcpy(dirs[count], PATHS_RUNTIME_DIR);
	return count + 1;
}

/* Then the library asks that one, and what it has is not known here. What is empty names none. */
static bool is_named_otherwise(const struct ctl *ctl)
{
	const char *socket = getenv(ENVIRONMENT_SOCKET);

	return !ctl->is_runtime_dir_given && socket && *socket && strcmp(socket, ENVIRONMENT_SOCKET_AUTO) != 0;
}

static bool is_socket_there(const char *dir, char path[SOCKET_PATH_BYTES])
{
	snprintf(path, SOCKET_PATH_BYTES, "%s/" HANDOUT_SOCKET, dir);
	return access(path, F_OK) == 0;
}

/* The program may work in another directory. */
static int name_socket(const char *path, char ret_value[PATH_MAX])
{
	int r = absolute_path(path, ret_value, PATH_MAX);

	/* a relative one may be short enough for others, but not for a program that works elsewhere */
	if (r == 0 && strlen(ret_value) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		r = -ENAMETOOLONG;
	if (r < 0)
		ctl_complain("%s: %s", path, strerror(-r));
	return r;
}

int run_daemon_socket(const struct ctl *ctl, bool has_class, char ret_value[PATH_MAX])
{
	char dirs[DAEMONS_MOST][CTL_PATH_BYTES], path[SOCKET_PATH_BYTES];
	size_t count = find_daemons(ctl, dirs);
	bool is_there = false;

	ret_value[0] = '\0';
	if (is_named_otherwise(ctl))
		return 0;
	for (size_t i = 0; i < count; i++)
		is_there = is_socket_there(dirs[i], path) || is_there;
	if (!has_class && !is_there)
		return 0;
	if (count == 1)
		return name_socket(path, ret_value);
	/* with a class that is so where nothing is said, and a library of before 1.3 takes no such word */
	if (!has_class)
		strcpy(ret_value, ENVIRONMENT_SOCKET_AUTO);
	return 0;
}

/* Adds those that are configured. False: that is not known. */
static bool add_classes(const struct ctl *ctl, const char *dir, json_t *classes, bool *answered)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	struct ctl asking = *ctl;
	json_t *class;
	size_t i;
	int r;

	strcpy(asking.runtime_dir, dir);
	asking.patience_ms = LOOK_MS;
	r = client_try(&asking, "Status", &reply);
	if (r < 0)
		return r == -ENOENT || r == -ECONNREFUSED;
	*answered = true;
	json_array_foreach(json_object_get(reply, "classes"), i, class)
		if (!json_is_false(json_object_get(class, "configured")) && json_array_append(classes, class) < 0)
			return false;
	return true;
}

/* One whose name is too long to be any is for the library to refuse. */
static bool has_classes(const json_t *classes, const char *names)
{
	size_t items = environment_items(names, ENVIRONMENT_CLASSES_SEPARATOR);
	char name[HANDOUT_CLASS_BYTES], hint[SUGGEST_BYTES];

	for (size_t i = 0; i < items; i++)
		if (environment_item(names, ENVIRONMENT_CLASSES_SEPARATOR, i, name, sizeof(name)) &&
		    !filter_has_class(classes, name, hint))
			return false;
	return true;
}

int run_daemon_check_classes(const struct ctl *ctl, const char *names)
{
	CLEANUP(json_decrefp) json_t *classes = json_array();
	char dirs[DAEMONS_MOST][CTL_PATH_BYTES], name[HANDOUT_CLASS_BYTES];
	size_t count = find_daemons(ctl, dirs), items = environment_items(names, ENVIRONMENT_CLASSES_SEPARATOR);
	bool answered = false, is_known = classes != NULL;
	int status = CTL_OK;

	if (is_named_otherwise(ctl))
		return CTL_OK;
	/* a stopped one costs time, and is not asked for what another has */
	for (size_t i = 0; i < count && is_known && !(answered && has_classes(classes, names)); i++)
		is_known = add_classes(ctl, dirs[i], classes, &answered);
	for (size_t i = 0; i < items && is_known && answered && status == CTL_OK; i++)
		if (environment_item(names, ENVIRONMENT_CLASSES_SEPARATOR, i, name, sizeof(name)))
			status = filter_check_class(classes, name);
	return status;
}
