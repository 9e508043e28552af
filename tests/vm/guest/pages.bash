#!/bin/bash
# pages.bash BYTES -- in a guest whose kernel has pages of so many bytes: the daemon, vmmallocctl and the library on its
# pools, on a tmpfs and on a disk. The disk, an ext4 of 4 KiB blocks, is made here and left mounted on /var/tmp.
. "$(dirname "$0")/../../lib/suite.bash"
. "$(dirname "$0")/../../integration/helpers/daemon.bash"
[ "$(cat /proc/sys/kernel/hostname)" = guest ] || { echo "only in the guest of tests/vm"; exit 1; }
export PAGE=$1

truncate -s 512M /run/disk && mkfs.ext4 -q -F -b 4096 /run/disk && mount -o loop /run/disk /var/tmp && chmod 1777 /var/tmp || exit 1

page() { is "$(awk '$1 == "KernelPageSize:" { print $2 * 1024; exit }' /proc/self/smaps)" "$PAGE"; }
run_case "the kernel's pages have $PAGE bytes" page

# The header's field, by common/base/pool_header.h.
heap_offset() { od -A n -t u8 -j 24 -N 8 "$1" | tr -d ' '; }

# A bash whose heap is on a pool of the class, and that has forked; it stays until it is killed.
stays() {
	"$BUILD/release/vmmallocctl" --runtime-dir "$RUN" run --class a -- bash -c 'x=$(head -c 3000000 /dev/zero | tr "\0" x); echo ${#x} >said; read -r _ <never' &
	STAYS=$!
	PIDS="$PIDS $!"
	wait_for test -s said
	is "$(cat said)" 3000000
	rm said
}
is_zero() { client take=a map zero | grep -qx zero || fail "bytes of who had it before"; }
export -f heap_offset stays is_zero

case_class() {
	setup
	one_class "ready = 2" "max = 3"
	mkfifo never
	daemon_start
	wait_count a ready 2
	is "$(ask problem a)" ""
	ctl run --class a -- cat /proc/self/maps >maps
	grep -qE "rw-s .* $POOLS/" maps || fail "not on a pool: $(cat maps)"

	stays
	wait_count a leased 1
	ctl list -o class,state,pid,command | grep -E "^a +leased +$STAYS +bash" || fail "$(ctl list)"
	local path
	path=$(ctl list -o state,path | awk '$1 == "leased" { print $2 }')
	is "$(heap_offset "$path")" "$PAGE"
	ctl status >status || fail "status $?"
	cat status
	# whoever has it is killed, and then with the daemon, which takes it back when it is there again
	kill_held "$STAYS"
	wait_count a leased 0
	stays
	daemon_end KILL
	daemon_start
	is "$(ask count a leased)" 1
	kill_held "$STAYS"
	wait_count a leased 0
	wait_least a ready 2
	is_zero; is_zero
}
run_case "tmpfs: run, list and status; kill -9 of who has a pool, and of the daemon" case_class
on_disk() { POOL_DIR=/var/tmp case_class; }
export -f case_class
run_case "disk: run, list and status; kill -9 of who has a pool, and of the daemon" on_disk
end_suite
