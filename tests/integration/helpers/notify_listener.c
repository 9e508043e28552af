/* SPDX-License-Identifier: BSD-3-Clause */
/* notify_listener SOCKET -- plays the service manager: prints each message that comes to NOTIFY_SOCKET, a line for a
 * variable. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char message[4096];
	ssize_t n;

	if (argc != 2)
		return 2;
	alarm(100);
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	while ((n = recv(fd, message, sizeof(message) - 1, 0)) > 0) {
		message[n] = '\0';
		puts(message);
	}
	return 0;
}
