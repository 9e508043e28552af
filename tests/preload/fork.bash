#!/bin/bash
# fork.bash -- fork under small programs, in every mode of VMMALLOC_FORK.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/fork_modes.bash"

for mode in auto 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: children and their children have their own heap" in_mode $mode forks
	run_case "VMMALLOC_FORK=$mode: the same while four threads allocate" in_mode $mode forks 4
	run_case "VMMALLOC_FORK=$mode: a child's memory is of one moment" in_mode $mode snapshot
	run_case "VMMALLOC_FORK=$mode: random work and random forks" in_mode $mode fork_stress 1 60
	run_case "VMMALLOC_FORK=$mode: signal handlers that write to the heap" in_mode $mode fork_signals
	run_case "VMMALLOC_FORK=$mode: all roads to fork" in_mode $mode fork_roads
	run_case "VMMALLOC_FORK=$mode: all descriptors closed" in_mode $mode fork_without_fd
	run_case "VMMALLOC_FORK=$mode: all descriptors reused" in_mode $mode fork_without_fd reuse
done
run_case "the default: children and their children have their own heap" preload "$PROGRAMS/forks"
run_case "the parent is back on its pool when its child is gone" in_mode auto back
run_case "a child that lives on gets its own pool, and its parent returns" in_mode auto settle
run_case "a parent whose children stay leaves them the file, and is on a pool of its own" in_mode auto fork_leave
run_case "a parent with threads returns piece by piece, and wholly when they have ended" in_mode auto fork_threads
run_case "ten thousand forks" in_mode auto fork_loop
run_case "signals that are held back wait, those of faults too" in_mode auto fork_blocked

for mode in auto 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: a child's figures are those of the fork" in_mode $mode fork_figures
done

refused() {
	[ "$(id -u)" -eq 0 ] || skip "must be root to become a user who may not fork"
	in_mode auto fork_fails && in_mode 2 fork_fails
}
run_case "a fork that the kernel refuses is not counted" refused

full() { VMMALLOC_POOL_SIZE=64M in_mode "$1" fork_full; }
for mode in auto 1 2; do
	run_case "VMMALLOC_FORK=$mode: fork of a full pool" full $mode
done

on_disk() { POOL_DIR=$WORK in_mode auto back && POOL_DIR=$WORK in_mode auto settle && POOL_DIR=$WORK in_mode 2 forks &&
	POOL_DIR=$WORK in_mode auto fork_leave && POOL_DIR=$WORK in_mode auto fork_threads; }
run_case "the same on the file system of the temporary directory" on_disk

relative() { VMMALLOC_POOL_DIR=. in_mode 2 forks && VMMALLOC_POOL_DIR=. in_mode auto settle; }
run_case "a relative pool directory" relative

orphan() {
	in_mode auto orphan "$WORK/out" || return 1
	until [ -s "$WORK/out" ]; do :; done
	[ "$(cat "$WORK/out")" = done ]
}
run_case "a child outlives its parent" orphan

# Mode 0 shares the heap: only for children that exec at once.
shares() {
	cat >shares.c <<'C'
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) { char *p = strdup("parent"); if (fork() == 0) { strcpy(p, "child"); _exit(0); } wait(NULL); return strcmp(p, "child"); }
C
	gcc -w shares.c -o shares && VMMALLOC_FORK=0 preload ./shares
}
run_case "VMMALLOC_FORK=0 does nothing at all" shares

says() {
	VMMALLOC_FORK=$1 preload "$PROGRAMS/hello" 2>stderr && return 1
	[ "$(cat stderr)" = "Error (libvmmalloc): incorrect VMMALLOC_FORK value ($1), expected auto, 0, 1, 2 or 3" ]
}
for value in 4 -1 "" yes 22; do
	run_case "VMMALLOC_FORK='$value' is refused" says "$value"
done

end_suite
