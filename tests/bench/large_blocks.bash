#!/bin/bash
# large_blocks.bash PROGRAM LIBRARY [PART...] -- large blocks that grow, are cleared and are aligned, beside other
# allocators. PROGRAM is the built large_blocks. Counted, not timed: instructions of a call (callgrind, of a run less
# one without rounds), page faults (of one run without valgrind), system calls (strace), how often a block moved.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/bench/rows.bash
program=$(realpath "$1") library=$(realpath "$2")
shift 2
export VMMALLOC_POOL_DIR=${VMMALLOC_POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=512M
for tool in valgrind strace; do
	command -v $tool >/dev/null || { echo "large_blocks.bash: $tool is not installed" >&2; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

declare -A preloads=([glibc]= [jemalloc]=$(of_distribution libjemalloc.so) [mimalloc]=$(of_distribution libmimalloc.so)
	[tcmalloc]=$(of_distribution libtcmalloc_minimal.so) [libvmmalloc]=$library)
names=(glibc jemalloc mimalloc tcmalloc libvmmalloc)

word() { awk -v key="$1" '{ for (i = 1; i < NF; i++) if ($i == key) print $(i + 1) }' "$work/plain"; }

# instructions PRELOAD ARGUMENT...
instructions() {
	LD_PRELOAD=$1 timeout 300 valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		--soname-synonyms=somalloc=nouserintercepts "$program" "${@:2}" 2>&1 >/dev/null |
		awk '/Collected/ { print $NF }'
}

# system_calls PRELOAD ARGUMENT...
system_calls() {
	timeout 120 strace -f -o "$work/calls" -E LD_PRELOAD="$1" "$program" "${@:2}" >/dev/null 2>&1
	wc -l <"$work/calls"
}

# part LABEL WHAT ROUNDS [FIGURE...]
part() {
	local label=$1 what=$2 rounds=$3 name preload calls some none
	shift 3
	for name in "${names[@]}"; do
		preload=${preloads[$name]}
		[ "$name" = glibc ] || [ "$preload" ] || continue
		LD_PRELOAD=$preload timeout 120 "$program" "$what" "$rounds" "$@" >"$work/plain" || { echo "$name: failed"; continue; }
		calls=$(word calls)
		some=$(instructions "$preload" "$what" "$rounds" "$@") none=$(instructions "$preload" "$what" 0 "$@")
		printf '%-26s %-12s %14.1f %9d %9d %9d %9.3f\n' "$label" "$name" \
			"$(awk "BEGIN { print ($some - $none) / $calls }")" "$(word faults)" \
			$(($(system_calls "$preload" "$what" "$rounds" "$@") - $(system_calls "$preload" "$what" 0 "$@"))) \
			"$(word moved)" "$(awk "BEGIN { print $(word bytes) ? $(word resident) / $(word bytes) : 0 }")"
	done
}

part_grow() {
	part "1 byte to 1 MiB by 1" bytes 1
	part "64 MiB to 80 by 4 KiB" pages 4
	part "2 x 8 MiB to 16 by 4 KiB" turns 2
	part "1 byte to 64 MiB doubled" doubled 4
}

part_calloc() {
	local bytes
	for bytes in 64 4096 16384 65536 1048576 8388608 67108864; do
		part "calloc of $bytes" calloc $((bytes < 65536 ? 2000 : bytes < 67108864 ? 50 : 4)) $bytes
	done
}

part_aligned() {
	part "5000 bytes at 64" aligned 2000 5000 64
	part "5000 bytes at 4096" aligned 2000 5000 4096
	part "65536 bytes at 65536" aligned 500 65536 65536
	part "100000 bytes at 65536" aligned 500 100000 65536
	part "100000 bytes at 2 MiB" aligned 100 100000 2097152
	part "2 MiB at 2 MiB" aligned 50 2097152 2097152
}

# Of a pool of 256 MiB, and of as much address space, with 64 MiB besides, for the others: what one block may grow to.
part_most() {
	local name
	echo "one block that grows from 128 MiB: its MiB at last, of 256 MiB"
	for name in "${names[@]}"; do
		[ "$name" = glibc ] || [ "${preloads[$name]}" ] || continue
		(	[ "$name" = libvmmalloc ] || ulimit -v $((320 << 10))
			VMMALLOC_POOL_SIZE=256M LD_PRELOAD=${preloads[$name]} timeout 60 "$program" most 256 ) >"$work/plain" ||
			{ echo "$name: failed"; continue; }
		row "$name" $(($(word bytes) >> 20)) MiB
		row "$name: moved" "$(word moved)" ""
	done
}

[ $# -gt 0 ] || set -- grow calloc aligned most
for one; do
	[ "$one" = most ] || printf '\n%-26s %-12s %14s %9s %9s %9s %9s\n' "$one" "" instructions faults calls moved resident
	"part_$one"
done
