/* SPDX-License-Identifier: BSD-3-Clause */
/* endpoint -- see endpoint.h. */
#include "vmmallocd/ctl/endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/ctl.h"

#define ADDRESS_BYTES 256
#define BACKLOG 32

static int complain_of_endpoint(const char *where, int error)
{
	ctl_complain("--listen (%s): %s", where, strerrordesc_np(error));
	return CTL_FAILED;
}

static int expected_endpoint(const char *where)
{
	ctl_complain(
		"--listen (%s): expected ADDRESS:PORT with numbers, [ADDRESS]:PORT for IPv6, or the path of a socket",
		where);
	return CTL_USAGE;
}

/* 0, and a listening descriptor, or -errno. */
static int listen_on(const struct sockaddr *address, socklen_t bytes, int *ret_fd)
{
	CLEANUP(cleanup_fd) int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	if (address->sa_family != AF_UNIX)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, address, bytes) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* Whether it is a socket that nobody listens to. */
static bool is_left_over(const struct sockaddr_un *address)
{
	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	return fd >= 0 && lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED;
}

static int open_path(const char *path, struct endpoint *ret_endpoint)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r, fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return complain_of_endpoint(path, ENAMETOOLONG);
	strcpy(address.sun_path, path);
	r = listen_on((struct sockaddr *)&address, sizeof(address), &fd);
	if (r == -EADDRINUSE && is_left_over(&address) && unlink(path) == 0)
		r = listen_on((struct sockaddr *)&address, sizeof(address), &fd);
	if (r < 0)
		return complain_of_endpoint(path, -r);
	*ret_endpoint = (struct endpoint){ .fd = fd, .path = path };
	return CTL_OK;
}

/* Splits at the last colon; brackets go. False: it is no such thing. */
static bool split_endpoint(const char *where, char address[ADDRESS_BYTES], const char **ret_port)
{
	const char *colon = strrchr(where, ':');
	size_t length = colon ? (size_t)(colon - where) : 0;
	bool in_brackets = length > 2 && where[0] == '[' && where[length - 1] == ']';

	if (!colon || length == 0 || length >= ADDRESS_BYTES || colon[1] == '\0' ||
	    (!in_brackets && memchr(where, ':', length)))
		return false;
	snprintf(address, ADDRESS_BYTES, "%.*s", (int)(in_brackets ? length - 2 : length), where + in_brackets);
	*ret_port = colon + 1;
	return true;
}

int endpoint_open(const char *where, struct endpoint *ret_endpoint)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	char address[ADDRESS_BYTES];
	struct addrinfo *found;
	const char *port;
	int r, fd;

	if (strchr(where, '/'))
		return open_path(where, ret_endpoint);
	if (!split_endpoint(where, address, &port) || strspn(port, "0123456789") != strlen(port) || strlen(port) > 5 ||
	    atoi(port) < 1 || atoi(port) > 65535 || getaddrinfo(address, port, &hints, &found) != 0)
		return expected_endpoint(where);
	r = listen_on(found->ai_addr, found->ai_addrlen, &fd);
	freeaddrinfo(found);
	if (r < 0)
		return complain_of_endpoint(where, -r);
	*ret_endpoint = (struct endpoint){ .fd = fd };
	return CTL_OK;
}

void endpoint_remove(const struct endpoint *endpoint)
{
	if (endpoint->path)
		(void)unlink(endpoint->path);
}
