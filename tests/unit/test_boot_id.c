/* SPDX-License-Identifier: BSD-3-Clause */
/* test_boot_id -- the kernel's word is read, and what is no such word is refused. */
/* objects: common/util/ */
/* wrap: open read */
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "common/util/boot_id.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

#define GOOD "0f8fad5b-d9cb-469f-a165-70867728950e"

static const char *content;    /* of the kernel's file; NULL: the kernel's own */

ssize_t __real_read(int fd, void *data, size_t bytes);
ssize_t __wrap_read(int fd, void *data, size_t bytes)
{
	size_t length = content ? strlen(content) : 0;

	if (!content)
		return __real_read(fd, data, bytes);
	memcpy(data, content, length < bytes ? length : bytes);
	return (ssize_t)(length < bytes ? length : bytes);
}

TEST(test_boot_id_is_parsed_in_the_order_of_its_digits)
{
	static const uint8_t expected[] = { 0x0f, 0x8f, 0xad, 0x5b, 0xd9, 0xcb, 0x46, 0x9f,
					    0xa1, 0x65, 0x70, 0x86, 0x77, 0x28, 0x95, 0x0e };
	uint8_t id[BOOT_ID_BYTES];

	assert_int_equal(boot_id_parse(GOOD, id), 0);
	assert_memory_equal(id, expected, sizeof(id));
}

TEST(test_boot_id_that_is_none_is_refused)
{
	static const char *const bad[] = {
		"", "0f8fad5b", GOOD "0", "0F8FAD5B-d9cb-469f-a165-70867728950e",
		"0f8fad5bd-9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-a165-70867728950",
		"0f8fad5b-d9cb-469f-a165-7086772895-e",
		"0f8fad5bd9cb469fa16570867728950e", "gf8fad5b-d9cb-469f-a165-70867728950e",
	};
	uint8_t id[BOOT_ID_BYTES] = { 42 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(boot_id_parse(bad[i], id), -EINVAL);
	assert_int_equal(id[0], 42);
}

TEST(test_boot_id_of_the_kernel_is_one_and_stays_the_same)
{
	char text[BOOT_ID_TEXT_BYTES], again[BOOT_ID_TEXT_BYTES];
	uint8_t id[BOOT_ID_BYTES];

	assert_int_equal(boot_id_read(text), 0);
	assert_int_equal(boot_id_parse(text, id), 0);
	assert_int_equal(boot_id_read(again), 0);
	assert_string_equal(text, again);
}

TEST(test_boot_id_that_cannot_be_read_is_an_error)
{
	char text[BOOT_ID_TEXT_BYTES] = "untouched";

	faults_order("open", 0, 1, EACCES);
	assert_int_equal(boot_id_read(text), -EACCES);
	faults_clear();
	content = "0f8fad5b";
	assert_int_equal(boot_id_read(text), -EIO);
	content = "this is as long, and it is no boot id";
	assert_int_equal(boot_id_read(text), -EIO);
	content = NULL;
	assert_string_equal(text, "untouched");
}
