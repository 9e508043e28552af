#!/bin/bash
# check_virtio_pmem.bash -- the second kind of DAX: virtio-pmem, which cannot be mapped with MAP_SYNC.
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/selection.bash
exec tests/vm/guest.bash --memory 1G --seconds 3000 --virtio-pmem 512 --virtio-pmem 768 --virtio-pmem 320 \
	'tests/vm/guest/library.bash ext4 /dev/pmem0 ext4 no-sync' \
	'tests/vm/guest/library.bash xfs /dev/pmem1 xfs no-sync' \
	"ONLY='$FORKS' POOL_DIR=/mnt/xfs tests/preload/fork.bash" \
	'tests/vm/guest/daemon.bash ext4 /dev/pmem0 ext4 xfs /dev/pmem1 xfs /dev/pmem2' \
	"ONLY='$DAEMON' POOL_DIR=/mnt/ext4 tests/integration/daemon.bash"
