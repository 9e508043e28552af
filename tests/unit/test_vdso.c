/* SPDX-License-Identifier: BSD-3-Clause */
/* test_vdso -- what the kernel's own image has, found by either of its tables; and nothing where there is none. */
/* objects: libvmmalloc/base/ libvmmalloc/ */
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/vdso.h"
#include "tests/unit/test.h"

#ifdef __x86_64__
#define CLOCK_NAME "__vdso_clock_gettime"
#else
#define CLOCK_NAME "__kernel_clock_gettime"
#endif
#define IMAGE_MOST 16384

static const char *image(void)
{
	const char *start = (const char *)getauxval(AT_SYSINFO_EHDR);

	if (!start)
		skip();
	return start;
}

TEST(test_vdso_has_a_clock_that_agrees_with_the_system_call)
{
	int (*clock)(clockid_t, struct timespec *) =
		(int (*)(clockid_t, struct timespec *))vdso_find(image(), CLOCK_NAME);
	struct timespec before, now, after;

	assert_non_null(clock);
	assert_int_equal(kernel_clock_gettime(CLOCK_MONOTONIC, &before), 0);
	assert_int_equal(clock(CLOCK_MONOTONIC, &now), 0);
	assert_int_equal(kernel_clock_gettime(CLOCK_MONOTONIC, &after), 0);
	assert_true(before.tv_sec <= now.tv_sec && now.tv_sec <= after.tv_sec);
	assert_true(before.tv_sec != now.tv_sec || before.tv_nsec <= now.tv_nsec);
	assert_true(after.tv_sec != now.tv_sec || now.tv_nsec <= after.tv_nsec);
}

TEST(test_vdso_lacks_what_it_lacks)
{
	assert_null(vdso_find(image(), "__vdso_no_such_function"));
	assert_null(vdso_find(image(), ""));
	assert_null(vdso_find(NULL, CLOCK_NAME));
}

/* Kernels are built with either table, or both: a copy of the image without one of them. */
static void find_without(ElfW(Sxword) tag, int must_find)
{
	static _Alignas(4096) char copy[IMAGE_MOST];
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)image();
	size_t bytes = header->e_shoff ? header->e_shoff : 4096;
	const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(copy + header->e_phoff);
	const char *found;

	assert_true(bytes <= sizeof(copy));
	memcpy(copy, header, bytes);
	for (size_t i = 0; i < header->e_phnum; i++)
		for (ElfW(Dyn) *entry = (ElfW(Dyn) *)(copy + segments[i].p_offset);
		     segments[i].p_type == PT_DYNAMIC && entry->d_tag != DT_NULL; entry++)
			if (entry->d_tag == tag)
				entry->d_tag = DT_DEBUG;
	found = vdso_find(copy, CLOCK_NAME);
	if (must_find || found)
		assert_int_equal(found - copy, (const char *)vdso_find(image(), CLOCK_NAME) - image());
}

TEST(test_vdso_is_read_by_either_hash_table)
{
	find_without(DT_HASH, 0);
	find_without(DT_GNU_HASH, 0);
	find_without(DT_DEBUG, 1);
}
