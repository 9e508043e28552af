#!/bin/bash
# processors.bash -- in a guest that may have more processors than a cpu_set_t has room for, of which it has two: who asks
# for those that it may use is refused, unless it asks with a larger set.
. "$(dirname "$0")/../../lib/suite.bash"
. "$(dirname "$0")/../../integration/helpers/daemon.bash"
[ "$(cat /proc/sys/kernel/hostname)" = guest ] || { echo "only in the guest of tests/vm"; exit 1; }

possible() {
	local last
	last=$(sed 's/.*-//' /sys/devices/system/cpu/possible)
	[ "$last" -ge 1024 ] || fail "there may be $((last + 1)) processors"
}
run_case "there may be more than 1,024 processors" possible

arenas() { is "$(preload "$BUILD/tests/preload/arena_count")" $((4 * $(nproc))); }
run_case "a heap has arenas for the processors that there are" arenas

pool() {
	setup
	one_class "ready = 2"
	daemon_start
	wait_count a ready 2
	ctl run --class a -- cat /proc/self/maps >maps
	grep -qE "rw-s .* $POOLS/" maps || fail "not on a pool: $(cat maps)"
}
run_case "the daemon hands pools out" pool
end_suite
