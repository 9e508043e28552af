#!/bin/bash
# first_touch.bash PROGRAM LIBRARY [ROUNDS] -- the first touch of 1 GiB in blocks of several sizes, beside other
# allocators: medians, in turn, and ratios to glibc. PROGRAM is the built first_touch. "again at once" is a second run
# right after the first, whose memory the machine has at hand then, whatever a host does with what is free.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/rows.bash
program=$(realpath "$1") library=$(realpath "$2") rounds=${3:-3} mib=1024
export VMMALLOC_POOL_DIR=${VMMALLOC_POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=2G
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

declare -A preloads=([glibc]= [jemalloc]=$(of_distribution libjemalloc.so) [mimalloc]=$(of_distribution libmimalloc.so)
	[tcmalloc]=$(of_distribution libtcmalloc_minimal.so) [libvmmalloc]=$library
	["libvmmalloc, always huge"]=$library ["libvmmalloc, small pages"]=$library)
names=(glibc jemalloc mimalloc tcmalloc libvmmalloc "libvmmalloc, always huge" "libvmmalloc, small pages")

# compare WORDS SUFFIX KEY UNIT: of $name, with glibc
compare() {
	row "$1" "$(median "$work/$bytes.$name$2" "$3")" "$4" "$(median "$work/$bytes.glibc$2" "$3")"
}

echo "first touch of $mib MiB in $VMMALLOC_POOL_DIR, then as many writes at random: medians of $rounds, ratio to glibc"
for bytes in $((mib << 20)) 1000000 4000 200; do
	for ((round = 0; round < rounds; round++)); do
		for name in "${names[@]}"; do
			[ "$name" = glibc ] || [ "${preloads[$name]}" ] || continue
			huge=auto
			[[ $name != *small* ]] || huge=never
			[[ $name != *always* ]] || huge=always
			for file in "$work/$bytes.$name" "$work/$bytes.$name.at_once"; do
				VMMALLOC_HUGE_PAGES=$huge LD_PRELOAD=${preloads[$name]} \
					timeout 60 "$program" $mib $bytes >>"$file" || exit 1
			done
		done
	done
	echo "blocks of $bytes bytes"
	for name in "${names[@]}"; do
		[ -e "$work/$bytes.$name" ] || continue
		compare "$name" "" touch ms
		compare "$name, again at once" .at_once touch ms
		compare "$name, then at random" "" again ms
		compare "$name: page faults" "" faults ""
		! grep -q misses "$work/$bytes.$name" || row "$name: TLB misses in 1,000" "$(median "$work/$bytes.$name" misses)" ""
	done
done
