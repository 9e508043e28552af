#!/bin/bash
# udev.bash -- where systemd is PID 1, and systemd-udevd runs: file systems on persistent memory that come and go, from the
# device to a program that has a pool there (boot_udev.bash says what there is at boot). The guest has a second node, too.
. "$(dirname "$0")/service.bash"

# The devices are namespaces 0.0, 1.0 and 2.0: /dev/pmem0 ...
go() { echo "namespace$1.0" >/sys/bus/nd/drivers/nd_pmem/unbind; }
come() { echo "namespace$1.0" >/sys/bus/nd/drivers/nd_pmem/bind; }
settle() { timeout 120 udevadm settle || fail "udev does not settle"; }
label_of() { settle; udevadm info -q property "$1" | sed -n 's/^ID_FS_LABEL_ENC=//p'; }
unit_of() { echo "vmmalloc-dax@vmm_$1.service"; }
state_of() { show ActiveState "$(unit_of "$1")"; }
is_in_state() { [ "$(state_of "$1")" = "$2" ]; }
words_of() { journalctl -q --no-pager -o cat -u "$(unit_of "$1")"; }
is_mounted() { grep -q " /mnt/vmm_$1 " /proc/self/mountinfo; }
is_nowhere() { ! is_mounted "$1" && [ ! -e "/mnt/vmm_$1" ]; }
has_problem() { ask problem "$1" | grep -q "$2"; }
# The service is the same process as before, and answers.
lives() { is "$(main_pid)" "$1"; timeout 20 "$CTL" status >/dev/null || fail "vmmallocctl status: status $?"; }

# A program has its heap there, on DAX, and says "again" of it when it is told to.
program_on() {
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$CTL" run --class "$1" -- /bin/bash -c '
		x=$(printf "%0100000d" 7) y=$x; for i in 1 2 3; do x=$x$y; done
		echo "${#x}"; until [ -e "$0/go" ]; do sleep 0.2; done; [ "$x" = "$y$y$y$y" ] && echo again' "$PWD" >program 2>&1 &
	PROGRAM=$!
	PIDS="$PIDS $PROGRAM"
	rm -f go
	chmod 755 .
	wait_for grep -q . program
	is "$(cat program)" 400000
	local file
	file=$(sed -n "s|.* \(/mnt/vmm_$1/[^ ]*\).*|\1|p" "/proc/$PROGRAM/maps" | head -n 1)
	[ "$file" ] || fail "its heap is not there: $(cat "/proc/$PROGRAM/maps")"
	POOL_FILE=$file
}
program_ends() {
	: >go
	wait_for grep -q again program
	wait "$PROGRAM" || fail "the program: status $?"
	wait_count "$1" leased 0
}
serves() {
	wait_for is_in_state "$1" active
	wait_least "$1" ready 1
	is "$(ask problem "$1")" ""
	client_as $NOBODY take="$1" map zero fill=9 | grep -qx zero || fail "no pool, or not a clean one"
	wait_count "$1" leased 0
}
# All of the chain.
is_whole() {
	serves "$1"
	grep -E " /mnt/vmm_$1 rw,nosuid,nodev,relatime .* - (ext4|xfs) /dev/pmem[01] .*dax=always" /proc/self/mountinfo || fail "not mounted"
	is "$(stat -c '%U %G %a' "/mnt/vmm_$1")" "vmmalloc vmmalloc 755"
	"$BUILD/tests/vm/dax_facts" "/mnt/vmm_$1" dax || fail "no DAX"
	program_on "$1"
	xfs_io -r -c 'statx -r' "$POOL_FILE" | grep -q '^stat.attributes = 0x2.....$' || fail "its pool is not DAX"
	program_ends "$1"
	said_nothing_odd
}
directories_in_mnt() { ls /mnt | grep ^vmm_ | tr '\n' ' '; }
export -f directories_in_mnt go come settle label_of unit_of state_of is_in_state words_of is_mounted is_nowhere has_problem lives program_on \
	program_ends serves is_whole

case_at_boot() {
	begin
	settle
	wait_for eval '[ "$(show ActiveState systemd-udevd.service)" = active ]'
	is_whole cold
	has_problem late "/mnt/vmm_late: No such file or directory" || fail "$(ask problem late)"
}

# The device comes, with nothing on it; then a file system that cannot have DAX; then one that can.
case_after_boot() {
	begin
	local before
	before=$(main_pid)
	come 1
	is "$(label_of /dev/pmem1)" ""
	is_nowhere late || fail "mounted without a label"
	mkfs.xfs -q -f -b size=1024 -L vmm_late /dev/pmem1 || fail "mkfs"
	wait_for is_in_state late failed
	is_nowhere late || fail "mounted without DAX"
	words_of late | grep -q "/mnt/vmm_late: the kernel has no DAX for this file system, expected one with blocks of 4 KiB" ||
		fail "$(words_of late)"
	has_problem late "No such file or directory" || fail "$(ask problem late)"
	mkfs.xfs -q -f -d su=2m,sw=1 -L vmm_late /dev/pmem1 || fail "mkfs"
	is_whole late
	lives "$before"
}

# left_alone DEVICE LABEL: udev has seen the label, and no service has been asked for
left_alone() {
	is "$(label_of "$1")" "$2"
	is "$(udevadm info -q property "$1" | grep SYSTEMD_WANTS)" ""
	is "$(systemctl list-units --all --plain --no-legend 'vmmalloc-dax@*' | awk '{ print $1 }' | sort | tr '\n' ' ')" \
		"vmmalloc-dax@vmm_cold.service vmmalloc-dax@vmm_late.service "
	is "$(directories_in_mnt)" "vmm_cold vmm_late "
}
export -f left_alone
case_left_alone() {
	begin
	local label loop
	for label in data vmm_ vmm_a-b 'vmm_a b' 'vmm_../x'; do
		mkfs.ext4 -qF -b 4096 -L "$label" /dev/pmem2 || fail "mkfs"
		label=${label// /\\x20}
		left_alone /dev/pmem2 "${label//\//\\x2f}"
	done
	mkfs.ext4 -qF -b 4096 /dev/pmem2
	left_alone /dev/pmem2 ""
	mkswap -q -L vmm_swap /dev/pmem2 || fail "mkswap"
	left_alone /dev/pmem2 vmm_swap
	wipefs -qa /dev/pmem2
	truncate -s 32M disk && mkfs.ext4 -qF -L vmm_loop disk && loop=$(losetup -f --show disk) || fail "no loop device"
	wait_for eval '[ "$(label_of '"$loop"')" = vmm_loop ]'
	left_alone "$loop" vmm_loop
	losetup -d "$loop"
	modprobe brd rd_nr=1 rd_size=32768 && mkfs.ext4 -qF -L vmm_ram /dev/ram0 || fail "no ram disk"
	settle
	left_alone /dev/ram0 ""
	if command -v ndctl >/dev/null; then
		ndctl create-namespace --force --reconfig=namespace2.0 --mode=sector >words 2>&1 || fail "$(cat words)"
		mkfs.ext4 -qF -b 4096 -L vmm_sector /dev/pmem2s || fail "mkfs"
		left_alone /dev/pmem2s vmm_sector
	fi
}

# Nobody has a pool there but the daemon.
case_goes_and_comes() {
	begin
	local before number
	before=$(main_pid)
	case $1 in cold) number=0 ;; late) number=1 ;; esac
	serves "$1"
	timeout 60 bash -c "go $number" || fail "it does not go"
	wait_for is_in_state "$1" inactive
	wait_for is_nowhere "$1"
	wait_for problem_is "$1" "pool directory /mnt/vmm_$1: removed or unmounted"
	is "$(client_as $NOBODY take="$1")" "no pool is ready"
	"$CTL" status >words || fail "status"
	grep -q "/mnt/vmm_$1: " words || fail "$(cat words)"
	lives "$before"
	# nor does it say anything else when it has looked once more
	ask reload >/dev/null
	is "$(ask problem "$1")" "pool directory /mnt/vmm_$1: removed or unmounted"
	# nobody holds what is left of it
	wait_for eval '! grep -q "/mnt/vmm_'"$1"'/\|pmem'$number'" /proc/'"$before"'/maps'
	come $number
	is_whole "$1"
	lives "$before"
}

case_stopped_in_use() {
	begin
	local before
	before=$(main_pid)
	serves cold
	program_on cold
	! timeout 100 systemctl stop "$(unit_of cold)" 2>words || fail "it was stopped"
	grep -q "canceled" words || fail "$(cat words)"
	is_mounted cold || fail "it was unmounted"
	wait_for is_in_state cold active
	words_of cold | grep -q "umount: /mnt/vmm_cold: target is busy" || fail "$(words_of cold)"
	words_of cold | grep -q "/mnt/vmm_cold stays mounted: vmmallocctl list shows which programs have pools there" || fail "$(words_of cold)"
	"$CTL" list | grep -q "leased.*cold\|cold.*leased" || fail "$("$CTL" list)"
	program_ends cold
	serves cold
	# as doc/dax.md says how
	cp /etc/vmmalloc/vmmallocd.conf all.conf
	sed '/^\[pool cold\]/,/^$/d' all.conf | configure
	systemctl reload vmmallocd.service || fail "reload"
	wait_for eval 'systemctl stop '"$(unit_of cold)"' 2>/dev/null'
	is "$(state_of cold)" inactive
	is_nowhere cold || fail "it stays"
	# fsck and the like have udev look at the device again when they have ended
	udevadm trigger --action=change /dev/pmem0
	wait_for is_in_state cold active
	configure <all.conf
	systemctl reload vmmallocd.service || fail "reload"
	is_whole cold
	lives "$before"
}

# The kernel frees what describes the memory of a device that goes, and may use it when the file system's last user goes:
# Linux 6.1 kills that process, which may be the daemon, and keeps the device's name for ever.
kernel_is_well() { ! dmesg | grep -qE 'BUG:|Oops'; }
# What must hold even so: nothing hangs, the daemon serves the other class, whose program has what it had.
case_goes_in_use() {
	begin
	local number other restarts
	case $1 in cold) number=0 other=late ;; late) number=1 other=cold ;; esac
	restarts=$(show NRestarts)
	serves "$1"
	serves $other
	hold_as $NOBODY take=$other map fill=5 waitfor=look has=5
	program_on "$1"
	timeout 60 bash -c "go $number" || fail "it does not go"
	wait_for eval '! is_mounted '"$1"
	wait_for is_active
	# a daemon, or a umount, that the kernel has killed has not said or done the rest
	wait_for has_problem "$1" "/mnt/vmm_$1: "
	if kernel_is_well; then
		wait_for is_nowhere "$1"
		wait_for problem_is "$1" "pool directory /mnt/vmm_$1: removed or unmounted"
	fi
	is "$(client_as $NOBODY take="$1")" "no pool is ready"
	timeout 20 "$CTL" status || fail "vmmallocctl status: status $?"
	is "$(ask count $other leased)" 1
	: >look
	wait_for grep -qx same "held.$HELD"
	kill_held "$HELD"
	serves $other
	! kernel_is_well || is "$(show NRestarts)" "$restarts"
}
case_is_back() {
	begin
	kernel_is_well || skip "this kernel has stumbled over the device that went, and cannot have it back"
	case $1 in cold) come 0 ;; late) come 1 ;; esac
	is_whole "$1"
}
export -f kernel_is_well

# What somebody else has mounted at the place.
case_of_others() {
	begin
	mkdir -p /mnt/vmm_odd
	mount -t tmpfs others /mnt/vmm_odd || fail "mount"
	MOUNTS=/mnt/vmm_odd
	[ -e /dev/pmem2 ] || ndctl create-namespace --force --reconfig=namespace2.0 --mode=fsdax --map=mem >words 2>&1 || fail "$(cat words)"
	mkfs.ext4 -qF -b 4096 -L vmm_odd /dev/pmem2 || fail "mkfs"
	is "$(label_of /dev/pmem2)" vmm_odd
	wait_for eval 'words_of odd | grep -q "^/mnt/vmm_odd: something else is mounted there, and stays"'
	wait_for is_in_state odd inactive
	is "$(grep -c ' /mnt/vmm_odd ' /proc/self/mountinfo)" 1
	go 2
	settle
	is_mounted odd || fail "it went with the device of that label"
}

# A class on the second node, which has no processor.
case_second_node() {
	begin
	[ -d /sys/devices/system/node/node1 ] || skip "one node"
	mkdir -p /etc/vmmalloc/conf.d
	printf '[pool far]\ndirectory = /mnt/far\nsize = 16M\nready = 1\ntmpfs = 64M\nnodes = 1\n' >/etc/vmmalloc/conf.d/far.conf
	systemctl daemon-reload && systemctl reload vmmallocd.service || fail "reload"
	wait_least far ready 1
	grep ' /mnt/far .*mpol=bind:1' /proc/self/mountinfo || fail "$(grep /mnt /proc/self/mountinfo)"
	LD_PRELOAD=/opt/vmmalloc/lib/libvmmalloc.so.1 VMMALLOC_POOL=far \
		bash -c 'x=$(head -c 400000 /dev/zero | tr "\0" x); echo ${#x}; grep /mnt/far /proc/$$/numa_maps' >words || fail "status $?"
	cat words
	grep -q 400000 words || fail "no work done"
	! grep -oE ' N0=[0-9]+' words || fail "pages of another node"
	grep -q ' N1=' words || fail "no pages of node 1"
}

run_case "a device that is there at boot: its class is served, on DAX" case_at_boot
run_case "a device and a label that come after boot" case_after_boot
run_case "other labels and other devices are left alone" case_left_alone
run_case "what others have mounted at the place is left alone" case_of_others
run_case "ext4 goes and comes with its device" case_goes_and_comes cold
run_case "XFS goes and comes with its device" case_goes_and_comes late
run_case "systemctl stop while a program has a pool there" case_stopped_in_use
run_case "a class on the second node" case_second_node
run_case "a device goes while a program has a pool there: all else goes on" case_goes_in_use late
run_case "and is served when it comes back" case_is_back late
end_suite
