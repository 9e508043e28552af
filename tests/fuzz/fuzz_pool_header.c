/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_pool_header -- first pages of pools, as clients leave them, and names in a directory that others write to. */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
#include <errno.h>
#include <string.h>

#include "common/base/handout.h"
#include "common/util/pool_header_decode.h"
#include "tests/fuzz/fuzz.h"
#include "vmmallocd/files/internal.h"

/* Ends within its field, can be printed, and has nothing behind its end. */
static void check_string(const char *string, size_t size)
{
	size_t length = strnlen(string, size);

	FUZZ_ASSERT(length < size);
	for (size_t i = 0; i < length; i++)
		FUZZ_ASSERT(string[i] >= ' ' && string[i] <= '~');
	for (size_t i = length; i < size; i++)
		FUZZ_ASSERT(string[i] == '\0');
}

static void check_header(const uint8_t *data, size_t size)
{
	struct pool_header header, again;
	int r;

	r = pool_header_decode(data, size, &header);
	if (r < 0) {
		FUZZ_ASSERT(r == -EBADMSG || r == -EPROTO);
		return;
	}
	FUZZ_ASSERT(size >= sizeof(header) && strcmp(header.magic, POOL_HEADER_MAGIC) == 0);
	FUZZ_ASSERT(header.mode < POOL_HEADER_MODES);
	check_string(header.owner_command, sizeof(header.owner_command));
	check_string(header.class_name, sizeof(header.class_name));
	FUZZ_ASSERT(header.class_name[0] == '\0' || handout_class_name_check(header.class_name) == 0);
	FUZZ_ASSERT(pool_header_decode(&header, sizeof(header), &again) == 0);
	FUZZ_ASSERT(memcmp(&header, &again, sizeof(header)) == 0);
}

static void check_outside(const uint8_t *data, size_t size)
{
	struct pool_page page;
	int r = pool_outside_decode(data, size, &page.outside);

	FUZZ_ASSERT(r == 0 || r == -ENODATA);
	FUZZ_ASSERT(page.outside.reasons <= POOL_OUTSIDE_MOST && (page.outside.reasons > 0) == (r == 0));
	for (size_t i = page.outside.reasons; i < POOL_OUTSIDE_MOST; i++)
		FUZZ_ASSERT(page.outside.bytes[i] == 0);
}

static void check_name(const uint8_t *data, size_t size)
{
	char name[POOL_FILE_NAME_BYTES] = "", formatted[POOL_FILE_NAME_BYTES];
	struct pool_file file = { 0 };

	memcpy(name, data, size < sizeof(name) ? size : sizeof(name) - 1);
	if (!pool_file_name_parse(name, file.id, &file.mark))
		return;
	pool_file_name_format(&file, formatted);
	FUZZ_ASSERT(strcmp(name, formatted) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_header(data, size);
	check_outside(data, size);
	check_name(data, size);
	return 0;
}
