/* SPDX-License-Identifier: BSD-3-Clause */
/* boot_id -- see boot_id.h. */
#include "common/util/boot_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

int boot_id_parse(const char *text, uint8_t ret_id[BOOT_ID_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t id[BOOT_ID_BYTES] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < BOOT_ID_TEXT_BYTES - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		const char *digit = !dash && text[i] ? strchr(digits, text[i]) : NULL;

		if (dash ? text[i] != '-' : !digit)
			return -EINVAL;
		if (dash)
			continue;
		id[count / 2] = (uint8_t)(id[count / 2] << 4 | (digit - digits));
		count++;
	}
	if (text[BOOT_ID_TEXT_BYTES - 1] != '\0')
		return -EINVAL;
	memcpy(ret_id, id, sizeof(id));
	return 0;
}

int boot_id_read(char ret_text[BOOT_ID_TEXT_BYTES])
{
	char text[BOOT_ID_TEXT_BYTES];
	uint8_t id[BOOT_ID_BYTES];

	CLEANUP(cleanup_fd) int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1)
		return -EIO;
	text[sizeof(text) - 1] = '\0';
	if (boot_id_parse(text, id) < 0)
		return -EIO;
	memcpy(ret_text, text, sizeof(text));
	return 0;
}
