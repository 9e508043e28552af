/* SPDX-License-Identifier: BSD-3-Clause */
/* orders_store -- see orders_store.h. */
#include "vmmallocd/state/orders_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/whole_file.h"
#include "vmmallocd/base/make_dir.h"

int orders_store_save(const char *path, const char *text)
{
	int r = whole_file_write(path, 0600, text, strlen(text));
	char directory[PATH_MAX];

	if (r != -ENOENT)
		return r;
	snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	r = make_dir(directory, 0700);
	return r < 0 ? r : whole_file_write(path, 0600, text, strlen(text));
}

/* With a NUL behind it, and none in it. */
static int read_orders(int fd, char text[ORDERS_STORE_BYTES_MOST + 1])
{
	size_t length = 0;
	struct stat st;
	ssize_t n = 1;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uintmax_t)st.st_size > ORDERS_STORE_BYTES_MOST)
		return -EFBIG;
	while (n != 0 && length < ORDERS_STORE_BYTES_MOST) {
		n = read(fd, text + length, ORDERS_STORE_BYTES_MOST - length);
		if (n < 0 && errno != EINTR)
			return -errno;
		length += n > 0 ? (size_t)n : 0;
	}
	text[length] = '\0';
	/* a crash may have left zeros: they would end the text, and what is missing would not be missed */
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0')
			text[i] = '\1';
	return 0;
}

static int load_orders(int fd, struct orders *orders, size_t *ret_line)
{
	CLEANUP(cleanup_free) char *text = malloc(ORDERS_STORE_BYTES_MOST + 1);
	int r = text ? read_orders(fd, text) : -ENOMEM;

	return r < 0 ? r : orders_parse(orders, text, ret_line);
}

int orders_store_load(const char *path, struct orders *orders, struct text *error)
{
	/* O_NONBLOCK: a FIFO must not hold us until somebody writes to it */
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	size_t line = 0;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	r = fd < 0 ? -errno : load_orders(fd, orders, &line);
	if (r == -EBADMSG)
		text_add(error, "line %zu is no order", line);
	else if (r < 0)
		text_add(error, "%s", strerrordesc_np(-r));
	return r;
}
