#!/bin/bash
# huge_pages.bash -- in the guest: hugetlbfs, and tmpfs with huge=always, as directories of pools.
. "$(dirname "$0")/../../lib/suite.bash"
. "$(dirname "$0")/mounts.bash"
. "$(dirname "$0")/../../integration/helpers/daemon.bash"
CTL=$BUILD/release/vmmallocctl
export CTL

huge_pages() { awk -v what="$1:" '$1 == what { print $2 }' /proc/meminfo; }
export -f huge_pages

# Each with 128 MiB, that is 64 pages.
echo 64 >/proc/sys/vm/nr_hugepages
mkdir -p /mnt/hugetlb /mnt/thp
mount -t hugetlbfs -o mode=755,pagesize=2M hugetlbfs /mnt/hugetlb || exit 1
mount -t tmpfs -o mode=755,size=128M,huge=always tmpfs /mnt/thp || exit 1

enough_pages() { is "$(huge_pages HugePages_Total)$(huge_pages HugePages_Free)" 6464; }
run_case "there are 64 huge pages to begin with" enough_pages

programs() {
	export VMMALLOC_POOL_DIR=$1 VMMALLOC_POOL_SIZE=96M
	preload bash -c 'x=$(for i in {1..200}; do echo $i; done | sort -rn | head -n 1); [ "$x" = 200 ]' || fail "bash: status $?"
	preload python3 -c 'd = {str(i): [i] for i in range(20000)}; print(open("/proc/self/maps").read())' >maps ||
		fail "python3: status $?"
	grep -qE "$1/.*deleted" maps || fail "not on a pool"
	is "$(ls -A "$1")" ""
	[ "$1" = /mnt/thp ] || wait_for enough_pages
}
export -f enough_pages
run_case "hugetlbfs: programs that fork" programs /mnt/hugetlb
run_case "tmpfs with huge=always: programs that fork" programs /mnt/thp

# A heap larger than the pages there are. Alone and beside a full child, which shares them.
exhaustion() {
	export VMMALLOC_POOL_DIR=$1 VMMALLOC_POOL_SIZE=1G
	local size
	for size in 3000 1000000; do
		preload "$VM_PROGRAMS/fill" $size >count || fail "fill $size: status $?"
		[ "$(cat count)" -ge 80 ] || fail "$(cat count) MiB only in blocks of $size"
	done
	preload "$VM_PROGRAMS/fill" 3000 fork >count || fail "fill with a child: status $?"
	[ "$1" = /mnt/thp ] || wait_for enough_pages
}
run_case "hugetlbfs runs out of pages: ENOMEM, never a signal" exhaustion /mnt/hugetlb
run_case "tmpfs with huge=always is full: ENOMEM, never a signal" exhaustion /mnt/thp

whole_reservation() {
	VMMALLOC_POOL_DIR=$1 VMMALLOC_POOL_SIZE=256M VMMALLOC_RESERVE=full preload /bin/echo ran >out 2>errors
	is "$?$(cat out)" 1
	is "$(cat errors)" "Error (libvmmalloc): pool creation failed: reservation of space in $1: No space left on device"
	is "$(ls -A "$1")" ""
	[ "$1" = /mnt/thp ] || wait_for enough_pages
}
run_case "hugetlbfs: a pool that cannot be reserved is refused with one line" whole_reservation /mnt/hugetlb
run_case "tmpfs with huge=always: a pool that cannot be reserved is refused with one line" whole_reservation /mnt/thp

# --- the daemon ---

class_on() {
	setup
	conf <<-END
		[pool a]
		directory = $1
		size = ${2}M
		ready = $3
	END
	daemon_start
}
no_pools_left() { [ -z "$(ls "$1")" ]; }
end_class() {
	conf <<<'[daemon]'
	ask reload
	wait_for no_pools_left "$1"
	daemon_end TERM || fail "exit status $?"
	[ "$1" = /mnt/thp ] || wait_for enough_pages
}
export -f class_on no_pools_left end_class

daemon_cycle() {
	class_on "$1" 72 1
	wait_count a ready 1
	VMMALLOC_SOCKET=$RUN/pool.sock "$CTL" --runtime-dir "$RUN" run --class a -- "$VM_PROGRAMS/touch_heap" 64 >words ||
		fail "status $?"
	cat words
	[ "$(sed -n 's/^faults //p' words)" -le 40 ] || fail "$(cat words)"
	local round
	for round in 1 2 3; do
		wait_least a ready 1
		client take=a map zero fill=$round has=$round | sed 1d | tr '\n' ' ' >out
		is "$(cat out)" "zero same "
	done
	# pinned pages of a pool that came back show nothing of the next user
	wait_least a ready 1
	hold take=a map fill=7 pin unmap close waitfor=go pinned
	if [ "$1" = /mnt/thp ]; then
		# where it shows, that pool waits for them, and there is no room for another
		wait_count a quarantined 1
	else
		wait_least a ready 1
		client take=a map zero fill=9 | grep -qx zero || fail "not zero"
	fi
	: >go
	wait_for grep -q pinned "held.$HELD"
	is "$(tail -n 1 "held.$HELD")" "pinned 7"
	kill_held "$HELD"
	wait_least a ready 1
	client take=a map zero fill=9 | grep -qx zero || fail "not zero"
	wait_count a leased 0
	end_class "$1"
}
run_case "hugetlbfs: a class, 64 MiB in at most 40 faults, recycled" daemon_cycle /mnt/hugetlb
run_case "tmpfs with huge=always: a class, 64 MiB in at most 40 faults, recycled" daemon_cycle /mnt/thp

# Of the 64 pages each takes what it uses, and all of them are back in the end.
cold_ones() {
	local i touched=()
	class_on "$1" 72 0
	is "$(ls "$1" | wc -l)" 0
	for i in 1 2 3; do
		"$CTL" --runtime-dir "$RUN" run --class a -- "$VM_PROGRAMS/touch_heap" 24 &
		touched+=($!)
	done
	for i in "${touched[@]}"; do wait "$i" || fail "touch_heap: status $?"; done
	is "$(ask daemon handed_out) $(ask daemon refused)" "3 0"
	wait_for no_pools_left "$1"
	[ "$1" = /mnt/thp ] || wait_for enough_pages
	# and where there are not enough, ENOMEM: alone, and for one of two
	"$CTL" --runtime-dir "$RUN" run --class a -- "$VM_PROGRAMS/fill" 1000000 >count || fail "fill: status $?"
	[ "$(cat count)" -ge 56 ] || fail "$(cat count) MiB only"
	"$CTL" --runtime-dir "$RUN" run --class a -- "$VM_PROGRAMS/fill" 3000 >count &
	"$CTL" --runtime-dir "$RUN" run --class a -- "$VM_PROGRAMS/fill" 3000 >count2 || fail "fill, beside another: status $?"
	wait $! || fail "fill, beside another: status $?"
	wait_count a leased 0
	wait_for no_pools_left "$1"
	end_class "$1"
}
run_case "hugetlbfs: cold pools, as large as their programs, and gone with them" cold_ones /mnt/hugetlb
run_case "tmpfs with huge=always: cold pools, as large as their programs, and gone with them" cold_ones /mnt/thp

# Each pool has fewer pages than the program needs.
growing_ones() {
	class_on "$1" 32 0
	"$CTL" --runtime-dir "$RUN" run --class a --on-full=grow -- "$VM_PROGRAMS/touch_heap" 64 || fail "touch_heap: status $?"
	[ "$(ask daemon handed_out)" -ge 3 ] || fail "$(ask daemon handed_out) pools of 32 MiB for 64"
	wait_for no_pools_left "$1"
	# a page that is held shows nothing of the next user, and the pool goes when it is let go
	hold wait=a:0 reply map fill=7 pin unmap close waitfor=go pinned
	client wait=a:0 reply map zero | grep -qx zero || fail "not zero"
	: >go
	wait_for grep -q pinned "held.$HELD"
	is "$(tail -n 1 "held.$HELD")" "pinned 7"
	kill_held "$HELD"
	wait_for no_pools_left "$1"
	end_class "$1"
}
run_case "hugetlbfs: a heap of several cold pools; one of which a page is held" growing_ones /mnt/hugetlb
run_case "tmpfs with huge=always: a heap of several cold pools; one of which a page is held" growing_ones /mnt/thp

daemon_full() {
	class_on "$1" 48 4
	wait_count a ready 2
	wait_for eval '[ "$(ask problem a)" = "pool directory '"$1"': no space left for a pool of 48 MiB" ]'
	client take=a map zero fill=5 | grep -qx zero || fail "not zero"
	wait_count a ready 2
	# room for two more
	if [ "$1" = /mnt/thp ]; then
		mount -o remount,size=256M /mnt/thp
	else
		echo 128 >/proc/sys/vm/nr_hugepages
	fi
	wait_count a ready 4
	is "$(ask problem a)" ""
	echo 64 >/proc/sys/vm/nr_hugepages
	conf <<<'[daemon]'
	ask reload
	wait_for no_pools_left "$1"
	[ "$1" != /mnt/thp ] || mount -o remount,size=128M /mnt/thp
	wait_for enough_pages
}
run_case "hugetlbfs: a class for which there are not enough pages, until there are" daemon_full /mnt/hugetlb
run_case "tmpfs with huge=always: a class for which there is not enough space, until there is" daemon_full /mnt/thp
end_suite
