/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_mount_of -- lines of mountinfo, in which whoever may mount chooses the words. */
/* objects: vmmallocd/doctor/ common/base/ common/util/ */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vmmallocd/doctor/mount_of.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[MOUNT_OF_LINE_BYTES], value[8];
	struct mount_of mount;

	if (size >= sizeof(line))
		size = sizeof(line) - 1;
	memcpy(line, data, size);
	line[size] = '\0';
	if (!mount_of_parse(line, &mount))
		return 0;
	FUZZ_ASSERT(strnlen(mount.type, sizeof(mount.type)) < sizeof(mount.type));
	FUZZ_ASSERT(strnlen(mount.point, sizeof(mount.point)) < sizeof(mount.point));
	FUZZ_ASSERT(strnlen(mount.source, sizeof(mount.source)) < sizeof(mount.source));
	FUZZ_ASSERT(strnlen(mount.options, sizeof(mount.options)) < sizeof(mount.options));
	if (mount_of_option(&mount, "huge", value, sizeof(value)))
		FUZZ_ASSERT(strnlen(value, sizeof(value)) < sizeof(value));
	return 0;
}
