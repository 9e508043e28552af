#!/bin/bash
# core.bash -- core dumps hold what is handed out of the pool, and nothing else, whatever happened to the heap before.
. "$(dirname "$0")/../lib/suite.bash"
PROGRAMS=$BUILD/tests/preload
MOST_BESIDE=20   # MiB of a core that are no blocks: the program, its libraries, metadata, and what is hidden in pieces
export PROGRAMS MOST_BESIDE

kernel_dumps() {
	case $(cat /proc/sys/kernel/core_pattern) in
	core) ;;
	*) skip "core_pattern leads elsewhere" ;;
	esac
	[ "$(cat /proc/sys/kernel/core_uses_pid)" = 0 ] || skip "core_uses_pid"
	ulimit -c unlimited || skip "no cores allowed here"
}

# check_core FILE MARKS WORD... -- that many different marks are in it, and little besides. Between free space a block
# of 1 MiB shows up to two whole pages of 2 MiB.
check_core() {
	local each=1
	[[ " $* " == *" free "* ]] && each=3
	local found size
	[ -s "$1" ] || fail "there is no core"
	found=$(grep -ao 'Mark in a block [0-9]*\.' "$1" | sort -u | wc -l)
	[ "$found" -ge "$2" ] || fail "$found marks of $2 are in the core"
	size=$(stat -c %s "$1")
	[ "$size" -le $((($2 * each + MOST_BESIDE) << 20)) ] || fail "the core of $2 MiB has $((size >> 20)) MiB"
}


crash() {
	kernel_dumps
	preload "$PROGRAMS/core" "$@" >out 2>err
	read -r marks pid <out || fail "$(cat err)"
	check_core core "$marks" "$@"
}
export -f kernel_dumps check_core crash

on() { VMMALLOC_POOL_SIZE=$1 VMMALLOC_FORK=$2; export VMMALLOC_POOL_SIZE VMMALLOC_FORK; shift 2; "$@"; }
export -f on

run_case "1 MiB in a pool of 2 GiB" on 2G auto crash 1
run_case "200 MiB in a pool of 1 GiB" on 1G auto crash 200
run_case "200 MiB of which most is free again" on 1G auto crash 200 free
run_case "200 MiB of which all is free again" on 1G auto crash 200 freeall
run_case "a small pool" on 16M auto crash 9
for fork in auto 1 2 3; do
	run_case "a parent, after a fork, VMMALLOC_FORK=$fork" on 1G $fork crash 100 free fork
	run_case "a child, VMMALLOC_FORK=$fork" on 1G $fork crash 100 free child
done
run_case "a small child" on 1G auto crash 9 child
run_case "a parent whose child is there" on 1G auto crash 100 free stays
run_case "a parent that frees while its child is there" on 1G auto crash 100 stays free
run_case "a parent with a thread, on its way back" on 1G auto crash 100 thread fork free
run_case "a parent that is on its pool again" on 1G auto crash 100 free fork back
run_case "a parent that is on its pool again, and frees" on 1G auto crash 100 fork back free
run_case "a parent that forks again" on 1G auto crash 100 free fork back fork

# a heap of many pools, each a mapping of its own
on_many() { VMMALLOC_ON_FULL=grow on 16M auto "$@"; }
export -f on_many
for what in child stays "fork back free" "free child"; do
	run_case "100 MiB in pools of 16 MiB: $what" on_many crash 100 $what
done

# A debugger reads a living process, whose pool may not grow by that.
debugger() {
	local marks pid
	need gcore
	mkfifo line
	preload "$PROGRAMS/core" 32 free "$@" wait >out <line &
	exec 8>line
	until read -r marks pid <out 2>/dev/null && [ -n "$pid" ]; do read -rt 0.02 <> <(:); done
	trap 'kill "$pid"' EXIT
	before=$(stat -L -c %b "$(pool_of "$pid")")
	gcore -o core "$pid" >log 2>&1 || { cat log; skip "no debugging here"; }
	check_core "core.$pid" "$marks" free
	after=$(stat -L -c %b "$(pool_of "$pid")")
	[ $((after - before)) -le 8192 ] || fail "the pool has grown by $(((after - before) / 2)) KiB"
}
pool_of() {
	local fd
	for fd in /proc/"$1"/fd/*; do
		case $(readlink "$fd") in "$POOL_DIR"/*deleted*) echo "$fd"; return ;; esac
	done
}
export -f debugger pool_of
run_case "a debugger's core of a living process" on 1G auto debugger
run_case "a debugger's core of a living process after a fork" on 1G auto debugger fork

end_suite
