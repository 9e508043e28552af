/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hung_memory -- runs a command as another user, beside memory that never comes: a file whose every read hangs.
 *
 *     hung_memory UID FUSE DIRECTORY COMMAND [ARGUMENT...]
 *
 * FUSE is /dev/fuse, or a node like it. It mounts a FUSE file system on DIRECTORY, whose only file is DIRECTORY/file,
 * and prints "server PID". Whoever touches a mapping of the file makes it print "reading", and sleeps until that
 * process has ended. None of this needs a privilege, as namespaces of the user's own allow it; where they are refused,
 * as in a chroot, root mounts it for the user.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NODE 2
#define FILE_BYTES 65536
#define LIFE_S 100

static void die(const char *what)
{
	printf("%s: %s\n", what, strerrorname_np(errno));
	exit(3);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		die("setresuid");
}

static bool may_have_namespaces(uid_t uid)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		become(uid);
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0);
	}
	return waitpid(child, &status, 0) == child && status == 0;
}

static void enter_namespaces(void)
{
	char uid_map[64], gid_map[64];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		die("unshare");
	/* what has changed its user is root's in /proc */
	prctl(PR_SET_DUMPABLE, 1);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", uid_map);
	write_file("/proc/self/gid_map", gid_map);
}

static void answer(int fuse, const struct fuse_in_header *in, int error, const void *data, size_t bytes)
{
	struct {
		struct fuse_out_header header;
		char data[256];
	} out = { .header = { .unique = in->unique, .error = error, .len = (uint32_t)(sizeof(out.header) + bytes) } };

	memcpy(out.data, data, bytes);
	if (write(fuse, &out, out.header.len) < 0 && errno != ENOENT)
		die("answer");
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node, .mode = node == FILE_NODE ? S_IFREG | 0644 : S_IFDIR | 0755, .nlink = 1,
		.size = node == FILE_NODE ? FILE_BYTES : 0,
	};
}

static void serve(int fuse)
{
	static union {
		struct fuse_in_header in;
		char bytes[1 << 20];
	} request;

	while (read(fuse, &request, sizeof(request)) > 0) {
		const struct fuse_in_header *in = &request.in;
		struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096 };
		struct fuse_entry_out entry = { .nodeid = FILE_NODE, .attr = attributes(FILE_NODE), .entry_valid = 99 };
		struct fuse_attr_out attr = { .attr_valid = 99, .attr = attributes(in->nodeid) };
		struct fuse_open_out opened = { .fh = 1 };

		switch (in->opcode) {
		case FUSE_INIT: answer(fuse, in, 0, &init, sizeof(init)); break;
		case FUSE_LOOKUP: answer(fuse, in, 0, &entry, sizeof(entry)); break;
		case FUSE_GETATTR: answer(fuse, in, 0, &attr, sizeof(attr)); break;
		case FUSE_OPEN: answer(fuse, in, 0, &opened, sizeof(opened)); break;
		/* what all this is for */
		case FUSE_READ: puts("reading"); break;
		default: answer(fuse, in, -ENOSYS, "", 0);
		}
	}
}

static int mount_fuse(const char *device, const char *directory, uid_t uid)
{
	char options[128];
	int fuse = open(device, O_RDWR | O_CLOEXEC);

	if (fuse < 0)
		die("open");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=%u,group_id=%u%s", fuse, uid, uid,
		 geteuid() == 0 && uid != 0 ? ",allow_other" : "");
	if (mount("hung", directory, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		die("mount");
	return fuse;
}

int main(int argc, char *argv[])
{
	pid_t server;
	uid_t uid;
	int fuse;

	if (argc < 5)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	uid = (uid_t)strtoul(argv[1], NULL, 10);
	if (may_have_namespaces(uid)) {
		become(uid);
		enter_namespaces();
		fuse = mount_fuse(argv[2], argv[3], 0);
	} else {
		if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			die("unshare");
		fuse = mount_fuse(argv[2], argv[3], uid);
		become(uid);
	}
	server = fork();
	if (server < 0)
		die("fork");
	if (server == 0) {
		alarm(LIFE_S);
		serve(fuse);
		return 0;
	}
	close(fuse);
	printf("server %d\n", (int)server);
	execvp(argv[4], argv + 4);
	die("exec");
}
