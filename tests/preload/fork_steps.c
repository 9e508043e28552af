/* A heap that returns to its pool in steps: what happens between two of them, here anything, harms neither the process
 * nor a child. "fork_steps SEED ROUNDS": random work; "fork_steps killed": the parent is killed between two steps. */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/preload/forking.h"

#define BLOCKS 640
#define BYTES ((size_t)64 << 10)
#define WORDS (BYTES / sizeof(uint64_t))
#define EXHAUSTING 160
#define STEP_MOST_MS 60000
#define MAPS_MORE 24               /* spare ones of the library's, a thread's stack and arena */

static uint64_t *blocks[BLOCKS];
static uint64_t written[BLOCKS];   /* what each was filled with last */
static uint64_t last;

static void fill(size_t i)
{
	written[i] = ++last;
	for (size_t word = 0; word < WORDS; word++)
		blocks[i][word] = last * WORDS + word;
}

static bool all_are_right(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		for (size_t word = 0; word < WORDS; word++)
			if (blocks[i][word] != written[i] * WORDS + word)
				return false;
	return true;
}

static void fill_all(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		fill(i);
}

static size_t some(void)
{
	return (size_t)rand() % BLOCKS;
}

/* A child sees its parent's heap of the moment of the fork, and what it writes stays its own. */
static pid_t fork_checking(bool writes)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (!all_are_right())
		_exit(1);
	for (int i = 0; writes && i < 100; i++)
		fill(some());
	_exit(!all_are_right());
}

static void exec_something(void)
{
	char *arguments[] = { "true", NULL }, *environment[] = { NULL };
	pid_t pid;

	CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment) == 0 && ended_well(pid));
	pid = fork();
	if (pid == 0) {
		execve("/bin/true", arguments, environment);
		_exit(1);
	}
	CHECK(ended_well(pid));
}

static void *write_as_thread(void *argument)
{
	for (size_t i = 0; i < BLOCKS; i += 8)
		fill(i);
	allocate();
	return argument;
}

static void have_thread(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, write_as_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void exhaust(void)
{
	void *all[EXHAUSTING];
	size_t count = 0;

	while (count < EXHAUSTING && (all[count] = malloc(1 << 20)))
		memset(all[count++], 'e', 1 << 20);
	CHECK(count < EXHAUSTING || getenv("VMMALLOC_ON_FULL"));
	while (count > 0)
		free(all[--count]);
}

static void exchange_blocks(void)
{
	for (int i = 0; i < 40; i++) {
		size_t at = some();

		free(blocks[at]);
		CHECK((blocks[at] = malloc(BYTES)));
		fill(at);
	}
}

static void do_anything(void)
{
	switch (rand() % 12) {
	case 0:
		CHECK(ended_well(fork_checking(true)));
		break;
	case 1:
		exec_something();
		break;
	case 2:
		have_thread();
		break;
	case 3:
		exhaust();
		break;
	case 4: case 5: case 6:
		exchange_blocks();
		break;
	default:
		for (int i = 0; i < 20; i++)
			fill(some());
	}
}

/* Until some of the heap has returned that had not, or all of it. */
static void await_step(void)
{
	size_t before = stats().private_bytes;

	for (int ms = 0; ms < STEP_MOST_MS && before > 0 && stats().private_bytes >= before; ms++) {
		sleep_ms(1);
		allocate();
	}
	CHECK(before == 0 || stats().private_bytes < before);
}

/* A fork after which all is changed: a heap so large is not back at once. */
static void begin_return(void)
{
	pid_t pid = fork_checking(false);

	CHECK(pid > 0 && stats().mode == VMMALLOC_MODE_PRIVATE);
	fill_all();
	CHECK(ended_well(pid));
	await_step();
	CHECK(stats().mode == VMMALLOC_MODE_PRIVATE && stats().private_bytes > 0);
}

static size_t return_in_steps(void)
{
	size_t steps = 1;

	for (; stats().mode != VMMALLOC_MODE_POOL; steps++) {
		if (rand() % 3 == 0)
			do_anything();
		await_step();
		if (rand() % 4 == 0)
			CHECK(all_are_right());
	}
	CHECK(all_are_right());
	return steps;
}

/* A heap that has returned is as few mappings as before. */
static size_t count_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	size_t lines = 0;
	int c;

	CHECK(file);
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

/* The child of a parent that is killed half-way back goes on; and so does whoever was not forked by it. */
static void be_killed(void)
{
	int result[2];
	char byte = 0;
	pid_t parent;

	CHECK(pipe(result) == 0);
	parent = fork();
	if (parent == 0) {
		pid_t pid;

		/* on a pool of its own first, as it has no way back else */
		sleep_ms(200);
		CHECK(comes_back());
		for (size_t i = 0; i < BLOCKS; i++) {
			CHECK((blocks[i] = malloc(BYTES)));
			fill(i);
		}
		begin_return();
		await_step();
		pid = fork();
		if (pid > 0)
			raise(SIGKILL);
		while (getppid() == parent || pid < 0)
			sleep_ms(1);
		fill_all();
		byte = all_are_right() && forks_well() ? 'r' : 'w';
		_exit(write(result[1], &byte, 1) != 1);
	}
	close(result[1]);
	CHECK(parent > 0 && read(result[0], &byte, 1) == 1 && byte == 'r');
	CHECK(waitpid(parent, NULL, 0) == parent);
	allocate();
}

int main(int argc, char **argv)
{
	size_t maps;

	CHECK(argc > 1);
	if (argc == 2) {
		be_killed();
		return 0;
	}
	srand((unsigned)atoi(argv[1]));
	for (size_t i = 0; i < BLOCKS; i++)
		CHECK((blocks[i] = malloc(BYTES)));
	fill_all();
	maps = count_maps();
	for (int round = 0; round < atoi(argv[2]); round++) {
		begin_return();
		CHECK(return_in_steps() > 0);
		CHECK(count_maps() <= maps + MAPS_MORE || getenv("VMMALLOC_ON_FULL"));
	}
	return 0;
}
