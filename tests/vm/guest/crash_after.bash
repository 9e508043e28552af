#!/bin/bash
# crash_after.bash -- in a guest that was booted on the persistent memory of one that was killed: see crash_churn.bash.
. "$(dirname "$0")/../../lib/suite.bash"
. "$(dirname "$0")/mounts.bash"
. "$(dirname "$0")/../../integration/helpers/daemon.bash"
. "$(dirname "$0")/crash_daemon.bash"

recovers() {
	crash_mount || fail "the file systems cannot be mounted"
	ls -l /mnt/*/pools
	[ "$(ls /mnt/ext4/pools | grep -c '\.used$')" -ge 1 ] && [ "$(ls /mnt/xfs/pools | grep -c '\.used$')" -ge 1 ] ||
		fail "no pool was in use when the machine was killed: this shows nothing"
	setup
	rmdir "$POOLS"; POOLS=$WORK/none
	cp -r /mnt/ext4/state before
	cat before/registry.json
	crash_conf 3
	daemon_start
	# no more are made than are wanted, but all that came back are kept
	local class
	for class in one two; do
		wait_least $class ready 3
		is "$(ask problem $class)" ""
	done
	wait_for eval '[ "$(ask list | grep -vc " ready ")" = 0 ]'
	! grep -q ' 0 orphaned' log || fail "a directory without orphans"
	grep orphaned log

	# all of them, at the same time: none has a byte of what was there
	for class in one two; do
		for _ in $(seq "$(ask count $class ready)"); do
			hold take=$class map zero fill=1 has=1
			wait_for grep -q same "held.$HELD"
			is "$(sed 1d "held.$HELD" | tr '\n' ' ')" "zero same "
		done
	done
	cat held.* | awk '/^ok/ { print $3 }' >ids
	[ "$(wc -l <ids)" -ge 6 ] || fail "$(wc -l <ids) pools only"
	is "$(sort -u ids | wc -l)" "$(wc -l <ids)"
	for class in $PIDS; do kill_held "$class"; done
	PIDS=
	wait_count one leased 0; wait_count two leased 0

	# with no class left all is removed, and the space is there again
	conf <<<'[daemon]'
	ask reload || fail "reload"
	wait_for eval '[ -z "$(ask list)" ]'
	daemon_end TERM || fail "exit status $?"
	local mount used
	for mount in /mnt/ext4 /mnt/xfs; do
		is "$(ls "$mount/pools")" ""
		used=$(used_kib $mount)
		echo "$mount: $(cat $mount/used) KiB before all pools, $used KiB now"
		# metadata may have grown: of the directory, of the registry
		[ $((used - $(cat $mount/used))) -le 1024 ] || fail "$mount: $(cat $mount/used) KiB before, $used KiB now"
	done
	umount /mnt/ext4 && umount /mnt/xfs || fail "umount"
	e2fsck -fn /dev/pmem0 || fail "e2fsck: $?"
	xfs_repair -n /dev/pmem1 || fail "xfs_repair: $?"
}
run_case "after a crash: every orphan is reclaimed, pools are issued again without old bytes, space is back" recovers
end_suite
