/* SPDX-License-Identifier: BSD-3-Clause */
/* test_libc -- what jemalloc is told of the machine: its processors, more than a cpu_set_t has, and its page. */
/* objects: libvmmalloc/jemalloc/libc.c libvmmalloc/base/ libvmmalloc/ common/base/ */
/* wrap: kernel_sched_getaffinity */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/jemalloc/libc.h"
#include "tests/unit/test.h"

/* The kernel that is asked. */
static struct {
	size_t possible;  /* processors that it was built for; 0: a filter refuses the question */
	size_t allowed;   /* of the last ones, to this process */
} machine;

int __wrap_kernel_sched_getaffinity(size_t bytes, cpu_set_t *ret_cpus)
{
	size_t least = (machine.possible + 63) / 64 * 8;

	if (machine.possible == 0)
		return -EPERM;
	if (bytes < least)
		return -EINVAL;
	memset(ret_cpus, 0, least);
	for (size_t i = 0; i < machine.allowed; i++)
		CPU_SET_S(machine.possible - 1 - i, bytes, ret_cpus);
	return (int)least;
}

static size_t jemalloc_counts(void)
{
	cpu_set_t cpus;

	assert_int_equal(vmm_libc_sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	return (size_t)CPU_COUNT(&cpus);
}

TEST(test_libc_counts_the_processors_of_this_process)
{
	machine.possible = 64;
	machine.allowed = 3;
	assert_int_equal(vmm_libc_processors(), 3);
	assert_int_equal(vmm_libc_sysconf(_SC_NPROCESSORS_ONLN), 3);
	assert_int_equal(jemalloc_counts(), 3);
}

TEST(test_libc_counts_processors_beyond_those_of_a_cpu_set)
{
	machine.possible = 8192;
	machine.allowed = 2;
	assert_int_equal(jemalloc_counts(), 2);
	machine.allowed = 5000;
	assert_int_equal(vmm_libc_processors(), 5000);
	assert_int_equal(vmm_libc_sysconf(_SC_NPROCESSORS_CONF), 5000);
	assert_int_equal(jemalloc_counts(), CPU_SETSIZE);
}

TEST(test_libc_takes_two_processors_where_it_may_not_ask)
{
	machine.possible = 0;
	assert_int_equal(vmm_libc_processors(), 2);
	assert_int_equal(jemalloc_counts(), 2);
}

TEST(test_libc_tells_the_kernel_s_page)
{
	kernel_state.page = 65536;
	assert_int_equal(vmm_libc_sysconf(_SC_PAGESIZE), 65536);
	kernel_state.page = 0;
	assert_int_equal(vmm_libc_sysconf(_SC_PAGESIZE), getpagesize());
}
