#!/bin/bash
# waiting.bash -- programs that wait for a pool (VMMALLOC_WAIT) when there is none for them.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"
FULL="the class has as many pools as it may have, and all are in use: end a program, or raise max"
LIMIT="this user has as many pools of the class as one may have: end a program of this user's, or raise max_per_user"
CROWDED="as many programs wait for a pool of the class, or of this user do, as may: try again later, or raise max_waiting or max_waiting_per_user"
export FULL LIMIT CROWDED

# on_class SECONDS COMMAND...: a program with a pool of class a, that waits so long for it
on_class() {
	local seconds=$1
	shift
	VMMALLOC_WAIT=$seconds VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY "$@"
}
# waiter NAME SECONDS [UID]: in the background, one that writes its name into `order` when it has a pool, and ends then.
# What it says is in words.NAME; its pid is $WAITER.
waiter() {
	local as=()
	[ -z "${3-}" ] || as=(setpriv --reuid "$3" --regid "$3" --clear-groups)
	VMMALLOC_WAIT=$2 VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a "${as[@]}" env LD_PRELOAD="$LIB" bash -c \
		"echo $1 >>order; while [ -e hold.$1 ]; do read -t 0.02 <>pipe; done; :" 2>"words.$1" &
	WAITER=$!
	PIDS="$PIDS $WAITER"
}
# setup, and what other users' waiters have to reach
setup_for_all() {
	setup
	cp "$LIBRARY" lib.so
	LIB=$WORK/lib.so
	chmod 777 .
	: >order && chmod 666 order
	mkfifo -m 666 pipe
}
# one_pool [LINE...]: class a, of which somebody has all that there may be: $HELD
one_pool() {
	setup_for_all
	one_class 'ready = 0' 'max = 1' "$@"
	daemon_start
	hold wait=a:0 reply
}
ends_with() {
	local status=0
	wait "$1" || status=$?
	is "$status" "$2"
}
says() { is "$(sed "s/(waited [1-9][0-9]* s)/(waited)/" "words.$1")" "Error (libvmmalloc): no pool of class a: vmmallocd ($RUN/pool.sock): $2"; }
export -f on_class waiter setup_for_all one_pool ends_with says

in_order() {
	local i pids=
	one_pool
	for i in 1 2 3 4 5 6; do
		waiter $i 60
		pids="$pids$WAITER "
		wait_count a waiting $i
	done
	is "$(ctl status | awk '$1 == "a" { print $9 }')" 6
	ctl status --json | grep -q '"waiting":6' || fail "$(ctl status --json)"
	# the list has them in their order
	is "$(ctl list -n -o CLASS,STATE,KIND,PID,USER,COMMAND | tail -n +2 | awk '{ print $1, $2, $3, $5, $6 }' | sort -u)" \
		"a waiting - $(id -un) bash"
	is "$(ctl list -n -o PID,STATE | awk '$2 == "waiting" { print $1 }' | tr '\n' ' ')" "$pids"
	ctl list --json | grep -oE '"waiting":\[.*' >waiting.json
	is "$(grep -oE '\{"class":"a","age":[0-9]+,"owner":\{"pid":[0-9]+,"uid":[0-9]+,"comm":"bash"\}\}' waiting.json | wc -l)" 6
	ctl status $WAITER >words.status || fail "status: $?"
	grep -qE '^state +waiting for [0-9]+s$' words.status && grep -qE "^owner +bash, process $WAITER of user" words.status ||
		fail "$(cat words.status)"
	rm words.status
	is "$(ctl status $WAITER --json | grep -oE '"(pools|waiting)":\[[^]]' | tr '\n' ' ')" '"waiting":[{ '
	is "$(cat order)" ""
	is "$(ask daemon refused)" 0
	kill_held "$HELD"
	wait_count a waiting 0
	! ctl list | grep waiting || fail "nobody waits"
	wait_for eval '[ "$(wc -l <order)" = 6 ]'
	is "$(tr '\n' ' ' <order)" "1 2 3 4 5 6 "
	is "$(ask daemon handed_out)" 7
	is "$(cat words.*)" ""
	wait_count a leased 0
}
run_case "programs that wait have pools in the order in which they came" in_order

deadline() {
	one_pool
	waiter 1 1
	wait_count a waiting 1
	ends_with $WAITER 1
	says 1 "$FULL (waited)"
	is "$(ask count a waiting)" 0
	is "$(ask daemon refused)" 1
	# none at all
	waiter 2 0
	ends_with $WAITER 1
	says 2 "$FULL"
	one_class 'ready = 0' 'max = 2' 'max_per_user = 1' && ctl reload
	waiter 3 1
	ends_with $WAITER 1
	says 3 "$LIMIT (waited)"
	one_class 'ready = 0' 'max = 2' 'cold = no' && ctl reload
	waiter 4 1
	ends_with $WAITER 1
	says 4 "no pool is ready (waited)"
	# what no wait changes is said at once
	one_class 'users = 12345' && ctl reload
	[ "$(id -u)" -ne 0 ] || {
		waiter 5 60 $NOBODY
		ends_with $WAITER 1
		says 5 "the class is not for this user"
	}
	sed -i 's/pool a/pool b/' vmmallocd.conf && ctl reload
	waiter 6 60
	ends_with $WAITER 1
	says 6 "there is no such class of pools: vmmallocctl status lists all"
}
run_case "when the time is over it is said what is in the way, and how long the program waited" deadline

no_space() {
	setup
	small_mount small 40M
	LIB=$LIBRARY POOLS=$WORK/small/pools
	mkdir "$POOLS"
	mkfifo pipe
	one_class 'ready = 0'
	daemon_start
	fallocate -l 40M "$WORK/small/full" 2>/dev/null || cat /dev/zero >"$WORK/small/full" 2>/dev/null
	waiter 1 1
	ends_with $WAITER 1
	says 1 "there is no space left for a pool of the class: free some in its directory (waited)"
	waiter 2 60
	wait_count a waiting 1
	rm "$WORK/small/full"
	ends_with $WAITER 0
}
run_case "a program waits for space" no_space

gone() {
	local first second third
	one_pool
	waiter 1 60
	first=$WAITER
	wait_count a waiting 1
	waiter 2 60
	second=$WAITER
	wait_count a waiting 2
	"$HELPERS/pool_client" "$RUN/pool.sock" wait=a:60 waitfor=drop drop hold &
	third=$!
	PIDS="$PIDS $third"
	wait_count a waiting 3
	"$HELPERS/pool_client" "$RUN/pool.sock" wait=a:60 waitfor=shut shut hold &
	PIDS="$PIDS $!"
	wait_count a waiting 4
	waiter 5 60
	wait_count a waiting 5
	kill -TERM $first
	ends_with $first 143
	wait_count a waiting 4
	kill_held $second
	wait_count a waiting 3
	: >drop
	wait_count a waiting 2
	: >shut
	wait_count a waiting 1
	kill_held "$HELD"
	ends_with $WAITER 0
	is "$(cat order)" 5
	is "$(ask daemon handed_out)" 2
	is "$(ask daemon refused)" 0
	wait_count a leased 0
}
run_case "a program that ends while it waits, by whatever signal, has given up its place" gone

# Its answer is there, with the pool, and it never reads it.
dies_with_the_answer() {
	local first
	one_pool
	waiter 1 60
	first=$WAITER
	wait_count a waiting 1
	waiter 2 60
	wait_count a waiting 2
	kill -STOP $first
	kill_held "$HELD"
	wait_count a waiting 1
	wait_count a leased 1
	is "$(cat order)" ""
	kill_held $first
	ends_with $WAITER 0
	is "$(cat order)" 2
	wait_count a leased 0
}
run_case "a pool that was sent to a program which dies before it reads that is the next one's" dies_with_the_answer

# Whatever is decided again meanwhile, the time is over when it is.
churn() {
	local i
	one_pool
	printf '[pool b]\ndirectory = %s\nsize = 16M\nready = 0\n' "$POOLS" >>vmmallocd.conf && ctl reload
	waiter 1 1
	wait_count a waiting 1
	for i in $(seq 2000); do
		[ "$(ask count a waiting)" != 0 ] || break
		client wait=b:0 reply >words.b
		grep -q ^ok words.b || fail "$(cat words.b)"
	done
	ends_with $WAITER 1
	says 1 "$FULL (waited)"
}
run_case "others that come and go do not make a wait longer" churn

# Ten times as many programs as pools, each of which comes again and again: nobody waits for long.
nobody_starves() {
	setup
	one_class 'ready = 0' 'max = 3'
	daemon_start
	cat >worker <<-'END'
		#!/bin/bash
		for i in 1 2 3 4 5 6 7 8 9 10; do
			LD_PRELOAD=$LIBRARY VMMALLOC_WAIT=30 VMMALLOC_POOL=a /bin/true || exit 1
		done
	END
	chmod +x worker
	seq 30 | VMMALLOC_SOCKET=$RUN/pool.sock xargs -P 30 -n 1 ./worker || fail "a program had none in 30 s"
	is "$(ask daemon handed_out)" 300
	is "$(ask daemon refused)" 0
	wait_count a leased 0
}
run_case "thirty that come again and again, on three pools: nobody starves" nobody_starves

# SIGINT as the terminal sends it; and a signal that is ignored does not end the wait, nor shorten it.
interrupted() {
	one_pool
	need python3
	cat >start.py <<-'END'
		import os, signal, sys
		if sys.argv[1] == "ignore":
		    signal.signal(signal.SIGINT, signal.SIG_IGN)
		else:
		    signal.signal(signal.SIGINT, signal.SIG_DFL)
		os.environ["LD_PRELOAD"] = os.environ["LIB"]
		os.execv("/bin/true", ["true"])
	END
	LIB=$LIBRARY VMMALLOC_WAIT=60 VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a python3 start.py default &
	PIDS="$PIDS $!"
	wait_count a waiting 1
	kill -INT $!
	ends_with $! 130
	wait_count a waiting 0
	LIB=$LIBRARY VMMALLOC_WAIT=60 VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a python3 start.py ignore &
	PIDS="$PIDS $!"
	wait_count a waiting 1
	kill -INT $!
	# stopped and continued, a system call is begun again
	kill -STOP $! && kill -CONT $!
	is "$(ask count a waiting)" 1
	kill_held "$HELD"
	ends_with $! 0
}
run_case "Ctrl-C ends a program that waits; a signal that does not end it does not end the wait" interrupted

# A user at his limit keeps his place, and nobody behind him waits for that.
of_two_users() {
	need_root
	setup_for_all
	one_class 'ready = 0' 'max = 2' 'max_per_user = 1'
	daemon_start
	: >hold.n1 && : >hold.s1
	waiter n1 60 $NOBODY
	wait_count a leased 1
	N1=$WAITER
	waiter s1 60 $SOMEBODY
	wait_count a leased 2
	waiter n2 60 $NOBODY
	wait_count a waiting 1
	waiter n3 60 $NOBODY
	wait_count a waiting 2
	waiter s2 60 $SOMEBODY
	wait_count a waiting 3
	rm hold.s1
	wait_for eval 'grep -q s2 order'
	wait_count a waiting 2
	rm hold.n1
	wait_for eval '[ "$(wc -l <order)" = 5 ]'
	is "$(tr '\n' ' ' <order)" "n1 s1 s2 n2 n3 "
}
run_case "a user at his own limit keeps his place, and does not keep others" of_two_users

crowded() {
	local status=0
	one_pool 'max_waiting = 3' 'max_waiting_per_user = 2'
	waiter 1 60
	wait_count a waiting 1
	waiter 2 60
	wait_count a waiting 2
	waiter 3 60
	ends_with $WAITER 1
	says 3 "$CROWDED"
	is "$(ask daemon refused)" 1
	[ "$(id -u)" -ne 0 ] || {
		waiter n1 60 $NOBODY
		wait_count a waiting 3
		waiter s1 60 $SOMEBODY
		ends_with $WAITER 1
		says s1 "$CROWDED"
	}
	kill_held "$HELD"
	wait_count a waiting 0
	hold wait=a:0 reply
	one_class 'ready = 0' 'max = 1' 'max_waiting = 0' && ctl reload
	waiter 4 60
	ends_with $WAITER 1
	says 4 "$FULL"
}
run_case "no more wait than max_waiting and max_waiting_per_user say" crowded

# The daemon sees the pool come back, and somebody else ask, in the same turn.
not_overtaken() {
	local pid i
	for i in 1 2 3 4 5; do
		rm -rf ./*
		one_pool
		waiter 1 60
		wait_count a waiting 1
		kill -STOP "$DAEMON"
		kill_held "$HELD"
		: >hold.1
		"$HELPERS/pool_client" "$RUN/pool.sock" wait=a:0 reply >late &
		pid=$!
		wait_for eval "grep -q pool_client /proc/$pid/comm && [ \"\$(awk '{ print \$3 }' /proc/$pid/stat)\" = S ]"
		kill -CONT "$DAEMON"
		wait $pid
		is "$(cat late)" "$FULL"
		wait_for grep -qx 1 order
		rm hold.1
		ends_with $WAITER 0
		daemon_end TERM
		rm -rf "$POOLS"
	done
}
run_case "who asks after a pool came back does not have it before those who waited" not_overtaken

reloaded() {
	one_pool
	waiter 1 60
	wait_count a waiting 1
	waiter 2 60
	wait_count a waiting 2
	: >hold.1
	one_class 'ready = 0' 'max = 2' && ctl reload
	wait_for grep -q 1 order
	is "$(ask count a waiting)" 1
	sed -i 's/pool a/pool b/' vmmallocd.conf && ctl reload
	ends_with $WAITER 1
	says 2 "there is no such class of pools: vmmallocctl status lists all"
}
run_case "a reload decides again: more pools, or no class any more" reloaded

daemon_ends() {
	one_pool
	waiter 1 60
	wait_count a waiting 1
	daemon_end TERM || fail "status $?"
	ends_with $WAITER 1
	grep -q "the daemon has ended: start it, and try again" words.1 || fail "$(cat words.1)"
	daemon_start
	wait_count a leased 1
	waiter 2 60
	wait_count a waiting 1
	daemon_end KILL
	ends_with $WAITER 1
	grep -q "vmmallocd ($RUN/pool.sock): Connection reset by peer" words.2 || fail "$(cat words.2)"
	daemon_start
	wait_count a leased 1
	is "$(ask count a waiting)" 0
	kill_held "$HELD"
	on_class 60 /bin/true || fail "no pool"
}
run_case "a daemon that ends says so to those who wait; one that is killed leaves none waiting" daemon_ends

falls_back() {
	one_pool
	export VMMALLOC_ON_FAIL=dram
	waiter 1 1
	wait_count a waiting 1
	ends_with $WAITER 0
	is "$(sed 's/(waited [1-9][0-9]* s)/(waited)/' words.1)" \
		"Warning (libvmmalloc): no pool of class a: vmmallocd ($RUN/pool.sock): $FULL (waited); the program runs on ordinary memory"
	unset VMMALLOC_ON_FAIL
	export VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=14M
	waiter 2 1
	wait_count a waiting 1
	ends_with $WAITER 0
	is "$(cat words.2)" ""
	is "$(cat order | tr '\n' ' ')" "1 2 "
	is "$(ask daemon refused)" 2
	# by directory
	VMMALLOC_WAIT=60 VMMALLOC_SOCKET=$RUN/pool.sock LD_PRELOAD=$LIBRARY cat /proc/self/maps >maps &
	WAITER=$!
	PIDS="$PIDS $WAITER"
	wait_count a waiting 1
	kill_held "$HELD"
	ends_with $WAITER 0
	grep -q "$POOLS/vmmalloc-.*[.]used" maps || fail "$(cat maps)"
}
run_case "with VMMALLOC_POOL_DIR or VMMALLOC_ON_FAIL=dram a program waits first" falls_back

by_ctl() {
	one_pool
	ctl run --class a --wait=1 -- true 2>words.1 && fail "a pool"
	says 1 "$FULL (waited)"
	ctl run --class a --wait=soon -- true 2>words && fail "--wait=soon"
	is "$(cat words)" "vmmallocctl: --wait (soon): expected a number of seconds up to 1000000"
	on_class -1 /bin/true 2>words && fail "VMMALLOC_WAIT=-1"
	is "$(cat words)" "Error (libvmmalloc): incorrect VMMALLOC_WAIT value (-1), expected a number of seconds up to 1000000"
	ctl run --class a --wait -- env >env &
	WAITER=$!
	PIDS="$PIDS $WAITER"
	wait_count a waiting 1
	kill_held "$HELD"
	ends_with $WAITER 0
	grep -qx VMMALLOC_WAIT=1000000 env || fail "$(cat env)"
	# xargs has one of the two, and the others take turns
	one_class 'ready = 0' 'max = 2' && ctl reload
	seq 40 | ctl run --class a --wait=60 -- xargs -P 8 -n 1 true || fail "status $?"
	is "$(ask daemon handed_out)" 43
	wait_count a leased 0
}
run_case "vmmallocctl run --wait; what the program starts waits as well" by_ctl

# Each of the many costs a descriptor, and no work.
thousands() {
	local before
	setup
	[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 16384 ] || skip "$(ulimit -Hn) descriptors"
	ulimit -n 16384
	one_class 'ready = 0' 'max = 1' 'max_waiting = 10000' 'max_waiting_per_user = 5000'
	printf '[pool b]\ndirectory = %s\nsize = 16M\nready = 0\n' "$POOLS" >>vmmallocd.conf
	daemon_start
	hold wait=a:0 reply
	before=$(ls "/proc/$DAEMON/fd" | wc -l)
	"$HELPERS/pool_client" "$RUN/pool.sock" waits=a:60:3000 hold &
	PIDS="$PIDS $!"
	wait_count a waiting 3000
	# others have their answers, and a walk over the 3000 each time
	for i in $(seq 50); do
		client wait=b:0 reply >words
		grep -q ^ok words || fail "$(cat words)"
	done
	# past a quarter of the descriptors nobody waits
	"$HELPERS/pool_client" "$RUN/pool.sock" waits=a:60:1500 reply hold >late &
	PIDS="$PIDS $!"
	wait_for test -s late
	is "$(cat late)" "$CROWDED"
	is "$(ask count a waiting)" 4096
	kill -KILL $!
	wait_count a waiting 3000
	kill_held "$HELD"
	wait_count a waiting 2999
	wait_count a leased 1
	kill $PIDS
	wait_count a waiting 0
	wait_count a leased 0
	wait_for eval '[ "$(ls "/proc/$DAEMON/fd" | wc -l)" -le '"$before ]"
}
run_case "three thousand wait, and others are served meanwhile" thousands

end_suite
