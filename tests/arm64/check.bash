#!/bin/bash
# check.bash -- the library built for arm64, under qemu's emulation of a process, with pages of 4, 16 and 64 KiB.
#
# tests/arm64/arm64.mk builds it and calls this script with the programs: unit tests, and tests of the preloaded library.
# Emulation is no kernel of its own. qemu 7.2 answers madvise(2) with 0 and does nothing, but for MADV_DONTNEED; it has
# memory at other addresses than /proc says, and threads of its own. arm64.mk leaves out what needs more than that.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
OUT=${OUT:-$ROOT/build/arm64/out}
CROSS_LIBRARIES=${CROSS_LIBRARIES:-/usr/aarch64-linux-gnu}
POOL_DIR=${POOL_DIR:-/dev/shm}
PAGES=${PAGES:-4096 16384 65536}
DEADLINE=${DEADLINE:-60}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0

# emulated PAGE [-E VARIABLE=VALUE]... PROGRAM
emulated() {
	local page=$1
	shift
	timeout "$DEADLINE" qemu-aarch64 -p "$page" -L "$CROSS_LIBRARIES" \
		-E "LD_LIBRARY_PATH=$OUT/../root/usr/lib/aarch64-linux-gnu" "$@" >"$log" 2>&1 </dev/null
}

# count NAME COMMAND...
count() {
	local name=$1
	shift
	[[ $name =~ ${ONLY-} ]] || return 0
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok: $name"
		tail -n 3 "$log"
	fi
}

for program; do
	name=$(basename "$program")
	if [[ $name == test_* ]]; then
		count "$name" emulated 4096 "$program"
		continue
	fi
	for page in $PAGES; do
		count "$name with pages of $page bytes" emulated "$page" -E "LD_PRELOAD=$OUT/release/libvmmalloc.so.1" \
			-E "VMMALLOC_POOL_DIR=$POOL_DIR" -E VMMALLOC_POOL_SIZE=256M "$program"
	done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
