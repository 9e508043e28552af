#!/bin/bash
# guest.bash KIND PAGE -- what is run in a guest of that kind (tests/vm/machine.bash), whose pages have PAGE bytes: of each
# suite what depends on the kernel, its pages or the processor. tests/arm64/arm64.mk builds it.
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/selection.bash
export VM_KIND=$1 BUILD=${BUILD:-$PWD/build}/arm64/out
# of the unit tests those that map memory, or files, or make system calls of their own
units=$(grep -lE '^/\* objects:.*(libvmmalloc/|vmmallocd/files/)' tests/unit/test_*.c | xargs -n 1 basename -s .c)
# test_heap is about pages of 4 KiB; test_heap_model has the others
[ "$2" = 4096 ] || units=$(grep -vx test_heap <<<"$units")

# Not here: pools packed to 97 % (jemalloc for pages of 64 KiB comes to 96), and one of 1.5 GiB (the guest has 2 GiB).
exec tests/vm/guest.bash --memory 2G --seconds 3400 \
	"tests/vm/guest/pages.bash $2" \
	"SUITE_DEADLINE=300 tests/lib/check.bash $(printf "$BUILD/tests/unit/%s " $units)" \
	"ONLY='^(every|C |programs linked to libj|C.. operators n|blocks|a pool|no threads|a dest|a full|VMM)' tests/preload/library.bash" \
	"ONLY='^([^a]|a [^l]|a larger|ar|as)' tests/preload/heap.bash" \
	"ONLY='^(sizes|and it)' tests/preload/jemalloc.bash" \
	"ONLY='$FORKS|^VMMALLOC_FORK=[013]: (a child|children)|same' tests/preload/fork.bash" \
	"ONLY='^(VMM|a vf|nor|a child)' tests/preload/fork_edges.bash" \
	"tests/preload/fork_waiters.bash" \
	"tests/preload/kernel_writes.bash" \
	"ONLY='$DAEMON' tests/integration/daemon.bash"
