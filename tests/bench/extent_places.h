/* SPDX-License-Identifier: BSD-3-Clause */
/* extent_places -- policies of where an extent goes, for extent_sim. The first one is the library's. */
#ifndef TESTS_BENCH_EXTENT_PLACES_H
#define TESTS_BENCH_EXTENT_PLACES_H

#include "tests/bench/extent_heap.h"

extern const struct extent_policy extent_policies[];
extern const size_t extent_policy_count;

#endif
