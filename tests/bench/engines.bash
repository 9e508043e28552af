#!/bin/bash
# engines.bash PROGRAMS LIBRARY... -- the library with one jemalloc beside the library with others. Instructions (by
# callgrind, of one thread, the program's loop included), and the processor's time for each workload of `make bench`:
# the libraries take turns, a round begins with another each time, and a figure is the median's ratio to the first
# one's. ROUNDS and PERCENT (of a workload) say how long it takes. See seam.mk.
set -u
programs=$1 rounds=${ROUNDS:-5} percent=${PERCENT:-25}
shift
libraries=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VMMALLOC_POOL_DIR=${POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=2G LC_ALL=C

line() { printf '%-24s' "$1"; shift; printf ' %10s' "$@"; echo; }

# count LIBRARY PROGRAM WORD... -- the instructions of a run
count() {
	local library=$1
	shift
	LD_PRELOAD=$library timeout 300 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
		sed -n 's/.*Collected : //p'
}

# steps LIBRARY BYTES -- instructions of a step: two runs' difference leaves out the start
steps() {
	local few many
	few=$(count "$1" "$programs/engine_steps" "$2" 100000)
	many=$(count "$1" "$programs/engine_steps" "$2" 300000)
	awk "BEGIN { printf \"%.1f\", (${many:-0} - ${few:-0}) / 200000 }"
}

# pairs LIBRARY WORKLOAD -- instructions of a pair of malloc and free
pairs() {
	local few many few_pairs many_pairs
	few=$(count "$1" "$programs/workloads" "$2" 1 2)
	many=$(count "$1" "$programs/workloads" "$2" 1 6)
	read -r _ few_pairs < <("$programs/workloads" "$2" 1 2)
	read -r _ many_pairs < <("$programs/workloads" "$2" 1 6)
	awk "BEGIN { printf \"%.1f\", (${many:-0} - ${few:-0}) / ($many_pairs - $few_pairs) }"
}

# row NAME FUNCTION ARGUMENT -- of all libraries
row() {
	local library figures=()
	for library in "${libraries[@]}"; do figures+=("$("$2" "$library" "$3")"); done
	line "$1" "${figures[@]}"
}

TIMEFORMAT='%U %S'
# Seconds of the processor, user and system, are added to $work/WORKLOAD.NUMBER.
time_one() {
	{
		time LD_PRELOAD=${libraries[$2]} timeout 60 "$programs/workloads" "$1" 2 "$percent" >/dev/null
	} 2>"$work/time" || { echo "$1 with ${libraries[$2]}: $(cat "$work/time")" >&2; exit 1; }
	awk '{ print $1 + $2 }' "$work/time" >>"$work/$1.$2"
}
median() {
	sort -n "$1" | awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2 }'
}

echo "$(nproc) x $(sed -n '/^model name/{s/.*: //p;q}' /proc/cpuinfo), load $(cut -d' ' -f1 /proc/loadavg)"
for ((i = 0; i < ${#libraries[@]}; i++)); do echo "$((i + 1)): ${libraries[$i]}"; done
echo
line instructions $(seq ${#libraries[@]})
for bytes in 64 1024 16384; do row "malloc, free: $bytes B" steps $bytes; done
row realloc steps 0
for workload in churn strings vectors cache large; do row "$workload, a pair" pairs $workload; done

workloads=$("$programs/workloads" | sed 's/ .*//')
for ((round = 0; round < rounds; round++)); do
	for workload in $workloads; do
		for ((i = 0; i < ${#libraries[@]}; i++)); do
			time_one "$workload" $(((i + round) % ${#libraries[@]}))
		done
	done
done
echo
line "time, $rounds rounds" $(seq ${#libraries[@]})
for workload in $workloads; do
	ratios=()
	first=$(median "$work/$workload.0")
	for ((i = 0; i < ${#libraries[@]}; i++)); do
		ratios+=("$(awk "BEGIN { printf \"%.2f\", $(median "$work/$workload.$i") / $first }")")
	done
	line "$workload" "${ratios[@]}"
	echo "${ratios[@]}" >>"$work/all"
done
line geomean $(awk '{ for (i = 1; i <= NF; i++) sum[i] += log($i) }
	END { for (i = 1; i <= NF; i++) printf "%.2f ", exp(sum[i] / NR) }' "$work/all")
