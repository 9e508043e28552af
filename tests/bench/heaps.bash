#!/bin/bash
# heaps.bash [PART...] -- what a heap of many pools, and one of two tiers, does and costs, beside a heap of one pool and
# beside memkind's memtier. The parts: pools, fork, tiers; all of them if none is named. The last figure of a line is
# the ratio to the first line of its block.
#
# Up to 2 GiB of /dev/shm are in use; the second tier is on the disk of TMPDIR. ROUNDS make it shorter.
. "$(dirname "$0")/../lib/suite.bash"
. "$ROOT/tests/bench/rows.bash"
COST=$BUILD/tests/bench/heap_cost FORK_COST=$BUILD/tests/bench/fork_cost WORKLOADS=$BUILD/tests/bench/workloads
ROUNDS=${ROUNDS:-5}
MEMTIER=$(of_distribution libmemtier.so)
export LC_ALL=C

one_pool() { VMMALLOC_POOL_SIZE=2G preload "$@"; }
many_pools() { VMMALLOC_POOL_SIZE=16M VMMALLOC_ON_FULL=grow preload "$@"; }

# count FUNCTION PAIRS -- the instructions of so many pairs of free and malloc, and of taking 900 MiB before
count() {
	"$1" valgrind --tool=callgrind --callgrind-out-file=/dev/null "$COST" pairs 900 "$2" 2>&1 |
		sed -n 's/.*Collected : //p'
}

# instructions FUNCTION -- of a pair: two runs' difference leaves out the rest
instructions() {
	local few many
	few=$(count "$1" 100000)
	many=$(count "$1" 300000)
	awk "BEGIN { printf \"%.1f\", (${many:-0} - ${few:-0}) / 200000 }"
}

part_pools() {
	local one many
	for _ in $(seq "$ROUNDS"); do
		many_pools "$COST" grow 960 >>grow || fail "grow: $(tail -n 1 grow)"
	done
	echo "a heap that grows to 960 MiB, by pools of 16 MiB: $(median grow pools) of them"
	row "malloc of 64 KiB that adds no pool" "$(median grow other)" us
	row "malloc that adds one" "$(median grow grow)" us
	row "malloc that adds one, most" "$(highest grow most)" us
	one=$(instructions one_pool) many=$(instructions many_pools)
	echo "instructions of a pair of free and malloc, 900 MiB in use"
	row "one pool of 2 GiB" "$one" "" "$one"
	row "pools of 16 MiB" "$many" "" "$one"
}

part_fork() {
	local kind key
	for _ in $(seq "$ROUNDS"); do
		timeout 60 "$FORK_COST" 900 10 >>fork.glibc || fail "fork_cost"
		for kind in one_pool many_pools; do
			$kind timeout 60 "$FORK_COST" 900 10 >>fork.$kind || fail "fork_cost: $kind"
		done
	done
	for key in "fork fork" "back way back, 10 % changed"; do
		echo "${key#* }, of a heap of 900 MiB"
		[ "${key%% *}" != fork ] || row glibc "$(median fork.glibc fork)" us
		row "one pool of 2 GiB" "$(median fork.one_pool "${key%% *}")" us "$(median fork.one_pool "${key%% *}")"
		row "pools of 16 MiB" "$(median fork.many_pools "${key%% *}")" us "$(median fork.one_pool "${key%% *}")"
	done
}

# Half of the bytes on a tmpfs, half on a disk; 256 MiB of each.
TIERS=256M
tiers() {
	VMMALLOC_POOL_DIR=$POOL_DIR:$WORK/disk VMMALLOC_POOL_SIZE=$TIERS:$TIERS VMMALLOC_PLACE=ratio:1:1 preload "$@"
}
memtier() {
	local tier=PMEM_SIZE_LIMIT:$TIERS,RATIO:1
	MEMKIND_MEM_TIERS="KIND:FS_DAX,PATH:$POOL_DIR,$tier;KIND:FS_DAX,PATH:$WORK/disk,$tier;POLICY:STATIC_RATIO" \
		LD_PRELOAD=$MEMTIER "$@"
}

part_tiers() {
	local kind workload kinds="tiers${MEMTIER:+ memtier}"
	mkdir disk
	for kind in $kinds; do
		$kind timeout 60 "$COST" place 200 "$POOL_DIR" "$WORK/disk" >place.$kind || echo failed 0 >place.$kind
		$kind timeout 60 "$COST" full >full.$kind 2>/dev/null || echo "took 0 again 0" >full.$kind
		$kind timeout 60 "$COST" fork 100 >fork.$kind || echo "kept 0" >fork.$kind
	done
	echo "200 MiB of blocks of 16 bytes to 256 KiB, half to be on each tier: resident on the first"
	for kind in $kinds; do row "$kind" "$(median place.$kind "$POOL_DIR")" MiB; done
	echo "all that two tiers of 256 MiB give; and again, after it was freed"
	for kind in $kinds; do
		row "$kind" "$(median full.$kind took)" MiB
		row "$kind, again" "$(median full.$kind again)" MiB
	done
	echo "blocks of 1600 that a child leaves alone which writes to its own"
	for kind in $kinds; do row "$kind" "$(median fork.$kind kept)" ""; done
	for _ in $(seq "$ROUNDS"); do
		for workload in churn strings cache large; do
			for kind in one_pool $kinds; do
				echo "seconds $($kind timeout 60 "$WORKLOADS" $workload 1 25)" >>time.$workload.$kind
			done
		done
	done
	for workload in churn strings cache large; do
		echo "time of the workload $workload, one thread"
		for kind in one_pool $kinds; do
			row "$kind" "$(median time.$workload.$kind seconds | awk '{ print $1 * 1000 }')" ms \
				"$(median time.$workload.one_pool seconds | awk '{ print $1 * 1000 }')"
		done
	done
}

run_parts "pools fork tiers" "$@"
[ $failed -eq 0 ]
