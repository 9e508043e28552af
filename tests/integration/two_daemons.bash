#!/bin/bash
# two_daemons.bash -- a user's own daemon and the system's: which of them a program asks, and vmmallocctl.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"
unset VMMALLOC_RUNTIME_DIR VMMALLOC_SOCKET VMMALLOC_POOL VMMALLOC_POOL_DIR VMMALLOC_POOL_SIZE LD_PRELOAD XDG_RUNTIME_DIR
SYSTEM=/run/vmmalloc USERS_SOCKET=runtime/vmmalloc/pool.sock
export SYSTEM USERS_SOCKET

# as_user COMMAND...: as one who may have a daemon of his own
as_user() {
	XDG_RUNTIME_DIR=$WORK/runtime setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$@"
}
# classes DIRECTORY CLASS...: a configuration with these; one called "full" has no pool to give
classes() {
	local directory=$1 class
	shift
	for class; do
		printf '[pool %s]\ndirectory = %s\nsize = 16M\nready = 0\nmax = 1\n' "$class" "$directory"
		[ "$class" != full ] || printf 'cold = no\n'
	done
}
# The system's is where it is on any machine, which only this suite's mounts show.
system_daemon() {
	classes "$POOLS/system" common systems full >system.conf
	"$DAEMON_PROGRAM" --config "$WORK/system.conf" --runtime-dir $SYSTEM --state-dir "$WORK/system" 2>>system.log &
	PIDS="$PIDS $!" SYSTEMS=$!
	wait_for test -S $SYSTEM/control.sock
}
users_daemon() {
	classes "$POOLS/users" common users full >users.conf
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$HELPERS/vmmallocd" --config "$WORK/users.conf" \
		--runtime-dir "$WORK/runtime/vmmalloc" --state-dir "$WORK/users" 2>>log &
	PIDS="$PIDS $!" USERS=$!
	wait_for test -S runtime/vmmalloc/control.sock
}
both_daemons() {
	setup
	need_root
	need_mounts
	mount -t tmpfs -o mode=755 run /run && mkdir $SYSTEM || fail "mount"
	MOUNTS="$MOUNTS /run"
	cp -f "$BUILD/${FLAVOUR:-release}"/{vmmallocd,vmmallocctl,libvmmalloc.so.1} "$HELPERS" && chmod -R a+rX "$HELPERS" || fail cp
	chmod 755 "$POOLS"
	mkdir "$POOLS/system" "$POOLS/users" runtime users
	chown $NOBODY "$POOLS/users" runtime users
	system_daemon
	users_daemon
}
# whose_pool: which daemon's the pool is in the mappings of a process
whose_pool() { grep -oE "$POOLS/(system|users)/" | sort -u | xargs -r -n 1 basename; }
# run_class CLASS [OPTION...], by_library CLASS [VARIABLE=VALUE...]: whose pool a program of the user gets
run_class() { as_user "$HELPERS/vmmallocctl" run --class "$@" -- cat /proc/self/maps 2>err | whose_pool; }
by_library() {
	local class=$1
	shift
	as_user env VMMALLOC_POOL="$class" "$@" LD_PRELOAD="$HELPERS/libvmmalloc.so.1" cat /proc/self/maps 2>err | whose_pool
}
export -f as_user classes system_daemon users_daemon both_daemons whose_pool run_class by_library

asks_both() {
	both_daemons
	local way
	for way in run_class by_library; do
		is "$($way common) $($way users) $($way systems)" "users users system"
	done
	# nobody's own daemon has pools for root, whatever the environment says
	is "$(XDG_RUNTIME_DIR=$WORK/runtime "$HELPERS/vmmallocctl" run --class common -- cat /proc/self/maps | whose_pool)" system
	is "$(XDG_RUNTIME_DIR=$WORK/runtime VMMALLOC_POOL=common LD_PRELOAD=$HELPERS/libvmmalloc.so.1 cat /proc/self/maps | whose_pool)" system
	# with a class nothing needs to be said, and a library of before 1.3 knows no VMMALLOC_SOCKET=auto
	is "$(as_user "$HELPERS/vmmallocctl" run --class common -- printenv VMMALLOC_SOCKET)" ""
	# by directory, and what a program starts
	is "$(as_user "$HELPERS/vmmallocctl" run --dir "$POOLS/system" --size 14M -- sh -c 'cat /proc/self/maps' | whose_pool)" system
	is "$(as_user "$HELPERS/vmmallocctl" run --class systems -- sh -c 'exec cat /proc/self/maps' | whose_pool)" system
	# one that has the class has the last word
	is "$(run_class full)$(cat err)" "Error (libvmmalloc): no pool of class full: vmmallocd ($WORK/$USERS_SOCKET): no pool is ready"
	as_user "$HELPERS/vmmallocctl" drain common >/dev/null || fail "drain"
	is "$(by_library common)" ""
	grep -q "the class is drained" err || fail "$(cat err)"
}
run_case "the user's daemon is asked, and the system's for a class that the user's has not" asks_both

# XDG_RUNTIME_DIR may be somebody else's, as after su, or a directory for everybody.
passes_over_others() {
	both_daemons
	is "$(by_library common)" users
	kill -9 $USERS
	chmod 755 runtime
	local other=$((NOBODY - 1))
	# a daemon of another user, where the user's own would be; then the file of its socket is the user's
	rm -rf runtime/vmmalloc users "$POOLS/users"/*
	mkdir users
	chown $other "$POOLS/users" runtime users
	setpriv --reuid $other --regid $other --clear-groups "$HELPERS/vmmallocd" --config "$WORK/users.conf" \
		--runtime-dir "$WORK/runtime/vmmalloc" --state-dir "$WORK/users" 2>>log &
	PIDS="$PIDS $!"
	wait_for test -S $USERS_SOCKET
	chmod -R a+rwX runtime
	is "$(by_library common)" system
	is "$(run_class common)" system
	grep . err && fail "it is as if it were not there"
	chown $NOBODY $USERS_SOCKET "$POOLS/users"/*
	is "$(by_library common)" system
}
run_case "another user's daemon in XDG_RUNTIME_DIR has no pools for this one" passes_over_others

named_only() {
	both_daemons
	is "$(run_class common --on-fail exit) $(VMMALLOC_RUNTIME_DIR=$SYSTEM run_class common)" "users system"
	is "$(VMMALLOC_SOCKET=$SYSTEM/pool.sock run_class common)" system
	is "$(as_user "$HELPERS/vmmallocctl" --runtime-dir $SYSTEM run --class common -- cat /proc/self/maps | whose_pool)" system
	# what is empty names none
	is "$(VMMALLOC_SOCKET='' run_class common) $(VMMALLOC_SOCKET='' run_class systems)" "users system"
	is "$(by_library common VMMALLOC_SOCKET=$SYSTEM/pool.sock) $(by_library common VMMALLOC_SOCKET=auto)" "system users"
	# and no other one
	is "$(by_library systems VMMALLOC_SOCKET="$WORK/$USERS_SOCKET")" ""
	is "$(cat err)" "Error (libvmmalloc): no pool of class systems: vmmallocd ($WORK/$USERS_SOCKET): there is no such class of pools: vmmallocctl status lists all"
	as_user "$HELPERS/vmmallocctl" --runtime-dir "$WORK/runtime/vmmalloc" run --class systems -- true 2>err
	is "$? $(cat err)" "4 vmmallocctl: there is no class 'systems'; vmmallocctl status lists all"
}
run_case "a daemon that is named is the only one" named_only

not_running() {
	both_daemons
	local way
	kill -KILL $USERS
	wait $USERS
	# its socket is still there
	for way in run_class by_library; do
		is "$($way common)" system
		is "$($way nosuch)" ""
	done
	grep -qF "vmmallocd ($WORK/$USERS_SOCKET): Connection refused; vmmallocd ($SYSTEM/pool.sock): there is no such class" err || fail "$(cat err)"
	rm -r runtime/vmmalloc
	is "$(run_class common) $(by_library common)" "system system"
	kill -TERM $SYSTEMS
	wait $SYSTEMS
	is "$(by_library common)$(cat err)" "Error (libvmmalloc): no pool of class common: vmmallocd ($SYSTEM/pool.sock): No such file or directory"
	# how to start it depends on what runs the machine
	local none="vmmallocctl: no daemon answers at $SYSTEM/control.sock: No such file or directory; start one:"
	is "$("$HELPERS/vmmallocctl" list 2>&1)" "$none vmmallocd"
	mkdir -p /run/systemd/system
	is "$("$HELPERS/vmmallocctl" list 2>&1)" "$none systemctl start vmmallocd"
	users_daemon
	is "$(run_class common) $(by_library common)" "users users"
	# one that is stopped is not there either
	system_daemon
	kill -STOP $USERS
	is "$(run_class common) $(by_library common)" "system system"
	# nor does it take the time that there is to wait
	local began=$SECONDS
	is "$(by_library common VMMALLOC_WAIT=30)" system
	[ $((SECONDS - began)) -lt 20 ] || fail "$((SECONDS - began)) s"
	# once, and not for each tier
	if command -v strace >/dev/null; then
		as_user env VMMALLOC_POOL=common,systems strace -E LD_PRELOAD="$HELPERS/libvmmalloc.so.1" -e trace=connect cat \
			/proc/self/maps 2>calls | whose_pool >out
		is "$(cat out) $(grep -c "connect.*$USERS_SOCKET" calls)" "system 1"
	fi
	kill -CONT $USERS
	began=$SECONDS
	is "$(by_library full VMMALLOC_WAIT=2)" ""
	[ $((SECONDS - began)) -ge 2 ] || fail "it did not wait"
	grep -qE 'no pool is ready \(waited [0-9]+ s\)$' err || fail "$(cat err)"
}
run_case "a user's daemon that does not run leaves the system's" not_running

# least_ms COMMAND...: how long the fastest of a few takes
least_ms() {
	local i began ms least=
	for i in 1 2 3 4 5; do
		began=$(date +%s%N)
		"$@" >out 2>&1 || fail "$*: $(cat out)"
		ms=$((($(date +%s%N) - began) / 1000000))
		[ "${least:-$ms}" -lt $ms ] || least=$ms
	done
	echo $least
}
export -f least_ms
second_stopped() {
	both_daemons
	kill -STOP $SYSTEMS
	local ms
	ms=$(least_ms as_user "$HELPERS/vmmallocctl" run --class users -- true) || fail "$ms"
	[ "$ms" -lt 1000 ] || fail "$ms ms"
	kill -CONT $SYSTEMS
}
run_case "the system's daemon is not waited for where the user's has the class" second_stopped

misspelt() {
	both_daemons
	as_user "$HELPERS/vmmallocctl" run --class system -- true 2>err
	is "$? $(cat err)" "4 vmmallocctl: there is no class 'system'; did you mean 'systems'?"
	as_user "$HELPERS/vmmallocctl" run --class user,systems -- true 2>err
	is "$? $(cat err)" "4 vmmallocctl: there is no class 'user'; did you mean 'users'?"
	as_user "$HELPERS/vmmallocctl" run --class zz -- true 2>err
	is "$? $(cat err)" "4 vmmallocctl: there is no class 'zz'; vmmallocctl status lists all"
	# who can do without one is not told
	is "$(as_user "$HELPERS/vmmallocctl" run --class zz --on-fail dram -- echo ran 2>err)" ran
	is "$(cd "$POOLS/users" && as_user "$HELPERS/vmmallocctl" run --class zz --dir . --size 16M -- echo ran)" ran
}
run_case "a class that there is not is said before the program starts" misspelt

end_suite
