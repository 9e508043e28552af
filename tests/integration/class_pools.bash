#!/bin/bash
# class_pools.bash -- programs with their heap on a daemon's pool that they asked for by its class.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/helpers/daemon.bash"
PROGRAMS=$BUILD/tests/preload
export PROGRAMS

# A daemon with pools of that size.
serve() {
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = $1
		ready = 2
	END
	daemon_start
	wait_least a ready 1
}

on_class() { VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY "$@"; }
export -f serve on_class

arenas() {
	local own
	serve "$1"
	own=$(VMMALLOC_POOL_SIZE=$1 preload "$PROGRAMS/arena_count") || return 1
	is "$(on_class "$PROGRAMS/arena_count")" "$own"
	is "$(ask daemon handed_out)" 1
}
run_case "a pool of 256 MiB has as many arenas as one of the program's own" arenas 256M
run_case "so has one of 16 MiB" arenas 16M

# vmmallocctl run --class a COMMAND...
run_on_class() { "$BUILD/release/vmmallocctl" --runtime-dir "$RUN" run --class a -- "$@"; }

# The mark of a block on the heap is in the core.
has_heap() { grep -aqo 'Mark in a block 3\.' "$1"; }
export -f run_on_class has_heap

core_filter() {
	serve 256M
	is "$(run_on_class cat /proc/self/coredump_filter)" \
		"$(printf %08x $((0x$(cat /proc/self/coredump_filter) | 0x1c8)))"
	is "$("$BUILD/release/vmmallocctl" --runtime-dir "$WORK/none" run --dir "$POOLS" --size 16M -- \
		cat /proc/self/coredump_filter)" "$(printf %08x $((0x$(cat /proc/self/coredump_filter) | 0x1c0)))"
}
run_case "vmmallocctl run has the kernel dump what heaps are on" core_filter

core() {
	serve 256M
	[ "$(cat /proc/sys/kernel/core_pattern)" = core ] || skip "core_pattern leads elsewhere"
	ulimit -c unlimited || skip "no cores allowed here"
	run_on_class "$PROGRAMS/core" 5 >out 2>err
	grep -q '^5 ' out || fail "$(cat err)"
	has_heap core || fail "the heap is not in the core"
	[ "$(stat -c %s core)" -le $((24 << 20)) ] || fail "the core has $(($(stat -c %s core) >> 20)) MiB"
}
run_case "the heap on a daemon's pool is in a core, and no more of the pool" core

# The only pool of the class is somebody else's.
refused() {
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 64M
		ready = 1
		max = 1
	END
	daemon_start
	wait_least a ready 1
	hold take=a map fill=7
	"$BUILD/release/vmmallocctl" --runtime-dir "$RUN" run --class a --on-fail dram -- "$PROGRAMS/ordinary" >out 2>err ||
		fail "status $?: $(cat err)"
	is "$(cat out)" "done"
	is "$(wc -l <err)" 1
	grep -qE "^Warning \(libvmmalloc\): no pool of class a: vmmallocd .*; the program runs on ordinary memory$" err ||
		fail "$(cat err)"
	run_on_class "$PROGRAMS/ordinary" >out 2>err
	is $? 1
	is "$(cat out)" ""
	grep -q "^Error (libvmmalloc): no pool of class a: vmmallocd " err || fail "$(cat err)"
}
run_case "a program whose class has no pool for it runs without, if it may" refused

# The size is that of the pool which is made where the class has none.
smaller() {
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 16M
		ready = 0
		max = 1
	END
	daemon_start
	mkdir own
	run_smaller() {
		"$BUILD/release/vmmallocctl" --runtime-dir "$RUN" run --class a --dir own --size 64M -- cat /proc/self/maps
	}
	run_smaller >maps || fail "run"
	grep -q "$POOLS/vmmalloc-.*used" maps || fail "not on a pool of the class: $(cat maps)"
	wait_count a leased 0
	env VMMALLOC_SOCKET="$RUN/pool.sock" VMMALLOC_POOL=a LD_PRELOAD="$LIBRARY" sleep 60 &
	PIDS="$PIDS $!"
	wait_count a leased 1
	run_smaller >maps || fail "run, where the class has no pool"
	grep -q "$WORK/own/" maps || fail "not on a pool of its own: $(cat maps)"
}
run_case "a class is used though its pools are smaller than the one that would be made instead" smaller

end_suite
