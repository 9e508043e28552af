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
for fork in auto 1 2; do
	run_case "zeros where they are promised, at random, VMMALLOC_FORK=$fork" \
		with $SIZE=48M VMMALLOC_FORK=$fork -- zero_model 4 $RANDOM
done
run_case "zeros where they are promised, at random, partly in ordinary memory" \
	with $SIZE=24M $FULL=dram -- zero_model 4 $RANDOM

end_suite
