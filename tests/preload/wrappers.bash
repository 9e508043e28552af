#!/bin/bash
# wrappers.bash -- beside libraries that wrap nearly all of libc, allocate at the first call of each function, or wrap
# the dynamic linker.
. "$(dirname "$0")/../lib/suite.bash"
WRAPS=$BUILD/tests/preload/libraries/wraps_all.so
DEBUG=$BUILD/debug/libvmmalloc.so.1
export WRAPS DEBUG

# beside PRELOAD COMMAND... -- under a deadline that needs no preloaded library to be kept
beside() {
	local preload=$1
	shift
	timeout -k 1 20 env VMMALLOC_POOL_DIR="$POOL_DIR" VMMALLOC_POOL_SIZE=64M LD_PRELOAD="$preload" "$@"
}

in_both_orders() {
	beside "$WRAPS $LIBRARY" "$@" && beside "$LIBRARY $WRAPS" "$@"
}
export -f beside in_both_orders

programs() {
	[ "$(in_both_orders id -u)" = "$(id -u; id -u)" ] &&
		[ "$(in_both_orders bash -c 'echo $(ls / | wc -l) $(cat /dev/null; pwd)')" = \
			"$(for i in 1 2; do echo $(ls / | wc -l) $PWD; done)" ]
}
run_case "programs do what they do without" programs

heap() { in_both_orders "$BUILD/tests/preload/wrapped"; }
run_case "threads, forks, returns and a full pool, in both orders" heap

modes() {
	local mode
	for mode in auto 1 2 3; do
		[ "$(VMMALLOC_FORK=$mode in_both_orders bash -c 'echo $(ls / | wc -l) $(echo b)')" = \
			"$(for i in 1 2; do echo $(ls / | wc -l) b; done)" ] || fail "VMMALLOC_FORK=$mode"
	done
}
run_case "every mode of fork in which children may write" modes

logs() {
	export VMMALLOC_LOG_LEVEL=4 VMMALLOC_LOG_FILE=$WORK/log-
	LIBRARY=$DEBUG in_both_orders "$BUILD/tests/preload/wrapped" || return
	grep -q 'the end' "$WORK"/log-*
}
run_case "the debug build with all its traces" logs

refusal() {
	timeout -k 1 20 env VMMALLOC_POOL_DIR=/no/such VMMALLOC_POOL_SIZE=64M LD_PRELOAD="$WRAPS $LIBRARY" true 2>said
	[ $? -eq 1 ] && [ "$(wc -l <said)" -eq 1 ] && grep -q '^Error (libvmmalloc): pool creation failed' said
}
run_case "a pool that cannot be made is said in one line" refusal

lookups() {
	local dlsym=$BUILD/tests/preload/libraries/wraps_dlsym.so

	WRAPS=$dlsym in_both_orders "$BUILD/tests/preload/wrapped" &&
		WRAPS="$WRAPS $dlsym" in_both_orders "$BUILD/tests/preload/wrapped"
}
run_case "a library that wraps dlsym() does not lead our wrappers back to themselves" lookups

end_suite
