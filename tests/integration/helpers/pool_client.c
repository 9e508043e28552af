/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_client -- a client of the daemon, good or hostile: does in turn what its arguments say.
 *
 *     pool_client SOCKET VERB...
 *
 * connect                   a new connection, kept open
 * send=BYTES                garbage of that length on it
 * ask=CLASS[:LEAST]         a request for a pool of the class on a new connection; its reply is not read
 * askdir=DIR:BYTES          the same by directory and size
 * wait=CLASS:SECONDS        the same for one that takes cold pools and waits so long; waits=CLASS:SECONDS:N: N of them,
 *                           whose connections stay open
 * shut                      closes its own direction of the connection: "0"
 * reply                     reads the reply: "ok BYTES ID CLASS" or its status's text, or "closed"
 * take=..., takedir=...     ask and reply
 * drop                      closes the connection
 * map, unmap, close         the pool that came
 * zero                      "zero", or "dirty at OFFSET", behind the pool's first page
 * fill=BYTE, has=BYTE       writes it everywhere behind the first page; "same" or "another byte at OFFSET"
 * wipe                      overwrites the first page
 * truncate=BYTES, punch, link=PATH, lease, chmod, unlock    what one may try: "0" or an error's name
 * path, reopen              opens an O_PATH descriptor of the pool; opens the pool through it
 * pin, pinned               puts a page of the mapping into a pipe; "pinned BYTE": what the pipe reads there now
 * pinevery=BYTES            the same for one page in so many bytes: "N pages are held"
 * unpin                     closes the pipe
 * locks=N                   takes that many locks on the pool, which the kernel drops only after IN_CLOSE_WRITE
 * writefrom=FILE            writes from a mapping of that file to the pool's second page: "writing" before that
 * fork                      a child that keeps everything, and sleeps: "child PID"
 * linger=BYTES              sends garbage of that length, and with it a socket whose last close takes a minute: "0" or
 *                           an error's name
 * crowd=N                   silent connections of N users, one after another, as fast as they can be made; 900 are open
 *                           at a time; needs root
 * askoften=N                N requests, one after another, for a class that is not there: "N answered, B busy"
 * inotify                   makes instances of inotify until there are no more: "N instances: " and the error's name
 * flood=N                   opens N silent connections: "N connections, M told to be busy"
 * waitfor=FILE, hold        until the file exists; for ever
 *
 * Ends by itself after 100 seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/handout.h"

#define PAGE 4096
#define LIFE_S 100

struct client {
	const char *socket;
	int connection, pool, path_fd;
	int pipe[2];
	unsigned char *base;
	size_t bytes;
};

static void die(const char *what)
{
	printf("%s: %s\n", what, strerrorname_np(errno));
	exit(3);
}

static void say_result(int r)
{
	puts(r < 0 ? strerrorname_np(errno) : "0");
}

static int open_connection(const struct client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	/* the control socket is a stream */
	int type = strstr(client->socket, "control") ? SOCK_STREAM : SOCK_SEQPACKET;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", client->socket);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	return fd;
}

static void do_connect(struct client *client)
{
	client->connection = open_connection(client);
}

static void send_request(struct client *client, const struct handout_request *request)
{
	do_connect(client);
	if (send(client->connection, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		die("send");
}

static void ask(struct client *client, const char *argument)
{
	struct handout_request request = { .magic = HANDOUT_MAGIC,
					   .version = HANDOUT_VERSION,
					   .kind = HANDOUT_BY_CLASS };
	const char *colon = strchrnul(argument, ':');

	memcpy(request.class_name, argument, (size_t)(colon - argument));
	request.least_bytes = *colon ? strtoull(colon + 1, NULL, 0) : 0;
	send_request(client, &request);
}

/* CLASS:SECONDS: waits so long, and takes cold pools. */
static void ask_to_wait(struct client *client, const char *argument)
{
	struct handout_long_request request = {
		.request = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .kind = HANDOUT_BY_CLASS },
		.flags = HANDOUT_TAKES_COLD,
	};
	const char *colon = strchrnul(argument, ':');

	memcpy(request.request.class_name, argument, (size_t)(colon - argument));
	request.wait_s = *colon ? (uint32_t)strtoul(colon + 1, NULL, 0) : 0;
	do_connect(client);
	if (send(client->connection, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		die("send");
}

static void ask_directory(struct client *client, const char *argument)
{
	struct handout_request request = { .magic = HANDOUT_MAGIC,
					   .version = HANDOUT_VERSION,
					   .kind = HANDOUT_BY_DIRECTORY };
	char *directory = strdup(argument), *colon = strrchr(directory, ':');
	struct stat st;

	*colon = '\0';
	if (stat(directory, &st) < 0)
		die("stat");
	request.dir_dev = st.st_dev;
	request.dir_ino = st.st_ino;
	request.least_bytes = strtoull(colon + 1, NULL, 0);
	free(directory);
	send_request(client, &request);
}

static void receive(struct client *client)
{
	char packet[256], control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec data = { packet, sizeof(packet) };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	ssize_t n = recvmsg(client->connection, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct handout_reply reply;

	if (n == 0 || (n < 0 && errno == ECONNRESET)) {
		puts("closed");
		return;
	}
	if (n < 0)
		die("recvmsg");
	if (handout_reply_decode(packet, (size_t)n, &reply) != 0) {
		puts("a malformed reply");
		exit(3);
	}
	if (handout_is_given(reply.status) != (header && header->cmsg_len == CMSG_LEN(sizeof(int)))) {
		puts("not exactly one descriptor with a pool, or one without");
		exit(3);
	}
	if (!handout_is_given(reply.status)) {
		puts(handout_status_text(reply.status));
		return;
	}
	memcpy(&client->pool, CMSG_DATA(header), sizeof(int));
	client->bytes = reply.pool_bytes;
	printf("ok %zu ", client->bytes);
	for (size_t i = 0; i < sizeof(reply.pool_id); i++)
		printf("%02x", reply.pool_id[i]);
	printf(" %s\n", reply.class_name);
}

static void drop(struct client *client)
{
	close(client->connection);
	client->connection = -1;
}

static void find_byte(const struct client *client, unsigned char byte, const char *same, const char *other)
{
	for (size_t i = PAGE; i < client->bytes; i++) {
		if (client->base[i] != byte) {
			printf("%s at %zu: %u\n", other, i, client->base[i]);
			return;
		}
	}
	puts(same);
}

static void map(struct client *client)
{
	client->base = mmap(NULL, client->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, client->pool, 0);
	if (client->base == MAP_FAILED)
		die("mmap");
}

static void pin(struct client *client)
{
	struct iovec page = { client->base + 16 * PAGE, PAGE };

	if (pipe2(client->pipe, O_CLOEXEC) < 0 || vmsplice(client->pipe[1], &page, 1, 0) != PAGE)
		die("vmsplice");
}

static void pin_every(struct client *client, size_t bytes)
{
	size_t pages = 0;

	if (pipe2(client->pipe, O_CLOEXEC) < 0 || fcntl(client->pipe[1], F_SETPIPE_SZ, 1 << 20) < 0)
		die("pipe");
	for (size_t at = 16 * PAGE; at < client->bytes; at += bytes, pages++) {
		struct iovec page = { client->base + at, PAGE };

		if (vmsplice(client->pipe[1], &page, 1, SPLICE_F_NONBLOCK) != PAGE)
			die("vmsplice");
	}
	printf("%zu pages are held\n", pages);
}

static void unpin(struct client *client)
{
	close(client->pipe[0]);
	close(client->pipe[1]);
}

static void pinned(struct client *client)
{
	unsigned char page[PAGE];

	if (read(client->pipe[0], page, PAGE) != PAGE)
		die("read");
	printf("pinned %u\n", page[100]);
}

static void open_path(struct client *client)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", client->pool);
	client->path_fd = open(path, O_PATH | O_CLOEXEC);
	if (client->path_fd < 0)
		die("open");
}

static void reopen(const struct client *client)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", client->path_fd);
	say_result(open(path, O_RDWR | O_CLOEXEC));
}

static void link_pool(const struct client *client, const char *to)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", client->pool);
	say_result(linkat(AT_FDCWD, path, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
}

static void take_locks(const struct client *client, size_t n)
{
	/* from the last to the first: each goes to the head of the kernel's list. Not adjacent, or they were one. */
	for (size_t i = n; i > 0; i--) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(2 * i), .l_len = 1 };

		if (fcntl(client->pool, F_OFD_SETLK, &lock) < 0)
			die("lock");
	}
}

static void write_from(const struct client *client, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	if (memory == MAP_FAILED)
		die(path);
	puts("writing");
	say_result(pwrite(client->pool, memory, PAGE, PAGE) < 0 ? -1 : 0);
}

static void do_fork(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0) {
		alarm(LIFE_S);
		for (;;)
			pause();
	}
	printf("child %d\n", (int)child);
}

static void crowd(const struct client *client, unsigned users)
{
	int fds[900];
	size_t n = sizeof(fds) / sizeof(fds[0]);

	memset(fds, -1, sizeof(fds));
	for (size_t i = 0;; i = (i + 1) % n) {
		static uid_t user;

		close(fds[i]);
		if (seteuid(100000 + user++ % users) < 0)
			die("seteuid");
		fds[i] = open_connection(client);
		if (seteuid(0) < 0)
			die("seteuid");
	}
}

/* As many programs one after another, each of which waits as long as the library does. */
static void ask_often(struct client *client, size_t n)
{
	const struct timeval second = { .tv_sec = 1 };
	size_t answered = 0, busy = 0;

	for (size_t i = 0; i < n; i++) {
		struct handout_reply reply;
		char packet[256];
		ssize_t bytes;

		ask(client, "nothing");
		setsockopt(client->connection, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
		bytes = recv(client->connection, packet, sizeof(packet), 0);
		drop(client);
		if (bytes <= 0 || handout_reply_decode(packet, (size_t)bytes, &reply) != 0)
			continue;
		answered += reply.status == HANDOUT_NO_SUCH_CLASS;
		busy += reply.status == HANDOUT_BUSY;
		nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
	}
	printf("%zu answered, %zu busy\n", answered, busy);
}

static void take_inotify(void)
{
	int n = 0;

	while (inotify_init1(IN_CLOEXEC) >= 0)
		n++;
	printf("%d instances: %s\n", n, strerrorname_np(errno));
}

static void flood(struct client *client, int n)
{
	int *fds = calloc((size_t)n, sizeof(int)), busy = 0;

	for (int i = 0; i < n; i++)
		fds[i] = open_connection(client);
	/* whoever is told so is told at once */
	for (int i = 0; i < n; i++) {
		struct timeval patience = { .tv_usec = 20000 };
		struct handout_reply reply;
		char packet[256];
		ssize_t bytes;

		setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		bytes = recv(fds[i], packet, sizeof(packet), 0);
		busy += bytes > 0 && handout_reply_decode(packet, (size_t)bytes, &reply) == 0 &&
			reply.status == HANDOUT_BUSY;
	}
	printf("%d connections, %d told to be busy\n", n, busy);
	free(fds);
}

static void wait_for(const char *file)
{
	while (access(file, F_OK) != 0)
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

static void send_garbage(const struct client *client, size_t bytes)
{
	char *garbage = malloc(bytes + 1);

	memset(garbage, 0xa5, bytes);
	/* long enough to look like a request, it is one with a wrong version */
	if (bytes >= sizeof(HANDOUT_MAGIC))
		memcpy(garbage, HANDOUT_MAGIC, sizeof(HANDOUT_MAGIC));
	if (send(client->connection, garbage, bytes, MSG_NOSIGNAL) < 0)
		die("send");
	free(garbage);
}

/* A TCP socket that lingers: data that nobody reads, and SO_LINGER. */
static int make_lingering(const struct sockaddr_in *reader)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 60 };
	static const char data[65536];
	int writer = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(writer, (const struct sockaddr *)reader, sizeof(*reader)) < 0)
		die("TCP");
	while (send(writer, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	if (setsockopt(writer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		die("SO_LINGER");
	return writer;
}

static int send_with(const struct client *client, size_t bytes, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {
		.header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) },
	};
	struct iovec data = { calloc(1, bytes), bytes };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return (int)sendmsg(client->connection, &message, MSG_NOSIGNAL);
}

/*
 * A child sends it and ends: the receiver may have closed it before, and then the last close is the sender's. That of a
 * process that ends waits for nothing (inet_release in Linux). The reader's end stays open here.
 */
static void send_lingering(const struct client *client, size_t bytes)
{
	struct sockaddr_in reader = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(reader);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
	pid_t child;

	if (bind(listener, (struct sockaddr *)&reader, sizeof(reader)) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&reader, &length) < 0)
		die("TCP");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		fd = make_lingering(&reader);
		say_result(send_with(client, bytes, fd));
		_exit(0);
	}
	accept(listener, NULL, NULL);
	waitpid(child, NULL, 0);
}

static void act(struct client *client, const char *verb, const char *argument)
{
	size_t number = argument ? strtoull(argument, NULL, 0) : 0;

#define IS(word) (strcmp(verb, word) == 0)
	if (IS("connect"))
		do_connect(client);
	else if (IS("send"))
		send_garbage(client, number);
	else if (IS("ask"))
		ask(client, argument);
	else if (IS("wait"))
		ask_to_wait(client, argument);
	else if (IS("waits"))
		for (const char *count = strrchr(argument, ':'); number < strtoull(count + 1, NULL, 0); number++)
			ask_to_wait(client, argument);
	else if (IS("shut"))
		say_result(shutdown(client->connection, SHUT_WR));
	else if (IS("askdir"))
		ask_directory(client, argument);
	else if (IS("reply"))
		receive(client);
	else if (IS("take"))
		ask(client, argument), receive(client), drop(client);
	else if (IS("takedir"))
		ask_directory(client, argument), receive(client), drop(client);
	else if (IS("drop"))
		drop(client);
	else if (IS("map"))
		map(client);
	else if (IS("unmap"))
		munmap(client->base, client->bytes);
	else if (IS("close"))
		close(client->pool);
	else if (IS("zero"))
		find_byte(client, 0, "zero", "dirty");
	else if (IS("fill"))
		memset(client->base + PAGE, (int)number, client->bytes - PAGE);
	else if (IS("has"))
		find_byte(client, (unsigned char)number, "same", "another byte");
	else if (IS("wipe"))
		memset(client->base, 0xee, PAGE);
	else if (IS("truncate"))
		say_result(ftruncate(client->pool, (off_t)number));
	else if (IS("punch"))
		say_result(
			fallocate(client->pool, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)client->bytes));
	else if (IS("link"))
		link_pool(client, argument);
	else if (IS("lease"))
		say_result(fcntl(client->pool, F_SETLEASE, F_RDLCK) < 0 ? fcntl(client->pool, F_SETLEASE, F_WRLCK) : 0);
	else if (IS("chmod"))
		say_result(fchmod(client->pool, 0666));
	else if (IS("unlock"))
		say_result(flock(client->pool, LOCK_SH) < 0 ? -1 : flock(client->pool, LOCK_UN));
	else if (IS("locks"))
		take_locks(client, number);
	else if (IS("path"))
		open_path(client);
	else if (IS("reopen"))
		reopen(client);
	else if (IS("pin"))
		pin(client);
	else if (IS("pinevery"))
		pin_every(client, number);
	else if (IS("unpin"))
		unpin(client);
	else if (IS("pinned"))
		pinned(client);
	else if (IS("writefrom"))
		write_from(client, argument);
	else if (IS("fork"))
		do_fork();
	else if (IS("linger"))
		send_lingering(client, number);
	else if (IS("crowd"))
		crowd(client, (unsigned)number);
	else if (IS("askoften"))
		ask_often(client, number);
	else if (IS("inotify"))
		take_inotify();
	else if (IS("flood"))
		flood(client, (int)number);
	else if (IS("waitfor"))
		wait_for(argument);
	else if (IS("hold"))
		for (;;)
			pause();
	else
		printf("no such verb: %s\n", verb), exit(2);
#undef IS
}

int main(int argc, char *argv[])
{
	struct client client = { .socket = argv[1], .connection = -1, .pool = -1, .path_fd = -1 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(LIFE_S);
	for (int i = 2; i < argc; i++) {
		char *equals = strchr(argv[i], '=');

		if (equals)
			*equals = '\0';
		act(&client, argv[i], equals ? equals + 1 : NULL);
	}
	return 0;
}
