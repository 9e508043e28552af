/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client -- a tenant that speaks the hand-out protocol itself, and does to its pool whatever a client may do.
 *
 *     client REPORT_FD PIN_FD LEASE SEED UID SOCKET CLASS
 *     client REPORT_FD PIN_FD LEASE SEED UID SOCKET /DIRECTORY BYTES
 *
 * It takes a pool, a cold one too if it asks as those do who know such, and some wait for theirs. It looks at every
 * byte of it, fills it with its own words, and goes on looking that they are there. What else it does is up to the
 * seed. Many never end by themselves: they are killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/base/handout.h"
#include "common/base/pool_header.h"
#include "tests/storm/tenant.h"

#define TRIES 40
#define ANSWER_MOST_S 20       /* a daemon that is there answers; one that is killed closes the connection */
#define WAIT_MOST_S 5
#define SLACK_MS 1000          /* the daemon's clock is that of its loop */
#define WORDS_IN_PAGE (STORM_PAGE / sizeof(uint64_t))
#define EXTENSION ((size_t)1 << 20)

static struct {
	struct tenant tenant;
	int fd;                /* -1: closed */
	unsigned char *base;
	size_t bytes;
	char class_name[64];
	bool takes_cold;
	unsigned wait_s;       /* that it asks to wait */
	bool gave_up;          /* it has not heard the answer of its last request */
	bool damages;          /* punches, truncates and extends its pool */
} client = { .fd = -1 };

static unsigned between(unsigned from, unsigned to)
{
	return storm_between(&client.tenant.random, from, to);
}

static bool chance(unsigned percent)
{
	return storm_chance(&client.tenant.random, percent);
}

#define bad(...) tenant_bad(&client.tenant, __VA_ARGS__)

/* --- to have a pool --- */

static void prepare_request(char *argv[], struct handout_request *request)
{
	struct stat st;

	*request = (struct handout_request){ .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION };
	if (argv[7][0] != '/') {
		request->kind = HANDOUT_BY_CLASS;
		memcpy(request->class_name, argv[7], strlen(argv[7]));
		return;
	}
	if (stat(argv[7], &st) < 0)
		bad("%s: %s", argv[7], strerror(errno));
	request->kind = HANDOUT_BY_DIRECTORY;
	request->dir_dev = st.st_dev;
	request->dir_ino = st.st_ino;
	request->least_bytes = strtoull(argv[8], NULL, 10);
}

/* A connection, or -1: no daemon is there. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = ANSWER_MOST_S };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		bad("socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN)
		bad("connect: %s", strerror(errno));
	close(fd);
	return -1;
}

/* The status of a reply, whose pool then is in *ret_fd; -1: the connection was closed, as a daemon's death does. */
static int receive(int connection, struct handout_reply *ret_reply, int *ret_fd)
{
	char packet[256], control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec data = { packet, sizeof(packet) };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return -1;
	if (n < 0)
		bad("no answer from the daemon: %s", strerror(errno));
	if (handout_reply_decode(packet, (size_t)n, ret_reply) != 0)
		bad("a malformed reply of %zd bytes", n);
	if (ret_reply->status == HANDOUT_COLD && !client.takes_cold)
		bad("a cold pool for one who does not know such");
	if (handout_is_given(ret_reply->status) != (header && header->cmsg_len == CMSG_LEN(sizeof(int))))
		bad("status %u with %s descriptor", ret_reply->status, header ? "a" : "no");
	if (handout_is_given(ret_reply->status))
		memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
	return (int)ret_reply->status;
}

static int ask(const char *socket, const struct handout_request *request, struct handout_reply *ret_reply, int *ret_fd)
{
	const struct handout_long_request packet = { .request = *request, .flags = HANDOUT_TAKES_COLD,
						     .wait_s = client.wait_s };
	size_t bytes = client.takes_cold ? sizeof(packet) : sizeof(*request);
	int connection = connect_to(socket), status = -1;

	if (connection < 0)
		return -1;
	if (send(connection, &packet, bytes, MSG_NOSIGNAL) == (ssize_t)bytes) {
		/* one that does not stay for its answer */
		client.gave_up = chance(3);
		if (client.gave_up) {
			/* at once, or while it waits */
			tenant_rest(&client.tenant, client.wait_s ? (int)between(0, 300) : 0);
			close(connection);
			return HANDOUT_NONE_READY;
		}
		status = receive(connection, ret_reply, ret_fd);
	}
	close(connection);
	return status;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Who waits is not told before his time is over that there is none, but by a daemon that ends. */
static void expect_patience(int status, int64_t began_ms)
{
	int64_t waited_ms = now_ms() - began_ms;

	if ((status == HANDOUT_FULL || status == HANDOUT_NONE_READY || status == HANDOUT_LIMIT ||
	     status == HANDOUT_PINNED) && waited_ms < client.wait_s * 1000ll - SLACK_MS)
		bad("after %lld ms of %u s: %s", (long long)waited_ms, client.wait_s,
		    handout_status_text((uint32_t)status));
}

static void say_none(int status)
{
	struct storm_report report = { .kind = STORM_NONE };

	snprintf(report.words, sizeof(report.words), "%s",
		 status < 0 ? "no daemon" : handout_status_text((uint32_t)status));
	tenant_send(&client.tenant, &report);
	exit(0);
}

static void take(char *argv[])
{
	struct storm_report report = { .kind = STORM_TAKEN };
	struct handout_request request;
	struct handout_reply reply;
	struct stat st;
	int status = -1, r;

	prepare_request(argv, &request);
	client.takes_cold = chance(50);
	client.wait_s = client.takes_cold && chance(50) ? between(1, WAIT_MOST_S) : 0;
	for (int i = 0; i < TRIES; i++) {
		int64_t began_ms = now_ms();

		status = ask(argv[6], &request, &reply, &client.fd);
		if (!client.gave_up)
			expect_patience(status, began_ms);
		if (status != -1 && status != HANDOUT_NONE_READY && status != HANDOUT_FULL)
			break;
		tenant_rest(&client.tenant, (int)between(5, 50));
	}
	if (status == HANDOUT_BAD_REQUEST)
		bad("the request was not understood");
	if (!handout_is_given((uint32_t)status))
		say_none(status);
	if (status == HANDOUT_COLD && (r = posix_fallocate(client.fd, 0, (off_t)reply.pool_bytes)) != 0)
		bad("no space in a cold pool: %s", strerror(r));
	if (fstat(client.fd, &st) < 0)
		bad("fstat: %s", strerror(errno));
	client.bytes = reply.pool_bytes;
	memcpy(client.class_name, reply.class_name, sizeof(client.class_name));
	report.dev = st.st_dev;
	report.ino = st.st_ino;
	report.bytes = reply.pool_bytes;
	memcpy(report.pool_id, reply.pool_id, sizeof(report.pool_id));
	memcpy(report.class_name, reply.class_name, sizeof(report.class_name));
	tenant_send(&client.tenant, &report);
	if ((uint64_t)st.st_size != reply.pool_bytes || (st.st_mode & 07777) != 0600 || st.st_nlink != 1)
		bad("a file of %jd bytes, mode %o, %u links; the reply says %zu", (intmax_t)st.st_size, st.st_mode,
		    (unsigned)st.st_nlink, client.bytes);
	if (request.kind == HANDOUT_BY_CLASS && strcmp(reply.class_name, request.class_name) != 0)
		bad("class '%s', asked for '%s'", reply.class_name, request.class_name);
}

/* --- its bytes --- */

static void expect_zero(size_t from, size_t to)
{
	char text[64];

	for (size_t at = from; at < to; at += sizeof(uint64_t)) {
		uint64_t word = *(const uint64_t *)(client.base + at);

		if (word != 0)
			bad("a new pool of '%s' has %s at %zu", client.class_name, tenant_describe(word, text), at);
	}
}

static void check_header(void)
{
	const struct pool_header *header = (const struct pool_header *)client.base;

	if (memcmp(header->magic, POOL_HEADER_MAGIC, sizeof(header->magic)) != 0 ||
	    header->pool_bytes != client.bytes || strcmp(header->class_name, client.class_name) != 0)
		bad("the header is not that of a new pool of '%s'", client.class_name);
	if (header->owner_pid || header->owner_uid || header->owner_start_ns || header->owner_command[0] ||
	    header->used_bytes || header->peak_bytes)
		bad("the header speaks of another owner: pid %u", header->owner_pid);
	expect_zero((sizeof(*header) + 7) & ~(size_t)7, STORM_PAGE);
}

static void fill(size_t from, size_t to)
{
	for (size_t at = from; at < to; at += sizeof(uint64_t))
		*(uint64_t *)(client.base + at) = storm_word(client.tenant.lease, at);
}

static void expect_own(size_t at)
{
	uint64_t word = *(const uint64_t *)(client.base + at);
	char text[64];

	if (word != storm_word(client.tenant.lease, at))
		bad("in my own pool of '%s' there is %s at %zu", client.class_name, tenant_describe(word, text), at);
}

static void check_all(void)
{
	for (size_t at = STORM_PAGE; at < client.bytes; at += sizeof(uint64_t))
		expect_own(at);
}

/* A word of each page. */
static void check_pages(struct tenant *tenant)
{
	for (size_t page = STORM_PAGE; page < client.bytes; page += STORM_PAGE)
		expect_own(page + storm_between(&tenant->random, 0, WORDS_IN_PAGE - 1) * sizeof(uint64_t));
}

/* --- what a client may do --- */

static void map(void)
{
	client.base = mmap(NULL, client.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, client.fd, 0);
	if (client.base == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
}

static size_t some_page(void)
{
	return between(1, (unsigned)(client.bytes / STORM_PAGE) - 1) * (size_t)STORM_PAGE;
}

static void pin(int pipe)
{
	struct storm_report report = {
		.kind = STORM_PINNED, .pins = between(1, STORM_PINS), .pins_may_be_zero = client.damages,
	};

	for (unsigned i = 0; i < report.pins; i++) {
		struct iovec page = { .iov_len = STORM_PAGE };

		report.pin_offset[i] = some_page();
		page.iov_base = client.base + report.pin_offset[i];
		if (vmsplice(pipe, &page, 1, 0) != STORM_PAGE)
			bad("vmsplice: %s", strerror(errno));
	}
	tenant_send(&client.tenant, &report);
}

static void fork_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		bad("fork: %s", strerror(errno));
	if (pid > 0)
		return;
	tenant_say(&client.tenant, STORM_CHILD);
	client.tenant.random ^= (uint64_t)getpid() << 20 | 1;
	tenant_wait_for_death(&client.tenant, check_pages);
}

/* Takes pages from under its own mapping: what comes in their place must be nobody's. */
static void damage(void)
{
	size_t from = some_page(), to = some_page() + STORM_PAGE;
	struct stat st;

	switch (between(0, 2)) {
	case 0:
		if (from >= to)
			return;
		if (fallocate(client.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
			      (off_t)(to - from)) < 0)
			bad("punch: %s", strerror(errno));
		break;
	case 1:
		if (ftruncate(client.fd, (off_t)from) < 0 || ftruncate(client.fd, (off_t)client.bytes) < 0)
			bad("ftruncate: %s", strerror(errno));
		to = client.bytes;
		break;
	case 2:
		from = client.bytes;
		if (fstat(client.fd, &st) < 0 || (size_t)st.st_size != client.bytes ||
		    ftruncate(client.fd, (off_t)(client.bytes + EXTENSION)) < 0)
			bad("extend: %s", strerror(errno));
		if (munmap(client.base, client.bytes) < 0)
			bad("munmap: %s", strerror(errno));
		client.bytes += EXTENSION;
		to = client.bytes;
		map();
		break;
	}
	expect_zero(from, to);
	fill(from, to);
}

/* Odd shapes to leave behind. Nothing is touched after them. */
static void leave_odd(void)
{
	static const off_t lengths[] = { 0, 1, 4096, 5000001, 14 << 20, 200 << 20 };

	if (chance(30))
		memset(client.base, 0xee, STORM_PAGE);
	if (chance(50) && ftruncate(client.fd, lengths[between(0, 5)]) < 0)
		bad("ftruncate: %s", strerror(errno));
}

/* Of no use once the pool is another's. */
static void hold_path(int path_fd)
{
	char path[64];
	int fd;

	tenant_rest(&client.tenant, (int)between(1, 1500));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		bad("an O_PATH descriptor opens the pool after it was given back");
}

static int open_path(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", client.fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		bad("O_PATH: %s", strerror(errno));
	return fd;
}

/* Until it is killed, or ends by itself. */
static void live(void)
{
	bool forked = false;

	for (unsigned round = between(0, 60); round > 0; round--) {
		tenant_rest(&client.tenant, (int)between(0, 25));
		if (chance(20))
			check_all();
		else
			check_pages(&client.tenant);
		if (chance(6)) {
			fork_child();
			forked = true;
		} else if (chance(15) && client.damages && client.fd >= 0 && !forked) {
			damage();
		} else if (chance(5) && client.fd >= 0) {
			close(client.fd);
			client.fd = -1;
		}
	}
	check_all();
	if (chance(40))
		tenant_wait_for_death(&client.tenant, check_pages);
	if (client.damages && client.fd >= 0 && !forked && chance(60))
		leave_odd();
}

static void become(uid_t uid)
{
	if (uid == getuid())
		return;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		bad("uid %u: %s", uid, strerror(errno));
}

int main(int argc, char *argv[])
{
	const uid_t daemon_uid = getuid();
	int pipe, path_fd = -1;

	if (argc < 8)
		return 2;
	client.tenant = (struct tenant){
		.report_fd = atoi(argv[1]), .lease = (uint32_t)strtoul(argv[3], NULL, 10),
		.random = strtoull(argv[4], NULL, 10),
	};
	pipe = atoi(argv[2]);
	become((uid_t)strtoul(argv[5], NULL, 10));
	take(argv);
	if (chance(4)) {
		tenant_say(&client.tenant, STORM_RELEASING);
		return 0;
	}
	map();
	if (chance(15)) {
		close(client.fd);
		client.fd = -1;
	}
	check_header();
	expect_zero(STORM_PAGE, client.bytes);
	fill(STORM_PAGE, client.bytes);
	client.damages = chance(50);
	if (chance(30))
		pin(pipe);
	close(pipe);
	/* the daemon's own user may open whatever it likes */
	if (client.fd >= 0 && getuid() != daemon_uid && chance(20))
		path_fd = open_path();
	live();
	tenant_say(&client.tenant, STORM_RELEASING);
	munmap(client.base, client.bytes);
	if (client.fd >= 0)
		close(client.fd);
	if (path_fd >= 0)
		hold_path(path_fd);
	return 0;
}
