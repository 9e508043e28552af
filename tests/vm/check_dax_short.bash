#!/bin/bash
# check_dax_short.bash -- what of check_dax.bash is run at every change: one boot, and the cases that say the most.
cd "$(dirname "$0")/../.." || exit 1
exec tests/vm/guest.bash --seconds 330 --pmem 512 --pmem 768 --pmem 320 \
	'ONLY="is dax|bash, python3|faults" tests/vm/guest/library.bash xfs /dev/pmem1 xfs sync' \
	'ONLY="^the parent is back" POOL_DIR=/mnt/xfs tests/preload/fork.bash' \
	'ONLY="^(classes|64 MiB|default mkfs.xfs)" tests/vm/guest/daemon.bash ext4 /dev/pmem0 ext4 xfs /dev/pmem1 xfs /dev/pmem2'
