#!/bin/bash
# inherited.bash -- a daemon or a client whose starter left it less than usual: descriptors 0 to 2 closed, signals held
# back, no number for another file.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/helpers/daemon.bash"

# start_without FD...: without these of its descriptors 0 to 2
start_without() {
	(
		exec </dev/null >>"$WORK/log" 2>&1
		for fd; do exec {fd}>&-; done
		exec "$DAEMON_PROGRAM" --config "$WORK/vmmallocd.conf" --runtime-dir "$RUN" --state-dir "$STATE" --log-level debug
	) &
	DAEMON=$!
	wait_for is_serving
}
export -f start_without

case_closed() {
	local fd
	setup
	one_class
	start_without "$@"
	for fd; do
		is "$(readlink "/proc/$DAEMON/fd/$fd")" /dev/null
	done
	wait_least a ready 1
	client take=a map zero fill=7 >out || fail "status $?"
	wait_least a ready 1
	# connections come and go, it reads its configuration again, and says that it is wrong
	one_class "ready = 2"
	kill -HUP "$DAEMON"
	wait_least a ready 2
	one_class "frobs = 2"
	ask reload 2>&1 | grep -q frobs || fail "it does not say what is wrong"
	daemon_end TERM
	is $? 0
	# what it has to say went into none of its own files
	! grep -rl frobs "$POOLS" "$STATE" || fail "a line of its log, in its own files"
}

case_blocked() {
	setup
	one_class
	env --block-signal true 2>/dev/null || skip "this env has no --block-signal"
	env --block-signal "$DAEMON_PROGRAM" --config "$WORK/vmmallocd.conf" --runtime-dir "$RUN" --state-dir "$STATE" \
		--log-level debug 2>>"$WORK/log" &
	DAEMON=$!
	wait_for is_serving
	is "$(awk '/^SigBlk:/ { print $2 }' "/proc/$DAEMON/status")" 0000000000000000
	one_class "ready = 2"
	kill -HUP "$DAEMON"
	wait_least a ready 2
	daemon_end TERM
	is $? 0
}

case_full() {
	local option
	for option in --help --version; do
		"$DAEMON_PROGRAM" $option >/dev/full 2>errors
		is $? 1
		is "$(cat errors)" "vmmallocd: standard output: No space left on device"
	done
}

# The socket of the library takes the last number: the pool's descriptor arrives nowhere.
case_no_number() {
	setup
	one_class "cold = no"
	daemon_start
	wait_least a ready 1
	(
		ulimit -n 4
		VMMALLOC_POOL=a VMMALLOC_SOCKET=$RUN/pool.sock LD_PRELOAD=$LIBRARY exec /bin/echo started
	) >out 2>errors
	is $? 1
	is "$(cat out)" ""
	is "$(cat errors)" "Error (libvmmalloc): no pool of class a: vmmallocd ($RUN/pool.sock): Too many open files"
	# the pool that was on its way is not lost
	wait_for eval '[ "$(ask daemon handed_out)" = "$(ask daemon recycled)" ]'
}

run_case "without standard error it serves, reloads and ends in good order" case_closed 2
run_case "without standard input and output it does the same" case_closed 0 1
run_case "without any of the three it does the same" case_closed 0 1 2
run_case "signals that its parent held back reach it" case_blocked
run_case "a client that has no number for its pool is told so" case_no_number
run_case "help and version that cannot be written are an error" case_full
end_suite
