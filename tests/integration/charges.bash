#!/bin/bash
# charges.bash -- which memory control group pays for the pages of a pool: the daemon's for a warm one, its user's for a
# cold one. With the hierarchy of memory that the machine has, of version 1 or 2.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/helpers/daemon.bash"

# Where groups can be made, in $GROUPS_AT, and their files.
find_memory() {
	need_root
	if grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
		GROUPS_AT=/sys/fs/cgroup PEAK=memory.peak LIMIT=memory.max
		echo +memory >$GROUPS_AT/cgroup.subtree_control || skip "no groups with memory can be made here"
	elif [ -e /sys/fs/cgroup/memory/memory.usage_in_bytes ]; then
		GROUPS_AT=/sys/fs/cgroup/memory PEAK=memory.max_usage_in_bytes LIMIT=memory.limit_in_bytes
	else
		skip "no control groups of memory here"
	fi
}

# two_groups CONFIGURATION-LINE...: a daemon in $OURS, and $THEIRS for its users. They go with the case.
two_groups() {
	local before
	find_memory
	before=$(sed -nE 's/^([0-9]+:memory|0:):\///p' /proc/self/cgroup | head -n 1)
	setup
	OURS=$(mktemp -d "$GROUPS_AT/vmmallocd-test.XXXXXX") && THEIRS=$(mktemp -d "$GROUPS_AT/vmmallocd-test.XXXXXX") ||
		skip "no groups can be made here"
	trap 'clean_up; remove_groups' EXIT
	[ -e "$OURS/$PEAK" ] || skip "no $PEAK: the kernel is too old"
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 64M
		$(printf '%s\n' "$@")
	END
	# this shell goes there, and comes back without the daemon
	echo 0 >"$OURS/cgroup.procs" && daemon_start && echo 0 >"$GROUPS_AT/$before/cgroup.procs" || fail "groups"
}

remove_groups() {
	local i
	for i in $(seq 50); do
		rmdir "$OURS" "$THEIRS" 2>/dev/null
		[ -e "$OURS" ] || [ -e "$THEIRS" ] || return 0
		sleep 0.1
	done
}

# A program of the user's group that uses 40 MiB of its heap.
use_40_mib() {
	sh -c 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"' sh "$THEIRS" env VMMALLOC_SOCKET="$RUN/pool.sock" \
		VMMALLOC_POOL=a LD_PRELOAD="$LIBRARY" dd if=/dev/zero of=/dev/null bs=40M count=1
}
mib() { echo $(($(cat "$1/$PEAK") >> 20)); }
export -f find_memory two_groups remove_groups use_40_mib mib

cold_ones() {
	two_groups 'ready = 0'
	use_40_mib || fail "dd"
	[ "$(mib "$THEIRS")" -ge 40 ] || fail "its user pays for $(mib "$THEIRS") MiB of a cold pool"
	[ "$(mib "$OURS")" -lt 24 ] || fail "the daemon pays for $(mib "$OURS") MiB"
	is "$(ask daemon handed_out)" 1
}
run_case "the pages of a cold pool are charged to its user" cold_ones

warm_ones() {
	two_groups 'ready = 1' 'max = 1'
	wait_count a ready 1
	use_40_mib || fail "dd"
	[ "$(mib "$THEIRS")" -lt 24 ] || fail "its user pays for $(mib "$THEIRS") MiB of a warm pool"
	[ "$(mib "$OURS")" -ge 64 ] || fail "the daemon pays for $(mib "$OURS") MiB"
	is "$(ask daemon handed_out)" 1
}
run_case "those of a warm pool to the daemon" warm_ones

limited() {
	local status
	two_groups 'ready = 0'
	echo $((24 << 20)) >"$THEIRS/$LIMIT" || skip "no limit can be set"
	[ ! -e "$THEIRS/memory.swap.max" ] || echo 0 >"$THEIRS/memory.swap.max"
	[ ! -e "$THEIRS/memory.memsw.limit_in_bytes" ] || echo $((24 << 20)) >"$THEIRS/memory.memsw.limit_in_bytes"
	use_40_mib
	status=$?
	[ $status -ne 0 ] || fail "40 MiB under a limit of 24"
	[ "$(mib "$THEIRS")" -le 24 ] || fail "$(mib "$THEIRS") MiB under a limit of 24"
	wait_count a leased 0
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 0 ]'
	is_serving || fail "the daemon"
	echo $((200 << 20)) >"$THEIRS/${LIMIT/limit/memsw.limit}" 2>/dev/null
	echo $((200 << 20)) >"$THEIRS/$LIMIT"
	use_40_mib || fail "dd, with a limit of 200 MiB"
}
run_case "so a limit on its user holds on a cold pool, and the daemon goes on" limited

end_suite
