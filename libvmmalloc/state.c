/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * state -- every object of the library that changes, defined in one place.
 *
 * What each is, and what guards it, stands in the header that declares it. All begin as zeros. Nothing here refers to a
 * function, so that a unit test may link it beside any module.
 */
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/exports/loader.h"
#include "libvmmalloc/fork/comeback.h"
#include "libvmmalloc/fork/fork.h"
#include "libvmmalloc/heap/collapse.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/heap/waiters.h"
#include "libvmmalloc/jemalloc/front.h"
#include "libvmmalloc/jemalloc/seam.h"
#include "libvmmalloc/jemalloc/tier_arenas.h"
#include "libvmmalloc/jemalloc/transfer.h"
#include "libvmmalloc/start/exec_environment.h"
#include "libvmmalloc/start/growth.h"
#include "libvmmalloc/start/handout_client.h"

/* base */
struct kernel_state kernel_state;
#ifdef VMM_DEBUG
struct vmm_trace_log vmm_trace_log;
#endif

/* heap */
enum environment_huge_pages vmm_collapse_choice;
__thread struct vmm_heap_thread vmm_heap_thread;
struct vmm_remap vmm_remap;
struct vmm_waiters vmm_waiters;

/* context */
struct vmm_context vmm;

/* jemalloc */
struct vmm_front vmm_front;
__thread struct vmm_front_thread vmm_front_thread;
struct vmm_seam vmm_seam;
__thread struct vmm_seam_thread vmm_seam_thread;
struct vmm_tier_arenas vmm_tier_arenas;
struct vmm_transfer vmm_transfer;

/* fork */
struct vmm_comeback vmm_comeback;
struct vmm_forks vmm_forks;
__thread struct vmm_forks_thread vmm_forks_thread;

/* exports */
struct vmm_next vmm_next;
syscall_function vmm_rawcall_next;

/* start */
struct vmm_exec_environment vmm_exec_environment;
struct vmm_growth vmm_growth;
struct vmm_handout_silence vmm_handout_silence;
