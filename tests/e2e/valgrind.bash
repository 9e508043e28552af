#!/bin/bash
# valgrind.bash -- programs with the library under valgrind, which takes the allocation functions over: all of them, or a
# block of its own heap would be freed to ours.
. "$(dirname "$0")/../lib/suite.bash"

# Forks, threads, C++, every allocation function, blocks of every kind.
case_tool() {
	need valgrind g++
	cat >program.cc <<-'END'
		#include <cstdio>
		#include <cstdlib>
		#include <malloc.h>
		#include <map>
		#include <memory>
		#include <string>
		#include <sys/wait.h>
		#include <thread>
		#include <unistd.h>
		#include <vector>
		static void work()
		{
			std::map<int, std::string> map;
			for (int i = 0; i < 2000; i++)
				map[i % 500] += std::string(i % 90, 'x');
			std::vector<std::unique_ptr<int[]>> arrays;
			for (int i = 1; i < 200; i++)
				arrays.emplace_back(new int[i]());
			void *blocks[] = { malloc(100), calloc(10, 1000), realloc(malloc(10), 100000), memalign(64, 100),
				aligned_alloc(4096, 8192), valloc(10), reallocarray(nullptr, 30, 100) };
			void *aligned;
			if (posix_memalign(&aligned, 256, 1000) == 0)
				free(aligned);
			for (void *block : blocks)
				free(block);
		}
		int main()
		{
			work();
			std::thread thread(work);
			thread.join();
			for (int i = 0; i < 3; i++) {
				int status;
				pid_t child = fork();
				if (child == 0) {
					work();
					_exit(0);
				}
				if (waitpid(child, &status, 0) != child || status != 0)
					return 1;
				work();
			}
			puts("worked");
		}
	END
	g++ -std=c++17 -O1 -g -fno-builtin -pthread program.cc -o program || fail "it does not compile"
	preload valgrind -q --tool="$1" --error-exitcode=9 ./program >out 2>errors || fail "status $?: $(tail -n 5 errors)"
	[ "$(cat out)" = worked ] || fail "$(cat out)"
	[ ! -s errors ] || { cat errors; [ "$1" != memcheck ] || exit 1; }
}

case_leak() {
	need valgrind gcc
	printf '#include <stdlib.h>\nvoid *leak;\nint main(void) { leak = malloc(1234); leak = 0; free(malloc(10)); }\n' >leak.c
	gcc -O0 -g -fno-builtin leak.c -o leak || fail "it does not compile"
	preload valgrind --leak-check=full ./leak 2>errors || fail "status $?"
	grep -q '1,234 bytes in 1 blocks are definitely lost' errors || { cat errors; fail "the leak is not found"; }
}

run_case "memcheck finds nothing to complain of" case_tool memcheck
run_case "memcheck finds a leak" case_leak
run_case "massif, which only looks on" case_tool massif
run_case "callgrind, which takes nothing over" case_tool callgrind
end_suite
