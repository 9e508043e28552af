#!/bin/bash
# tmpfs.bash -- a real daemon with classes that have a tmpfs of their own (tmpfs =): nothing is put into the directory
# beneath, and what is mounted and unmounted there while it runs is so for the class.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"

# tmpfs_class [LINE...]: a class in $POOLS/t, which is there and is no mount
tmpfs_class() {
	mkdir -p "$POOLS/t"
	conf <<-END
		[pool a]
		directory = $POOLS/t
		size = 16M
		$(printf '%s\n' "${@:-tmpfs = 64M}")
	END
}
mount_it() { mount -t tmpfs -o "size=64M,mode=0755${1-}" vmmalloc "$POOLS/t" && MOUNTS="$POOLS/t"; }
# mounted_class: a daemon that serves it on its tmpfs
mounted_class() {
	setup
	need_mounts
	tmpfs_class
	mount_it || fail "mount"
	daemon_start
	wait_count a ready 1
}
is_bare() { is "$(ls -A "$POOLS/t")" ""; }
has_problem() { ask problem a | grep -qF -- "$1"; }
soon() { WAIT_SECONDS=3 wait_for "$@"; }
NO_TMPFS='expected a tmpfs of its own, and none is mounted there'
export NO_TMPFS
export -f tmpfs_class mount_it mounted_class is_bare has_problem soon

# The command at the end of the problem is the right one, and nothing else is needed.
case_mounted_later() {
	setup
	need_mounts
	tmpfs_class "tmpfs = 64M" "huge = advise"
	daemon_start
	is "$(ask problem a)" "$POOLS/t: $NO_TMPFS (mount -t tmpfs -o size=64M,mode=0755,nosuid,nodev,huge=advise,uid=root tmpfs $POOLS/t)"
	grep -qF "$(ask problem a)" log || fail "not in the log"
	is "$(client take=a)" "no pool is ready"
	ctl status a | grep -qF "$NO_TMPFS" || fail "$(ctl status a)"
	is_bare
	words=$(ask problem a)
	words=${words##*\(}
	bash -c "${words%)}" || fail "$words"
	MOUNTS=$POOLS/t
	soon problem_is a ""
	wait_count a ready 1
	client take=a map zero fill=3 | grep -qx zero || fail "no pool"
	grep -qE " $POOLS/t rw,nosuid,nodev,relatime .*- tmpfs tmpfs rw,size=65536k,mode=755(,|$)" /proc/self/mountinfo ||
		fail "$(grep "$POOLS/t" /proc/self/mountinfo)"
	is "$(grep -c "$NO_TMPFS" log)" 1
}

# It goes while a program is on it: that keeps its memory, and nothing comes into the directory beneath.
case_unmounted() {
	mounted_class
	hold take=a map fill=5 waitfor=look has=5
	! umount "$POOLS/t" 2>words || fail "it was unmounted from below a program"
	umount -l "$POOLS/t" && MOUNTS=
	soon has_problem "$POOLS/t: "
	ask problem a | grep -qE "removed or unmounted|$NO_TMPFS" || fail "$(ask problem a)"
	is "$(client take=a)" "no pool is ready"
	: >look
	wait_for grep -qx same "held.$HELD"
	is_bare
	mount_it || fail "mount"
	soon problem_is a ""
	wait_count a ready 1
}

# A tmpfs around it is not its own, and neither is another file system.
case_others() {
	setup
	need_mounts
	tmpfs_class
	mount -t tmpfs -o mode=755 tmpfs "$POOLS" && MOUNTS=$POOLS || fail "mount"
	mkdir "$POOLS/t"
	daemon_start
	has_problem "$NO_TMPFS" || fail "$(ask problem a)"
	mount -t ramfs ramfs "$POOLS/t" && MOUNTS="$POOLS/t $POOLS" || fail "mount"
	# other classes do not wait for it
	mkdir "$POOLS/u"
	printf '[pool b]\ndirectory = %s/u\nsize = 16M\n' "$POOLS" >>vmmallocd.conf
	ask reload || fail "reload"
	wait_count b ready 1
	has_problem "$NO_TMPFS" || fail "$(ask problem a)"
	is_bare
}

# A class that gets, and loses, the line while it is served.
case_reloaded() {
	setup
	need_mounts
	tmpfs_class "ready = 1"
	daemon_start
	wait_count a ready 1
	tmpfs_class
	ask reload || fail "reload"
	has_problem "$NO_TMPFS" || fail "$(ask problem a)"
	is "$(client take=a)" "no pool is ready"
	mount_it || fail "mount"
	soon problem_is a ""
	wait_count a ready 1
	[ "$(find "$POOLS/t" -name '*ready*' | wc -l)" = 1 ] || fail "$(ls "$POOLS/t")"
	# the rest is at rest: what is mounted stays as it is
	tmpfs_class "ready = 1"
	ask reload || fail "reload"
	is "$(ask problem a)" ""
	wait_count a ready 1
	tmpfs_class
	ask reload || fail "reload"
	is "$(ask problem a)" ""
	wait_count a ready 1
}

# A daemon that finds the mount gone does not forget whose pools lie there.
case_restarted() {
	mounted_class
	hold take=a map fill=7
	wait_count a leased 1
	daemon_end TERM
	mount --move "$POOLS/t" "$(mkdir -p aside && echo "$PWD/aside")" || fail "mount --move"
	MOUNTS=$PWD/aside
	daemon_start
	has_problem "$NO_TMPFS" || fail "$(ask problem a)"
	mount --move "$PWD/aside" "$POOLS/t" || fail "mount --move"
	MOUNTS=$POOLS/t
	wait_count a leased 1
	is "$(ask problem a)" ""
}

# Its memory comes from a node that is not there (yet): said, and tried again.
case_node() {
	setup
	need_mounts
	tmpfs_class "tmpfs = 64M" "nodes = 0,1020"
	daemon_start
	has_problem "nodes (0,1020): expected nodes that have memory, which are 0" || fail "$(ask problem a)"
	# with its newer system calls mount(8) would take 1020 for an option
	local command="LIBMOUNT_FORCE_MOUNT2=always mount -t tmpfs -o size=64M,mode=0755,nosuid,nodev,mpol=bind:0,1020,uid"
	grep -qF "($command=root tmpfs $POOLS/t)" log || fail "$(cat log)"
	ctl doctor --config vmmallocd.conf | grep -F "mend it: $command=0 tmpfs $POOLS/t" >/dev/null || fail "$(ctl doctor)"
	mount_it ,mpol=bind:0 || fail "mount"
	wait_count a ready 1
}

case_mistakes() {
	setup
	tmpfs_class "huge = always"
	! "$DAEMON_PROGRAM" --config vmmallocd.conf --check 2>words || fail "it passed"
	is "$(cat words)" "vmmallocd: vmmallocd.conf:4: huge (always): expected tmpfs beside it: it says how that is mounted"
	tmpfs_class "tmpfs = 20M" "ready = 2"
	! "$DAEMON_PROGRAM" --config vmmallocd.conf --check 2>words || fail "it passed"
	is "$(cat words)" "vmmallocd: vmmallocd.conf:4: tmpfs (20M): expected room for the ready pools: 2 of 16M"
	tmpfs_class "tmpfs = 1G" "nodes = 0" "huge = always"
	"$DAEMON_PROGRAM" --config vmmallocd.conf --json >json || fail "$(cat json)"
	grep -qF '"tmpfs":1073741824,"nodes":"0","huge":"always","mount_options":"size=1G,mode=0755,nosuid,nodev,mpol=bind:0,huge=always"' json ||
		fail "$(cat json)"
}

case_doctor() {
	setup
	need_mounts
	tmpfs_class "tmpfs = 32M"
	! ctl doctor --config vmmallocd.conf >words 2>&1 || fail "$(cat words)"
	grep -q "no tmpfs is mounted here, and the configuration has one" words || fail "$(cat words)"
	command=$(grep -o "mount -t tmpfs -o .* $POOLS/t" words | head -n 1)
	bash -c "$command" || fail "$command: $(cat words)"
	MOUNTS=$POOLS/t
	ctl doctor --config vmmallocd.conf >words 2>&1
	! grep -q "no tmpfs\|the configuration says" words || fail "$(cat words)"
	mount -o remount,size=64M "$POOLS/t"
	ctl doctor --config vmmallocd.conf >words 2>&1
	grep -q "the tmpfs has 64 MiB, and the configuration says 32 MiB" words || fail "$(cat words)"
	command=$(grep -o "mount -o remount,size=.* $POOLS/t" words | head -n 1)
	bash -c "$command" || fail "$command: $(cat words)"
	is "$(stat -f -c '%b * %S' "$POOLS/t")" "8192 * 4096"
}

run_case "without its tmpfs a class is not served, and is with it" case_mounted_later
run_case "a tmpfs that goes leaves a program its memory, and the directory beneath empty" case_unmounted
run_case "another file system is not its tmpfs, nor is one around it" case_others
run_case "a class gets a tmpfs, and loses it, at a reload" case_reloaded
run_case "a restart without the mount forgets no pool" case_restarted
run_case "a node without memory is said, and what is mounted is served" case_node
run_case "mistakes name the key, and --json has the options" case_mistakes
run_case "doctor has the command that mounts it, and the one that gives it its size" case_doctor
end_suite
