#!/bin/bash
# memory_pressure.bash -- classes give back their ready pools while memory is short, and fill again: with a daemon that
# watches the pressure of a control group, in which programs that may have little memory read a file again and again.
# waits: for the kernel to say that memory is short, and that it is not
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"

# Where groups can be made: $LIMITED_AT and $LIMIT for what limits memory, $UNIFIED for what measures pressure.
find_groups() {
	need_root
	[ -r /proc/pressure/memory ] || skip "the kernel measures no pressure"
	if grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
		UNIFIED=/sys/fs/cgroup LIMITED_AT=$UNIFIED LIMIT=memory.max
		echo +memory >$UNIFIED/cgroup.subtree_control || skip "no groups with memory can be made here"
	elif [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] && [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then
		UNIFIED=/sys/fs/cgroup/unified LIMITED_AT=/sys/fs/cgroup/memory LIMIT=memory.limit_in_bytes
	else
		skip "no control groups of memory, or none that measure pressure"
	fi
}

# groups: $GROUP measures the pressure of those who may have the memory of $SMALL. They go with the case.
groups() {
	find_groups
	setup
	GROUP=$(mktemp -d "$UNIFIED/vmmallocd-test.XXXXXX") || skip "no groups can be made here"
	SMALL=$GROUP
	trap 'end_pressure; clean_up; remove_groups' EXIT
	[ "$LIMITED_AT" = "$UNIFIED" ] || SMALL=$(mktemp -d "$LIMITED_AT/vmmallocd-test.XXXXXX") || skip "no groups"
	[ -r "$GROUP/memory.pressure" ] || skip "the kernel measures no pressure of groups"
	echo $((16 << 20)) >"$SMALL/$LIMIT" || skip "no limit can be set"
	export MEMORY_PRESSURE_WATCH=$GROUP/memory.pressure
}

remove_groups() {
	local i
	for i in $(seq 50); do
		rmdir "$GROUP" "$SMALL" 2>/dev/null
		[ -e "$GROUP" ] || [ -e "$SMALL" ] || return 0
		sleep 0.1
	done
}

# Programs that read 48 MiB of a disk again and again, with memory for a third of it. For a minute at the most.
begin_pressure() {
	local i
	THRASHING=
	if [ ! -e data ]; then
		[ "$(stat -f -c %T .)" != tmpfs ] || skip "no file of a disk here"
		dd if=/dev/urandom of=data bs=1M count=48 conv=fsync status=none || fail "data"
	fi
	# its pages are to be charged to who reads it
	dd if=data iflag=nocache count=0 status=none
	for i in 1 2 3; do
		# shellcheck disable=SC2016
		timeout 60 sh -c 'echo 0 >"$1/cgroup.procs" && echo 0 >"$2/cgroup.procs" && while cat data >/dev/null; do :; done' \
			sh "$GROUP" "$SMALL" &
		THRASHING="$THRASHING $!"
	done
}

end_pressure() {
	local pid
	for pid in ${THRASHING-}; do
		kill "$pid" 2>/dev/null && wait "$pid"
	done 2>/dev/null
	THRASHING=
}

# class_is KEY VALUE: of the class "a".
class_is() { [ "$(ctl status --json | python3 -c 'import json, sys
print(json.dumps(json.load(sys.stdin)["classes"][0][sys.argv[1]]))' "$1")" = "$2" ]; }
events_have() { ctl events --no-follow --class a --kind "$1" | grep -q "$2"; }
export -f find_groups groups remove_groups begin_pressure end_pressure class_is events_have

released() {
	groups
	one_class 'ready = 3' 'on_memory_pressure = release' '[daemon]' 'memory_pressure_limit = 5%'
	daemon_start
	wait_count a ready 3
	class_is releases false && class_is problem null || fail "it gives back pools without any pressure"
	hold take=a
	wait_count a ready 3
	begin_pressure
	wait_for class_is releases true
	wait_count a ready 0
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 1 ]'
	is "$(ask count a leased)" 1
	# nothing is made ahead, and whoever asks has a cold pool
	# the machine waits with the group, and may have had other things to do besides
	ctl status a | grep -Eq "^problem  *memory is short \(some avg10=[0-9.]+% in ($GROUP/memory|/proc/pressure/memory)" ||
		fail "$(ctl status a)"
	ctl status a | grep -q "^pressure  *release: its ready pools are given back" || fail "$(ctl status a)"
	ctl status | grep -q "^memory pressure  *[0-9.]*%, and the limit is 5.00%" || fail "$(ctl status)"
	ctl metrics | grep -q '^vmmalloc_class_releases{class="a"} 1' || fail "no metric"
	ctl create a 1 >refused 2>&1 && fail "create makes one"
	grep -q "memory is short" refused || fail "$(cat refused)"
	client wait=a:0 reply >taken; grep -q "^ok " taken || fail "no cold pool: $(cat taken)"
	wait_count a leased 1
	is "$(ask count a ready)" 0
	events_have class_releases "memory pressure is .*, and memory_pressure_limit is 5.00%" || fail "no event"
	kill "$HELD"
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 0 ]'
	end_pressure
	WAIT_SECONDS=90 wait_for class_is releases false
	wait_count a ready 3
	events_have class_refills "memory pressure is" || fail "no event of the end"
	class_is problem null || fail "$(ctl status a)"
	is "$(ctl events --no-follow --kind class_releases | wc -l)" 1
}
run_case "ready pools are given back while memory is short, and made again" released

kept() {
	groups
	one_class 'ready = 2' '[pool b]' "directory = $POOLS" 'size = 16M' 'on_memory_pressure = release' \
		'[daemon]' 'memory_pressure_limit = 5%'
	daemon_start
	wait_count a ready 2
	wait_count b ready 1
	begin_pressure
	wait_count b ready 0
	is "$(ask count a ready)" 2
	class_is releases false || fail "keep is not kept"
}
run_case "a class that does not ask for it keeps its pools" kept

# said_once WORDS: the class says that it keeps its pools, and so does the log, once.
said_once() {
	wait_for problem_is a "on_memory_pressure = release: $1"
	wait_count a ready 1
	sleep 2.5
	is "$(grep -c -F "on_memory_pressure = release: $1" log)" 1
	is "$(ctl events --no-follow --kind class_problem | grep -c "$2")" 1
	kill -0 "$DAEMON" || fail "the daemon"
}
export -f said_once

# A group that is not measured any more, or is gone, as with its service: said, and the machine's figure counts.
group_gone() {
	groups
	one_class 'on_memory_pressure = release' '[daemon]' 'memory_pressure_limit = 99%'
	[ -w "$GROUP/cgroup.pressure" ] || skip "measuring cannot be turned off: the kernel is too old"
	daemon_start
	wait_for class_is problem null
	echo 0 >"$GROUP/cgroup.pressure"
	said_once "$GROUP/memory.pressure: the kernel does not measure it: expected CONFIG_PSI, and psi=1 on its command line" \
		"memory.pressure"
	ctl status | grep -q "^memory pressure" || fail "the machine's figure is not read"
	echo 1 >"$GROUP/cgroup.pressure"
	wait_for class_is problem null
	rmdir "$GROUP" || fail "the group"
	wait_for eval '! class_is problem null'
	wait_count a ready 1
}
run_case "a group that is gone is said, and the machine's pressure goes on to count" group_gone

# opened_files: what the daemon opens in the next seconds, in `opened`
opened_files() { timeout 3 strace -f -e trace=openat,open -o opened -p "$DAEMON" 2>/dev/null; }
export -f opened_files

# In a container without a namespace of groups the daemon's group is the root of what is mounted there.
container() {
	need strace unshare
	need_mounts
	groups
	unset MEMORY_PRESSURE_WATCH
	one_class 'on_memory_pressure = release'
	mount --bind "$GROUP" /sys/fs/cgroup || skip "no group can be mounted elsewhere"
	MOUNTS=/sys/fs/cgroup
	sh -c 'echo 0 >/sys/fs/cgroup/cgroup.procs && exec "$@"' sh "$DAEMON_PROGRAM" --config "$WORK/vmmallocd.conf" \
		--runtime-dir "$RUN" --state-dir "$STATE" 2>>log &
	DAEMON=$!
	wait_for is_serving
	opened_files
	grep -q '"/sys/fs/cgroup/memory.pressure".* = [0-9]' opened && grep -q '"/proc/pressure/memory".* = [0-9]' opened ||
		fail "$(grep pressure opened)"
}
run_case "in a container the pressure of its group is read" container

# What is read each second, and nothing where no class asks.
not_read() {
	need strace
	groups
	one_class
	daemon_start
	wait_count a ready 1
	opened_files
	! grep -q pressure opened || fail "$(grep pressure opened)"
}
run_case "without such a class no pressure is read" not_read

unknown() {
	setup
	one_class 'on_memory_pressure = release'
	export MEMORY_PRESSURE_WATCH=$WORK/nothing
	daemon_start
	said_once "$WORK/nothing: the kernel does not measure it: expected CONFIG_PSI, and psi=1 on its command line" \
		"CONFIG_PSI"
	# it comes late
	cat /proc/pressure/memory >nothing || skip "the kernel measures no pressure"
	wait_for class_is problem null
	echo oops >nothing
	wait_for problem_is a "on_memory_pressure = release: $WORK/nothing: expected a file that begins with 'some avg10='"
	wait_count a ready 1
}
run_case "pressure that cannot be read is said once, and pools are kept" unknown

# A kernel that was not told psi=1 has no such files.
not_measured() {
	need_mounts
	[ -d /proc/pressure ] || skip "the kernel measures no pressure"
	setup
	one_class 'on_memory_pressure = release'
	MOUNTS="/proc/pressure"
	mount -t tmpfs none /proc/pressure || fail "mount"
	if [ -d /sys/fs/cgroup ]; then
		MOUNTS="$MOUNTS /sys/fs/cgroup"
		mount -t tmpfs none /sys/fs/cgroup || fail "mount"
	fi
	daemon_start
	said_once "/proc/pressure/memory: the kernel does not measure it: expected CONFIG_PSI, and psi=1 on its command line" \
		"CONFIG_PSI"
	ctl status | grep "^memory pressure" && fail "a figure"
	ctl status a | grep -q "^problem  *on_memory_pressure = release: /proc/pressure/memory: the kernel" || fail "$(ctl status a)"
	# that of the group alone will do
	umount -l /sys/fs/cgroup
	MOUNTS="/proc/pressure"
	daemon_end TERM
	daemon_start
	[ "$(cat /sys/fs/cgroup/memory.pressure /sys/fs/cgroup/unified/memory.pressure 2>/dev/null)" ] || return 0
	wait_for class_is problem null
}
run_case "a kernel that measures none is said once, and pools are kept" not_measured

off() {
	setup
	one_class 'on_memory_pressure = release'
	export MEMORY_PRESSURE_WATCH=/dev/null
	daemon_start
	said_once "MEMORY_PRESSURE_WATCH=/dev/null: the service manager has turned it off: expected MemoryPressureWatch=on in the unit, or keep" \
		"MEMORY_PRESSURE_WATCH"
}
run_case "so it is where the service manager turns it off" off

# A FIFO, as the protocol of systemd allows, has no figures; and nobody waits for a writer.
fifo() {
	setup
	one_class 'on_memory_pressure = release'
	mkfifo fifo
	export MEMORY_PRESSURE_WATCH=$WORK/fifo
	daemon_start
	said_once "$WORK/fifo: expected a file that begins with 'some avg10='" "expected a file"
}
run_case "a FIFO is refused, and not waited for" fifo

on_disk() {
	setup
	rm -rf "$POOLS"
	POOLS=$WORK/pools
	mkdir pools
	[ "$(stat -f -c %T pools)" != tmpfs ] || skip "no disk here"
	one_class 'on_memory_pressure = release'
	daemon_start
	said_once "pool directory $POOLS: its pools lie on a disk, and the kernel takes their pages back by itself: expected a directory on tmpfs, or keep" \
		"on a disk"
}
run_case "on a disk the key is said to be without effect" on_disk

# A share that somebody writes, as an operator may to try it: what comes back while it is high is removed, and a reload
# ends it.
by_hand() {
	setup
	one_class 'on_memory_pressure = release' 'cold = no'
	echo "some avg10=10.00 avg60=0.00 avg300=0.00 total=0" >share
	export MEMORY_PRESSURE_WATCH=$WORK/share
	daemon_start
	wait_count a ready 1
	hold take=a
	wait_count a ready 1
	echo "some avg10=10.01 avg60=0.00 avg300=0.00 total=0" >share
	wait_count a ready 0
	client wait=a:0 reply | grep "^ok" && fail "one of a class without cold pools"
	kill "$HELD"
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 0 ]'
	one_class 'on_memory_pressure = keep' 'cold = no'
	ctl reload || fail "reload"
	wait_count a ready 1
}
run_case "what comes back meanwhile is removed, and keep ends that at a reload" by_hand

# What is being made for an operator is given up, and he is told so.
order_meanwhile() {
	local order
	setup
	one_class 'ready = 0' 'on_memory_pressure = release'
	sed -i 's/^size.*/size = 64M/' vmmallocd.conf
	echo "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" >share
	export MEMORY_PRESSURE_WATCH=$WORK/share
	interpose slow <<-END
		#include <sys/syscall.h>
		#include <unistd.h>
		int fallocate(int fd, int mode, off_t from, off_t bytes)
		{
			if (mode == 0 && from > 0)
				usleep(50000);
			return syscall(SYS_fallocate, fd, mode, from, bytes);
		}
	END
	LD_PRELOAD=$WORK/slow.so daemon_start
	ctl create a >made 2>&1 &
	order=$!
	wait_count a creating 1
	echo "some avg10=99.00 avg60=0.00 avg300=0.00 total=0" >share
	wait_for class_is releases true
	! wait $order || fail "it is said to be done: $(cat made)"
	grep -q "memory is short (some avg10=99.00%" made || fail "$(cat made)"
	# nor is it fulfilled later: there is what the class wants, and no more
	echo "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" >share
	wait_for class_is releases false
	ctl resize a --ready 1 >/dev/null && ctl top-up a >/dev/null || fail "it does not fill again"
	is "$(ask list | wc -l)" 1
}
run_case "an order whose pools are given up has failed" order_meanwhile

# The directory goes and comes again while memory is short: that is no end of it, and no beginning.
directory_gone() {
	setup
	need_mounts
	mkdir "$POOLS/t"
	mount_it() { mount -t tmpfs -o size=64M,mode=0755 vmmalloc "$POOLS/t" && MOUNTS=$POOLS/t; }
	mount_it || fail "mount"
	POOLS=$POOLS/t one_class 'on_memory_pressure = release' 'tmpfs = 64M'
	echo "some avg10=99.00 avg60=0.00 avg300=0.00 total=0" >share
	export MEMORY_PRESSURE_WATCH=$WORK/share
	daemon_start
	wait_for class_is releases true
	umount -l "$POOLS/t" && MOUNTS=
	wait_for eval 'ask problem a | grep -q "removed or unmounted\|none is mounted there"'
	mount_it || fail "mount"
	wait_for eval 'ask problem a | grep -q "^memory is short"'
	is "$(ctl events --no-follow --class a --kind class_refills | wc -l)" 0
	is "$(ctl events --no-follow --class a --kind class_releases | wc -l)" 1
	is "$(ctl events --no-follow --kind made | wc -l)" 0
}
run_case "a directory that goes meanwhile does not end it" directory_gone

# Nothing is made ahead by a daemon that starts, or a class that comes, while memory is short.
from_the_start() {
	setup
	one_class 'on_memory_pressure = release'
	echo "some avg10=99.00 avg60=0.00 avg300=0.00 total=0" >share
	export MEMORY_PRESSURE_WATCH=$WORK/share
	# half of the least limit is not nothing
	mkdir conf.d
	printf '[daemon]\nmemory_pressure_limit = 0.01%%\n' >conf.d/limit.conf
	daemon_start
	wait_for class_is releases true
	ask problem a | grep -qF ', until it was below 0.01% for ' || fail "$(ask problem a)"
	sed 's/pool a/pool b/' vmmallocd.conf >other && cat other >>vmmallocd.conf
	ctl reload || fail "reload"
	wait_for problem_is b "$(ask problem a)"
	sleep 1.5
	is "$(ctl events --no-follow --kind made | wc -l)" 0
	client wait=b:0 reply | grep -q "^ok" || fail "no cold pool"
	is "$(ctl events --no-follow --kind class_releases | wc -l)" 2
}
run_case "a daemon that starts while memory is short makes none ahead" from_the_start

# As kernels do that were built with CONFIG_PSI_DEFAULT_DISABLED and have the files all the same.
not_supported() {
	setup
	one_class 'on_memory_pressure = release'
	interpose refuse <<-END
		#include <errno.h>
		#include <stdio.h>
		#include <string.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		ssize_t read(int fd, void *bytes, size_t count)
		{
			char link[64], path[256] = "";
			snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			if (readlink(link, path, sizeof(path) - 1) > 0 && strstr(path, "pressure")) {
				errno = EOPNOTSUPP;
				return -1;
			}
			return syscall(SYS_read, fd, bytes, count);
		}
	END
	LD_PRELOAD=$WORK/refuse.so daemon_start
	said_once "/proc/pressure/memory: the kernel does not measure it: expected CONFIG_PSI, and psi=1 on its command line" \
		"CONFIG_PSI"
}
run_case "a kernel that refuses to read it is said once" not_supported

# A policy of SELinux, say, or a mode.
not_allowed() {
	need_root
	setup
	one_class 'on_memory_pressure = release'
	chmod 711 "$WORK"
	chown $NOBODY "$WORK" "$POOLS"
	echo "some avg10=99.00 avg60=0.00 avg300=0.00 total=0" >share
	chmod 600 share
	export MEMORY_PRESSURE_WATCH=$WORK/share
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$DAEMON_PROGRAM" --config "$WORK/vmmallocd.conf" \
		--runtime-dir "$RUN" --state-dir "$STATE" 2>>log &
	DAEMON=$!
	wait_for is_serving
	said_once "$WORK/share: Permission denied" "Permission denied"
}
run_case "nor is a file that may not be read more than said" not_allowed

end_suite
