#!/bin/bash
# check.bash PROGRAM... -- the library built for arm64, under qemu's emulation of a process, with pages of 4 and 16 KiB:
# unit tests, and tests of the preloaded library. tests/arm64/arm64.mk builds them, and says which. doc/arm64.md says
# what emulation cannot show: that runs in guests.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
ARM64=${ARM64:-$BUILD/arm64}
export ARM64

# emulated PAGE [-E VARIABLE=VALUE]... PROGRAM
emulated() { local page=$1; shift; qemu-aarch64 -p "$page" -L "$ARM64/root" "$@"; }
unit() { cd "$ROOT" && emulated 4096 "$1"; }

# preloaded PAGE PROGRAM [WORD...] -- with a file system of its own for the pools, if that can be had: nothing that goes
# wrong fills one that others use.
preloaded() {
	local size=1G
	case $2 in
	*/*full | */contained | */zero_model | */arena_*) size=64M ;;
	*/grow) size=16M ;;
	esac
	mkdir pools
	[ -n "${OWN_MOUNTS-}" ] && mount -t tmpfs -o size=512m pools pools && POOL_DIR=$WORK/pools
	emulated "$1" -E "LD_PRELOAD=$ARM64/out/release/libvmmalloc.so.1" -E "VMMALLOC_POOL_DIR=$POOL_DIR" \
		-E "VMMALLOC_POOL_SIZE=$size" "${@:2}"
	local status=$?
	[ "$POOL_DIR" != "$WORK/pools" ] || umount -l pools
	return $status
}

# grows PAGE PROGRAM MODE WORD...
grows() { VMMALLOC_ON_FULL=grow VMMALLOC_FORK=$3 preloaded "$1" "$2" "${@:4}"; }
export -f emulated preloaded

for program; do
	name=$(basename "$program")
	if [[ $name == test_* ]]; then
		run_case "$name" unit "$program"
	elif [ "$name" = grow ]; then
		for page in 4096 16384; do
			run_case "grow, blocks, pages of $page bytes" grows "$page" "$program" auto blocks 40
			run_case "grow, forks, pages of $page bytes" grows "$page" "$program" 1 forks
		done
	else
		for page in 4096 16384; do run_case "$name, pages of $page bytes" preloaded "$page" "$program"; done
	fi
done
end_suite
