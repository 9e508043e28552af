#!/bin/bash
# release.bash -- memory that is free goes back to the file system; and a heap has no more of it than it needs.
# waits: for periods after which memory goes back
. "$(dirname "$0")/../lib/suite.bash"
PROGRAMS=$BUILD/tests/preload
export PROGRAMS

# runs PROGRAM [ARGUMENT...] -- on a pool, and says nothing
runs() {
	preload "$PROGRAMS/$1" "${@:2}" 2>said || fail "$*: status $?: $(cat said)"
	[ ! -s said ] || fail "$(cat said)"
}
export -f runs

on_disk() {
	[ "$(stat -f -c %T "$WORK")" != tmpfs ] || skip "$WORK is on a tmpfs"
	VMMALLOC_POOL_DIR=$WORK runs release trim disk
	VMMALLOC_POOL_DIR=$WORK runs release fork disk
}
in_mode() { VMMALLOC_FORK=$1 runs release fork; }
shared() { VMMALLOC_FORK=0 VMMALLOC_RELEASE=1 runs release shared; }
after() { VMMALLOC_RELEASE=$1 VMMALLOC_POOL_SIZE=128M VMMALLOC_RESERVE=$2 runs release "$3"; }
debug() { LIBRARY=$BUILD/debug/libvmmalloc.so.1 runs "$@"; }
usually() { env -u VMMALLOC_RELEASE VMMALLOC_POOL_SIZE=128M bash -c 'runs release idle'; }
export -f on_disk in_mode shared after debug usually

run_case "malloc_trim gives back what lies between blocks that stay" runs release trim
run_case "debug build: so it does" debug release trim
run_case "so it does on a disk, with forks" on_disk
for mode in auto 1 2 3; do
	run_case "a child has what its parent freed and trimmed, VMMALLOC_FORK=$mode" in_mode $mode
done
run_case "VMMALLOC_FORK=0: a child gives nothing back that its parent has taken meanwhile" shared
run_case "what stays free goes back by itself" usually
run_case "VMMALLOC_RELEASE=1: after a second or two" after 1 grow idle
run_case "VMMALLOC_RELEASE=0 likewise" after 0 grow idle
run_case "VMMALLOC_RELEASE=never: it stays" after never grow never
run_case "VMMALLOC_RESERVE=full: it stays" after 1 full never
run_case "a heap that grows has little more than it uses" runs release grow

# --- limits of memory ---

# within BYTES COMMAND... -- in a cgroup with that limit, whose version is 1 here, or 2
within() {
	local group=/sys/fs/cgroup/vmmalloc.$$ file=memory.max limit=$1 status
	shift
	[ -d /sys/fs/cgroup/memory ] && group=/sys/fs/cgroup/memory/vmmalloc.$$ file=memory.limit_in_bytes
	mkdir "$group" 2>/dev/null || skip "no cgroups here"
	trap "rmdir $group" EXIT
	(echo "$limit" >"$group/$file") 2>/dev/null || skip "no limits of memory here"
	(echo "$BASHPID" >"$group/cgroup.procs" && exec "$@")
	status=$?
	rmdir "$group" && trap - EXIT
	return $status
}
export -f within

limited() {
	local bytes
	for bytes in 500 4000 1048576; do
		within $((300 << 20)) "$PROGRAMS/peak" 275 $bytes || fail "$bytes: glibc: status $?"
		within $((300 << 20)) env VMMALLOC_POOL_DIR="$POOL_DIR" VMMALLOC_POOL_SIZE=1G LD_PRELOAD="$LIBRARY" \
			"$PROGRAMS/peak" 275 $bytes || fail "$bytes: status $?"
	done
}
run_case "275 MiB of data live under a limit of 300 MiB, as with glibc" limited

end_suite
