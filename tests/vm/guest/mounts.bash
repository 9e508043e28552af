# mounts.bash -- file systems on the guest's persistent memory; sourced by the suites that run in it.
#
#   dax_mount NAME DEVICE TYPE [MKFS OPTION...]
#                    makes a file system afresh and mounts it with -o dax=always on /mnt/NAME; it is an error if it is
#                    not DAX after all, as XFS may decide in silence
#   EXT4_ALIGNED, XFS_ALIGNED
#                    mkfs options for 2 MiB pages
#   used_kib DIRECTORY, by what df says

[ "$(cat /proc/sys/kernel/hostname)" = guest ] || { echo "only in the guest of tests/vm"; exit 1; }
EXT4_ALIGNED=(-b 4096 -E stride=512,stripe_width=512)
XFS_ALIGNED=(-d su=2m,sw=1)
VM_PROGRAMS=$BUILD/tests/vm
export VM_PROGRAMS

dax_mount() {
	local name=$1 device=$2 type=$3 log=/run/mkfs.log
	shift 3
	mkdir -p "/mnt/$name"
	! mountpoint -q "/mnt/$name" || umount "/mnt/$name" || return
	case $type in
	ext4) mkfs.ext4 -q -F "$@" "$device" ;;
	xfs) mkfs.xfs -q -f "$@" "$device" ;;
	esac >$log 2>&1 || { cat $log; echo "mkfs.$type $* $device"; return 1; }
	mount -t "$type" -o dax=always "$device" "/mnt/$name" || return
	chmod 755 "/mnt/$name"
	"$VM_PROGRAMS/dax_facts" "/mnt/$name" dax
}

used_kib() { sync -f "$1"; df --output=used "$1" | tail -n 1 | tr -d ' '; }
export -f dax_mount used_kib
