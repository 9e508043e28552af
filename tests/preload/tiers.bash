#!/bin/bash
# tiers.bash -- a heap on several kinds of memory: VMMALLOC_POOL_DIR=A:B, VMMALLOC_PLACE. OTHER_DIR is a directory of
# another kind than a tmpfs; a disk, if it is not set.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
export PROGRAM=$BUILD/tests/preload/tiers

# tiers SIZES WHAT... -- on the directories DIRS, or two in POOL_DIR, and says nothing
tiers() {
	local own=("$POOL_DIR/first.$$" "$POOL_DIR/second.$$") status
	[ -n "${DIRS-}" ] || mkdir -p "${own[@]}"
	VMMALLOC_POOL_DIR=${DIRS-${own[0]}:${own[1]}} VMMALLOC_POOL_SIZE=$1 preload "$PROGRAM" "${@:2}" 2>said
	status=$?
	[ -n "${DIRS-}" ] || rmdir "${own[@]}" || fail "something is left there"
	[ $status -eq 0 ] && [ ! -s said ] || fail "$*: status $status: $(cat said)"
}
placed() { VMMALLOC_PLACE=$1 tiers 32M:48M "${@:2}"; }
in_mode() { VMMALLOC_FORK=$1 tiers 32M:48M forks "${@:2}"; }
debug() { LIBRARY=$BUILD/debug/libvmmalloc.so.1 "$@"; }
grows() { VMMALLOC_ON_FULL=grow VMMALLOC_MAX_SIZE=200M tiers 16M:16M "$@"; }
reserved() { VMMALLOC_RESERVE=full tiers 32M:48M "$@"; }
# memory that is bound to a node, and another kind
kinds() {
	local kind other
	need_mounts
	other=$(mktemp -d "${OTHER_DIR:-$WORK}/other.XXXXXX") && mkdir node || exit 1
	trap 'rmdir "$other"' EXIT
	mount -t tmpfs -o size=200m,mpol=bind:0 node node || fail "mount"
	trap 'umount node; rmdir "$other"' EXIT
	for kind in "$WORK/node:$other" "$other:$WORK/node"; do
		DIRS=$kind tiers 32M:48M fill
		DIRS=$kind tiers 32M:48M forks returns
		DIRS=$kind VMMALLOC_FORK=2 tiers 32M:48M forks
		DIRS=$kind grows grows
		DIRS=$kind tiers 20M:31M walk 3
	done
	[ "$(df --output=used node | tail -n 1)" -lt 100 ] || fail "space is lost"
}
# A file system that is too small for its tier is a full tier, and no more than that.
full_kinds() {
	need_mounts
	mkdir one two && mount -t tmpfs -o size=20m one one && mount -t tmpfs -o size=30m two two || fail "mount"
	trap 'umount one two' EXIT
	DIRS=$WORK/one:$WORK/two tiers 64M:64M fill $((20 << 20))
	DIRS=$WORK/one:$WORK/two tiers 64M:64M walk 4
	DIRS=$WORK/one:$WORK/two grows walk 5
	[ "$(df --output=used one two | awk '{ used += $1 } END { print used }')" -lt 200 ] || fail "space is lost"
}
threads() { VMMALLOC_ARENAS=64 tiers 512M:48M threads 200; }
# A user may make files there, and see none.
unreadable() {
	need_root
	chmod 711 "$SUITE_TMP" "$WORK" && mkdir -m 333 one two && cp "$PROGRAM" "$LIBRARY" . || fail "mkdir"
	VMMALLOC_POOL_DIR=$WORK/one:$WORK/two VMMALLOC_POOL_SIZE=32M:48M LD_PRELOAD=$WORK/libvmmalloc.so.1 \
		LD_LIBRARY_PATH=$WORK setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/tiers" fill 2>said ||
		fail "status $?: $(cat said)"
	[ ! -s said ] || fail "$(cat said)"
}
# refused LINE VARIABLE=VALUE...
refused() {
	env "${@:2}" LD_PRELOAD="$LIBRARY" /bin/true 2>said
	[ $? -eq 1 ] && [ "$(cat said)" = "Error (libvmmalloc): $1" ] || fail "$*: $(cat said)"
}
bad_words() {
	refused "incorrect VMMALLOC_POOL_DIR value (/dev/shm), expected as many directories, with : between them, as \
VMMALLOC_POOL_SIZE has sizes" VMMALLOC_POOL_DIR=/dev/shm VMMALLOC_POOL_SIZE=16M:16M
	refused "pool creation failed: tier in $WORK/none: No such file or directory" \
		VMMALLOC_POOL_DIR="/dev/shm:$WORK/none" VMMALLOC_POOL_SIZE=16M:16M
	refused "incorrect VMMALLOC_PLACE value (ratio:1), expected fill, large:BYTES or ratio:N:M, a number from 1 to \
1000000 for each tier" VMMALLOC_POOL_DIR=/dev/shm:/tmp VMMALLOC_POOL_SIZE=16M:16M VMMALLOC_PLACE=ratio:1
}
# The directory of one tier may have a colon in its path, and so may that in which those of several lie.
colon() {
	mkdir -p "$WORK/a:b/x" "$WORK/a:b/y" && cd "$WORK/a:b" || fail "cd"
	VMMALLOC_POOL_DIR="$WORK/a:b" preload "$BUILD/tests/preload/contained" || fail "status $?"
	VMMALLOC_POOL_DIR=x:y VMMALLOC_POOL_SIZE=16M:16M preload /bin/sh -c '/bin/true && /bin/echo goes on' >out 2>&1
	[ "$(cat out)" = "goes on" ] || fail "$(cat out)"
}
without() {
	VMMALLOC_ON_FAIL=dram VMMALLOC_POOL_DIR="/dev/shm:$WORK/none" VMMALLOC_POOL_SIZE=16M:16M preload /bin/echo goes on \
		>out 2>said || fail "status $?"
	[ "$(cat out)" = "goes on" ] && grep -q 'the program runs on ordinary memory' said || fail "$(cat out said)"
}
export SUITE_TMP
export -f tiers placed in_mode debug grows reserved kinds full_kinds refused bad_words colon without threads unreadable

run_case "fill: the first until it is full, then the second, then none" placed fill fill
run_case "debug build: fill" debug placed fill fill
run_case "VMMALLOC_RESERVE=full: fill" reserved fill
for bytes in 16384 65536 1048576; do
	run_case "large:$bytes: blocks of so much lie in the last tier, others in the first" placed large:$bytes large $bytes
done
run_case "large:1: small blocks are never large" placed large:1 large 16384
run_case "ratio:1:3: so much of what is in use is in each" placed ratio:1:3 ratio 1 3
run_case "ratio:5:2: so much of what is in use is in each" placed ratio:5:2 ratio 5 2
run_case "arenas that are bound to a tier" placed fill arenas
run_case "debug build: arenas that are bound to a tier" debug placed large:64K arenas
run_case "forks, VMMALLOC_FORK=auto" in_mode auto returns
for mode in 1 2 3; do
	run_case "forks, VMMALLOC_FORK=$mode" in_mode $mode
done
run_case "debug build: forks" debug in_mode auto returns
run_case "each tier grows by itself, and gives back what it took" grows grows
for place in fill large:4K large:64K ratio:1:1; do
	run_case "$place: blocks come and go and are moved" placed $place walk 1
	run_case "debug build, $place: blocks come and go and are moved" debug placed $place walk 2
done
run_case "tiers that grow: blocks come and go and are moved" grows walk 3
run_case "a tmpfs that is bound to a node, and another kind" kinds
run_case "file systems that are too small" full_kinds
run_case "what jemalloc keeps for many threads lies in the first tier" threads
run_case "directories that cannot be read" unreadable
run_case "paths with a colon" colon
run_case "VMMALLOC_ON_FAIL=dram: a tier that cannot be made" without
run_case "words that are none are refused in one line" bad_words
end_suite
