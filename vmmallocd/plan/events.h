/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * events -- what has happened to pools, classes and directories: a ring of the last EVENTS_KEPT events.
 *
 *     first             oldest kept                      last
 *       |  not kept any more |  ring[number % EVENTS_KEPT]  |
 *
 * Each has a number, one higher than the one before. The first one's is the caller's to choose: with one that grows
 * from daemon to daemon a reader can tell all of them apart. A reader remembers the number that it has come to, and
 * nothing here knows of it; whoever is too slow is told how many he has not seen. Pure: no clock, one thread.
 */
#ifndef VMMALLOCD_PLAN_EVENTS_H
#define VMMALLOCD_PLAN_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmmallocd/plan/registry.h"

#define EVENTS_KEPT 4096
#define EVENTS_WORDS_BYTES 512    /* of a reason, with its NUL; a longer one is cut off, */
#define EVENTS_PATH_BYTES 4096    /* and so is a directory */

enum event_kind {
	EVENT_MADE,                /* a pool; it may have to be warmed yet */
	EVENT_READY,
	EVENT_HANDED_OUT,
	EVENT_REFUSED,             /* no pool: the request was refused, for that reason */
	EVENT_WAITING,             /* no pool: the request waits, for that reason */
	EVENT_GAVE_UP,             /* it waited, and who asked has gone */
	EVENT_GIVEN_BACK,          /* nobody has it any more */
	EVENT_HELD_AGAIN,          /* somebody has it, though it was given back */
	EVENT_RECLAIMED,           /* it is clean, and was somebody's */
	EVENT_QUARANTINED,
	EVENT_FAILED,              /* something is odd about it: it will be removed */
	EVENT_VANISHED,            /* its file is gone, and nobody here has removed it */
	EVENT_DESTROYED,
	EVENT_CLASS_SHORT,         /* it has fewer ready pools than it should have, and none is coming */
	EVENT_CLASS_ENOUGH,        /* after that: it has them */
	EVENT_CLASS_PROBLEM,       /* why pools of it cannot be made, or could be better */
	EVENT_CLASS_ORDERED,       /* an operator's order is in force: the reason says which */
	EVENT_CLASS_RELEASES,      /* memory is short: its ready pools are given back, and none is made */
	EVENT_CLASS_REFILLS,       /* after that: they are made again */
	EVENT_DIRECTORY_FULL,
	EVENT_DIRECTORY_GONE,
	EVENT_DIRECTORY_PROBLEM,   /* why it is not in service */
	EVENT_DIRECTORY_IN_SERVICE,
	EVENT_STARTED,             /* the daemon serves */
	EVENT_RELOADED,
	EVENT_RELOAD_FAILED,
	EVENT_KINDS,
};

struct event {
	enum event_kind kind;
	int64_t time_us;                        /* since 1970 */
	char class_name[HANDOUT_CLASS_BYTES];   /* "": of none */
	bool has_pool;
	uint8_t pool_id[POOL_FILE_ID_BYTES];
	bool has_owner;
	struct registry_owner owner;            /* who asked, or had it */
	const char *directory, *reason;         /* NULL: none; the ring has copies */
	uint64_t number;                        /* set by events_add */
};

struct events {
	struct event *ring;
	uint64_t first;          /* the number of the first of all */
	uint64_t next;           /* the number of the next one */
};

/* `first` is at least 1. 0 or -ENOMEM. */
int events_init(struct events *events, uint64_t first);
void events_done(struct events *events);

/* Copies the event. For want of memory it has no directory, or no reason. */
void events_add(struct events *events, const struct event *event);

/* The number of the newest; one less than the first one's if there is none. */
uint64_t events_last(const struct events *events);

/* The same number; or, if it is none that a reader of these events can have come to, the one before the first. */
uint64_t events_resume(const struct events *events, uint64_t after);

/* `after` is what events_resume returned, or an event's number. The oldest that is kept and has a higher one; NULL. */
const struct event *events_after(const struct events *events, uint64_t after);

/* How many events with higher numbers than that are not kept any more. */
uint64_t events_lost(const struct events *events, uint64_t after);

/* "handed_out". */
const char *event_kind_name(enum event_kind kind);

/* 32 small hex digits, the same in each version: MESSAGE_ID in systemd.journal-fields(7). */
const char *event_message_id(enum event_kind kind);

#endif
