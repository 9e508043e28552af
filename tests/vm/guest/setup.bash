#!/bin/bash
# setup.bash -- in the guest: the commands of doc/dax.md, as far as an emulated machine has what they are for.
. "$(dirname "$0")/../../lib/suite.bash"
. "$(dirname "$0")/mounts.bash"
. "$(dirname "$0")/../../integration/helpers/daemon.bash"

# 64 MiB of a reserved pool there, touched: 32 faults if the pages are large.
large_pages() {
	"$VM_PROGRAMS/dax_facts" "$1" dax || fail "no DAX"
	# as doc/dax.md reads it
	xfs_io -f -c 'statx -r' "$1/probe" >words && rm "$1/probe" || fail "xfs_io: status $?"
	grep -q '^stat.attributes = 0x2.....$' words || { cat words; fail "xfs_io does not show DAX"; }
	VMMALLOC_POOL_DIR=$1 VMMALLOC_POOL_SIZE=128M VMMALLOC_RESERVE=full preload "$VM_PROGRAMS/touch_heap" 64 >words ||
		fail "status $?"
	cat words
	[ "$(sed -n 's/^faults //p' words)" -le 40 ] || fail "small pages"
}
try() { "$@" >log 2>&1 || { cat log; fail "$*"; }; }
begin() {
	mkdir -p /mnt/pmem0
	trap 'umount /mnt/pmem0 2>/dev/null' EXIT
}
export -f large_pages try begin

namespace() {
	need ndctl
	begin
	try ndctl create-namespace --force --reconfig=namespace0.0 --mode=fsdax --map="$1"
	ndctl list -N
	case $2 in
	ext4) try mkfs.ext4 -F -b 4096 -E stride=512,stripe_width=512 /dev/pmem0 ;;
	bigalloc) try mkfs.ext4 -F -b 4096 -O bigalloc -C 2M /dev/pmem0 ;;
	xfs) try mkfs.xfs -f -d su=2m,sw=1 -m reflink=1 /dev/pmem0 ;;
	esac
	try mount -o dax=always /dev/pmem0 /mnt/pmem0
	large_pages /mnt/pmem0
}
for map in dev mem; do
	run_case "fsdax namespace with --map=$map, mkfs.ext4 with a stripe" namespace $map ext4
	run_case "fsdax namespace with --map=$map, mkfs.ext4 with clusters of 2 MiB" namespace $map bigalloc
	run_case "fsdax namespace with --map=$map, mkfs.xfs with a stripe" namespace $map xfs
done

# The daemon's word for a file system in a partition that begins at $1 sectors.
partition() {
	local start=$1 words=$2
	need sfdisk
	setup
	begin
	trap 'clean_up; umount /mnt/pmem0' EXIT
	try sfdisk -q --no-reread /dev/pmem1 <<<"label: gpt
start=$start"
	try blockdev --rereadpt /dev/pmem1
	wait_for test -b /dev/pmem1p1
	try mkfs.ext4 -F -b 4096 -E stride=512,stripe_width=512 /dev/pmem1p1
	try mount -o dax=always /dev/pmem1p1 /mnt/pmem0
	printf '[pool a]\ndirectory = /mnt/pmem0\nsize = 32M\n' | conf
	daemon_start
	wait_count a ready 1
	is "$(ask problem a)" "$words"
}
run_case "a partition that begins at 1 MiB: the class says so" partition 2048 \
	"/mnt/pmem0: the partition begins at byte 1048576 of its device, expected a multiple of 2 MiB: make it and its file system anew"
run_case "a partition that begins at 2 MiB: nothing to say" partition 4096 ""

# Memory of another node, as CXL memory is when it is system RAM.
bound_tmpfs() {
	[ -d /sys/devices/system/node/node1 ] || skip "this guest has one node"
	begin
	try mount -t tmpfs -o size=256M,mode=755,huge=always,mpol=bind:1 tmpfs /mnt/pmem0
	VMMALLOC_POOL_DIR=/mnt/pmem0 VMMALLOC_POOL_SIZE=128M preload \
		bash -c 'x=$(head -c 20000000 /dev/zero | tr "\0" x); echo ${#x}; grep /mnt/pmem0 /proc/$$/numa_maps' >words || fail "status $?"
	cat words
	grep -q 20000000 words || fail "no work done"
	grep -oE ' N[0-9]+=[0-9]+' words | grep -v 'N1=' && fail "pages of another node"
	grep -q ' N1=' words || fail "no pages of node 1"
}
run_case "a tmpfs bound to node 1 has its pools there" bound_tmpfs

# A device of memory becomes a node.
system_ram() {
	need ndctl daxctl
	modprobe -a device_dax dax_pmem kmem || fail "modules"
	try ndctl create-namespace --force --reconfig=namespace2.0 --mode=devdax
	wait_for ls /dev/dax2.0
	local before after
	before=$(awk '/MemTotal/ { print $2 }' /proc/meminfo)
	try daxctl reconfigure-device --mode=system-ram dax2.0
	after=$(awk '/MemTotal/ { print $2 }' /proc/meminfo)
	daxctl list
	[ $((after - before)) -gt 100000 ] || fail "$before KiB before, $after KiB after"
}
run_case "a devdax namespace becomes system RAM" system_ram
end_suite
