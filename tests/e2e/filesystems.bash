#!/bin/bash
# filesystems.bash -- pools on the file systems that people have, also when these are full or will not have them.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/e2e.bash"
PATH=$PATH:/usr/sbin:/sbin

# mount_at ARGUMENT... -- mounts on $WORK/mnt until the case ends; skips where that is not allowed.
mount_at() {
	[ "$(id -u)" -eq 0 ] || skip "only root may mount"
	mkdir -p "$WORK/mnt"
	mount "$@" "$WORK/mnt" 2>mount.errors || skip "mount is refused: $(head -n 1 mount.errors)"
	trap unmount_at EXIT
}
unmount_at() {
	local pid
	for pid in ${PIDS-}; do kill -KILL "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
	mountpoint -q "$WORK/mnt" && { umount "$WORK/mnt" 2>/dev/null || umount -l "$WORK/mnt"; }
	return 0
}

# loop_mount TYPE MIB -- a new file system of that type and size, from an image in $WORK.
loop_mount() {
	need "mkfs.$1"
	local quiet=-q
	[ "$(id -u)" -eq 0 ] || skip "only root may mount"
	truncate -s "$2M" image
	"mkfs.$1" $quiet image >mkfs.log 2>&1 || { cat mkfs.log; fail "mkfs.$1"; }
	mount_at -t "$1" -o loop image
}

used_kib() { df --output=used -k "$1" | tail -n 1 | tr -d ' '; }
free_mib() { df --output=avail -m "$1" | tail -n 1 | tr -d ' '; }

# On the pool directory $1: programs run, $2 MiB of heap are there, $3 KiB of them resident, and their space goes with them.
works_in() {
	local dir=$1
	helper hold
	seq 1 200000 | sort -R --random-source=<(yes) >lines
	VMMALLOC_POOL_DIR=$dir preload sort lines >sorted || fail "sort: $?"
	sort lines | cmp - sorted || fail "sorted otherwise"
	VMMALLOC_POOL_DIR=$dir preload bash -c 'x=$(for i in {1..500}; do echo $i; done | (sort -rn; true) | head -n 1); exit $((x == 500 ? 0 : 1))' ||
		fail "bash with subshells: $?"
	VMMALLOC_POOL_DIR=$dir preload exec ./hold "${2-8}" >ready &
	PIDS=$!
	wait_for grep -q READY ready || fail "no READY"
	heap_on_pool $PIDS "${3-$((${2-8} * 1024 - 1))}"
	end_process $PIDS KILL
	[ -z "$(ls -A "$dir" | grep -v lost+found)" ] || fail "a file is left in the pool directory"
}

# A pool that is larger than its file system: NULL and ENOMEM when that is full, never a signal; MIB fit at least.
fills() {
	local dir=$1 mib=$2 size before after
	shift 2
	helper fill
	sync -f "$dir"
	before=$(used_kib "$dir")
	for size in 48 1000 65000 3000000; do
		VMMALLOC_POOL_DIR=$dir preload ./fill $size "$@" >count || fail "fill $size $*: status $?"
		echo "$(free_mib "$dir") MiB free, $(cat count) MiB in blocks of $size"
		[ "$(cat count)" -ge "$mib" ] || { cat count; df -m "$dir"; fail "only so many MiB in blocks of $size"; }
	done
	sync -f "$dir"
	# metadata of the file system itself may have grown a little
	after=$(used_kib "$dir")
	[ "$after" -le $((before + 2048)) ] || fail "$before KiB were used before, $after KiB after"
}

export -f mount_at unmount_at loop_mount used_kib free_mib works_in fills

case_directory() {
	local dir
	dir=$(mktemp -d "$1/vmmalloc-test.XXXXXX") || skip "cannot write in $1"
	trap 'kill -KILL ${PIDS-} 2>/dev/null; rm -rf "'"$dir"'"' EXIT
	stat -f -c 'on %T' "$dir"
	works_in "$dir" 40
}

case_loop() {
	loop_mount "$1" "$2"
	works_in "$WORK/mnt"
	fills "$WORK/mnt" "$3"
}

# ext2 has no fallocate
case_nearly_full() {
	loop_mount "$1" "$2"
	local left
	left=$(free_mib "$WORK/mnt")
	dd if=/dev/zero of=mnt/ballast bs=1M count=$((left - 24)) status=none || fail "no ballast"
	fills "$WORK/mnt" 6
	fills "$WORK/mnt" 6 fork
}

# Grown while the heap is private, freed, used again on the file after the disk has filled.
case_grows_private() {
	local how
	if [ "$1" = tmpfs ]; then mount_at -t tmpfs -o size="$2M" tmpfs; else loop_mount "$1" "$2"; fi
	for how in small large threads; do
		VMMALLOC_POOL_DIR=$WORK/mnt VMMALLOC_POOL_SIZE=256M preload "$BUILD/tests/preload/grow_private" $how ||
			fail "$how: status $?"
		rm -f mnt/filler
	done
}

# A server without fallocate, whose own file system is small: what is mapped fails only when it is written back.
case_fuse() {
	local how count
	need bindfs
	mkdir back
	mount_at -t tmpfs -o size=40M tmpfs
	mkdir mnt/files
	bindfs mnt/files back 2>mount.errors || skip "no FUSE here: $(head -n 1 mount.errors)"
	trap 'umount back 2>/dev/null || umount -l back; unmount_at' EXIT
	works_in "$WORK/back" 8 1    # what is written back need not stay
	helper fill
	for how in "" fork; do
		count=$(VMMALLOC_POOL_DIR=$WORK/back VMMALLOC_POOL_SIZE=256M preload ./fill 65000 $how) || fail "status $?"
		[ "$count" -ge 20 ] && [ "$count" -le 40 ] || fail "$count MiB in 40 MiB"
	done
}

case_tiny_tmpfs() {
	mount_at -t tmpfs -o size="$1M" tmpfs
	works_in "$WORK/mnt" 4
	dd if=/dev/zero of=mnt/ballast bs=1M count="$2" status=none || fail "no ballast"
	fills "$WORK/mnt" $(($1 - $2 - 6))
	fills "$WORK/mnt" $(($1 - $2 - 6)) fork
}

case_fills_beside_another() {
	mount_at -t tmpfs -o size=32M tmpfs
	local first
	helper fill
	VMMALLOC_POOL_DIR=$WORK/mnt preload exec ./fill 5000 >/dev/null 2>one.errors &
	first=$!
	VMMALLOC_POOL_DIR=$WORK/mnt preload ./fill 3000 2>two.errors
	wait $first
	# what one gets the other does not, so a later round may hold less; but nobody dies of a signal
	[ $? -le 1 ] || fail "the first died of a signal"
	! grep -v 'much less' one.errors two.errors || fail "another error than less space"
}

# The one line, and a non-zero status before main.
refused() {
	local dir=$1 expected=$2 status
	VMMALLOC_POOL_DIR=$dir VMMALLOC_POOL_SIZE=${3-1G} preload /bin/echo "main ran" >out 2>errors
	status=$?
	[ $status -ne 0 ] || fail "exit status 0"
	[ ! -s out ] || fail "the program ran"
	diff - errors <<<"Error (libvmmalloc): $expected" || fail "another line"
}
export -f refused

case_read_only() {
	mount_at -t tmpfs -o ro tmpfs
	refused "$WORK/mnt" "pool creation failed: VMMALLOC_POOL_DIR ($WORK/mnt): Read-only file system, expected an existing, writable directory"
}

case_full_from_the_start() {
	mount_at -t tmpfs -o size=2M tmpfs
	dd if=/dev/zero of=mnt/ballast bs=4k count=512 status=none 2>/dev/null
	VMMALLOC_POOL_DIR=$WORK/mnt preload /bin/echo "main ran" >out 2>errors && fail "exit status 0"
	[ "$(wc -l <errors)" -eq 1 ] || { cat errors; fail "not one line"; }
	grep -qE '^Error \(libvmmalloc\): pool creation failed: ' errors || { cat errors; fail "another line"; }
}

case_reserve_full() {
	mount_at -t tmpfs -o size=40M tmpfs
	VMMALLOC_RESERVE=full refused "$WORK/mnt" "pool creation failed: reservation of space in $WORK/mnt: No space left on device" 64M
	helper hold
	VMMALLOC_RESERVE=full VMMALLOC_POOL_SIZE=32M VMMALLOC_POOL_DIR=$WORK/mnt preload exec ./hold 1 >ready &
	PIDS=$!
	wait_for grep -q READY ready || fail "no READY"
	[ "$(used_kib mnt)" -ge 32768 ] || fail "not all of it is reserved: $(used_kib mnt) KiB"
	end_process $PIDS KILL
	[ "$(used_kib mnt)" -eq 0 ] || fail "$(used_kib mnt) KiB stay"
}

case_overlayfs() {
	[ "$(id -u)" -eq 0 ] || skip "only root may mount"
	mkdir lower
	# upper and work directories may not lie on an overlay
	mkdir layers
	mount -t tmpfs -o size=64M tmpfs layers 2>mount.errors || skip "mount is refused: $(head -n 1 mount.errors)"
	trap 'unmount_at; umount layers 2>/dev/null || umount -l layers' EXIT
	mkdir layers/upper layers/work
	mount_at -t overlay -o lowerdir="$WORK/lower,upperdir=$WORK/layers/upper,workdir=$WORK/layers/work" overlay
	trap 'unmount_at; umount layers 2>/dev/null || umount -l layers' EXIT
	works_in "$WORK/mnt"
	fills "$WORK/mnt" 50
	fills "$WORK/mnt" 50 fork
}

case_hugetlbfs() {
	[ "$(id -u)" -eq 0 ] || skip "only root may mount"
	take_huge_pages 24
	mount_at -t hugetlbfs -o pagesize=2M,size=48M none
	trap 'unmount_at; give_huge_pages' EXIT
	helper hold
	helper fill
	export VMMALLOC_POOL_DIR=$WORK/mnt VMMALLOC_POOL_SIZE=40M
	preload exec ./hold 16 >ready 2>errors &
	PIDS=$!
	wait_for grep -q READY ready || { cat errors; fail "no READY"; }
	heap_on_pool $PIDS 16383
	[ "$(used_kib mnt)" -ge 16384 ] || fail "df shows no use of huge pages"
	end_process $PIDS KILL
	[ "$(used_kib mnt)" -eq 0 ] || fail "$(used_kib mnt) KiB stay"
	seq 1 30000 >lines
	preload sort -rn lines | cmp - <(sort -rn lines) || fail "sorted otherwise"
	# a pool that fills itself, and one that finds the mount full
	for size in 40M 200M; do
		for bytes in 1000 65000; do
			VMMALLOC_POOL_SIZE=$size preload ./fill $bytes >count || fail "a pool of $size, fill $bytes: status $?"
			[ "$(cat count)" -ge 20 ] || { cat count; fail "a pool of $size, blocks of $bytes: only so many MiB"; }
		done
	done
}

# By exit, by a signal, by SIGKILL, and with a forked child that outlives its parent.
case_space_goes() {
	local dir=$1 way used
	helper hold
	if [ "$dir" = own ]; then
		mount_at -t tmpfs -o size=256M tmpfs
		dir=$WORK/mnt
	fi
	for way in TERM SEGV KILL; do
		sync -f "$dir"
		local before after
		before=$(used_kib "$dir")
		VMMALLOC_POOL_DIR=$dir preload exec ./hold 160 >ready &
		PIDS=$!
		wait_for grep -q READY ready || fail "no READY"
		sync -f "$dir"
		used=$(used_kib "$dir")
		[ $((used - before)) -ge 120000 ] || fail "160 MiB of heap, but df grew by $((used - before)) KiB only"
		(ulimit -c 0; end_process $PIDS $way)
		end_process $PIDS KILL
		# others may write there, too, unless it is our own mount
		after=$(used_kib "$dir")
		[ "$dir" = "$WORK/mnt" ] && [ "$after" -ne "$before" ] && fail "after SIG$way $after KiB used, before $before"
		space_is_back() { [ $(($(used_kib "$dir") - before)) -lt 80000 ]; }
		wait_for space_is_back || fail "after SIG$way: $before KiB before, $(used_kib "$dir") after"
		: >ready
	done
}

run_case "tmpfs or what POOL_DIR is: works, leaves nothing" case_directory "$POOL_DIR"
run_case "the temporary directory: works, leaves nothing" case_directory "${TMPDIR:-/tmp}"
run_case "space is gone after SIGTERM, SIGSEGV, SIGKILL (pool directory)" case_space_goes "$POOL_DIR"
run_case "space is gone after SIGTERM, SIGSEGV, SIGKILL (to the last KiB)" case_space_goes own
run_case "tmpfs of 16 MiB, nearly full: ENOMEM" case_tiny_tmpfs 16 4
run_case "tmpfs of 64 MiB, nearly full: ENOMEM" case_tiny_tmpfs 64 30
run_case "tmpfs that two programs fill at once: ENOMEM" case_fills_beside_another
run_case "ext4 of 64 MiB fills: ENOMEM" case_loop ext4 64 35
run_case "ext4, nearly full: ENOMEM, also beside a forked child" case_nearly_full ext4 64
run_case "ext2, which has no fallocate, nearly full: ENOMEM" case_nearly_full ext2 64
for type in ext2 ext4 tmpfs; do
	run_case "$type: what a private heap grew by can be used on a full disk" case_grows_private $type 100
done
run_case "FUSE without fallocate: no more heap than the server has space for" case_fuse
run_case "XFS fills: ENOMEM" case_loop xfs 300 150
run_case "XFS, nearly full: ENOMEM, also beside a forked child" case_nearly_full xfs 300
run_case "btrfs fills: ENOMEM" case_loop btrfs 160 30
run_case "overlayfs works, fills: ENOMEM" case_overlayfs
run_case "hugetlbfs works, fills: ENOMEM" case_hugetlbfs
run_case "a read-only mount is refused with one line" case_read_only
run_case "a full mount is refused with one line" case_full_from_the_start
run_case "VMMALLOC_RESERVE=full takes all of it at once, or says that it cannot" case_reserve_full
end_suite
