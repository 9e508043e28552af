#!/bin/bash
# growth.bash -- VMMALLOC_ON_FULL=grow: a heap of many pools.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
export PROGRAM=$BUILD/tests/preload/grow VMMALLOC_ON_FULL=grow

# grows SIZE WHAT... -- on pools of that size, and says nothing
grows() {
	VMMALLOC_POOL_SIZE=$1 preload "$PROGRAM" "${@:2}" 2>said || fail "$*: status $?: $(cat said)"
	[ ! -s said ] || fail "$(cat said)"
}
blocks() { grows 16M blocks "$1" && grows 14683136 blocks "$1" && VMMALLOC_RESERVE=full grows 32M blocks "$1"; }
on_disk() {
	[ "$(stat -f -c %T "$WORK")" != tmpfs ] || skip "$WORK is on a tmpfs"
	POOL_DIR=$WORK
	blocks 60
	grows 15M forks
}
bound() {
	VMMALLOC_MAX_SIZE=100M grows 16M bound 100
	# what was all reserved, or taken for a request that was too large, is given back
	VMMALLOC_MAX_SIZE=100M VMMALLOC_RESERVE=full grows 30M bound 100
}
idle() { VMMALLOC_RELEASE=$1 grows 16M idle 100; }
in_mode() { VMMALLOC_FORK=$1 grows 16M "$2"; }
beside() { PROGRAM=$BUILD/tests/preload/grow_forks VMMALLOC_MAX_SIZE=100M in_mode "$@"; }
debug() { LIBRARY=$BUILD/debug/libvmmalloc.so.1 "$@"; }
full_mount() {
	need_mounts
	mkdir small && mount -t tmpfs -o size=64m small small || fail "mount"
	trap 'umount small' EXIT
	POOL_DIR=$WORK/small
	grows 16M bound 64
	[ "$(df --output=used small | tail -n 1)" -lt 100 ] || fail "space is lost"
}
little_mount() {
	need_mounts
	mkdir small && mount -t tmpfs -o size=200m small small || fail "mount"
	trap 'umount small' EXIT
	POOL_DIR=$WORK/small
	VMMALLOC_MAX_SIZE=16G grows 16M after 100 1000
	VMMALLOC_MAX_SIZE=16G grows 16M one 220
}
# Addresses count: only VMMALLOC_MAX_SIZE makes the heap take some.
limited() {
	(ulimit -v 600000 && grows 16M one 20) || fail "without VMMALLOC_MAX_SIZE"
	(ulimit -v 600000 && VMMALLOC_MAX_SIZE=100M grows 16M bound 100) || fail "with it"
	(ulimit -d 300000 && grows 16M blocks 100) || fail "a limit of data"
}
locked() { PROGRAM=$BUILD/tests/preload/grow_locked VMMALLOC_MAX_SIZE=256G grows 16M; }
# A file begins with what is not used, and so it is larger than the first.
small_files() {
	(ulimit -f 16384 && grows 16M blocks 100) || fail "files of 16 MiB"
	(ulimit -f 51200 && grows 16M blocks 100) || fail "files of 50 MiB"
}
few_descriptors() { (ulimit -n 24 && grows 16M one 400); }
# refused VARIABLE=VALUE LINE
refused() {
	env VMMALLOC_POOL_SIZE=16M "$1" VMMALLOC_POOL_DIR=/dev/shm LD_PRELOAD="$LIBRARY" /bin/true 2>said
	[ $? -eq 1 ] && [ "$(cat said)" = "Error (libvmmalloc): $2" ] || fail "$1: $(cat said)"
}
bad_words() {
	refused VMMALLOC_ON_FULL=more "incorrect VMMALLOC_ON_FULL value (more), expected fail, dram or grow"
	refused VMMALLOC_MAX_SIZE=15M "incorrect VMMALLOC_MAX_SIZE value (15M), expected at least VMMALLOC_POOL_SIZE"
	refused VMMALLOC_MAX_SIZE=all \
		"VMMALLOC_MAX_SIZE value is not a size (all), expected a number of bytes or one with K, M, G or T"
}
export -f grows idle blocks on_disk bound in_mode beside debug full_mount little_mount limited locked small_files few_descriptors refused bad_words

run_case "blocks of all sizes, in pools that are smaller than some" blocks 100
run_case "zeros are zeros, whatever pools come and go" grows 16M clean
run_case "the pages of all pools are there after a fork" grows 16M pages 100
run_case "debug build: blocks of all sizes" debug blocks 60
run_case "on a disk" on_disk
run_case "VMMALLOC_RELEASE=1: pools that are not in use go back by themselves" idle 1
run_case "VMMALLOC_RELEASE=0 likewise" idle 0
run_case "VMMALLOC_MAX_SIZE: so much and no more" bound
run_case "a request that is too large for all pools is not in the way of others" grows 16M after 100 100000000
run_case "a full file system: so much and no more, and all of it back" full_mount
run_case "a request that is too large for the file system is not in the way of others" little_mount
for mode in auto 1 2 3; do
	run_case "parents and children grow, VMMALLOC_FORK=$mode" in_mode $mode forks
	run_case "threads grow while the process forks, VMMALLOC_FORK=$mode" in_mode $mode threads
	run_case "a fork's handler trims, VMMALLOC_FORK=$mode" beside $mode trims
	run_case "a child that shares descriptors leaves them alone, VMMALLOC_FORK=$mode" beside $mode descriptors
done
# in the others the child has a copy that was made before
for mode in auto 1; do
	run_case "a fork's handler allocates in a full pool, VMMALLOC_FORK=$mode" beside $mode allocates
done
run_case "debug build: parents and children grow" debug in_mode auto forks
run_case "a limit of addresses" limited
run_case "a limit of descriptors" few_descriptors
run_case "a limit of file size: more and smaller files" small_files
run_case "mlockall touches nothing of the pools that there may be" locked
run_case "words that are none are refused in one line" bad_words
end_suite
