/*
 * A program that confines itself: confined HOW DEFAULT [-fork|-forked|-return] NAME[=ANSWER]...
 *
 * HOW is `own` (by libseccomp, through libc), `number` (prctl, by libc's syscall), `unseen` (by the instruction
 * itself), or `exec` (before it starts anew). DEFAULT is the answer to all system calls that are not named: allow,
 * kill, trap or an errno. A name alone is allowed.
 *
 * Then its heap grows to the full, in two threads, shrinks, and grows again, and every byte is looked at. With -fork it
 * forks meanwhile: that works, or fails with ENOMEM and nothing is lost. With -forked it did so before as well, and
 * that child is still there. With -return it waits for the heap to return.
 */
/* link: -lseccomp */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define BLOCKS_MOST 4096

static int forks, forked, returns;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static unsigned char *blocks[BLOCKS_MOST];

static uint32_t answer(const char *word)
{
	if (strcmp(word, "allow") == 0)
		return SCMP_ACT_ALLOW;
	if (strcmp(word, "kill") == 0)
		return SCMP_ACT_KILL_PROCESS;
	return strcmp(word, "trap") == 0 ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO((uint32_t)atoi(word));
}

/* OpenSSH's rule for this call looks at its argument. */
static void add_madvise_of_openssh(scmp_filter_ctx filter)
{
	static const int advices[] = { MADV_NORMAL, MADV_FREE, MADV_DONTNEED, MADV_DONTFORK, MADV_DONTDUMP,
				       MADV_WIPEONFORK };

	for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++)
		CHECK(seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(madvise), 1,
				       SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)advices[i])) == 0);
	for (int advice = 1; advice < 26; advice++)
		if (!memchr("\0\4\10\12\20\22", advice, 6))
			CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(madvise), 1,
					       SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)advice)) == 0);
}

static scmp_filter_ctx make_filter(char **words)
{
	uint32_t otherwise = answer(words[0]);
	scmp_filter_ctx filter = seccomp_init(otherwise);

	CHECK(filter);
	for (char **word = words + 1; *word; word++) {
		char *equals = strchr(*word, '=');
		uint32_t action = answer(equals ? equals + 1 : "allow");

		if (equals)
			*equals = '\0';
		if (strcmp(*word, "madvise-of-openssh") == 0)
			add_madvise_of_openssh(filter);
		else if (action != otherwise && seccomp_syscall_resolve_name(*word) != __NR_SCMP_ERROR)
			CHECK(seccomp_rule_add(filter, action, seccomp_syscall_resolve_name(*word), 0) == 0);
	}
	return filter;
}

static long by_instruction(long number, long a, long b, long c)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
#else
	return syscall(number, a, b, c);
#endif
}

static void install(scmp_filter_ctx filter, bool seen)
{
	static struct sock_filter code[2048];
	int file = memfd_create("filter", 0);
	struct sock_fprog program = { .filter = code };

	CHECK(seccomp_export_bpf(filter, file) == 0);
	program.len = (unsigned short)(pread(file, code, sizeof(code), 0) / (ssize_t)sizeof(*code));
	close(file);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (seen)
		CHECK(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	else
		CHECK(by_instruction(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program) == 0);
}

static void fill(int first)
{
	for (int i = first; i < BLOCKS_MOST && (i == first || blocks[i - 1]); i++) {
		blocks[i] = malloc(MIB / 2 + (size_t)(i % 7) * 100000);
		if (blocks[i])
			memset(blocks[i], i, MIB / 2);
	}
}

static void look(void)
{
	for (int i = 0; i < BLOCKS_MOST && blocks[i]; i++)
		for (size_t at = 0; at < MIB / 2; at += 512)
			CHECK(blocks[i][at] == (unsigned char)i);
}

static void fork_and_look(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		look();
		memset(blocks[0], 'x', MIB / 2);
		for (int i = 0; i < 20; i++)
			CHECK(malloc(MIB / 8));
		_exit(0);
	}
	CHECK(pid > 0 ? ended_well(pid) : errno == ENOMEM);
	CHECK(!returns || comes_back());
	look();
}

/* Until its parent has ended. */
static void leave_child(void)
{
	int ends[2];
	pid_t pid;

	CHECK(malloc(1) && pipe(ends) == 0);
	pid = fork();
	CHECK(pid >= 0);
	close(ends[pid == 0]);
	if (pid == 0)
		_exit((int)read(ends[0], &pid, 1));
}

static void work(void)
{
	size_t got = 0;
	int half = 0;

	for (int i = 0; i < 40; i++) {
		blocks[i] = malloc(MIB / 2);
		CHECK(blocks[i]);
		memset(blocks[i], i, MIB / 2);
	}
	if (forks)
		fork_and_look();
	fill(40);
	look();
	while (blocks[half])
		got += MIB / 2 + (size_t)(half++ % 7) * 100000;
	CHECK(got > stats().pool_bytes / 10 * 8);
	for (int i = 0; i < half; i++) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
	for (int i = 0; i < 1000; i++)
		CHECK((blocks[i] = calloc(1, 5000)) && blocks[i][4999] == 0);
	for (int i = 0; i < 1000; i++) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
	(void)malloc_usable_size(malloc(1));
}

static void *work_in_turn(void *unused)
{
	pthread_mutex_lock(&turn);
	work();
	pthread_mutex_unlock(&turn);
	return unused;
}

int main(int argc, char **argv)
{
	const char *how = argv[1];
	scmp_filter_ctx filter;
	pthread_t thread;

	alarm(60);
	returns = argc > 3 && strcmp(argv[3], "-return") == 0;
	forked = argc > 3 && strcmp(argv[3], "-forked") == 0;
	forks = returns || forked || (argc > 3 && strcmp(argv[3], "-fork") == 0);
	if (forked)
		leave_child();
	if (forks)
		argv[3] = argv[2];
	filter = strcmp(how, "done") == 0 ? NULL : make_filter(argv + 2 + forks);
	if (strcmp(how, "exec") == 0) {
		CHECK(seccomp_load(filter) == 0);
		execl("/proc/self/exe", argv[0], "done", "allow", returns ? "-return" : forks ? "-fork" : NULL, NULL);
		return 3;
	}
	pthread_mutex_lock(&turn);
	if (!forks)
		CHECK(pthread_create(&thread, NULL, work_in_turn, NULL) == 0);
	if (strcmp(how, "own") == 0)
		CHECK(seccomp_load(filter) == 0);
	else if (filter)
		install(filter, strcmp(how, "number") == 0);
	work();
	pthread_mutex_unlock(&turn);
	if (!forks)
		CHECK(pthread_join(thread, NULL) == 0);
	_exit(0);
}
