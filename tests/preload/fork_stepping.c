/*
 * A signal handler that calls _Fork at any instruction of what changes the heap's mapping: fork_stepping STRETCH COUNT.
 *
 * The program runs itself once for each of COUNT instructions of the stretch ("all": for each one; "calls": before and
 * after each system call), steps up to it, and has the signal delivered there. The handler writes to the heap and
 * forks; its child goes on with the interrupted code, as the parent does. Then each of them fills all that it has, and
 * finds it as it left it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "tests/preload/forking.h"

#define BLOCKS 12
#define BLOCK_BYTES 80000
#define MORE_BLOCKS 40
#define MARK SIGURG         /* where the stretch begins and ends; nothing to a process that nobody traces */
#define NOT_HANDLED 3        /* exit status: the signal has not come */
#define RUN_SECONDS 60
#define STRETCH_MOST 2000000

/* --- the program that is stepped through --- */

int mallctl(const char *name, void *old_value, size_t *old_bytes, void *value, size_t bytes);

static unsigned char *blocks[BLOCKS + MORE_BLOCKS];
static int *handled_on_heap;      /* the same as `handled`, but in the heap: a fork finds both as they are */
static volatile int handled;
static volatile unsigned char mark = 'i';
static void *fresh;
static pid_t handlers_child, handled_by, outer_child;
static int go[2];

static void fill(int from, int to)
{
	for (int i = from; i < to; i++)
		if (blocks[i])
			memset(blocks[i], mark, BLOCK_BYTES);
}

static int is_filled(void)
{
	for (int i = 0; i < BLOCKS + MORE_BLOCKS; i++)
		for (int at = 0; blocks[i] && at < BLOCK_BYTES; at++)
			if (blocks[i][at] != mark)
				return 0;
	return *handled_on_heap == handled;
}

static void handler(int signal)
{
	int saved_errno = errno;

	(void)signal;
	CHECK(is_filled());
	handled++;
	++*handled_on_heap;
	handlers_child = _Fork();
	CHECK(handlers_child >= 0);
	handled_by = getpid();
	mark = handlers_child == 0 ? 'c' : 'p';
	fill(0, BLOCKS + 1);
	errno = saved_errno;
}

static void *idle(void *unused)
{
	pause();
	return unused;
}

/* It takes no signal, from its first moment on. */
static void start_thread(void)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
	CHECK(pthread_create(&thread, NULL, idle, NULL) == 0);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

/* To the handler's child it may be a brother. */
static void wait_for_outer_child(void)
{
	CHECK(outer_child <= 0 || ended_well(outer_child) || (mark == 'c' && errno == ECHILD));
	outer_child = 0;
}

/* Fills all that there is, and finds it as it was left, while the handler's child, or its parent, does the same. */
static void after(void)
{
	int is_ours = handled_by == getpid();
	char byte = 0;

	if (fresh)
		blocks[BLOCKS] = fresh;
	for (int i = BLOCKS + 1; i < BLOCKS + MORE_BLOCKS; i++)
		CHECK((blocks[i] = malloc(BLOCK_BYTES)));
	fill(0, BLOCKS + MORE_BLOCKS);
	if (is_ours && handlers_child > 0)
		CHECK(write(go[1], "g", 1) == 1);
	else if (is_ours)
		CHECK(read(go[0], &byte, 1) == 1);
	CHECK(is_filled());
	wait_for_outer_child();
	if (is_ours && handlers_child > 0)
		CHECK(ended_well(handlers_child));
	CHECK(is_filled());
}

static int end_of_child(void *unused)
{
	(void)unused;
	outer_child = 0;
	CHECK(is_filled());
	raise(MARK);
	after();
	_exit(0);
}

static void child_ends(pid_t pid)
{
	CHECK(pid >= 0);
	if (pid == 0)
		end_of_child(NULL);
	outer_child = pid;
}

/* Waits, without the library's noticing, until the child can be waited for. */
static void fork_one_that_ends(void)
{
	siginfo_t info;

	child_ends(fork());
	CHECK(syscall(SYS_waitid, P_PID, outer_child, &info, WEXITED | WNOWAIT, NULL) == 0);
}

static void until_returning(void)
{
	start_thread();
	fork_one_that_ends();
	wait_for_outer_child();
	for (int i = 0; i < 3000 && stats().mode != VMMALLOC_MODE_RETURNING; i++) {
		sleep_ms(10);
		allocate();
	}
	CHECK(stats().mode == VMMALLOC_MODE_RETURNING || getenv("VMMALLOC_FORK")[0] == '1');
	for (int i = 0; i < BLOCKS; i += 2) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
}

static void fork_more(void)
{
	blocks[BLOCKS] = malloc(20 << 20);
	CHECK(blocks[BLOCKS]);
	memset(blocks[BLOCKS], mark, BLOCK_BYTES);
	fork_one_that_ends();
}

static void calls_fork(void) { child_ends(fork()); }
static void calls__Fork(void) { child_ends(_Fork()); }
static void calls_syscall(void) { child_ends((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

/* Gives what was freed back to the heap. */
static void gives(void)
{
	unsigned arena = 0;
	size_t bytes = sizeof(arena);
	char name[32];

	CHECK(mallctl("thread.arena", &arena, &bytes, NULL, 0) == 0);
	snprintf(name, sizeof(name), "arena.%u.purge", arena);
	CHECK(mallctl(name, NULL, NULL, NULL, 0) == 0);
}

/* Not to be looked at before it is filled. */
static void grows(void)
{
	CHECK((fresh = malloc(3 << 20)));
}

static void calls_clone(void)
{
	static char stack[1 << 18] __attribute__((aligned(16)));

	outer_child = clone(end_of_child, stack + sizeof(stack), SIGCHLD, NULL);
	CHECK(outer_child > 0);
}

static const struct stretch {
	const char *name;
	void (*before)(void);
	void (*stretch)(void);
} stretches[] = {
	{ "malloc", NULL, grows },
	{ "malloc_private", fork_one_that_ends, grows },
	{ "fork", NULL, calls_fork },
	{ "fork_private", fork_one_that_ends, calls_fork },
	{ "fork_threads", start_thread, calls_fork },
	{ "fork_returning", until_returning, calls_fork },
	{ "fork_large", fork_more, calls_fork },
	{ "_Fork", NULL, calls__Fork },
	{ "clone", NULL, calls_clone },
	{ "syscall", NULL, calls_syscall },
	{ "return", fork_one_that_ends, wait_for_outer_child },
	{ "give", until_returning, gives },
};

static int be_stepped(const struct stretch *stretch)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	CHECK(pipe(go) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK((handled_on_heap = calloc(1, sizeof(int))));
	for (int i = 0; i < BLOCKS; i++)
		CHECK((blocks[i] = malloc(BLOCK_BYTES)));
	fill(0, BLOCKS + 1);
	if (stretch->before)
		stretch->before();
	raise(MARK);
	stretch->stretch();
	raise(MARK);
	after();
	return handled ? 0 : NOT_HANDLED;
}

/* --- the one that steps --- */

static pid_t stepped;
static enum __ptrace_request step = PTRACE_SINGLESTEP;

static void too_late(int signal)
{
	(void)signal;
	(void)!write(STDERR_FILENO, "a run has not ended in time\n", 28);
	kill(stepped, SIGKILL);
	_exit(1);
}

static void start(char *name)
{
	char *arguments[] = { "fork_stepping", "-", name, NULL };

	alarm(RUN_SECONDS);
	stepped = fork();
	if (stepped == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execv("/proc/self/exe", arguments);
		_exit(127);
	}
	CHECK(stepped > 0);
}

/* Lets it run until it stops, and says why: the signal, or 0 at its end. */
static int next_stop(enum __ptrace_request how, long signal)
{
	int status;

	CHECK(ptrace(how, stepped, 0, signal) == 0);
	CHECK(waitpid(stepped, &status, __WALL) == stepped);
	return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

/* The signal to be passed on: the stops of the stepping are ours, and those that the program raised. */
static long passed_on(int stop)
{
	return stop == SIGTRAP || stop == MARK ? 0 : stop;
}

/* From a stop to the next mark. */
static void run_to_mark(int stop)
{
	do {
		stop = next_stop(PTRACE_CONT, passed_on(stop));
		CHECK(stop != 0);
	} while (stop != MARK);
}

static void check_end(int is_handled)
{
	int status = 0;

	CHECK(ptrace(PTRACE_DETACH, stepped, 0, 0) == 0);
	CHECK(waitpid(stepped, &status, 0) == stepped);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (is_handled ? 0 : NOT_HANDLED));
}

static void begin(const struct stretch *stretch)
{
	int status;

	start((char *)stretch->name);
	CHECK(waitpid(stepped, &status, 0) == stepped && WIFSTOPPED(status));
	CHECK(ptrace(PTRACE_SETOPTIONS, stepped, 0, PTRACE_O_EXITKILL) == 0);
	run_to_mark(SIGTRAP);
}

/* Steps through the stretch, with the signal after `at` steps. Returns how many there were. */
static long run(const struct stretch *stretch, long at)
{
	long steps = 0;
	int stop = SIGTRAP;

	begin(stretch);
	while (steps < at) {
		stop = next_stop(step, passed_on(stop));
		if (stop == MARK || stop == 0)
			break;
		steps += stop == SIGTRAP;
	}
	if (steps == at) {
		CHECK(kill(stepped, SIGUSR1) == 0);
		run_to_mark(SIGTRAP);
	}
	check_end(steps == at);
	return steps;
}

/* Each step is a switch between the two, which is far quicker on one. */
static void stay_on_one_processor(void)
{
	cpu_set_t one[64];  /* a machine may have more than the 1,024 processors of one */

	CPU_ZERO_S(sizeof(one), one);
	CPU_SET_S((size_t)sched_getcpu(), sizeof(one), one);
	CHECK(sched_setaffinity(0, sizeof(one), one) == 0);
}

int main(int count, char **arguments)
{
	const struct stretch *stretch = stretches;
	long steps, runs;

	CHECK(count == 3);
	while (strcmp(stretch->name, arguments[1][0] == '-' ? arguments[2] : arguments[1]) != 0)
		CHECK(++stretch < stretches + sizeof(stretches) / sizeof(*stretches));
	if (arguments[1][0] == '-')
		return be_stepped(stretch);
	signal(SIGALRM, too_late);
	stay_on_one_processor();
	if (strcmp(arguments[2], "calls") == 0)
		step = PTRACE_SYSCALL;
	steps = run(stretch, STRETCH_MOST);
	runs = step == PTRACE_SYSCALL || strcmp(arguments[2], "all") == 0 ||
	       atol(arguments[2]) > steps ? steps : atol(arguments[2]);
	srand((unsigned)time(NULL));
	for (long i = 0; i < runs; i++) {
		long at = i * steps / runs + (runs < steps ? rand() % (steps / runs) : 0);

		fprintf(stdout, "%s: signal at step %ld of %ld\n", stretch->name, at, steps);
		fflush(stdout);
		run(stretch, at);
	}
	return 0;
}
