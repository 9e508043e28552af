#!/bin/bash
# tmpfs.bash -- where systemd is PID 1: the tmpfs of a class is mounted before the service has it, comes and goes with the
# configuration, and nobody loses a pool by that.
. "$(dirname "$0")/service.bash"

class() { printf '[pool plain]\ndirectory = %s\nsize = 16M\nready = 1\nmax = 3\n' "$1"; shift; [ $# -eq 0 ] || printf '%s\n' "$@"; }
is_mounted() { grep -qE " $1 .* - tmpfs vmmalloc " /proc/self/mountinfo; }
is_not_mounted() { ! is_mounted "$1"; }
mounted_with() { grep -E " $1 .* - tmpfs vmmalloc .*" /proc/self/mountinfo | grep -qE "$2"; }
anew() { systemctl daemon-reload && systemctl reload vmmallocd.service; }
soon() { WAIT_SECONDS=12 wait_for "$@"; }
serves() {
	wait_count plain ready 1
	is "$(ask problem plain)" ""
	client_as $NOBODY take=plain map zero fill=9 | grep -qx zero || fail "no pool"
}
export -f class is_mounted is_not_mounted mounted_with anew soon serves

case_started() {
	begin
	systemctl stop vmmallocd.service
	class /mnt/cxl/t 'tmpfs = 64M' 'nodes = 0' 'huge = within_size' | configure
	systemctl daemon-reload && systemctl start vmmallocd.service || fail "start"
	mounted_with /mnt/cxl/t '/ /mnt/cxl/t rw,nosuid,nodev,relatime .*- tmpfs vmmalloc rw,size=65536k,mode=755,uid=[0-9]+,gid=[0-9]+,huge=within_size(,inode64)?,mpol=bind:0' ||
		fail "$(grep /mnt/cxl /proc/self/mountinfo; systemctl status --no-pager mnt-cxl-t.mount)"
	is "$(stat -c '%U %G %a' /mnt/cxl/t)" "vmmalloc vmmalloc 755"
	serves
	said_nothing_odd
	# a program of the machine's, with its heap there
	LD_PRELOAD=/opt/vmmalloc/lib/libvmmalloc.so.1 VMMALLOC_POOL=plain grep -c /mnt/cxl/t /proc/self/maps >count ||
		fail "$(cat count)"
}

# A larger one is that at a reload; a smaller one than what is in it is not, and is said.
case_resized() {
	begin
	class /mnt/cxl/t 'tmpfs = 128M' | configure
	anew || fail "reload"
	mounted_with /mnt/cxl/t size=131072k || fail "$(grep /mnt/cxl /proc/self/mountinfo)"
	serves
}

# While it runs: a class comes, and goes; with a program on it the mount stays until that has ended.
case_comes_and_goes() {
	begin
	{ class /mnt/cxl/t 'tmpfs = 128M'; class "/srv/two  b%" 'tmpfs = 64M' | sed 's/plain/second/'; } | configure
	anew || fail "reload"
	mounted_with '/srv/two\\040\\040b%' size=65536k || fail "$(grep srv /proc/self/mountinfo)"
	wait_count second ready 1
	is "$(ask problem second)" ""
	before=$(main_pid)
	hold_as $NOBODY take=second map fill=5 waitfor=look has=5
	class /mnt/cxl/t 'tmpfs = 128M' | configure
	anew || fail "reload"
	soon eval 'journalctl -q -o cat -u vmmalloc-mounts.service | grep -q "^/srv/two  b%: no class has it any more"'
	is_mounted '/srv/two\\040\\040b%' || fail "it was unmounted from below a program"
	: >look
	wait_for grep -qx same "held.$HELD"
	is "$(client_as $NOBODY take=second)" "there is no such class of pools: vmmallocctl status lists all"
	is "$(systemctl is-active vmmalloc-mounts.service)" active
	kill_held "$HELD"
	soon is_not_mounted '/srv/two\\040\\040b%'
	soon eval '! systemctl is-active -q vmmalloc-mounts.service'
	is_mounted /mnt/cxl/t || fail "another class's was unmounted"
	serves
	is "$(main_pid)" "$before"
	said_nothing_odd
}

# All of them go, and one comes again while it is waited for.
case_comes_again() {
	begin
	hold_as $NOBODY take=plain map fill=5 waitfor=look has=5
	class /dev/shm/vmmalloc | configure
	anew || fail "reload"
	wait_count plain ready 1
	is_mounted /mnt/cxl/t || fail "it was unmounted from below a program"
	class /mnt/cxl/t 'tmpfs = 128M' | configure
	anew || fail "reload"
	serves
	: >look
	wait_for grep -qx same "held.$HELD"
	kill_held "$HELD"
	soon eval '! systemctl is-active -q vmmalloc-mounts.service'
	is_mounted /mnt/cxl/t || fail "it is gone"
	class /dev/shm/vmmalloc | configure
	anew || fail "reload"
	soon is_not_mounted /mnt/cxl/t
}

# What somebody else has mounted there is served, and is his to unmount.
case_of_others() {
	begin
	mkdir -p /etc/systemd/system /srv/own
	printf '[Mount]\nWhat=own\nWhere=/srv/own\nType=tmpfs\nOptions=size=80M,mode=755,uid=vmmalloc\n' >/etc/systemd/system/srv-own.mount
	class /srv/own 'tmpfs = 64M' | configure
	anew || fail "reload"
	grep -q ' /srv/own .* tmpfs own rw,size=81920k' /proc/self/mountinfo || fail "$(grep /srv/own /proc/self/mountinfo)"
	serves
	class /dev/shm/vmmalloc | configure
	rm /etc/systemd/system/srv-own.mount
	anew || fail "reload"
	soon eval '! systemctl is-active -q vmmalloc-mounts.service'
	grep -q ' /srv/own .* tmpfs own' /proc/self/mountinfo || fail "it was unmounted"
	umount /srv/own || fail "umount"
}

# A mount that fails stops no other class, and its class says so.
case_fails() {
	begin
	{ class /dev/shm/vmmalloc; class /proc/nowhere 'tmpfs = 64M' | sed 's/plain/second/'; } | configure
	anew || fail "reload"
	serves
	ask problem second | grep -q "No such file or directory\|none is mounted there" || fail "$(ask problem second)"
	systemctl restart vmmallocd.service || fail "restart"
	serves
	class /dev/shm/vmmalloc | configure
	anew || fail "reload"
}

class /dev/shm/vmmalloc | configure
systemctl start vmmallocd.service
run_case "a class's tmpfs is mounted as it says before the service has it" case_started
run_case "a reload gives it another size" case_resized
run_case "it comes and goes with its class, and stays below a program" case_comes_and_goes
run_case "a class that comes again keeps it" case_comes_again
run_case "a mount of the administrator's goes before, and stays" case_of_others
run_case "one that fails stops no other class" case_fails
end_suite
