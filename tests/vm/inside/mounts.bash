#!/bin/bash
# mounts.bash -- where systemd is PID 1: what is mounted and unmounted while the service runs is so for the daemon too.
. "$(dirname "$0")/service.bash"
export DEVICE

# Nobody has the device, in whatever mount namespace: who formats or removes one asks in this way.
is_free() { python3 -c 'import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)' "$DEVICE" 2>/dev/null; }
has_problem() { ask problem "$1" | grep -q "$2"; }
# Within a second: what is promised.
soon() { WAIT_SECONDS=2 wait_for "$@"; }

# mount_disk DIRECTORY: a new file system on the device, with a directory for pools in it
mount_disk() {
	wait_for is_free
	mkfs.ext4 -qF "$DEVICE" && mkdir -p "$1" && mount "$DEVICE" "$1" || fail "mount $1"
	MOUNTS="$MOUNTS $1"
	install -d -o vmmalloc -g vmmalloc "$1/pools"
}
class_in() { printf '[pool plain]\ndirectory = %s\nsize = 16M\nready = 1\nmax = 2\n' "$1" | configure; }
# With all that the generator has to say of the configuration.
restart_anew() { systemctl daemon-reload && systemctl restart vmmallocd.service; }
export -f restart_anew is_free has_problem soon mount_disk class_in

# The same wherever it is: $1 is the mount point.
case_unmounted() {
	begin
	mount_disk "$1"
	class_in "$1/pools"
	restart_anew || fail "restart"
	wait_count plain ready 1
	! is_free || fail "is_free does not tell"
	client_as $NOBODY take=plain map zero fill=9 | grep -qx zero || fail "no pool of the disk"
	wait_count plain leased 0
	# as without a service manager: the daemon has the directory open
	! umount "$1" 2>words || fail "it was unmounted from under the daemon, which does not see it"
	grep -q "target is busy" words || fail "$(cat words)"
	umount -l "$1" || fail "umount -l"
	soon problem_is plain "pool directory $1/pools: removed or unmounted"
	soon is_free
	is "$(client_as $NOBODY take=plain)" "no pool is ready"
	is "$(ask count plain ready)" 0
	# another file system, and at once
	mount_disk "$1"
	soon problem_is plain ""
	wait_count plain ready 1
	[ -n "$(ls "$1/pools")" ] || fail "its pools are not where they belong"
	client_as $NOBODY take=plain map zero fill=9 | grep -qx zero || fail "no pool"
	said_nothing_odd
}

# As the manual page says how.
case_out_of_the_configuration() {
	begin
	mount_disk /mnt
	class_in /mnt/pools
	restart_anew || fail "restart"
	wait_count plain ready 1
	configure </dev/null
	systemctl reload vmmallocd.service || fail "reload"
	soon umount /mnt || fail "umount"
	soon is_free
	mount_disk /mnt
	class_in /mnt/pools
	systemctl reload vmmallocd.service || fail "reload"
	wait_count plain ready 1
}

# A program keeps what it has.
case_leased() {
	begin
	mount_disk /mnt
	class_in /mnt/pools
	restart_anew || fail "restart"
	wait_count plain ready 1
	hold_as $NOBODY take=plain map fill=5 waitfor=look has=5
	umount -l /mnt || fail "umount -l"
	soon has_problem plain "removed or unmounted"
	! is_free || fail "the program's memory is gone"
	: >look
	wait_for grep -qx same "held.$HELD"
	kill_held "$HELD"
	soon is_free
}

# The service was there before what its class lies on; a directory below a mount that is not there, or on which another
# file system comes to lie.
case_mounted_later() {
	begin
	mkdir -p /mnt
	class_in /mnt/pools
	restart_anew || fail "restart"
	has_problem plain "No such file or directory" || fail "$(ask problem plain)"
	mount_disk /mnt
	soon problem_is plain ""
	wait_count plain ready 1
	mount -t tmpfs -o mode=755 tmpfs /mnt/pools || fail "mount"
	chown vmmalloc: /mnt/pools
	soon eval 'ls /mnt/pools | grep -q ready'
	umount -l /mnt/pools
	wait_count plain ready 1
	client_as $NOBODY take=plain map zero | grep -qx zero || fail "no pool"
}

# What others have mounted is not kept by the service, wherever it is.
case_of_others() {
	begin
	class_in /dev/shm/vmmalloc
	local place
	for place in /mnt /srv/x /home/x /tmp/x /root/x /run/x /dev/shm/x /var/tmp/x; do
		mkfs.ext4 -qF "$DEVICE" && mkdir -p "$place" && mount "$DEVICE" "$place" || fail "mount $place"
		restart_anew || fail "restart"
		wait_least plain ready 1
		umount "$place" || fail "umount $place"
		is_free || fail "$place lives on somewhere"
	done
}

# /home is a link into it: what hides /home from a service is a mount there.
case_home_elsewhere() {
	begin
	class_in /dev/shm/vmmalloc
	mount_disk /mnt
	mkdir /mnt/home
	mv /home /home.before && ln -s /mnt/home /home || fail "ln"
	restart_anew || fail "restart"
	wait_least plain ready 1
	umount /mnt && is_free
	local status=$?
	rm /home && mv /home.before /home
	[ $status -eq 0 ] || fail "it lives on somewhere"
}

# Devices that the mount namespace of a service has for itself, or not at all.
case_memory() {
	begin
	mkdir -p /dev/hugepages-test
	mount -t tmpfs -o mode=755 tmpfs /dev/hugepages-test || fail "mount"
	MOUNTS=/dev/hugepages-test
	install -d -o vmmalloc /dev/hugepages-test/pools
	class_in /dev/hugepages-test/pools
	systemctl reload vmmallocd.service || fail "reload"
	wait_count plain ready 1
	is "$(ask problem plain)" ""
}

class_in /dev/shm/vmmalloc
systemctl start vmmallocd.service
for place in /mnt /srv/pools /home/pools /tmp/pools /dev/shm/pools; do
	run_case "a file system is unmounted at $place, and another is mounted" case_unmounted $place
done
run_case "without its class a file system can be unmounted" case_out_of_the_configuration
run_case "a program keeps its pool, and the file system goes with it" case_leased
run_case "what is mounted later is found" case_mounted_later
run_case "file systems of others do not live on in the service" case_of_others
run_case "nor where /home is a link" case_home_elsewhere
run_case "what is mounted below /dev is there" case_memory
end_suite
