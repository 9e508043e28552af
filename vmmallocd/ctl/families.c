/* SPDX-License-Identifier: BSD-3-Clause */
/* families -- see families.h. */
#include "vmmallocd/ctl/families.h"

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"

/* Where the values of a family are. */
enum place {
	PLACE_DAEMON,          /* daemon.KEY */
	PLACE_DAEMON_EACH,     /* daemon.KEY: a value for each word */
	PLACE_CLASS,           /* classes[].KEY */
	PLACE_CLASS_EACH,      /* classes[].KEY: a value for each word */
	PLACE_COUNTED,         /* classes[].counted.KEY */
	PLACE_HISTOGRAM,       /* the same: a histogram */
	PLACE_USER,            /* users[].KEY */
	PLACE_DIRECTORY,       /* directories[].KEY */
	PLACE_UP,              /* and others that are in several places */
	PLACE_BUILD,
	PLACE_RELOADS,
	PLACE_CLASS_INFO,
	PLACE_HANDOUTS,
	PLACE_REFUSED,
};

static const struct family {
	struct exposition_family head;
	enum place place;
	const char *key;
	const char *word_label;    /* whose text is the word */
} families[] = {
	{ { "vmmalloc_up", "gauge", NULL, "Whether the daemon has answered." }, PLACE_UP, NULL, NULL },
	{ { "vmmalloc_build", "info", NULL, "The daemon's version." }, PLACE_BUILD, NULL, NULL },
	{ { "vmmalloc_start_time_seconds", "gauge", "seconds", "When the daemon was started, since 1970." },
	  PLACE_DAEMON, "start_time", NULL },
	{ { "vmmalloc_problem", "gauge", NULL, "Whether that part of the daemon has a problem." },
	  PLACE_DAEMON_EACH, "problems", "part" },
	{ { "vmmalloc_memory_pressure_ratio", "gauge", "ratio",
	    "Of the last ten seconds, in which a task waited for memory; if a class asks for it." },
	  PLACE_DAEMON, "memory_pressure", NULL },
	{ { "vmmalloc_config_reloads", "counter", NULL, "Times that the configuration was read again." },
	  PLACE_RELOADS, NULL, NULL },

	{ { "vmmalloc_class", "info", NULL, "The directory of a class." }, PLACE_CLASS_INFO, NULL, NULL },
	{ { "vmmalloc_class_configured", "gauge", NULL, "Whether the class is configured, or only has pools left." },
	  PLACE_CLASS, "configured", NULL },
	{ { "vmmalloc_class_serves", "gauge", NULL, "Whether it hands out pools; 0: it is drained or disabled." },
	  PLACE_CLASS, "serves", NULL },
	{ { "vmmalloc_class_releases", "gauge", NULL, "Whether it gives back its ready pools, as memory is short." },
	  PLACE_CLASS, "releases", NULL },
	{ { "vmmalloc_class_problem", "gauge", NULL, "Whether something keeps the class from what it should have." },
	  PLACE_CLASS, "problem", NULL },
	{ { "vmmalloc_class_pool_size_bytes", "gauge", "bytes", "Size of a pool, as configured." },
	  PLACE_CLASS, "size", NULL },
	{ { "vmmalloc_class_ready_wanted_pools", "gauge", NULL, "Pools that should be ready, as configured." },
	  PLACE_CLASS, "ready", NULL },
	{ { "vmmalloc_class_limit_pools", "gauge", NULL, "Pools that there may be, as configured." },
	  PLACE_CLASS, "max", NULL },
	{ { "vmmalloc_pools", "gauge", NULL, "Pools by their state." }, PLACE_CLASS_EACH, "counts", "state" },
	{ { "vmmalloc_cold_pools", "gauge", NULL, "Cold pools by their state; they are in vmmalloc_pools, too." },
	  PLACE_CLASS_EACH, "cold", "state" },
	{ { "vmmalloc_pool_bytes", "gauge", "bytes", "Size of all pools by their state." },
	  PLACE_CLASS_EACH, "bytes", "state" },
	{ { "vmmalloc_used_bytes", "gauge", "bytes", "In use of leased pools, as their owners say." },
	  PLACE_CLASS, "used", NULL },
	{ { "vmmalloc_peak_used_bytes", "gauge", "bytes", "Sum of the most that was in use of each leased pool." },
	  PLACE_CLASS, "peak", NULL },
	{ { "vmmalloc_waiting_requests", "gauge", NULL, "Requests that wait for a pool." },
	  PLACE_CLASS, "waiting", NULL },

	{ { "vmmalloc_handouts", "counter", NULL, "Pools that were handed out." }, PLACE_HANDOUTS, NULL, NULL },
	{ { "vmmalloc_refused_requests", "counter", NULL, "Requests that were refused. No class: they name none." },
	  PLACE_REFUSED, NULL, NULL },
	{ { "vmmalloc_handout_seconds", "histogram", "seconds",
	    "From a request to its pool, where one was there or was made at once." },
	  PLACE_HISTOGRAM, "handout", NULL },
	{ { "vmmalloc_handout_wait_seconds", "histogram", "seconds",
	    "From a request to its pool, where the request waited." },
	  PLACE_HISTOGRAM, "wait", NULL },
	{ { "vmmalloc_warm_seconds", "histogram", "seconds", "Time that it took to lay out the memory of a pool." },
	  PLACE_HISTOGRAM, "warm", NULL },
	{ { "vmmalloc_created_pools", "counter", NULL, "Pools that were made." }, PLACE_COUNTED, "created", NULL },
	{ { "vmmalloc_failed_creations", "counter", NULL, "Pools that could not be made or warmed." },
	  PLACE_COUNTED, "create_failed", NULL },
	{ { "vmmalloc_recycled_pools", "counter", NULL, "Pools that were emptied, to be used again." },
	  PLACE_COUNTED, "recycled", NULL },
	{ { "vmmalloc_destroyed_pools", "counter", NULL, "Pools that were removed." },
	  PLACE_COUNTED, "destroyed", NULL },
	{ { "vmmalloc_quarantined_pools", "counter", NULL, "Pools of which a page was still held." },
	  PLACE_COUNTED, "quarantined", NULL },
	{ { "vmmalloc_failed_pools", "counter", NULL, "Pools that something was wrong with." },
	  PLACE_COUNTED, "failed", NULL },

	{ { "vmmalloc_user_pools", "gauge", NULL, "Pools that a user has, or may still hold pages of." },
	  PLACE_USER, "pools", NULL },
	{ { "vmmalloc_user_pool_bytes", "gauge", "bytes", "Their size." }, PLACE_USER, "bytes", NULL },
	{ { "vmmalloc_user_used_bytes", "gauge", "bytes", "In use of them, as the user's programs say." },
	  PLACE_USER, "used", NULL },

	{ { "vmmalloc_directory_in_service", "gauge", NULL, "Whether pools can be made and handed out there." },
	  PLACE_DIRECTORY, "in_service", NULL },
	{ { "vmmalloc_directory_size_bytes", "gauge", "bytes", "Size of the file system." },
	  PLACE_DIRECTORY, "size", NULL },
	{ { "vmmalloc_directory_free_bytes", "gauge", "bytes", "Free in the file system, for those who are not root." },
	  PLACE_DIRECTORY, "free", NULL },
	{ { "vmmalloc_directory_inodes", "gauge", NULL, "Files that the file system may have; 0: not counted." },
	  PLACE_DIRECTORY, "inodes", NULL },
	{ { "vmmalloc_directory_free_inodes", "gauge", NULL, "How many more of them." },
	  PLACE_DIRECTORY, "free_inodes", NULL },
};

#define LABELS(...) (&(const struct exposition_labels){ { __VA_ARGS__ } })

/* --- single values --- */

/* A value for each word of an object; `class` NULL: it is of no class. */
static void write_each(struct exposition *out, const char *class, const char *label, const json_t *values)
{
	const char *word;
	json_t *value;

	json_object_foreach((json_t *)values, word, value) {
		if (class)
			exposition_sample(out, LABELS({ "class", class }, { label, word }), value);
		else
			exposition_sample(out, LABELS({ label, word }), value);
	}
}

static void write_reloads(struct exposition *out, const json_t *daemon)
{
	exposition_sample(out, LABELS({ "result", "done" }), json_object_get(daemon, "reloads"));
	exposition_sample(out, LABELS({ "result", "refused" }), json_object_get(daemon, "reloads_refused"));
}

static void write_info(struct exposition *out, const struct exposition_labels *labels)
{
	CLEANUP(json_decrefp) json_t *one = json_integer(1);

	exposition_sample(out, labels, one);
}

static void write_daemon_family(struct exposition *out, const struct family *family, const json_t *daemon)
{
	if (family->place == PLACE_BUILD)
		write_info(out, LABELS({ "version", field_text(daemon, "version") }));
	else if (family->place == PLACE_RELOADS)
		write_reloads(out, daemon);
	else if (family->place == PLACE_DAEMON)
		exposition_sample(out, LABELS({ NULL, NULL }), json_object_get(daemon, family->key));
	else
		write_each(out, NULL, family->word_label, json_object_get(daemon, family->key));
}

/* --- classes --- */

static void write_class_value(struct exposition *out, const struct family *family, const json_t *class)
{
	const char *name = field_text(class, "name");
	const json_t *counted = json_object_get(class, "counted");

	switch (family->place) {
	case PLACE_CLASS:
		exposition_sample(out, LABELS({ "class", name }), json_object_get(class, family->key));
		break;
	case PLACE_CLASS_EACH:
		write_each(out, name, family->word_label, json_object_get(class, family->key));
		break;
	case PLACE_COUNTED:
		exposition_sample(out, LABELS({ "class", name }), json_object_get(counted, family->key));
		break;
	case PLACE_HISTOGRAM:
		exposition_histogram(out, LABELS({ "class", name }), json_object_get(counted, family->key));
		break;
	case PLACE_CLASS_INFO:
		write_info(out, LABELS({ "class", name }, { "directory", field_text(class, "directory") }));
		break;
	case PLACE_HANDOUTS:
		exposition_sample(out, LABELS({ "class", name }, { "kind", "warm" }),
				  json_object_get(counted, "handed_out_warm"));
		exposition_sample(out, LABELS({ "class", name }, { "kind", "cold" }),
				  json_object_get(counted, "handed_out_cold"));
		break;
	default:
		write_each(out, name, "reason", json_object_get(counted, "refused"));
		break;
	}
}

/* --- all --- */

static void write_items(struct exposition *out, const struct family *family, const json_t *reply)
{
	const json_t *items = json_object_get(reply, family->place == PLACE_USER      ? "users" :
						     family->place == PLACE_DIRECTORY ? "directories" :
											"classes");
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)items, i, item) {
		const json_t *value = family->key ? json_object_get(item, family->key) : NULL;
		char uid[FORMAT_BYTES];

		if (family->place == PLACE_USER) {
			snprintf(uid, sizeof(uid), "%lld", field_number(item, "uid"));
			exposition_sample(out,
					  LABELS({ "class", field_text(item, "class") }, { "uid", uid },
						 { "user", field_text(item, "user") }),
					  value);
		} else if (family->place == PLACE_DIRECTORY) {
			exposition_sample(out, LABELS({ "directory", field_text(item, "path") }), value);
		} else {
			write_class_value(out, family, item);
		}
	}
}

static void write_family(struct exposition *out, const struct family *family, const json_t *reply)
{
	const json_t *daemon = json_object_get(reply, "daemon");
	json_t *up;

	exposition_begin(out, &family->head);
	switch (family->place) {
	case PLACE_UP:
		up = json_boolean(reply);
		exposition_sample(out, LABELS({ NULL, NULL }), up);
		json_decref(up);
		break;
	case PLACE_BUILD:
	case PLACE_RELOADS:
	case PLACE_DAEMON:
	case PLACE_DAEMON_EACH:
		write_daemon_family(out, family, daemon);
		break;
	case PLACE_REFUSED:
		write_each(out, "", "reason", json_object_get(daemon, "refused"));
		write_items(out, family, reply);
		break;
	default:
		write_items(out, family, reply);
		break;
	}
}

void families_write(struct exposition *out, const json_t *reply)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (reply || families[i].place == PLACE_UP)
			write_family(out, &families[i], reply);
	exposition_end(out);
}
