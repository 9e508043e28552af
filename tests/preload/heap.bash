#!/bin/bash
# heap.bash -- what the heap promises of its space: zeros, and that the pool contains it.
. "$(dirname "$0")/../lib/suite.bash"
PROGRAMS=$BUILD/tests/preload
export PROGRAMS

# with NAME=VALUE... -- PROGRAM [ARGUMENT...] -- exits 0 on a pool with that environment and says nothing.
with() {
	local settings=()
	while [ "$1" != -- ]; do settings+=("$1"); shift; done
	local program=$2
	shift 2
	env "${settings[@]}" bash -c 'preload "$@"' preload "$PROGRAMS/$program" "$@" 2>stderr || { cat stderr; return 1; }
	[ ! -s stderr ] || { cat stderr; return 1; }
}
export -f with

SIZE=VMMALLOC_POOL_SIZE FULL=VMMALLOC_ON_FULL
run_case "zeros where they are promised, with metadata from a full pool" with $SIZE=64M -- zero_metadata
zero_models() { for _ in 1 2 3 4 5 6; do with "$@" -- zero_model 1 $RANDOM || return 1; done; }
export -f zero_models
for fork in auto 1 2; do
	run_case "zeros where they are promised, at random, VMMALLOC_FORK=$fork" \
		zero_models $SIZE=64M VMMALLOC_FORK=$fork
done
run_case "zeros where they are promised, at random, partly in ordinary memory" \
	zero_models $SIZE=24M $FULL=dram

run_case "a full pool contains the heap of threads that come and go" with $SIZE=14M -- contained 32 20
run_case "a larger one does, with several arenas" with $SIZE=64M -- contained 32 12
run_case "threads begin on a full pool" with $SIZE=64M -- thread_on_full
run_case "threads begin on a full pool, with no memory but that" with $SIZE=64M -- thread_on_full limited

# On a file system, of which what is reserved is not memory.
index_limited() { VMMALLOC_POOL_DIR=$WORK with $SIZE=1536M -- index_limited; }
export -f index_limited
export SIZE
run_case "a limit of addresses leaves all of a pool, whose index comes in parts" index_limited

run_case "arenas are destroyed beside a malloc that takes back what they keep" with $SIZE=64M -- arena_race 5
run_case "arenas are destroyed beside malloc_trim" with $SIZE=64M -- arena_race 5 trim
run_case "arenas that are made and destroyed leave nothing behind" with $SIZE=64M -- arena_reuse

for mode in threads forks arenas trims; do
	run_case "blocks that other threads free than made them, with $mode" \
		with $SIZE=256M VMMALLOC_RELEASE=0 -- handover 12 $RANDOM $mode
done
run_case "blocks that other threads free, on a pool that is full" with $SIZE=14M -- handover 24 $RANDOM threads
run_case "blocks that other threads free, with copies in children" \
	with $SIZE=256M VMMALLOC_FORK=2 -- handover 12 $RANDOM forks

own_hooks() { local i; for i in {1..10}; do with "$@" -- hooks $RANDOM || return 1; done; }
export -f own_hooks
run_case "functions for extents that allocate and free themselves" own_hooks $SIZE=256M

many_processors() {
	local usual many
	export VMMALLOC_POOL_SIZE=1G
	usual=$(preload "$PROGRAMS/arena_count") || return 1
	many=$(preload "$PROGRAMS/arena_count" many "$PROGRAMS/arena_count") || return 1
	[ "$many" -eq "$usual" ] && [ "$usual" -gt 1 ] || fail "$many arenas instead of $usual"
}
run_case "as many arenas on a machine with room for 4,096 processors" many_processors

vast() {
	need_root
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	mkdir small
	unshare -m bash -c on_small
}
on_small() {
	mount -t tmpfs -o size=64m small small || skip "cannot mount a tmpfs here"
	with VMMALLOC_POOL_DIR="$PWD/small" VMMALLOC_POOL_SIZE=64T -- vast
}
export -f on_small
run_case "a pool of 64 TiB takes 300 MiB for itself, and a request that cannot be met does not fill the disk" vast

end_suite
