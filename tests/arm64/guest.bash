#!/bin/bash
# guest.bash KIND PAGE -- what is run in a guest of that kind (tests/vm/machine.bash), whose pages have PAGE bytes: a few
# cases of each suite, that depend on the kernel, its pages or the processor. It takes minutes as it is: what an emulated
# process can show is in check.bash. tests/arm64/arm64.mk builds it.
cd "$(dirname "$0")/../.." || exit 1
export VM_KIND=$1 BUILD=${BUILD:-$PWD/build}/arm64/out
units="dump heap heap_model marker pool pool_file_create pool_file_pins pool_file_scrub pool_file_warm thaw_model"
# test_heap is about pages of 4 KiB; test_heap_model has the others
[ "$2" = 4096 ] || units=${units/heap /}

# Not here: pools packed to 97 % (jemalloc for pages of 64 KiB comes to 96), and one of 1.5 GiB (the guest has 2 GiB).
# The disk that pages.bash leaves mounted is where heaps grow on a disk, too.
# One walk of each model: in that of seed 3 a thread ends just before a heap returns.
exec tests/vm/guest.bash --memory 2G --seconds 3400 \
	"tests/vm/guest/pages.bash $2" \
	"MODEL_SEED=3 SUITE_DEADLINE=900 tests/lib/check.bash $(printf "$BUILD/tests/unit/test_%s " $units)" \
	"ONLY='^(every|blocks|a pool|no threads|VMM)' tests/preload/library.bash" \
	"ONLY='^(zeros where they are promised, (w|.*auto)|threads begin|a pool of 64)' tests/preload/heap.bash" \
	"ONLY='^(sizes|and it)' tests/preload/jemalloc.bash" \
	"ONLY='^(VMMALLOC_FORK=auto: (children|a child)|VMMALLOC_FORK=[12]: a child|the parent|a child|a parent|signals)' \
		tests/preload/fork.bash" \
	"ONLY='^(VMMALLOC_FORK=auto: (a coroutine|a signal|clone w|a handler)|a vf|nor|a child)' \
		tests/preload/fork_edges.bash" \
	"ONLY='^VMMALLOC_FORK=auto: (waiters of|who)' tests/preload/fork_waiters.bash" \
	"tests/preload/kernel_writes.bash" \
	"TMPDIR=/var/tmp tests/preload/growth.bash" \
	"ONLY='^(hand-out: (a|by)|reclaim: a pool is|kill -9: leased|stop: leases)' tests/integration/daemon.bash"
