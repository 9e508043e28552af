/* SPDX-License-Identifier: BSD-3-Clause */
/* heap -- where the heap of vmmallocctl itself is: started with the library, it tells whether that works. */
#ifndef VMMALLOCD_DOCTOR_HEAP_H
#define VMMALLOCD_DOCTOR_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "vmmallocd/doctor/look.h"

#define HEAP_RUN_MS 6000         /* less than LOOK_SECONDS */

/*
 * Allocates, forks, allocates there, and says in one line, of which library's version, where the heap is. True: it is
 * on a pool, here and in the child.
 */
bool heap_say(char *words, size_t bytes);

/*
 * Runs this program, `self`, with the library and a small pool in `directory`, to do that. 0; or -errno, as look_run.
 * With `on_fail`, VMMALLOC_ON_FAIL, no pool is needed.
 */
int heap_run(const char *self, const char *library, const char *directory, const char *on_fail,
	     struct look_output *ret_output);

#endif
