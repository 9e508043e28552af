/* Somebody opens all descriptors of a program that forks and returns to its pool, over and over: no harm is done. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include "tests/preload/forking.h"

#define RETURNS 2000
#define WATCHERS 6

static void watch(pid_t pid)
{
	char path[400];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	while ((directory = opendir(path))) {
		while ((entry = readdir(directory))) {
			char name[800];
			int fd = -1;

			snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			if (atoi(entry->d_name) >= 100)
				fd = open(name, O_RDONLY | O_NONBLOCK);
			if (fd >= 0)
				close(fd);
		}
		closedir(directory);
	}
	_exit(0);
}

static void fork_and_return(void)
{
	for (int i = 0; i < RETURNS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		CHECK(ended_well(pid));
		for (int j = 0; j < 4; j++)
			allocate();
	}
	CHECK(comes_back());
	_exit(0);
}

int main(void)
{
	pid_t watched = fork(), watchers[WATCHERS];

	if (watched == 0)
		fork_and_return();
	for (int i = 0; i < WATCHERS; i++) {
		watchers[i] = fork();
		if (watchers[i] == 0)
			watch(watched);
	}
	CHECK(ended_well(watched));
	for (int i = 0; i < WATCHERS; i++) {
		kill(watchers[i], SIGKILL);
		CHECK(waitpid(watchers[i], NULL, 0) == watchers[i]);
	}
	return 0;
}
