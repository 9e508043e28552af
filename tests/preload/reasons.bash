#!/bin/bash
# reasons.bash -- why memory of the heap is outside of the pool: programs that have it for each reason.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
PROGRAM=$BUILD/tests/preload/reasons
WRAPS=$BUILD/tests/preload/libraries/wraps_all.so
export PROGRAM WRAPS

# reasons REASON: on a pool of 32 MiB, what is outside is for that reason alone
reasons() {
	VMMALLOC_POOL_SIZE=${VMMALLOC_POOL_SIZE-32M} preload "$PROGRAM" "$1" 2>stderr || fail "$(cat stderr)"
	[ ! -s stderr ] || fail "$(cat stderr)"
}
# in_small: the directory of pools has room for 24 MiB
in_small() {
	need_mounts
	mkdir small && mount -t tmpfs -o size=24m small small || fail "mount"
	trap 'umount small' EXIT
	export VMMALLOC_POOL_DIR=$WORK/small
}
export -f reasons in_small

full() {
	local mode
	export VMMALLOC_ON_FULL=dram
	for mode in auto 1 2 3; do
		VMMALLOC_FORK=$mode reasons full || return
	done
	VMMALLOC_RESERVE=full reasons full
	VMMALLOC_PLACE=large:1M VMMALLOC_POOL_DIR=$POOL_DIR:$WORK VMMALLOC_POOL_SIZE=16M:16M reasons full
}
run_case "a full pool, and forks of all kinds" full

space() { in_small && VMMALLOC_ON_FULL=dram VMMALLOC_POOL_SIZE=256M reasons space; }
run_case "a full file system" space

large() { VMMALLOC_ON_FULL=dram reasons large; }
run_case "blocks that are larger than the pool, and alignments" large

metadata_full() { VMMALLOC_ARENAS=64 reasons metadata_full; }
run_case "bookkeeping that a full pool has no room for" metadata_full

metadata_space() { in_small && VMMALLOC_ARENAS=64 VMMALLOC_POOL_SIZE=256M reasons metadata_space; }
run_case "bookkeeping that a full file system has no space for" metadata_space
grown_space() { in_small && VMMALLOC_ON_FULL=grow VMMALLOC_ARENAS=64 VMMALLOC_POOL_SIZE=16M reasons metadata_space; }
run_case "the same, of a heap that would grow" grown_space

early() {
	export VMMALLOC_ON_FULL=dram
	LIBRARY="$WRAPS $LIBRARY" reasons early
}
run_case "a library that allocates before there is a pool" early

ordinary() { VMMALLOC_ON_FAIL=dram VMMALLOC_POOL_DIR=/none preload "$PROGRAM" ordinary; }
run_case "a program without a pool" ordinary

end_suite
