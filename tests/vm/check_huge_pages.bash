#!/bin/bash
# check_huge_pages.bash -- hugetlbfs and huge tmpfs as directories of pools, in a guest: huge pages are taken from
# everybody on the machine; heaps of many pools and of tiers there. And who pays for memory, with control groups of
# version 2, which the guest has.
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/selection.bash
exec tests/vm/guest.bash --memory 2048M --seconds 2400 tests/vm/guest/huge_pages.bash tests/integration/charges.bash \
	"echo 640 >/proc/sys/vm/nr_hugepages; ONLY='$GROWTH_HUGE' POOL_DIR=/mnt/hugetlb tests/preload/growth.bash" \
	"ONLY='$TIERS_HUGE' POOL_DIR=/mnt/hugetlb tests/preload/tiers.bash"
