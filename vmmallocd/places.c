/* SPDX-License-Identifier: BSD-3-Clause */
/* places -- see places.h. */
#include "vmmallocd/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmmallocd/sockets.h"

#define LOOK_MS 1000
#define SOCKETS_MOST 2

struct place {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	const char *name;
	int type;
	bool owned;
	dev_t dev;
	ino_t ino;
	void (*listen_on)(void *server, int fd);
	void *server;
};

struct places {
	uv_timer_t timer;
	const char *runtime_dir;
	int *lock_fd;
	struct log *log;
	struct place sockets[SOCKETS_MOST];
	size_t count;
	char problem[LOG_LINE_BYTES];
};

/* Before the sockets: another daemon may be there by now. */
static bool keep_runtime_lock(struct places *places, struct text *problem)
{
	int fd;

	if (sockets_lock_is_held(places->runtime_dir, *places->lock_fd))
		return true;
	if (sockets_lock(places->runtime_dir, &fd, problem) < 0)
		return false;
	close(*places->lock_fd);
	*places->lock_fd = fd;
	log_line(places->log, LOG_WARNING, "runtime directory '%s': its lock was removed or replaced; made again",
		 places->runtime_dir);
	return true;
}

/* What is at the path is what clients reach. */
static void note(struct place *place)
{
	struct stat st;

	if (lstat(place->path, &st) != 0)
		memset(&st, 0, sizeof(st));
	place->dev = st.st_dev;
	place->ino = st.st_ino;
}

static bool is_there(const struct place *place)
{
	struct stat st;

	return lstat(place->path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == place->dev &&
	       st.st_ino == place->ino;
}

static void keep_socket(struct places *places, struct place *place, struct text *problem)
{
	int fd;

	if (is_there(place))
		return;
	if (!place->owned) {
		text_add(problem,
			 "socket '%s': removed or replaced; whoever made it, as vmmallocd.socket, must do so again",
			 place->path);
		return;
	}
	if (sockets_listen(places->runtime_dir, place->name, place->type, &fd, problem) < 0)
		return;
	place->listen_on(place->server, fd);
	note(place);
	log_line(places->log, LOG_WARNING, "socket '%s': removed or replaced; made again", place->path);
}

static void look(uv_timer_t *timer)
{
	struct places *places = timer->data;
	char words[LOG_LINE_BYTES] = "";
	struct text problem = TEXT_INIT(words);

	/* one trouble at a time */
	if (keep_runtime_lock(places, &problem))
		for (size_t i = 0; i < places->count && words[0] == '\0'; i++)
			keep_socket(places, &places->sockets[i], &problem);
	if (strcmp(words, places->problem) == 0)
		return;
	if (words[0] != '\0')
		log_line(places->log, LOG_WARNING, "%s", words);
	else
		log_line(places->log, LOG_INFO, "over: %s", places->problem);
	memcpy(places->problem, words, sizeof(words));
}

int places_open(uv_loop_t *loop, const char *runtime_dir, int *lock_fd, struct log *log, struct places **ret_places)
{
	struct places *places = calloc(1, sizeof(*places));

	if (!places)
		return -ENOMEM;
	places->runtime_dir = runtime_dir;
	places->lock_fd = lock_fd;
	places->log = log;
	(void)uv_timer_init(loop, &places->timer);
	places->timer.data = places;
	(void)uv_timer_start(&places->timer, look, LOOK_MS, LOOK_MS);
	*ret_places = places;
	return 0;
}

static void free_places(uv_handle_t *handle)
{
	free(handle->data);
}

void places_close(struct places *places)
{
	if (places)
		uv_close((uv_handle_t *)&places->timer, free_places);
}

void places_add(struct places *places, int fd, const char *name, int type, bool owned,
		void (*listen_on)(void *server, int fd), void *server)
{
	struct place *place = &places->sockets[places->count];
	struct sockaddr_un address = { 0 };
	socklen_t length = sizeof(address);

	*place = (struct place){
		.name = name, .type = type, .owned = owned, .listen_on = listen_on, .server = server,
	};
	if (owned)
		snprintf(place->path, sizeof(place->path), "%s/%s", places->runtime_dir, name);
	else if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
		memcpy(place->path, address.sun_path, sizeof(address.sun_path));
	/* an abstract one, or one that this process sees by no name, cannot be looked for */
	note(place);
	if (place->ino != 0)
		places->count++;
}

const char *places_problem(const struct places *places)
{
	return places && places->problem[0] != '\0' ? places->problem : NULL;
}
