#!/bin/bash
# grown_heaps.bash -- VMMALLOC_ON_FULL=grow on a class of the daemon's: a heap takes its pools one by one.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"
export PROGRAM=$BUILD/tests/preload/grow VMMALLOC_ON_FULL=grow

on_class() { VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY "$@"; }
# grows WHAT... -- and says nothing
grows() {
	on_class "$PROGRAM" "$@" 2>said || fail "$*: status $?: $(cat said)"
	[ ! -s said ] || fail "$(cat said)"
}
# holds MIB: a program that has so much until it is killed; its pid is $HOLDER
holds() {
	env VMMALLOC_SOCKET="$RUN/pool.sock" VMMALLOC_POOL=a LD_PRELOAD="$LIBRARY" /usr/bin/python3 -c "import time; b = [bytearray(1 << 20) for i in range($1)]; print('has', flush=True); time.sleep(60)" >had &
	HOLDER=$!
	PIDS="$PIDS $HOLDER"
	wait_for grep -q has had
}
export -f on_class grows holds

many_pools() {
	setup
	one_class 'ready = 2' 'max = 64'
	daemon_start
	wait_count a ready 2
	grows blocks 200
	[ "$(ask daemon handed_out)" -ge 14 ] || fail "$(ask daemon handed_out) pools for 200 MiB in pools of 16"
	is "$(ask daemon refused)" 0
	wait_count a leased 0
	wait_count a ready 2
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 2 ]'
}
run_case "a program of 200 MiB on pools of 16 MiB; all come back, and two are kept" many_pools

# Its blocks are touched at their ends: what lies between is reserved on the disk, and is no memory.
large_program() {
	setup
	POOLS=$WORK/pools
	mkdir "$POOLS"
	case $(stat -f -c %T "$POOLS") in
	ext2/ext3 | xfs | btrfs) ;;
	*) skip "$POOLS is on no disk" ;;
	esac
	[ "$(df --output=avail -B 1G "$POOLS" | tail -n 1)" -ge 16 ] || skip "no 16 GiB of disk"
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 256M
		ready = 1
		max = 64
	END
	daemon_start
	wait_count a ready 1
	on_class /usr/bin/python3 - >words 2>said <<-'END' || fail "status $?: $(cat said)"
		import ctypes
		libc = ctypes.CDLL(None)
		libc.malloc.restype = ctypes.c_void_p
		libc.malloc.argtypes = [ctypes.c_size_t]
		size = 5 << 20
		blocks = [libc.malloc(size) for i in range(2048)]
		assert all(blocks)
		for block in blocks:
		    ctypes.memset(block, 1, 16)
		    ctypes.memset(block + size - 16, 1, 16)
		print(sum(ctypes.string_at(block, 1) + ctypes.string_at(block + size - 1, 1) == b"\1\1" for block in blocks))
	END
	[ ! -s said ] || fail "$(cat said)"
	is "$(cat words)" 2048
	[ "$(ask daemon handed_out)" -ge 40 ] || fail "$(ask daemon handed_out) pools for 10 GiB in pools of 256 MiB"
	is "$(ask daemon refused)" 0
	wait_count a leased 0
	wait_count a ready 1
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 1 ]'
}
run_case "a program of 10 GiB on pools of 256 MiB on a disk; all come back, and one is kept" large_program

warm_and_cold() {
	setup
	one_class 'ready = 4' 'max = 4' 'cold = no'
	daemon_start
	wait_count a ready 4
	grows one 70
	is "$(ask daemon handed_out)" 4
	wait_count a ready 4
	VMMALLOC_RELEASE=1 grows idle 26
}
run_case "warm pools only: so many as are ready, and then ENOMEM" warm_and_cold

limits() {
	setup
	one_class 'ready = 1' 'max = 20' 'max_per_user = 5'
	daemon_start
	wait_count a ready 1
	grows one 81
	is "$(ask daemon handed_out)" 5
	# with a directory besides it goes on there
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=16M grows blocks 120
	VMMALLOC_MAX_SIZE=40M grows bound 40
	(unset VMMALLOC_ON_FULL && ctl run --class a --on-full=grow --max-size=40M -- "$PROGRAM" bound 40) || fail "run: status $?"
}
run_case "max_per_user and VMMALLOC_MAX_SIZE bound the sum; a directory besides goes on" limits

of_a_process() {
	setup
	one_class 'ready = 1' 'max = 20' 'max_per_process = 3'
	daemon_start
	wait_count a ready 1
	is "$(ask count a max_per_process)" 3
	ctl status --json | grep -q '"max_per_process":3' || fail "$(ctl status --json)"
	grows one 49
	is "$(ask daemon handed_out)" 3
	# each of several has as many
	holds 30
	is "$(ask count a leased)" 3
	grows one 49
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=16M grows blocks 120
	is "$(ask count a leased)" 3
	# a reload takes nobody anything, and lets the next have more
	one_class 'ready = 1' 'max = 20' 'max_per_process = 1' && ctl reload
	is "$(ask count a leased)" 3
	grows one 17
	one_class 'ready = 1' 'max = 64' && ctl reload
	grows blocks 100
}
run_case "max_per_process bounds a heap, and other programs have theirs" of_a_process

# A program that becomes another has given its pool back, but for one that a child of it still has.
becomes_another() {
	setup
	one_class 'ready = 1' 'max = 20' 'max_per_process = 1'
	daemon_start
	wait_count a ready 1
	mkfifo go && exec 7<>go
	for i in 1 2 3 4 5 6 7 8 9 10; do
		on_class sh -c 'exec sh -c "exec true"' || fail "refused"
	done
	on_class bash -c '{ read line; } <&7 & exec /bin/true' 2>words && fail "two pools of one process"
	grep -q 'no pool of class a: .*: this process has as many pools of the class as one may have: raise max_per_process$' words || fail "$(cat words)"
	is "$(ask daemon refused)" 1
	echo >&7
	# and it may wait for that one, behind which others go on
	VMMALLOC_WAIT=60 on_class bash -c '{ read line; } <&7 & exec /bin/true' 2>words &
	PIDS="$PIDS $!"
	wait_count a waiting 1
	VMMALLOC_WAIT=60 on_class /bin/true || fail "refused"
	is "$(ask count a waiting)" 1
	echo >&7
	wait $! || fail "$(cat words)"
}
run_case "max_per_process = 1: a program that becomes another has a pool" becomes_another

small_pools() {
	need_mounts
	setup
	mkdir small && mount -t tmpfs -o size=$1 small small || fail "mount"
	MOUNTS=$WORK/small
}
export -f small_pools

full_class() {
	small_pools 50m
	POOLS=$WORK/small one_class 'ready = 0' 'max = 64'
	daemon_start
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=16M grows blocks 120
	wait_count a leased 0
}
run_case "the file system of the class is full: it goes on in the directory" full_class

# The program's own file system is full to the last page when the daemon comes and has warm pools.
full_directory() {
	small_pools 12m
	one_class 'ready = 3' 'max = 3' 'cold = no'
	env VMMALLOC_SOCKET="$RUN/pool.sock" VMMALLOC_POOL=a VMMALLOC_POOL_DIR="$WORK/small" VMMALLOC_POOL_SIZE=$1 \
		LD_PRELOAD="$LIBRARY" "$PROGRAM" waits 40 <&7 >had 2>said &
	HOLDER=$!
	PIDS="$PIDS $HOLDER"
	wait_for grep -qx full had
	! dd if=/dev/zero of=small/rest bs=4k 2>/dev/null && is "$(stat -f -c %a small)" 0
	daemon_start
	wait_count a ready 3
	echo >&7
	wait "$HOLDER" || fail "it got no more: $(cat said)"
	is "$(ask daemon handed_out)" 3
}
with_pipe() { mkfifo go && exec 7<>go && "$@"; }
export -f full_directory
run_case "the directory is full: it goes on with warm pools" with_pipe full_directory 16M
run_case "and so it does where a pool does not end with 64 KiB" with_pipe full_directory 15999K

forks() {
	setup
	one_class 'ready = 2' 'max = 200'
	daemon_start
	wait_count a ready 2
	for VMMALLOC_FORK in auto 1; do
		export VMMALLOC_FORK
		grows forks
		grows threads
	done
	wait_count a leased 0
}
run_case "parents, children and threads grow on one class" forks

killed_program() {
	setup
	one_class 'ready = 1' 'max = 30'
	daemon_start
	wait_count a ready 1
	holds 100
	wait_least a leased 7
	is "$(ask list | grep ' leased ' | grep -cw "$HOLDER")" "$(ask count a leased)"
	# each pool has its own figure, and not the first one that of all, cut at its size
	ctl list -nb -o PID,USED | awk -v "pid=$HOLDER" '$1 == pid { sum += $2; full += $2 >= 16777216 } END {
		exit !(sum >= 104857600 && full == 0) }' || fail "$(ctl list -nb -o PID,USED)"
	kill_held "$HOLDER"
	wait_count a leased 0
	wait_count a ready 1
}
run_case "kill -9 of the program: all of its pools come back" killed_program

killed_daemon() {
	setup
	one_class 'ready = 1' 'max = 30'
	daemon_start
	wait_count a ready 1
	env VMMALLOC_SOCKET="$RUN/pool.sock" VMMALLOC_POOL=a LD_PRELOAD="$LIBRARY" /usr/bin/python3 -u -c "import sys
held = []
for line in sys.stdin:
    try:
        held += [bytearray(1 << 20) for i in range(40)]
        print(len(held))
    except MemoryError:
        print('none')" <&7 >had &
	HOLDER=$!
	PIDS="$PIDS $HOLDER"
	echo >&7
	wait_for grep -qx 40 had
	leased=$(ask count a leased)
	daemon_end KILL
	echo >&7
	wait_for grep -qx none had
	daemon_start
	wait_count a leased "$leased"
	echo >&7
	wait_for eval '[ "$(tail -n 1 had)" -ge 80 ]'
	kill_held "$HOLDER"
	wait_count a leased 0
}
export -f killed_daemon
run_case "without the daemon there is ENOMEM, and with it again a pool" with_pipe killed_daemon
end_suite
