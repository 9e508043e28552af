/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace -- trace points and assertions of the debug build: VMMALLOC_LOG_LEVEL, VMMALLOC_LOG_FILE, VMMALLOC_LOG_STATS in
 * libvmmalloc(7). In the normal build they are nothing at all.
 *
 * Levels: 1 details of errors, 2 basic operations, 3 calls inside the library, 4 every allocation.
 * Tracing allocates nothing and preserves errno.
 */
#ifndef LIBVMMALLOC_BASE_TRACE_H
#define LIBVMMALLOC_BASE_TRACE_H

#include <stdbool.h>

#ifdef VMM_DEBUG

#include <limits.h>
#include <sys/types.h>

/* Where traces go. trace.c's own, set once by vmm_trace_start; only the descriptor changes later. */
struct vmm_trace_log {
	int level;
	bool stats;
	char path[PATH_MAX];  /* as given, without the PID; empty: standard error */
	bool per_process;     /* the name ended in "-" */
	int fd;
	dev_t dev;            /* with ino: programs close descriptors and reuse their numbers */
	ino_t ino;
};

extern struct vmm_trace_log vmm_trace_log;

#define TRACE(level, ...) vmm_trace((level), __func__, __VA_ARGS__)
#define ASSERT(condition) ((condition) ? (void)0 : vmm_trace_assert(#condition, __FILE__, __LINE__))

/* Reads the variables from `environment`; a malformed one ends the process with one line. */
void vmm_trace_start(char *const *environment);

/*
 * In the child: a log file whose name ends in "-" is followed by one of the child's own. `shares_descriptors`: the
 * parent's may not be closed.
 */
void vmm_trace_after_fork(bool shares_descriptors);

/* Whether statistics are to be logged at the end. */
bool vmm_trace_wants_stats(void);

/* Logs the string as it is. */
void vmm_trace_text(const char *string);

void vmm_trace(int level, const char *function, const char *format, ...) __attribute__((format(printf, 3, 4)));
void vmm_trace_assert(const char *condition, const char *file, int line) __attribute__((noreturn));

#else

#define TRACE(level, ...) ((void)0)
#define ASSERT(condition) ((void)sizeof(condition))
#define vmm_trace_start(environment) ((void)0)
#define vmm_trace_after_fork(shares_descriptors) ((void)0)

#endif

#endif
