#!/bin/bash
# crash_churn.bash [mkfs] -- in the guest: a daemon with pools leased, warmed, handed out and recycled all the time on two
# DAX mounts, until the machine is killed. Says "CHURNING" when that may happen. With mkfs the file systems are made first.
set -u
. "$(dirname "$0")/../../lib/suite.bash"
. "$(dirname "$0")/mounts.bash"
. "$(dirname "$0")/../../integration/helpers/daemon.bash"
mkdir -p /run/churn && cd /run/churn || exit 1
WORK=$PWD PIDS= DAEMON=
. "$(dirname "${BASH_SOURCE[0]}")/crash_daemon.bash"

if [ "${1-}" = mkfs ]; then
	dax_mount ext4 /dev/pmem0 ext4 "${EXT4_ALIGNED[@]}" && dax_mount xfs /dev/pmem1 xfs "${XFS_ALIGNED[@]}" || exit 1
	mkdir /mnt/ext4/state /mnt/ext4/pools /mnt/xfs/pools
	used_kib /mnt/ext4 >/mnt/ext4/used
	used_kib /mnt/xfs >/mnt/xfs/used
	sync
else
	crash_mount || exit 1
fi
crash_conf 2
daemon_start
wait_least one ready 1
wait_least two ready 1
# some who stay, and some who come and go
for class in one two; do
	hold take=$class map fill=7
	wait_least $class ready 1
done
grep -h ^ok held.*
(while :; do client take=one map fill=9; done) >/dev/null 2>&1 &
(while :; do client take=two map fill=9; done) >/dev/null 2>&1 &
wait_for eval '[ "$(ask daemon recycled)" -ge 2 ]'
echo CHURNING
sleep 600
