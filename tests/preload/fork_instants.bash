#!/bin/bash
# fork_instants.bash -- forks at every moment, and by every way: signal handlers, raw system calls, other namespaces.
#
# A handler forks before and after each system call of each stretch, and at STEPS more of its instructions; with "all",
# at each one, which takes hours.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/fork_modes.bash"
STEPS=${STEPS:-2}
[ "$STEPS" = all ] && DEADLINE=20000
export STEPS

stepping() {
	local steps
	for steps in calls "$STEPS"; do
		VMMALLOC_POOL_SIZE=64M in_mode "$1" fork_stepping "$2" "$steps" >steps
		[ $? -eq 0 ] || { tail -n 1 steps; return 1; }
	done
}
for stretch in malloc malloc_private fork fork_private fork_threads fork_returning fork_large _Fork clone syscall \
	return give; do
	run_case "a handler forks within $stretch" stepping auto $stretch
done
for mode in 1 2 3; do
	for stretch in fork fork_threads _Fork; do
		run_case "VMMALLOC_FORK=$mode: a handler forks within $stretch" stepping $mode $stretch
	done
done

run_case "a handler that nothing holds back forks at each instruction, or is told that it may not" in_mode 1 fork_traps

for mode in auto 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: children that syscall() makes have a heap of their own" in_mode $mode raw_clone
done

# As distributions build it; the compiler's default is not the same everywhere.
stack_protector() {
	need make gcc
	make -s -C "$ROOT" BUILD="$WORK/protected" CFLAGS="-O2 -fstack-protector-strong" CPPFLAGS=-D_FORTIFY_SOURCE=2 lib >/dev/null ||
		return 1
	nm -D "$WORK/protected/release/libvmmalloc.so.1" >names
	grep -q __stack_chk_fail names && grep -q __memcpy_chk names || fail "no stack protector in this build, or no checks of sizes"
	LIBRARY=$WORK/protected/release/libvmmalloc.so.1 LD_LIBRARY_PATH=$WORK/protected/release in_mode auto raw_clone_tls
}
for mode in auto 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: a child of syscall() goes on with thread data of its own" in_mode $mode raw_clone_tls
done
run_case "the same with a stack protector" stack_protector
run_case "a program whose descriptors others open is not harmed" in_mode auto fork_watched

namespaces() {
	unshare -p -f true 2>/dev/null || skip "no PID namespaces here"
	in_mode auto same_number
}
run_case "a vforked child with its parent's number, in a new PID namespace" namespaces

end_suite
