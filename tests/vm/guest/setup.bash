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
	if [ "$2" = xfs ]; then
		echo "/dev/pmem0 /mnt/pmem0 xfs dax=always,nofail 0 0" >fstab
		try mount -T fstab -a
	else
		try mount -o dax=always /dev/pmem0 /mnt/pmem0
	fi
	large_pages /mnt/pmem0
}
for map in dev mem; do
	run_case "fsdax namespace with --map=$map, mkfs.ext4 with a stripe" namespace $map ext4
	run_case "fsdax namespace with --map=$map, mkfs.ext4 with clusters of 2 MiB" namespace $map bigalloc
	run_case "fsdax namespace with --map=$map, mkfs.xfs with a stripe" namespace $map xfs
done

# An NVDIMM: its region has one raw namespace until it has labels.
nvdimm() {
	need ndctl
	begin
	modprobe nfit || fail "modules"
	wait_for test -e /sys/bus/nd/devices/nmem0
	local region device
	region=$(ndctl list -R -d nmem0 | sed -n 's/.*"dev":"\(region[0-9]*\)".*/\1/p')
	ndctl list -R
	try ndctl disable-region "$region"
	try ndctl init-labels -f nmem0
	try ndctl enable-region "$region"
	try ndctl create-namespace --mode=fsdax --map=dev --region="$region"
	device=/dev/$(sed -n 's/.*"blockdev":"\(.*\)".*/\1/p' log)
	try mkfs.xfs -f -d su=2m,sw=1 -m reflink=1 "$device"
	try mount -o dax=always "$device" /mnt/pmem0
	large_pages /mnt/pmem0
}
run_case "an NVDIMM with labels: a namespace in a free region" nvdimm

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
bound_to() {
	local node=$1
	echo "tmpfs /mnt/pmem0 tmpfs size=200M,mode=755,huge=always,mpol=bind:$node,nofail 0 0" >fstab
	try mount -T fstab -a
	VMMALLOC_POOL_DIR=/mnt/pmem0 VMMALLOC_POOL_SIZE=128M preload \
		bash -c 'x=$(head -c 20000000 /dev/zero | tr "\0" x); echo ${#x}; grep /mnt/pmem0 /proc/$$/numa_maps' >words || fail "status $?"
	cat words
	grep -q 20000000 words || fail "no work done"
	grep -oE ' N[0-9]+=[0-9]+' words | grep -v "N$node=" && fail "pages of another node"
	grep -q " N$node=" words || fail "no pages of node $node"
}
export -f bound_to
bound_tmpfs() {
	begin
	bound_to 1
}
run_case "a tmpfs bound to node 1 has its pools there" bound_tmpfs

# A class there is served.
class_works() {
	printf '[pool a]\ndirectory = /mnt/pmem0\nsize = 16M\n' | conf
	daemon_start
	wait_count a ready 1
	is "$(ask problem a)" ""
	client take=a map zero | grep -qx zero || fail "no pool, or not a clean one"
	wait_count a leased 0
	daemon_end TERM
}
export -f class_works

cxl_memory() {
	need cxl ndctl daxctl
	[ -e /sys/bus/acpi/devices/ACPI0017:00 ] || skip "this QEMU has no CXL device"
	setup
	begin
	trap 'clean_up; umount /mnt/pmem0' EXIT
	modprobe -a cxl_acpi cxl_pci cxl_mem cxl_pmem || fail "modules"
	wait_for eval 'cxl list -E | grep -q endpoint'
	cxl list -MD
	try cxl create-region -m -t pmem -d decoder0.0 mem0
	local region= device
	find_region() { region=$(ndctl list -R -b CXL | sed -n 's/.*"dev":"\(region[0-9]*\)".*/\1/p'); [ "$region" ]; }
	WAIT_SECONDS=10 wait_for find_region
	try ndctl create-namespace --mode=fsdax --map=mem --region="$region"
	device=/dev/$(sed -n 's/.*"blockdev":"\(.*\)".*/\1/p' log)
	try mkfs.ext4 -F -b 4096 -E stride=512,stripe_width=512 "$device"
	try mount -o dax=always "$device" /mnt/pmem0
	large_pages /mnt/pmem0
	class_works
	umount /mnt/pmem0

	# the same memory as a node of its own, and a tmpfs there
	try ndctl create-namespace --force --reconfig="${region/region/namespace}.0" --mode=devdax
	modprobe -a device_dax dax_pmem kmem || fail "modules"
	device=$(sed -n 's/.*"chardev":"\(.*\)".*/\1/p' log)
	wait_for test -e "/sys/bus/dax/devices/$device"
	try daxctl reconfigure-device --mode=system-ram "$device"
	local node
	node=$(cat "/sys/bus/dax/devices/$device/target_node")
	grep -H MemTotal "/sys/devices/system/node/node$node/meminfo"
	bound_to "$node"
	class_works
}

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
run_case "CXL memory: a region, pools on DAX there; then as system RAM, pools on a tmpfs of its node" cxl_memory
end_suite
