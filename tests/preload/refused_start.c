/*
 * Runs a program again and again, and each time refuses one more of the system calls that the library makes at its
 * start: refused_start ERRNO once|all PROGRAM [ARGUMENT...]. With `all`, others of the same number are refused, too.
 * The library is $LIBRARY.
 *
 * Each time the program prints what it always does, and nothing is said; or, with VMMALLOC_ON_FAIL=dram in the
 * environment, one line is said besides; or, without, it ends with status 1, prints nothing, and one line is said. This
 * prints how often there was a line.
 *
 * The library makes its calls by the instruction itself, so a call is its own if the instruction lies in it. Its start
 * ends with the first futex, or with the line.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) \
	((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition), exit(1)))
#define LINES_BYTES 16384
#define RUN_SECONDS 60

static pid_t traced;

static void too_late(int signal)
{
	(void)signal;
	kill(traced, SIGKILL);
	(void)!write(STDERR_FILENO, "a run has not ended in time\n", 28);
	_exit(1);
}

static bool is_librarys(uint64_t address)
{
	char path[64], line[512];
	unsigned long start, end;
	bool found = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)traced);
	maps = fopen(path, "re");
	CHECK(maps);
	while (!found && fgets(line, sizeof(line), maps))
		found = strstr(line, "libvmmalloc.so") && sscanf(line, "%lx-%lx", &start, &end) == 2 &&
			address >= start && address < end;
	fclose(maps);
	return found;
}

/* At its entry: the kernel makes no call of that number. */
static void drop_call(void)
{
#ifdef __x86_64__
	CHECK(ptrace(PTRACE_POKEUSER, traced, offsetof(struct user_regs_struct, orig_rax), -1L) == 0);
#else
	int none = -1;
	struct iovec part = { .iov_base = &none, .iov_len = sizeof(none) };

	CHECK(ptrace(PTRACE_SETREGSET, traced, NT_ARM_SYSTEM_CALL, &part) == 0);
#endif
}

/* At its exit. */
static void set_result(long result)
{
#ifdef __x86_64__
	CHECK(ptrace(PTRACE_POKEUSER, traced, offsetof(struct user_regs_struct, rax), result) == 0);
#else
	struct user_regs_struct registers;
	struct iovec part = { .iov_base = &registers, .iov_len = sizeof(registers) };

	CHECK(ptrace(PTRACE_GETREGSET, traced, NT_PRSTATUS, &part) == 0);
	registers.regs[0] = (uint64_t)result;
	CHECK(ptrace(PTRACE_SETREGSET, traced, NT_PRSTATUS, &part) == 0);
#endif
}

/* To the next entry or exit of a system call. False: the program has ended. */
static bool next_call(struct __ptrace_syscall_info *ret_info, int *ret_status)
{
	long signal = 0;

	for (;;) {
		CHECK(ptrace(PTRACE_SYSCALL, traced, 0, signal) == 0 && waitpid(traced, ret_status, __WALL) == traced);
		if (!WIFSTOPPED(*ret_status))
			return false;
		signal = WSTOPSIG(*ret_status);
		if (signal == (SIGTRAP | 0x80))
			break;
		signal = signal == SIGTRAP ? 0 : signal;  /* exec */
	}
	CHECK(ptrace((enum __ptrace_request)PTRACE_GET_SYSCALL_INFO, traced, sizeof(*ret_info), ret_info) > 0);
	return true;
}

static bool ends_start(uint64_t number)
{
	return number == SYS_futex || number == SYS_write || number == SYS_exit_group;
}

/* Refuses the call `at` of the library's start. Returns whether there was such a call. */
static bool refuse(int at, bool all, int error, int *ret_status)
{
	struct __ptrace_syscall_info info;
	uint64_t refused = UINT64_MAX;
	int calls = 0;

	while (next_call(&info, ret_status)) {
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !is_librarys(info.instruction_pointer))
			continue;
		if (ends_start(info.entry.nr))
			return refused != UINT64_MAX;
		if (calls == at)
			refused = info.entry.nr;
		if (calls++ == at || (all && info.entry.nr == refused)) {
			drop_call();
			CHECK(next_call(&info, ret_status) && info.op == PTRACE_SYSCALL_INFO_EXIT);
			set_result(-error);
		}
	}
	CHECK(!"the library's start has no end");
	return false;
}

static void start(char **command, int out, int err)
{
	traced = fork();
	if (traced == 0) {
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		setenv("LD_PRELOAD", getenv("LIBRARY"), 1);
		raise(SIGSTOP);
		execv(command[0], command);
		_exit(127);
	}
	CHECK(traced > 0 && waitpid(traced, NULL, 0) == traced);
	CHECK(ptrace(PTRACE_SETOPTIONS, traced, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) == 0);
}

static bool is_line(const char *text, const char *kind, const char *end)
{
	size_t length = strlen(text);

	return length > strlen(end) && strncmp(text, kind, strlen(kind)) == 0 &&
	       strchr(text, '\n') == text + length - 1 && strcmp(text + length - strlen(end), end) == 0;
}

/* Whether there was a line. */
static bool judge(const char *said, const char *printed, int status, const char *expected)
{
	const char *on_fail = getenv("VMMALLOC_ON_FAIL");
	bool does_without = on_fail && strcmp(on_fail, "dram") == 0;

	if (!*said || does_without)
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && strcmp(printed, expected) == 0);
	else
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1 && !*printed);
	if (*said && does_without)
		CHECK(is_line(said, "Warning (libvmmalloc): ", "; the program runs on ordinary memory\n"));
	else if (*said)
		CHECK(is_line(said, "Error (libvmmalloc): ", "\n"));
	return *said;
}

struct run {
	char said[LINES_BYTES], printed[LINES_BYTES];
	int status;
	bool is_refused;  /* there was such a call */
};

static void contents(FILE *file, char *ret_text)
{
	ssize_t n = pread(fileno(file), ret_text, LINES_BYTES - 1, 0);

	CHECK(n >= 0);
	ret_text[n] = '\0';
	fclose(file);
}

/* -1: nothing is refused. */
static void run_once(char **command, int at, bool all, int error, struct run *run)
{
	FILE *out = tmpfile(), *err = tmpfile();

	CHECK(out && err);
	alarm(RUN_SECONDS);
	start(command, fileno(out), fileno(err));
	run->is_refused = refuse(at, all, error, &run->status);
	CHECK(ptrace(PTRACE_DETACH, traced, 0, 0) == 0 && waitpid(traced, &run->status, 0) == traced);
	contents(err, run->said);
	contents(out, run->printed);
}

int main(int argc, char **argv)
{
	static struct run plain, run = { .is_refused = true };
	int error = argc > 3 ? atoi(argv[1]) : 0, lines = 0;
	bool all = argc > 3 && strcmp(argv[2], "all") == 0;

	CHECK(error > 0 && getenv("LIBRARY"));
	signal(SIGALRM, too_late);
	run_once(argv + 3, -1, all, error, &plain);
	CHECK(*plain.printed && !*plain.said);
	for (int at = 0; run.is_refused; at++) {
		run_once(argv + 3, at, all, error, &run);
		fprintf(stderr, "%d: %s", at, *run.said ? run.said : run.printed);
		CHECK(run.is_refused || !*run.said);
		lines += judge(run.said, run.printed, run.status, plain.printed);
	}
	printf("%d\n", lines);
	return 0;
}
