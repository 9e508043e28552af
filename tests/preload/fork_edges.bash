#!/bin/bash
# fork_edges.bash -- fork where it is hard: stacks in the heap, cancellation, calls that fail, no descriptors.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/fork_modes.bash"
# The same for programs that become a user who may do little.
as_root_in_mode() {
	[ "$(id -u)" -eq 0 ] || skip "must be root to become a user who may not fork"
	in_mode "$@"
}
# Most of the time nothing would happen anyway.
many_at_once() {
	local i
	for i in {1..40}; do in_mode "$1" fork_at_once || return 1; done
}
export -f as_root_in_mode many_at_once

for mode in auto 2; do
	run_case "VMMALLOC_FORK=$mode: a coroutine forks on a stack in the heap" in_mode $mode fork_coroutine
	run_case "VMMALLOC_FORK=$mode: a signal handler waits on a stack in the heap" in_mode $mode fork_altstack
	run_case "VMMALLOC_FORK=$mode: a signal handler waits on a small stack" in_mode $mode fork_altstack guard
	run_case "VMMALLOC_FORK=$mode: clone with a stack in the heap" in_mode $mode clone_stack
	run_case "VMMALLOC_FORK=$mode: the same without descriptors fails" in_mode $mode clone_stack closed
	run_case "VMMALLOC_FORK=$mode: malloc is no cancellation point" in_mode $mode fork_cancel malloc
	run_case "VMMALLOC_FORK=$mode: fork is no cancellation point" in_mode $mode fork_cancel fork
	run_case "VMMALLOC_FORK=$mode: daemon and forkpty that the kernel refuses" \
		as_root_in_mode $mode fork_calls_fail
	run_case "VMMALLOC_FORK=$mode: forkpty and clone that fail before they fork" in_mode $mode forkpty_fails
	run_case "VMMALLOC_FORK=$mode: a child that shares descriptors closes none" in_mode $mode clone_files
	run_case "VMMALLOC_FORK=$mode: a handler of pthread_atfork forks" in_mode $mode atfork_forks
	run_case "VMMALLOC_FORK=$mode: the same before the fork" in_mode $mode atfork_forks prepare
	run_case "VMMALLOC_FORK=$mode: two threads call _Fork at once, while others write" many_at_once $mode
done
for mode in auto 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: threads and no descriptors: no fork, no harm" in_mode $mode fork_no_snapshot
	run_case "VMMALLOC_FORK=$mode: no descriptors, but no threads" in_mode $mode fork_no_snapshot single
	for what in "" threads closed; do
		run_case "VMMALLOC_FORK=$mode: a limit of data below the pool's size${what:+, $what}" \
			in_mode $mode fork_data_limit $what
	done
	run_case "VMMALLOC_FORK=$mode: a FILE that was locked at a fork stays so" in_mode $mode fork_file_lock
done
run_case "what is made of single pages does not come back with the heap" in_mode auto fork_pages
of_many() { VMMALLOC_ON_FULL=grow VMMALLOC_POOL_SIZE=16M in_mode auto "$@"; }
export -f of_many
run_case "nor with a heap of many pools" of_many fork_pages
run_case "a page that nobody can read makes a copying fork fail" in_mode 2 fork_unreadable
forks_twice() { LIBRARY="$LIBRARY $PROGRAMS/libraries/forks_twice.so" in_mode 2 fork_unreadable; }
run_case "and so it does where a wrapper behind the library's forks twice" forks_twice
run_case "and daemon says so before anybody has ended" in_mode 2 daemon_doomed
beside_handler() { LIBRARY="$LIBRARY $PROGRAMS/libraries/atfork_first.so" in_mode auto fork_cancel fork; }
run_case "a thread is not cancelled in a handler that runs between the library's own" beside_handler
between() { LIBRARY="$LIBRARY $PROGRAMS/libraries/atfork_allocates.so" in_mode "$1" fork_between; }
for mode in auto 1; do
	run_case "VMMALLOC_FORK=$mode: what handlers allocate between the library's own is counted in the child" \
		between $mode
done
run_case "a fork within a fork that is refused leaves the outer one alone" in_mode auto fork_refused
for mode in auto 2; do
	run_case "VMMALLOC_FORK=$mode: nothing returns between a fork's beginning and its handlers" in_mode $mode fork_held
done
run_case "a vforked child does not take its parent's heap back" in_mode auto vfork_allocates
run_case "nor while a process that shares the memory writes to it" in_mode auto shared_memory
run_case "a child that settles takes what it uses" in_mode auto settle_space

steps() { VMMALLOC_POOL_SIZE=128M in_mode auto fork_steps "$@"; }
run_case "whatever comes between the steps of a return does no harm" steps $RANDOM 2
run_case "nor is a child harmed whose parent is killed between them" steps killed
many_steps() { VMMALLOC_ON_FULL=grow VMMALLOC_POOL_SIZE=16M in_mode auto fork_steps "$@"; }
run_case "the same with a heap of many pools" many_steps $RANDOM 2
run_case "and the same" many_steps killed

plugin() { in_mode "$1" fork_in_dlopen "$PROGRAMS/libraries"; }
run_case "a plugin's constructor waits for another thread's first fork" plugin auto

leftover() {
	[ "$(id -u)" -eq 0 ] || skip "must be root to mount a small file system"
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	mkdir small
	unshare -m bash -c on_small
}
on_small() {
	mount -t tmpfs -o size=100m small small || skip "cannot mount a tmpfs here"
	VMMALLOC_POOL_DIR=$PWD/small in_mode auto fork_leftover
}
export -f on_small
run_case "a request that failed leaves nothing in the file of a private heap" leftover

end_suite
