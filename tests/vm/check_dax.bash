#!/bin/bash
# check_dax.bash -- the library and the daemon on ext4 and XFS that are mounted with DAX, in a guest.
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/selection.bash
exec tests/vm/guest.bash --seconds 3400 --pmem 512 --pmem 768 --pmem 320 \
	'tests/vm/guest/library.bash ext4 /dev/pmem0 ext4 sync' \
	"ONLY='$FORKS' POOL_DIR=/mnt/ext4 tests/preload/fork.bash" \
	'tests/vm/guest/library.bash xfs /dev/pmem1 xfs sync' \
	"ONLY='$FORKS' POOL_DIR=/mnt/xfs tests/preload/fork.bash" \
	'tests/vm/guest/daemon.bash ext4 /dev/pmem0 ext4 xfs /dev/pmem1 xfs /dev/pmem2' \
	"ONLY='$GROWTH' POOL_DIR=/mnt/xfs tests/preload/growth.bash" \
	"ONLY='$TIERS' POOL_DIR=/mnt/xfs OTHER_DIR=/mnt/ext4 tests/preload/tiers.bash" \
	"ONLY='$DAEMON' POOL_DIR=/mnt/xfs tests/integration/daemon.bash" \
	'ONLY="hangs, in /mnt" POOL_DIR=/mnt/ext4 tests/integration/hostile.bash' \
	'ONLY="hangs, in /mnt" POOL_DIR=/mnt/xfs tests/integration/hostile.bash' \
	'STORM_SECONDS=60 POOL_DIR=/mnt/xfs STORM_SECOND_DIR=/mnt/ext4 tests/storm/storm.bash'
