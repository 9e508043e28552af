/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tlb_model -- which accesses miss the processor's second TLB, by a model of it: 2,048 entries, 8 ways, least recently
 * used goes, an entry for a page of 4 KiB or of 2 MiB alike (AMD, "Software Optimization Guide for the Zen 3
 * Microarchitecture", 2.8.2). Machines that do not count misses are many: most virtual ones.
 *
 * Which pages are of 2 MiB the kernel says (PAGEMAP_SCAN, Linux 6.7). For one thread.
 */
#ifndef TESTS_BENCH_TLB_MODEL_H
#define TESTS_BENCH_TLB_MODEL_H

#include <stdbool.h>

/* Looks at what is mapped now, and begins with nothing in the TLB. False if the kernel does not say. */
bool tlb_model_begin(void);

/* An access to the byte. */
void tlb_model_access(const void *address);

/* Of the accesses so far. */
unsigned long tlb_model_misses(void);

#endif
