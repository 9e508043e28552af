#!/bin/bash
# control.bash -- what an operator orders: classes drained, disabled, resized and filled, pools made and removed.
# waits: for orders to be carried out
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../integration/helpers/daemon.bash"
DRAINED="the class is drained, and nobody gets a pool of it for now: vmmallocctl enable lets it serve again"
export DRAINED

# on_class COMMAND...: a program with a pool of class a
on_class() { VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY "$@"; }
# serve [LINE...]: class a, with two ready pools unless a line says otherwise
serve() {
	setup
	one_class "${@:-ready = 2}"
	daemon_start
	wait_for settled a
}
field() { ctl status --json | tr '{}' '\n\n' | grep "^\"name\":\"$1\"\|\"name\":\"$1\"" -A3 | tr -d '\n' | grep -oE "\"$2\":[^,]*" | head -n 1 | cut -d: -f2- | tr -d '"'; }
# settled CLASS: it has as many ready pools as it should have
settled() { [ "$(ask count "$1" ready)" -ge "$(field "$1" ready)" ]; }
# one_line STATUS LINE ARGUMENT...: that exit status, and that one line on standard error
one_line() {
	local expected=$1 line=$2 status
	shift 2
	ctl "$@" >out 2>err
	status=$?
	[ $status -eq "$expected" ] || fail "$*: exit status $status: $(cat out err)"
	is "$(cat err)" "$line"
}
# again: the daemon is killed, and starts anew
again() {
	daemon_end KILL
	daemon_start
}
files() { find "$POOLS" -type f -printf '%f\n' | grep -cE '\.(new|ready|used|bad)$'; }
export -f on_class serve field settled one_line again files

usage() {
	serve
	one_line 2 "vmmallocctl: drain: a class is missing; try vmmallocctl drain --help" drain
	one_line 2 "vmmallocctl: drain: unexpected argument 'b'; try vmmallocctl drain --help" drain a b
	one_line 2 "vmmallocctl: --wait (x): expected a number from 0 to 2147483647" drain --wait=x a
	one_line 2 "vmmallocctl: --wait (-1): expected a number from 0 to 2147483647" drain --wait=-1 a
	one_line 2 "vmmallocctl: resize: --ready or --max is missing; try vmmallocctl resize --help" resize a
	one_line 2 "vmmallocctl: --max (0): expected a number from 1 to 65536" resize a --max 0
	one_line 2 "vmmallocctl: --ready (1e9): expected a number from 0 to 65536" resize a --ready 1e9
	one_line 1 "vmmallocctl: class 'a': ready (17): expected at most max (16)" resize a --ready 17
	one_line 2 "vmmallocctl: COUNT (0): expected a number from 1 to 65536" create a 0
	one_line 1 "vmmallocctl: class 'a': 15 more pools: expected at most 14, for it may have 16" create a 15
	one_line 4 "vmmallocctl: no pool of the daemon's is 'zz'; vmmallocctl list has all" destroy zz
	local order
	for order in drain enable disable top-up create 'resize --max 3'; do
		one_line 4 "vmmallocctl: there is no class 'other'; vmmallocctl status lists all" $order other
		one_line 4 "vmmallocctl: there is no class 'A'; did you mean 'a'?" $order A
	done
	# nothing of that has changed anything
	is "$(ask count a ready)" 2
	is "$(field a service) $(field a max)" "serving 16"
	daemon_end TERM
	one_line 3 "vmmallocctl: no daemon answers at $RUN/control.sock: No such file or directory; start one: vmmallocd --runtime-dir $RUN" drain a
}
run_case "bad words are one line each, and change nothing" usage

others() {
	serve
	chmod 711 "$RUN"
	local order as="setpriv --reuid $NOBODY --regid $NOBODY --clear-groups"
	cp "$BUILD/${FLAVOUR:-release}/vmmallocctl" "$HELPERS" && chmod 755 "$HELPERS/vmmallocctl"
	for order in 'drain a' 'disable a' 'enable a' 'resize a --max 1' 'top-up a' 'create a'; do
		$as "$HELPERS/vmmallocctl" --runtime-dir "$RUN" $order >out 2>err
		is "$?" 1
		is "$(cat err)" "vmmallocctl: not permitted: this is for root or the daemon's own user"
	done
	$as "$HELPERS/vmmallocctl" --runtime-dir "$RUN" destroy "$(ctl list -n -o ID | head -n 1)" 2>err
	is "$(cat err)" "vmmallocctl: not permitted: this is for root or the daemon's own user"
	is "$(ask count a ready) $(field a service)" "2 serving"
}
[ "$(id -u)" = 0 ] && run_case "others may order nothing" others

drain() {
	serve 'ready = 2' 'max = 3' 'cold = no'
	hold wait=a:60 reply
	hold wait=a:60 reply
	hold wait=a:60 reply
	ctl drain a >out || fail "drain: $?"
	is "$(grep -c ' leased ' out)" 3
	is "$(tail -n 1 out)" "class 'a' is drained; pools of it that are held: 3"
	# clients of all versions are refused, and each in words that it knows
	is "$(client take=a)" "no pool is ready"
	is "$(client wait=a:0 reply)" "$DRAINED"
	is "$(client wait=a:60 reply)" "$DRAINED"
	is "$(client "takedir=$POOLS:1")" "no pool is ready"
	on_class /bin/true 2>err
	is "$?" 1
	is "$(cat err)" "Error (libvmmalloc): no pool of class a: vmmallocd ($RUN/pool.sock): $DRAINED"
	# what comes back is clean and ready, and stays
	kill_held "$HELD"
	wait_count a leased 2
	wait_count a ready 1
	ctl status | grep -q "^a  *is drained: nobody gets a pool of it until vmmallocctl enable a" || fail "$(ctl status)"
	is "$(field a service)" drained
	is "$(client wait=a:0 reply)" "$DRAINED"
	is "$(ctl enable a)" "class 'a' is served"
	is "$(client take=a | cut -d' ' -f1)" ok
}
run_case "a drained class gives nothing, and keeps what it has" drain

drain_more() {
	serve "$@"
	ctl create a 2 >/dev/null
	hold take=a
	hold take=a
	# what comes back to a class without cold pools is ready, though the class has enough
	kill_held "$HELD"
	wait_count a leased 1
	# emptied, warmed, and none is being made
	wait_for eval '! ctl list -n -o state a | grep -qv "ready\|leased"'
	local ready
	ready=$(ctl list -n --state ready -o ID | sort)
	ctl drain a >/dev/null || fail "drain: $?"
	is "$(ctl list -n --state ready -o ID | sort)" "$ready"
	ctl enable a >/dev/null
	is "$(ctl list -n --state ready -o ID | sort)" "$ready"
}
run_case "a drained class keeps the ready pools that it has past its figure" drain_more 'ready = 1' 'cold = no'

drain_created() {
	serve 'ready = 1'
	ctl create a 2 >/dev/null
	local ready
	ready=$(ctl list -n --state ready -o ID | sort)
	is "$(echo "$ready" | wc -l)" 3
	ctl drain a >/dev/null
	ctl enable a >/dev/null
	is "$(ctl list -n --state ready -o ID | sort)" "$ready"
}
run_case "a drained class keeps the ready pools that were made on order" drain_created

drain_waiting() {
	serve 'ready = 0' 'max = 1'
	hold wait=a:0 reply
	client waits=a:60:2 hold >waiting.1 &
	PIDS="$PIDS $!"
	client wait=a:60 reply >waiting.2 &
	PIDS="$PIDS $!"
	wait_count a waiting 3
	ctl drain a >/dev/null || fail "drain: $?"
	wait_count a waiting 0
	wait_for grep -q . waiting.2
	is "$(cat waiting.2)" "$DRAINED"
}
run_case "those who wait are told that the class is drained" drain_waiting

drain_wait() {
	serve
	hold take=a
	ctl drain a --wait=0 >out 2>err
	is "$?" 1
	is "$(cat err)" "vmmallocctl: class 'a' is drained, and after 0 s 1 of its pools are still held"
	is "$(grep -c ' leased ' out)" 1
	timeout 60 "$BUILD/${FLAVOUR:-release}/vmmallocctl" --runtime-dir "$RUN" drain --wait a >out 2>err &
	local waiter=$!
	PIDS="$PIDS $waiter"
	sleep 0.6
	[ ! -s out ] || fail "it did not wait: $(cat out)"
	kill_held "$HELD"
	wait $waiter || fail "drain --wait: $?: $(cat err)"
	is "$(cat out)$(cat err)" "class 'a' is drained; pools of it that are held: 0"
	# somebody else changes his mind
	ctl enable a >/dev/null
	hold take=a
	timeout 60 "$BUILD/${FLAVOUR:-release}/vmmallocctl" --runtime-dir "$RUN" drain --wait a >out 2>err &
	waiter=$!
	PIDS="$PIDS $waiter"
	wait_for eval '[ "$(field a service)" = drained ]'
	ctl enable a >/dev/null
	wait $waiter
	is "$? $(cat err)" "1 vmmallocctl: class 'a' was enabled meanwhile"
}
run_case "drain --wait waits until nobody has a pool" drain_wait

# The order was answered, and who has a pool is asked again.
is_answered() { [ "$(grep -cs control.sock calls)" -ge 2 ]; }
export -f is_answered
drain_restart() {
	serve
	need strace
	hold take=a
	local ctl="$BUILD/${FLAVOUR:-release}/vmmallocctl" waiter
	strace -f -e trace=connect -o calls timeout 60 "$ctl" --runtime-dir "$RUN" drain --wait a >out 2>err &
	waiter=$!
	PIDS="$PIDS $waiter"
	wait_for is_answered
	daemon_end KILL
	wait_for grep -q "has gone" err
	daemon_start
	wait_for grep -q "answers" err
	kill_held "$HELD"
	wait $waiter || fail "drain --wait: $?: $(cat err)"
	is "$(cat out)" "class 'a' is drained; pools of it that are held: 0"
	is "$(cat err)" "vmmallocctl: the daemon at $RUN/control.sock has gone: waiting for one
vmmallocctl: a daemon answers at $RUN/control.sock"
	# the time goes on without one
	rm calls
	ctl enable a >/dev/null
	hold take=a
	strace -f -e trace=connect -o calls timeout 60 "$ctl" --runtime-dir "$RUN" drain --wait=4 a >out 2>err &
	waiter=$!
	PIDS="$PIDS $waiter"
	wait_for is_answered
	daemon_end KILL
	wait $waiter
	is "$? $(tail -n 1 err)" "1 vmmallocctl: class 'a' is drained, and after 4 s 1 of its pools are still held"
	is "$(grep -c ' leased ' out)" 1
	# nor does one that is stopped take longer
	daemon_start
	kill -STOP "$DAEMON"
	timeout 6 "$ctl" --runtime-dir "$RUN" drain --wait=1 a >out 2>err
	is "$? $(cat err)" "3 vmmallocctl: no daemon answers at $RUN/control.sock: Connection timed out; it is stopped or busy: vmmallocctl doctor tells more"
}
run_case "drain --wait goes on with the next daemon, as wait does" drain_restart

# On a terminal, in the words of the last line.
progress() {
	need script
	serve
	hold take=a
	terminal() { timeout 60 script -qec "stty cols 80; '$BUILD/${FLAVOUR:-release}/vmmallocctl' --runtime-dir '$RUN' $*" /dev/null </dev/null; }
	terminal drain a --wait=1 >out
	grep -qF "[....................] class 'a': pools held: 1, for 0s" out || fail "$(cat -v out)"
	terminal enable a >/dev/null
	terminal prune >out
	tr '\r' '\n' <out | grep -q "pools removed: 0$" || fail "$(cat -v out)"
}
run_case "how far it is, on a terminal" progress

outlast() {
	serve
	ctl drain a >/dev/null || fail "drain: $?"
	again
	is "$(field a service)" drained
	is "$(client wait=a:0 reply)" "$DRAINED"
	ctl reload || fail "reload: $?"
	is "$(field a service)" drained
	ctl disable a >out || fail "disable: $?"
	again
	is "$(field a service)" disabled
	# the class goes from the configuration, and comes back
	mv vmmallocd.conf kept && : >vmmallocd.conf && ctl reload && mv kept vmmallocd.conf && ctl reload || fail "reload"
	is "$(field a service)" disabled
	ctl enable a >/dev/null
	again
	is "$(field a service)" serving
	wait_count a ready 2
	# sizes are for a while only
	ctl resize a --ready 1 --max 5 >/dev/null
	again
	is "$(field a ready) $(field a max)" "2 16"
}
run_case "what is drained or disabled stays so over a crash, and through reloads" outlast

# The state directory cannot be written: whoever orders is told, and the order is in force.
not_saved() {
	need_mounts
	serve
	mount -t tmpfs -o size=64k,mode=700 none "$STATE" || fail "mount"
	MOUNTS="$MOUNTS $STATE"
	cat /dev/zero >"$STATE/full" 2>/dev/null
	one_line 1 "vmmallocctl: orders $STATE/orders: save: No space left on device" drain a
	is "$(client wait=a:0 reply)" "$DRAINED"
	ctl status | grep -q "problem.*orders $STATE/orders: save: No space left on device" || fail "$(ctl status)"
	rm "$STATE/full"
	wait_for eval '! ctl status | grep -q "orders.*save"'
	is "$(cat "$STATE/orders")" "drained a"
}
run_case "an order that cannot be saved is said, and tried again" not_saved

spoilt() {
	serve
	ctl drain a >/dev/null
	daemon_end KILL
	printf 'drained a\nnonsense\ndrained ../b\n' >"$STATE/orders"
	daemon_start
	is "$(field a service)" drained
	ctl status | grep -q "^problem .*orders $STATE/orders: line 2 is no order" || fail "$(ctl status)"
	daemon_end KILL
	# what a machine that lost its power may leave
	head -c 64 /dev/zero >"$STATE/orders"
	daemon_start
	ctl status | grep -q "^problem .*orders $STATE/orders: line 1 is no order: a class that was" || fail "$(ctl status)"
	daemon_end KILL
	truncate -s 1048577 "$STATE/orders"
	daemon_start
	ctl status | grep -q "^problem .*orders $STATE/orders: 1048577 bytes: more than 1048576: a class that was" || fail "$(ctl status)"
	daemon_end KILL
	rm "$STATE/orders" && mkdir "$STATE/orders"
	daemon_start
	ctl status | grep -q "^problem .*orders $STATE/orders: .*: a class that was drained" || fail "$(ctl status)"
}
run_case "a spoilt file of orders is said" spoilt

disable() {
	serve 'ready = 3'
	hold take=a
	wait_count a ready 3
	ctl disable a >out || fail "disable: $?"
	is "$(grep -c ' ready ' out)" 3
	is "$(tail -n 2 out)" "ready pools removed: 3
class 'a' is disabled; pools of it that are held: 1"
	is "$(files)" 1
	is "$(client wait=a:0 reply)" "$DRAINED"
	kill_held "$HELD"
	# nothing is left, and nothing comes
	wait_for eval '[ "$(files)" = 0 ]'
	is "$(ask problem a)" ""
	ctl enable a >/dev/null
	wait_count a ready 3
}
run_case "a disabled class has no pool but those that somebody has" disable

resize() {
	serve 'ready = 2' 'max = 4' 'cold = no'
	is "$(ctl resize a --ready 4 --max 6)" "class 'a' has ready = 4 and max = 6 until the configuration is read again"
	wait_count a ready 4
	ctl status | grep -q "^a  *is resized until the configuration is read again, which says ready = 2 and max = 4" || fail "$(ctl status)"
	ctl status a | grep -q "^resized  *until the configuration is read again, which says ready = 2 and max = 4" || fail "$(ctl status a)"
	is "$(field a configured_ready) $(field a configured_max)" "2 4"
	ctl resize a --ready 1 >/dev/null
	wait_count a ready 1
	is "$(field a max)" 6
	ctl reload || fail "reload"
	wait_count a ready 2
	is "$(field a ready) $(field a max) $(field a configured_max)" "2 4 null"
	! ctl status | grep resized || fail "it is not"
}
run_case "a class is resized until the next reload" resize

top_up() {
	need_mounts
	setup
	small_mount small 40M
	POOLS=$WORK/small
	one_class 'ready = 2'
	head -c 30M /dev/zero >small/filler
	daemon_start
	wait_for eval '[ -n "$(ask problem a)" ]'
	# the file system is full: said at once, and again
	one_line 1 "vmmallocctl: class 'a': pool directory $POOLS: no space left for a pool of 16 MiB" top-up a
	is "$(cat out)" "class 'a': pools made: 0"
	# pauses grow to a minute; nobody waits for one
	rm small/filler
	is "$(ctl top-up a)" "class 'a': pools made: 2"
	is "$(ask count a ready)" 2
	is "$(ctl top-up a)" "class 'a': pools made: 0"
	ctl drain a >/dev/null
	ctl status a | grep -q "^service  *drained: nobody gets a pool of it until vmmallocctl enable a$" || fail "$(ctl status a)"
	one_line 1 "vmmallocctl: class 'a': it is drained: vmmallocctl enable ends that" top-up a
	one_line 1 "vmmallocctl: class 'a': it is drained: vmmallocctl enable ends that" create a
}
run_case "top-up makes what is wanted now, or says why not" top_up

create() {
	serve
	is "$(ctl create a)" "class 'a': pools made: 1"
	is "$(ctl create a 3)" "class 'a': pools made: 3"
	is "$(ask count a ready)" 6
	# they are there for whoever comes
	hold take=a
	hold take=a
	is "$(ask count a ready)" 4
	is "$(ctl prune | tail -n 1)" "pools removed: 2"
	is "$(ask count a ready)" 2
	ctl create a 1 >/dev/null
	ctl reload
	wait_count a ready 2
}
run_case "create makes more, until they are handed out" create

create_full() {
	need_mounts
	setup
	small_mount small 60M
	POOLS=$WORK/small
	one_class 'ready = 1'
	daemon_start
	wait_count a ready 1
	one_line 1 "vmmallocctl: class 'a': pool directory $POOLS: no space left for a pool of 16 MiB" create a 5
	is "$(cat out)" "class 'a': pools made: 2"
	# it does not go on trying
	is "$(ask count a ready)" 3
	is "$(ask problem a)" ""
}
run_case "create says how many it made where there is no room for more" create_full

destroy() {
	serve 'ready = 1'
	hold take=a
	wait_count a ready 1
	local leased ready
	leased=$(ctl list -n -o STATE,ID | awk '$1 == "leased" { print $2 }')
	ready=$(ctl list --json | grep -oE '"id":"[0-9a-f]*","class":"a","path":"[^"]*","state":"ready"' | cut -d'"' -f4)
	one_line 1 "vmmallocctl: pool $(ctl status --json "$leased" | grep -oE '[0-9a-f]{32}' | head -n 1): somebody has it; revoke ends who does" destroy "$leased"
	is "$(ctl destroy "$ready" | tail -n 1)" "pools removed: 1"
	one_line 4 "vmmallocctl: no pool of the daemon's is '$ready'; vmmallocctl list has all" destroy "$ready"
	# the class makes itself another
	wait_count a ready 1
	is "$(ctl destroy "$(find "$POOLS" -name '*.ready')" | tail -n 1)" "pools removed: 1"
	is "$(ask count a leased)" 1
}
run_case "destroy removes a pool that nobody has, and no other" destroy

read_only() {
	need_mounts
	setup
	small_mount small 64M
	POOLS=$WORK/small
	one_class 'ready = 3'
	daemon_start
	wait_count a ready 3
	: >vmmallocd.conf
	mount -o remount,ro "$POOLS" || fail "remount"
	local i
	for i in 1 2; do
		: >vmmallocd.conf
		ctl reload || fail "reload"
		ctl prune >out 2>err
		is "$?" 1
		is "$(cat out)" "pools removed: 0"
		is "$(grep -c 'is not removed: Read-only file system$' err)" 3
		is "$(find "$POOLS" -name '*.ready' | wc -l)" 3
	done
	mount -o remount,rw "$POOLS" || fail "remount"
	is "$(ctl prune | tail -n 1)" "pools removed: 3"
	is "$(find "$POOLS" -name '*.ready' | wc -l)" 0
}
run_case "prune says what was removed, on a file system that is read-only" read_only

revoke() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	serve
	hold take=a map fork
	local parent=$HELD child id
	wait_for grep -q child "held.$parent"
	child=$(awk '/^child/ { print $2 }' "held.$parent")
	echo "$child" >>children
	hold take=a
	id=$(ctl status --json "$parent" | grep -oE '[0-9a-f]{32}' | head -n 1)
	ctl revoke "${id:0:10}" --grace 30 >out 2>err || fail "revoke: $? $(cat out err)"
	is "$(sort out)" "$(printf '%s\n' "pool ${id:0:10}: no process has it" \
		"process $parent (pool_client of user root): SIGTERM" "process $child (pool_client of user root): SIGTERM" | sort)"
	is_gone "$child" || [ "$(awk '/^State/ { print $2 }' /proc/$child/status)" = Z ] || fail "the child is there"
	wait "$parent"
	is "$?" $((128 + 15))
	# nobody else was meant, and the pool comes back
	kill -0 "$HELD" || fail "the holder of another pool has ended"
	kill -0 "$DAEMON" || fail "the daemon has ended"
	wait_count a leased 1
}
run_case "revoke ends all who have a pool, and no others" revoke

# A descriptor in a socket is no process's: the pool is nobody else's all the same, and whoever receives it has it.
revoke_in_flight() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	need python3
	serve
	cat >flight.py <<-'END'
		import array, mmap, os, signal, socket, struct, sys
		def pool():
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    s.connect(sys.argv[1])
		    s.send(struct.pack("=8sIIQQQ64s", b"VMMHAND\0", 1, 1, 0, 0, 0, b"a"))
		    return socket.recv_fds(s, 104, 1)[1][0]
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
		one, other = socket.socketpair()
		fd = pool()
		os.pwrite(fd, b"secret", 8192)
		socket.send_fds(one, [b"x"], [fd])
		os.close(fd)
		open("said", "w").write("SENT")
		signal.sigwait([signal.SIGUSR1])
		fd = socket.recv_fds(other, 1, 1)[1][0]
		open("said", "w").write("HAS " + os.pread(fd, 6, 8192).decode())
		signal.pause()
	END
	python3 flight.py "$RUN/pool.sock" 2>err.python &
	local keeper=$! id
	PIDS="$PIDS $keeper"
	wait_for grep -qs SENT said
	id=$(ctl list -n --state leased -o ID)
	ctl revoke "$id" >out 2>err
	is "$? $(cat out)" "1 pool $id: no process has it"
	grep -q "^vmmallocctl: pool $id: no process is seen to have it, and yet it does not come back: a descriptor of it may be in a socket" err || fail "$(cat err)"
	ctl prune >/dev/null
	one_line 1 "vmmallocctl: pool $(ctl list -n --state leased --json | grep -oE '"id":"[0-9a-f]{32}' | cut -c7-): somebody has it; revoke ends who does" destroy "$id"
	is "$(ctl list -n --state leased -o ID)" "$id"
	kill -USR1 $keeper
	wait_for grep -qs HAS said
	is "$(cat said)" "HAS secret"
	ctl revoke "$id" >out 2>err || fail "revoke: $? $(cat out err)"
	grep -q "^process $keeper " out || fail "$(cat out)"
	wait_count a leased 0
	wait_least a ready 2
	is "$(client take=a map zero | tail -n 1)" zero
}
run_case "revoke says that a pool does not come back whose descriptor is in a socket" revoke_in_flight

# The daemon is stopped when the holder has been told: a holder that is stopped as well is killed after the grace.
revoke_unanswered() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	serve
	hold take=a
	local id revoker
	id=$(ctl list -n --state leased -o id)
	kill -STOP "$HELD"
	"$BUILD/${FLAVOUR:-release}/vmmallocctl" --runtime-dir "$RUN" revoke "$id" --grace 1 >out 2>err &
	revoker=$!
	PIDS="$PIDS $revoker"
	wait_for grep -q SIGTERM out
	kill -STOP "$DAEMON"
	wait $revoker
	is "$? $(tail -n 1 out)" "3 pool $id: no process has it"
	is "$(cat err)" "vmmallocctl: pool $id: whether the daemon has it back is not known, as it does not answer any more: Connection timed out; vmmallocctl list tells, when one does"
	kill -CONT "$DAEMON"
	wait_count a leased 0
}
run_case "revoke says what it does not know when the daemon stops meanwhile" revoke_unanswered

# Who does not end is killed; so is who has it by a descriptor alone, and who was started meanwhile.
revoke_stubborn() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	serve
	VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY /usr/bin/env python3 -c '
import os, signal, time
signal.signal(signal.SIGTERM, lambda *a: os.fork() if os.getpid() == first else None)
first = os.getpid()
open("said", "w").write("%d READY" % first)
while True:
    time.sleep(0.02)
' 2>err.python &
	STUBBORN=$!
	PIDS="$PIDS $STUBBORN"
	wait_for grep -qs READY said
	# env had one before it became python, and that may be being emptied yet
	wait_for eval '[ "$(find "$POOLS" -name "*.used" | wc -l)" = 1 ]'
	local path
	path=$(find "$POOLS" -name '*.used')
	# somebody has it open, and that is all
	sleep 100 7<"$path" &
	local opener=$!
	PIDS="$PIDS $opener"
	daemon_end KILL
	ctl revoke "$path" --grace 1 >out 2>err || fail "revoke: $? $(cat out err)"
	grep -q "^process $STUBBORN (.*): SIGTERM$" out && grep -q "^process $STUBBORN (.*): SIGKILL$" out || fail "$(cat out)"
	grep -q "^process $opener (sleep of user root): SIGTERM$" out || fail "$(cat out)"
	# the child that it made when it was asked to end
	is "$(grep -c SIGKILL out)" 2
	is "$(tail -n 1 out)" "pool $path: no process has it"
	wait $STUBBORN
	is "$?" $((128 + 9))
	ctl ps -n -o DIRECTORY >all
	! grep -q "$POOLS" all || fail "$(cat all)"
}
run_case "who does not end, or comes meanwhile, is killed after the grace, without a daemon" revoke_stubborn

revoke_words() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	serve
	one_line 2 "vmmallocctl: revoke: a pool is missing; try vmmallocctl revoke --help" revoke
	one_line 2 "vmmallocctl: --grace (1x): expected a number from 0 to 86400" revoke --grace 1x 00
	one_line 4 "vmmallocctl: no pool of the daemon's is 'zz'; vmmallocctl list has all" revoke zz
	one_line 1 "vmmallocctl: pool /etc/passwd: /etc/passwd: expected a pool of a daemon's" revoke /etc/passwd
	ln -s /etc/passwd "$WORK/vmmalloc-00000000000000000000000000000000.used"
	one_line 1 "vmmallocctl: pool $WORK/vmmalloc-00000000000000000000000000000000.used: $WORK/vmmalloc-00000000000000000000000000000000.used: expected a pool of a daemon's" \
		revoke "$WORK/vmmalloc-00000000000000000000000000000000.used"
	is "$(ctl revoke "$(find "$POOLS" -name '*.ready' | head -n 1)" | sed 's/.*: //')" "no process has it"
	chmod 711 "$RUN"
	cp "$BUILD/${FLAVOUR:-release}/vmmallocctl" "$HELPERS" && chmod 755 "$HELPERS/vmmallocctl"
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$HELPERS/vmmallocctl" --runtime-dir "$RUN" revoke 00 2>err
	is "$? $(cat err)" "1 vmmallocctl: not permitted: this is for root"
	# whoever is called like the daemon, and is not of the pool's owner, is a holder like others
	cp "$HELPERS/pool_client" "$HELPERS/vmmallocd" && chmod 755 "$HELPERS/vmmallocd"
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$HELPERS/vmmallocd" "$RUN/pool.sock" take=a hold >taken &
	local false_one=$!
	PIDS="$PIDS $false_one"
	wait_for grep -q ok taken
	ctl revoke "$(find "$POOLS" -name '*.used')" >out || fail "revoke: $?"
	grep -q "^process $false_one (vmmallocd of user nobody): SIGTERM$" out || fail "$(cat out)"
	wait_count a leased 0
}
run_case "revoke is for root and for pools, and is not deceived by names" revoke_words

# A user's pools of all classes count, and what is pinned of those that he gave back.
bytes_limit() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	setup
	chmod 711 "$POOLS"
	conf <<-END
		[daemon]
		max_bytes_per_user = 48M
		[pool a]
		directory = $POOLS
		size = 16M
		[pool b]
		directory = $POOLS
		size = 32M
	END
	daemon_start
	wait_count a ready 1; wait_count b ready 1
	local limit="this user would have more memory in pools than one may have: end a program of this user's, or raise max_bytes_per_user"
	hold_as $NOBODY wait=b:60 reply
	local first=$HELD
	hold_as $NOBODY wait=a:60 reply
	wait_count a ready 1
	is "$(client_as $NOBODY wait=a:0 reply)" "$limit"
	is "$(client_as $NOBODY take=a)" "this user has as many pools of the class as one may have: end a program of this user's, or raise max_per_user"
	# others have what they may have
	is "$(client_as $SOMEBODY take=a | cut -c1-3)" "ok "
	wait_count a ready 1
	# who waits gets one when one comes back, and not for what is pinned still
	client_as $NOBODY wait=b:60 reply >waiting &
	PIDS="$PIDS $!"
	wait_count b waiting 1
	kill_held "$first"
	wait_for grep -q '^ok ' waiting
	wait_for eval '[ "$(ctl list -n -o STATE,UID | grep -c "leased *$NOBODY")" = 1 ]'
	wait_count b ready 1
	client_as $NOBODY take=b map pin unmap close hold >pinned &
	PIDS="$PIDS $!"
	wait_for grep -q '^ok ' pinned
	wait_for eval 'ctl list -n -o STATE,UID | grep -q "quarantined"'
	[[ $(client_as $NOBODY wait=a:0 reply) = "pools of the class that this user gave back"* ]] || fail "pinned memory does not count"
	# 0 is no limit, and what is wrong is said
	sed -i 's/^max_bytes_per_user.*/max_bytes_per_user = 0/' vmmallocd.conf
	ctl reload || fail "reload"
	wait_count a ready 1
	is "$(client_as $NOBODY wait=a:60 reply | cut -c1-3)" "ok "
	sed -i 's/^max_bytes_per_user.*/max_bytes_per_user = 4K/' vmmallocd.conf
	one_line 1 "vmmallocctl: $WORK/vmmallocd.conf:2: max_bytes_per_user (4K): expected at least 14680064 (14M), or 0" reload
}
run_case "max_bytes_per_user is for the pools of all classes" bytes_limit

end_suite
