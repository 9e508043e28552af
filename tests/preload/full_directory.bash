#!/bin/bash
# full_directory.bash -- programs that start where the file system has no room for their pool.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"

if [ "$(id -u)" -ne 0 ] || ! unshare -m --propagation private true 2>/dev/null; then
	echo "skip full_directory.bash: must be root to mount a small file system"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi

# Arguments: how much room the directory has, and what runs there.
in_small() {
	mkdir small
	unshare -m --propagation private bash -c '
		mount -t tmpfs -o size=64m small small && head -c $((64 * 1024 - $1))K /dev/zero >small/ballast || exit 99
		shift
		VMMALLOC_POOL_DIR=$WORK/small VMMALLOC_POOL_SIZE=64M LD_PRELOAD=$LIBRARY "$@"' in_small "$@"
}
export -f in_small

case_fail() {
	local room
	for room in 0 64; do
		rm -rf small
		in_small $room /bin/true 2>errors
		[ $? -eq 1 ] || fail "$room KiB: status $?: $(cat errors)"
		[ "$(wc -l <errors)" -eq 1 ] || fail "$(cat errors)"
		grep -qE "^Error \(libvmmalloc\): pool creation failed: .* in $WORK/small: No space left on device$" errors ||
			fail "$(cat errors)"
	done
}

# A shell that has a pool, and its commands, which find no room for theirs.
case_dram() {
	local room
	for room in 0 64 1024; do
		rm -rf small
		VMMALLOC_ON_FULL=dram in_small $room /bin/bash -c 'seq 1 100000 | sort -rn | head -n 1; x=$(echo sub); echo $x' \
			>out 2>errors || fail "$room KiB: status $?: $(cat errors)"
		[ "$(cat out)" = "100000
sub" ] || fail "$(cat out)"
		[ ! -s errors ] || fail "$(cat errors)"
	done
	# nothing else is forgiven
	rm -rf small
	VMMALLOC_ON_FULL=dram VMMALLOC_POOL_DIR=$WORK/none VMMALLOC_POOL_SIZE=64M LD_PRELOAD=$LIBRARY /bin/true 2>errors
	[ $? -eq 1 ] || fail "status $?: $(cat errors)"
	grep -q "No such file or directory" errors || fail "$(cat errors)"
}

run_case "VMMALLOC_ON_FULL=fail: one line and status 1" case_fail
run_case "VMMALLOC_ON_FULL=dram: it runs on ordinary memory" case_dram
# Or a tmpfs as large as memory would take all of that first.
asks_first() {
	need strace
	need_mounts
	mkdir small && mount -t tmpfs -o size=20m small small || fail "mount"
	trap 'umount small' EXIT
	takes_none "$WORK/small" 64M "reservation of space in $WORK/small: No space left on device" 0
	# the first tier has room, and the header of the second has
	takes_none "$POOL_DIR:$WORK/small" 16M:64M "pool creation failed: tier in $WORK/small: No space left on device" 2
}
# takes_none DIR SIZE LINE CALLS: it ends with that line, and has asked for space so often
takes_none() {
	strace -f -o calls -e trace=fallocate -E VMMALLOC_POOL_DIR="$1" -E VMMALLOC_POOL_SIZE="$2" \
		-E VMMALLOC_RESERVE=full -E LD_PRELOAD="$LIBRARY" /bin/true 2>said
	[ $? -eq 1 ] && grep -q "$3" said || fail "$(cat said)"
	[ "$(grep -c fallocate calls)" -eq "$4" ] || fail "it took space: $(cat calls)"
}
export -f asks_first takes_none
run_case "VMMALLOC_RESERVE=full: a pool that the file system has no room for takes none of it" asks_first

end_suite
