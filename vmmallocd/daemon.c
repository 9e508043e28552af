/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon -- see daemon.h. */
#include "vmmallocd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/handout.h"
#include "common/util/boot_id.h"
#include "common/util/runtime_dir.h"
#include "vmmallocd/base/clock.h"
#include "vmmallocd/base/log.h"
#include "vmmallocd/base/resource.h"
#include "vmmallocd/control/control.h"
#include "vmmallocd/dirs.h"
#include "vmmallocd/handout_server.h"
#include "vmmallocd/notify.h"
#include "vmmallocd/places.h"
#include "vmmallocd/pools/pools.h"
#include "vmmallocd/pools/tell.h"
#include "vmmallocd/reload.h"
#include "vmmallocd/service.h"
#include "vmmallocd/settings.h"
#include "vmmallocd/state/metrics_file.h"
#include "vmmallocd/state/registry_json.h"
#include "vmmallocd/state/registry_store.h"
#include "vmmallocd/state/saver.h"
#include "vmmallocd/sockets.h"

#define FOUND_MOST_MS 10000      /* a directory that hangs does not keep clients of the others waiting longer */
#define STATUS_MS 500
#define REGISTRY_PAUSE_MS 50     /* from a change to the file, at least */
#define DESCRIPTORS_LEAST 24     /* the loop's own, the sockets, and some for work */

struct daemon {
	const struct daemon_options *options;
	struct log log;
	struct settings settings;
	struct service service;
	struct dirs dirs;
	char problem[2 * LOG_LINE_BYTES];       /* the answer to a question */
	int pool_fd, control_fd;             /* of the service manager, until they are served; else -1 */
	bool owns_pool_socket, owns_control_socket;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint, sighup;
	uv_timer_t status_timer, found_timer;
	struct pools pools;
	struct saver *saver;
	struct metrics_file *metrics_file;
	char boot_id[BOOT_ID_TEXT_BYTES];
	struct notify *notify;
	struct places *places;
	struct handout_server *handout_server;
	struct control *control;
	struct control_backend backend;
	uint64_t started_ns;
	int64_t started_s;                   /* by clock.h */
	bool serving, stopping, failed, hangs;
};

static void stop_parts(struct daemon *daemon);

/* --- what the control interface asks --- */

static const struct config *backend_config(void *context)
{
	return &((struct daemon *)context)->settings.config;
}

/* NULL: none. */
static const char *part_problem(struct daemon *daemon, enum control_part part)
{
	switch (part) {
	case CONTROL_CONFIGURATION: return daemon->settings.problem[0] ? daemon->settings.problem : NULL;
	case CONTROL_RELOAD: return settings_reload_problem(&daemon->settings);
	case CONTROL_RESOURCES: return pools_problem(&daemon->pools);
	case CONTROL_PLACES: return places_problem(daemon->places);
	case CONTROL_REGISTRY: return saver_problem(daemon->saver);
	case CONTROL_ORDERS: return service_problem(&daemon->service);
	case CONTROL_METRICS: return metrics_file_problem(daemon->metrics_file);
	default: return NULL;
	}
}

/* All that there are; NULL: none. */
static const char *problem_of(struct daemon *daemon)
{
	struct text text = TEXT_INIT(daemon->problem);

	for (enum control_part part = 0; part < CONTROL_PARTS; part++) {
		const char *problem = part_problem(daemon, part);

		if (problem)
			text_add(&text, "%s%s", text.length ? "; " : "", problem);
	}
	return text.length ? daemon->problem : NULL;
}

static void backend_daemon_info(void *context, struct control_daemon_info *ret)
{
	struct daemon *daemon = context;
	const struct relief *relief = &daemon->pools.relief;

	*ret = (struct control_daemon_info){
		.pid = getpid(),
		.uptime_s = (uv_hrtime() - daemon->started_ns) / 1000000000,
		.config_file = daemon->options->config_file,
		.runtime_dir = daemon->dirs.runtime_dir,
		.state_dir = daemon->dirs.state_dir,
		.handed_out = daemon->pools.handed_out,
		.refused = daemon->pools.refused,
		.recycled = daemon->pools.recycled,
		.destroyed = daemon->pools.destroyed,
		.problem = problem_of(daemon),
		.has_pressure = relief->is_asked && relief->is_known, .pressure_is_high = relief->pressure.is_high,
		.pressure = relief->share, .pressure_limit = daemon->settings.config.memory_pressure_limit,
		.started_s = daemon->started_s + registry_epoch(daemon->pools.registry),
	};
}

static const struct metrics *backend_metrics(void *context)
{
	return metrics_file_shown(((struct daemon *)context)->metrics_file);
}

static bool backend_has_problem(void *context, enum control_part part)
{
	return part_problem(context, part);
}

static void backend_ask_space(void *context)
{
	pools_ask_space(&((struct daemon *)context)->pools);
}

static bool backend_space_is_coming(void *context)
{
	return pools_space_is_coming(&((struct daemon *)context)->pools);
}

static int backend_each_directory(void *context,
				  int (*visit)(void *visit_context, const struct control_directory *directory),
				  void *visit_context)
{
	const struct daemon *daemon = context;
	int r = 0;

	for (const struct served_dir *dir = daemon->pools.directories.first; dir && r == 0; dir = dir->next) {
		const bool in_service = served_dir_is_usable(dir);
		const struct control_directory directory = {
			.path = dir->path, .in_service = in_service, .has_space = in_service && dir->space.known,
			.size_bytes = dir->space.size_bytes, .free_bytes = dir->space.free_bytes,
			.inodes = dir->space.inodes, .free_inodes = dir->space.free_inodes,
		};

		if (dir->wanted)
			r = visit(visit_context, &directory);
	}
	return r;
}

static const char *backend_class_problem(void *context, const char *class_name)
{
	return pools_class_problem(&((struct daemon *)context)->pools, class_name);
}

static bool backend_class_releases(void *context, const char *class_name)
{
	const struct provision_class *class = provision_class(&((struct daemon *)context)->pools.provision, class_name);

	return class && class->releases;
}

static size_t backend_waiting(void *context, const char *class_name)
{
	return handout_server_waiting(((struct daemon *)context)->handout_server, class_name);
}

static int backend_each_waiting(void *context, uint64_t after,
				int (*visit)(void *visit_context, const struct waiting_client *client,
					     const char *class_name),
				void *visit_context)
{
	return handout_server_each_waiting(((struct daemon *)context)->handout_server, after, visit, visit_context);
}

static uint64_t backend_pool_bytes(void *context, const char *directory, uint64_t size_bytes)
{
	return pools_bytes(&((struct daemon *)context)->pools, directory, size_bytes);
}

static int backend_figures(void *context, const struct registry_pool *pool, uint64_t *ret_used, uint64_t *ret_peak)
{
	return pools_figures(&((struct daemon *)context)->pools, pool, ret_used, ret_peak);
}

static int backend_prune(void *context, bool dry_run,
			 int (*visit)(void *visit_context, const struct registry_pool *pool), void *visit_context)
{
	return pools_prune(&((struct daemon *)context)->pools, dry_run, visit, visit_context);
}

static const char *backend_not_removed(void *context, const uint8_t id[POOL_FILE_ID_BYTES], bool *ret_at_work)
{
	return pools_not_removed(&((struct daemon *)context)->pools, id, ret_at_work);
}

static uint64_t backend_reload(void *context)
{
	return settings_reload(&((struct daemon *)context)->settings, false);
}

static int backend_reload_result(void *context, uint64_t number, struct text *error)
{
	return settings_reload_result(&((struct daemon *)context)->settings, number, error);
}

static void backend_ran_out(void *context, int error)
{
	pools_short_of_descriptors(&((struct daemon *)context)->pools, error, "control socket: accept");
}

/* --- the configuration --- */

/* What is wrong with the files, in words for the service manager; "": nothing. */
static const char *mistake_of(const struct settings *settings)
{
	const char *mistake = settings->problem;

	for (size_t i = 0; *mistake == '\0' && i < settings->config.class_count; i++)
		if (settings->config.classes[i].problem)
			mistake = settings->config.classes[i].problem;
	return mistake;
}

static void tell_status(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	size_t counts[REGISTRY_STATES] = { 0 }, ready, leased;
	const char *mistake = mistake_of(&daemon->settings);
	char status[NOTIFY_STATUS_BYTES];

	for (size_t i = 0; i < daemon->pools.provision.count; i++) {
		const struct registry_class *class =
			registry_class(daemon->pools.registry, daemon->pools.provision.classes[i]->name);

		for (unsigned state = 0; class && state < REGISTRY_STATES; state++)
			counts[state] += class->counts[state];
	}
	ready = counts[REGISTRY_READY];
	leased = counts[REGISTRY_LEASED];
	snprintf(status, sizeof(status), "%zu classes; pools: %zu ready, %zu leased, %zu at work, %zu quarantined%s%s",
		 daemon->settings.config.class_count, ready, leased,
		 registry_count(daemon->pools.registry) - ready - leased - counts[REGISTRY_QUARANTINED],
		 counts[REGISTRY_QUARANTINED], *mistake ? "; " : "", mistake);
	notify_status(daemon->notify, status);
}

static void on_settings(void *context)
{
	struct daemon *daemon = context;

	service_apply(&daemon->service, true);
	pools_configure(&daemon->pools, &daemon->settings.config);
	metrics_reloaded(&daemon->pools.metrics, false);
	/* a class may have a mistake */
	tell_status(&daemon->status_timer);
}

static void on_settings_refused(void *context)
{
	metrics_reloaded(&((struct daemon *)context)->pools.metrics, true);
	tell_status(&((struct daemon *)context)->status_timer);
}

static void on_reloaded(void *context)
{
	struct daemon *daemon = context;

	char words[64];

	snprintf(words, sizeof(words), "%zu classes", daemon->settings.config.class_count);
	tell(&daemon->pools.events, &daemon->log, LOG_INFO, tell_of_class(EVENT_RELOADED, "", NULL, words),
	     "reloaded: %s", words);
}

static void on_reload_failed(void *context, const char *reason, bool log)
{
	struct daemon *daemon = context;

	tell(&daemon->pools.events, &daemon->log, log ? LOG_ERR : LOG_DEBUG,
	     tell_of_class(EVENT_RELOAD_FAILED, "", NULL, reason), "reload: %s; the configuration is what it was",
	     reason);
}

static const struct settings_events settings_events = {
	.use = on_settings,
	.refused = on_settings_refused,
	.reloaded = on_reloaded,
	.failed = on_reload_failed,
};

static void on_sighup(uv_signal_t *signal, int number)
{
	struct daemon *daemon = signal->data;

	(void)number;
	/* before that, the configuration was read a moment ago */
	if (daemon->serving)
		(void)settings_reload(&daemon->settings, true);
}

/* --- serving --- */

static int open_listening_socket(struct daemon *daemon, const char *name, int type, int *fd, bool *ret_owned)
{
	char reason[LOG_LINE_BYTES] = "";
	struct text error = TEXT_INIT(reason);
	int r;

	if (*fd >= 0)
		return fcntl(*fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	r = sockets_listen(daemon->dirs.runtime_dir, name, type, fd, &error);
	if (r == 0)
		*ret_owned = true;
	else
		log_line(&daemon->log, LOG_ERR, "%s", reason);
	return r;
}

static void listen_for_pools(void *context, int fd)
{
	handout_server_listen_on(((struct daemon *)context)->handout_server, fd);
}

static void listen_for_control(void *context, int fd)
{
	control_listen_on(((struct daemon *)context)->control, fd);
}

static int open_servers(struct daemon *daemon)
{
	int r, pool_fd = -1;

	r = open_listening_socket(daemon, HANDOUT_SOCKET, SOCK_SEQPACKET, &daemon->pool_fd, &daemon->owns_pool_socket);
	if (r == 0)
		r = open_listening_socket(daemon, RUNTIME_DIR_CONTROL_SOCKET, SOCK_STREAM, &daemon->control_fd,
				&daemon->owns_control_socket);
	if (r == 0)
		r = handout_server_open(&daemon->loop, daemon->pool_fd, &daemon->pools, &daemon->log,
					&daemon->handout_server);
	if (r == 0) {
		pool_fd = daemon->pool_fd;
		daemon->pool_fd = -1;
		r = control_open(&daemon->loop, daemon->control_fd, &daemon->backend, &daemon->control);
	}
	if (r == 0)
		r = places_open(&daemon->loop, daemon->dirs.runtime_dir, &daemon->dirs.lock_fd, &daemon->log,
				&daemon->places);
	if (r == 0) {
		places_add(daemon->places, pool_fd, HANDOUT_SOCKET, SOCK_SEQPACKET, daemon->owns_pool_socket,
			   listen_for_pools, daemon);
		places_add(daemon->places, daemon->control_fd, RUNTIME_DIR_CONTROL_SOCKET, SOCK_STREAM,
			   daemon->owns_control_socket, listen_for_control, daemon);
		daemon->control_fd = -1;
	}
	return r;
}

static void begin_serving(struct daemon *daemon)
{
	char words[64];
	int r;

	daemon->serving = true;
	(void)uv_timer_stop(&daemon->found_timer);
	daemon->backend = (struct control_backend){
		.context = daemon, .registry = daemon->pools.registry, .config = backend_config,
		.daemon_info = backend_daemon_info, .class_problem = backend_class_problem,
		.class_releases = backend_class_releases, .waiting = backend_waiting,
		.each_waiting = backend_each_waiting, .pool_bytes = backend_pool_bytes,
		.pool_figures = backend_figures, .prune = backend_prune,
		.metrics = backend_metrics, .has_problem = backend_has_problem, .ask_space = backend_ask_space,
		.space_is_coming = backend_space_is_coming, .each_directory = backend_each_directory,
		.not_removed = backend_not_removed, .reload = backend_reload,
		.reload_result = backend_reload_result, .ran_out = backend_ran_out,
		.orders = &service_orders, .orders_context = &daemon->service,
		.events = &daemon->pools.events,
	};
	r = open_servers(daemon);
	if (r < 0) {
		log_line(&daemon->log, LOG_ERR, "sockets: %s", strerrordesc_np(-r));
		daemon->failed = true;
		stop_parts(daemon);
		return;
	}
	snprintf(words, sizeof(words), "serving %zu classes", daemon->settings.config.class_count);
	tell(&daemon->pools.events, &daemon->log, LOG_INFO, tell_of_class(EVENT_STARTED, "", NULL, words), "%s in %s",
	     words, daemon->dirs.runtime_dir);
	notify_ready(daemon->notify);
}

static void on_found_too_late(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	log_line(&daemon->log, LOG_WARNING, "a pool directory does not answer; clients of the others are served");
	begin_serving(daemon);
}

static void on_pools_changed(void *context)
{
	struct daemon *daemon = context;

	if (daemon->stopping)
		return;
	if (!uv_is_active((uv_handle_t *)&daemon->status_timer))
		(void)uv_timer_start(&daemon->status_timer, tell_status, STATUS_MS, 0);
	if (!daemon->serving && pools_are_found(&daemon->pools))
		begin_serving(daemon);
	/* before the directories were looked at, the file knows more than this process does */
	if (daemon->serving)
		saver_poke(daemon->saver);
	metrics_file_poke(daemon->metrics_file);
	if (daemon->handout_server)
		handout_server_look_again(daemon->handout_server);
}

/* --- starting and ending --- */

static void on_end(uv_signal_t *signal, int number)
{
	struct daemon *daemon = signal->data;

	log_line(&daemon->log, LOG_INFO, "stopping: %s", number == SIGINT ? "SIGINT" : "SIGTERM");
	stop_parts(daemon);
}

static void stop_parts(struct daemon *daemon)
{
	uv_handle_t *handles[] = {
		(uv_handle_t *)&daemon->sigterm, (uv_handle_t *)&daemon->sigint, (uv_handle_t *)&daemon->sighup,
		(uv_handle_t *)&daemon->status_timer, (uv_handle_t *)&daemon->found_timer,
	};

	if (daemon->stopping)
		return;
	daemon->stopping = true;
	notify_stopping(daemon->notify);
	handout_server_close(daemon->handout_server);
	if (daemon->control)
		control_close(daemon->control);
	places_close(daemon->places);
	saver_stop(daemon->saver);
	metrics_file_stop(daemon->metrics_file);
	settings_close(&daemon->settings);
	service_stop(&daemon->service);
	pools_stop(&daemon->pools);
	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		uv_close(handles[i], NULL);
}

static struct registry *load_registry(struct daemon *daemon, const char *path, const char *boot_id)
{
	struct registry *registry = registry_new();
	char reason[LOG_LINE_BYTES] = "", saved_boot_id[BOOT_ID_TEXT_BYTES];
	struct text error = TEXT_INIT(reason);
	int r;

	if (!registry)
		return NULL;
	r = registry_store_load(path, registry, saved_boot_id, &error);
	if (r < 0 && r != -ENOENT)
		log_line(&daemon->log, LOG_WARNING, "registry '%s': %s; the directories say what there is", path,
			 error.length ? reason : strerrordesc_np(-r));
	/* the time of day may have been set since the last daemon asked for it */
	if (r < 0 || strcmp(saved_boot_id, boot_id) != 0 || registry_epoch(registry) == 0)
		registry_set_epoch(registry, clock_epoch());
	return registry;
}

/* Each grows with every change of its own, and so does their sum. */
static uint64_t generation_of_registry(void *context)
{
	const struct pools *pools = &((struct daemon *)context)->pools;

	return registry_generation(pools->registry) + registry_generation(pools->saved);
}

/* With the pools whose directories are not there now, which the file must not forget. */
static int take_registry(void *context, void **ret_image)
{
	struct daemon *daemon = context;
	struct registry_image *image;
	int r = registry_image_take(daemon->pools.registry, daemon->pools.saved, daemon->boot_id, &image);

	if (r == 0)
		*ret_image = image;
	return r;
}

static int make_registry_text(void *image, char **ret_text, size_t *ret_bytes)
{
	return registry_json_encode(image, ret_text, ret_bytes);
}

static void drop_registry(void *image)
{
	registry_image_free(image);
}

static int open_files(struct daemon *daemon, const char *registry_path)
{
	const struct saver_source registry = {
		.what = "registry", .pause_ms = REGISTRY_PAUSE_MS, .context = daemon,
		.generation = generation_of_registry,
		.take = take_registry, .make_text = make_registry_text, .drop = drop_registry,
	};
	int r = saver_open(&daemon->loop, &registry, registry_path, &daemon->log, &daemon->saver);

	return r < 0 ? r : metrics_file_open(&daemon->loop, daemon->dirs.state_dir, &daemon->pools.metrics,
					     &daemon->settings.config, &daemon->log, &daemon->metrics_file);
}

static int start_parts(struct daemon *daemon)
{
	char path[PATH_MAX];
	struct registry *saved;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", daemon->dirs.state_dir, REGISTRY_STORE_FILE) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = boot_id_read(daemon->boot_id);
	if (r < 0)
		return r;
	saved = load_registry(daemon, path, daemon->boot_id);
	if (!saved)
		return -ENOMEM;
	(void)uv_signal_start(&daemon->sigterm, on_end, SIGTERM);
	(void)uv_signal_start(&daemon->sigint, on_end, SIGINT);
	(void)uv_signal_start(&daemon->sighup, on_sighup, SIGHUP);
	(void)uv_timer_start(&daemon->found_timer, on_found_too_late, FOUND_MOST_MS, 0);
	r = service_open(&daemon->service, &daemon->loop, &daemon->settings, &daemon->pools,
			 daemon->dirs.state_dir);
	if (r == 0)
		r = settings_open(&daemon->settings, &daemon->loop, daemon->notify, &settings_events, daemon);
	if (r < 0)
		return r;
	service_apply(&daemon->service, false);
	r = pools_open(&daemon->pools, &daemon->loop, &daemon->log, &daemon->settings.config, saved, on_pools_changed,
		       daemon);
	if (r == 0)
		r = open_files(daemon, path);
	return r;
}

/* libuv takes its first descriptors or ends the process: so first a try. */
static int check_descriptors(struct daemon *daemon)
{
	int fds[DESCRIPTORS_LEAST], n = 0, error = 0;

	while (n < DESCRIPTORS_LEAST && error == 0) {
		int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

		if (fd >= 0)
			fds[n++] = fd;
		else
			error = errno;
	}
	while (n > 0)
		close(fds[--n]);
	/* it may have been started without a standard error */
	if (error == 0 || error == EBADF)
		return 0;
	log_line(&daemon->log, LOG_ERR, "start: %s: expected %d more", resource_reason(RESOURCE_DESCRIPTOR, error).text,
		 DESCRIPTORS_LEAST);
	return -error;
}

static int run_loop(struct daemon *daemon)
{
	uv_signal_t *signals[] = { &daemon->sigterm, &daemon->sigint, &daemon->sighup };
	int r = uv_loop_init(&daemon->loop);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		(void)uv_signal_init(&daemon->loop, signals[i]);
		signals[i]->data = daemon;
	}
	(void)uv_timer_init(&daemon->loop, &daemon->status_timer);
	(void)uv_timer_init(&daemon->loop, &daemon->found_timer);
	daemon->status_timer.data = daemon->found_timer.data = daemon;
	r = notify_open(&daemon->loop, &daemon->notify);
	if (r == 0)
		r = start_parts(daemon);
	/* what was begun is for the process's end, which is near */
	if (r < 0)
		return r;
	(void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
	if (daemon->serving)
		saver_finish(daemon->saver);
	metrics_file_finish(daemon->metrics_file);
	saver_close(daemon->saver);
	metrics_file_close(daemon->metrics_file);
	notify_close(daemon->notify);
	(void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
	daemon->hangs = settings_are_read(&daemon->settings) || pools_space_is_asked(&daemon->pools);
	pools_done(&daemon->pools);
	service_done(&daemon->service);
	return daemon->hangs ? 0 : uv_loop_close(&daemon->loop);
}

static void remove_sockets(const struct daemon *daemon)
{
	if (daemon->owns_pool_socket)
		sockets_remove(daemon->dirs.runtime_dir, HANDOUT_SOCKET);
	if (daemon->owns_control_socket)
		sockets_remove(daemon->dirs.runtime_dir, RUNTIME_DIR_CONTROL_SOCKET);
}

static int run_daemon(struct daemon *daemon)
{
	int r;

	r = check_descriptors(daemon);
	if (r == 0)
		r = dirs_open(&daemon->dirs, daemon->options, &daemon->settings.config, &daemon->log);
	if (r < 0)
		return r;
	r = run_loop(daemon);
	if (r < 0)
		log_line(&daemon->log, LOG_ERR, "start: %s", strerrordesc_np(-r));
	/* else they are another daemon's by now */
	if (sockets_lock_is_held(daemon->dirs.runtime_dir, daemon->dirs.lock_fd))
		remove_sockets(daemon);
	return r;
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int status = 1;
	bool is_service;

	if (!daemon)
		return 1;
	daemon->options = options;
	daemon->started_ns = uv_hrtime();
	daemon->started_s = clock_boot_s();
	daemon->dirs.lock_fd = daemon->pool_fd = daemon->control_fd = -1;
	log_init(&daemon->log, STDERR_FILENO, options->log_level ? options->log_level : CONFIG_LOG_INFO);
	log_use_journal(&daemon->log, LOG_JOURNAL_SOCKET);
	notify_sockets(&daemon->log, &daemon->pool_fd, &daemon->control_fd);
	is_service = daemon->pool_fd >= 0 || daemon->control_fd >= 0;
	if (settings_read(&daemon->settings, options, &daemon->log, is_service) == 0)
		status = run_daemon(daemon) < 0 || daemon->failed;
	/* in a thread that hangs: it needs the loop and the settings */
	if (daemon->hangs || settings_are_read(&daemon->settings))
		_exit(status);
	dirs_close(&daemon->dirs);
	settings_done(&daemon->settings);
	log_done(&daemon->log);
	free(daemon);
	return status;
}
