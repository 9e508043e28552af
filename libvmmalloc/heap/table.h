/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table -- ordinary memory for what is known of each page of a pool that may grow.
 *
 * Addresses for the largest pool are taken at once. Of them what the pool needs as large as it is can be used, and more
 * when it has grown. What cannot be used is inaccessible: mlockall(2) touches all that can be, also what nobody needs
 * yet, and limits count it.
 */
#ifndef LIBVMMALLOC_HEAP_TABLE_H
#define LIBVMMALLOC_HEAP_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Maps `most` bytes, which read as zero and no core dump has. They can all be used if `at_once`. kernel_error() tells
 * of a failure.
 */
void *vmm_table_map(size_t most, bool at_once);
void vmm_table_drop(void *table, size_t most);

/* Where [0, before) can be used already: makes it [0, bytes). 0, or -errno and nothing has changed. */
int vmm_table_open(void *table, size_t before, size_t bytes);

#endif
