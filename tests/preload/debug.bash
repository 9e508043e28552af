#!/bin/bash
# debug.bash -- the debug build: the manual page's section DEBUGGING.
. "$(dirname "$0")/../lib/suite.bash"
PROGRAMS=$BUILD/tests/preload
DEBUG_LIBRARY=$BUILD/debug/libvmmalloc.so.1
export PROGRAMS DEBUG_LIBRARY

traced() { LIBRARY=$DEBUG_LIBRARY preload "$@"; }
lines() { grep -c "^<libvmmalloc>: <$1>" log; }
export -f traced lines

level() {
	VMMALLOC_LOG_LEVEL=$1 traced "$PROGRAMS/hello" >out 2>log || return 1
	[ "$(cat out)" = hello ] || fail "the program said: $(cat out)"
	for n in 1 2 3 4; do
		if [ "$n" -le "$1" ]; then
			[ "$(lines "$n")" -gt 0 ] || fail "level $1 logs nothing of level $n"
		else
			[ "$(lines "$n")" -eq 0 ] || fail "level $1 logs something of level $n"
		fi
	done
	if [ "$1" -ge 3 ]; then grep -q 'Allocated: ' log; else ! grep -q 'Allocated: ' log; fi
}
for n in 0 1 2 3 4; do
	run_case "VMMALLOC_LOG_LEVEL=$n logs levels up to $n, statistics from 3 on" level $n
done

silent() { traced "$PROGRAMS/hello" >out 2>log && [ ! -s log ]; }
run_case "no VMMALLOC_LOG_LEVEL, no words" silent

statistics() { VMMALLOC_LOG_STATS=1 traced "$PROGRAMS/hello" 2>log >/dev/null && grep -q 'Allocated: ' log; }
run_case "VMMALLOC_LOG_STATS=1 logs statistics at exit" statistics

to_file() {
	VMMALLOC_LOG_LEVEL=4 VMMALLOC_LOG_FILE=$WORK/log traced "$PROGRAMS/hello" >out 2>err || return 1
	[ ! -s err ] && [ "$(lines 4)" -gt 0 ]
}
run_case "VMMALLOC_LOG_FILE takes the words" to_file

per_process() {
	VMMALLOC_LOG_LEVEL=2 VMMALLOC_LOG_FILE=$WORK/log- traced bash -c '(exit 0); true' 2>err || return 1
	[ "$(find . -name 'log-[0-9]*' | wc -l)" -eq 2 ] || fail "$(ls)"
	[ ! -e log- ] && [ ! -s err ] || fail "a file for all, or words elsewhere: $(cat err)"
	for file in log-*; do
		[ "$(grep -c 'child of' "$file")" -le 1 ] || fail "two processes in $file"
	done
	grep -l 'child of' log-* | wc -l | grep -qx 1
}
run_case "VMMALLOC_LOG_FILE ending in - has one file a process, forked children too" per_process

raw_forks() {
	VMMALLOC_LOG_LEVEL=2 VMMALLOC_LOG_FILE=$WORK/log- traced "$PROGRAMS/raw_clone" 2>err || return 1
	for file in log-*; do
		[ "$(grep -c 'child of' "$file")" -le 1 ] || fail "$file has lines of several processes: $(cat "$file")"
	done
	[ "$(find . -name 'log-[0-9]*' | wc -l)" -gt 12 ]
}
run_case "children of clone and of raw system calls have one each, too" raw_forks

every_allocation() {
	VMMALLOC_LOG_LEVEL=4 VMMALLOC_LOG_FILE=$WORK/log traced "$PROGRAMS/entry_points" || return 1
	for name in malloc calloc realloc free cfree posix_memalign aligned_alloc memalign valloc pvalloc; do
		grep -q "<4> \[$name\]" log || fail "no trace of $name"
	done
}
run_case "level 4 traces every entry point" every_allocation

refuses_level() {
	VMMALLOC_LOG_LEVEL=5 traced "$PROGRAMS/hello" 2>err && return 1
	[ "$(cat err)" = "Error (libvmmalloc): incorrect VMMALLOC_LOG_LEVEL value (5), expected a number from 0 to 4" ]
}
run_case "a malformed level is refused" refuses_level

normal_is_silent() {
	VMMALLOC_LOG_LEVEL=4 VMMALLOC_LOG_STATS=1 VMMALLOC_LOG_FILE=$WORK/log \
		preload "$PROGRAMS/hello" 2>err >out || return 1
	[ ! -s err ] && [ ! -e log ]
}
run_case "the normal build has none of it" normal_is_silent

asserts() {
	traced "$PROGRAMS/bad_free" 2>err && return 1
	grep -q '^<libvmmalloc>: assertion failed: libvmmalloc/exports/entry.c:[0-9]*: vmm_seam_has_block(pointer)$' err
}
run_case "an assertion stops a program that frees the middle of a block" asserts

suites_pass() {
	LIBRARY=$DEBUG_LIBRARY
	preload "$PROGRAMS/edges" && preload "$PROGRAMS/operators" && preload "$PROGRAMS/forks" &&
		VMMALLOC_POOL_SIZE=64M preload "$PROGRAMS/full" && VMMALLOC_POOL_SIZE=64M preload "$PROGRAMS/large"
}
run_case "its assertions hold under threads, forks and exhaustion" suites_pass

end_suite
