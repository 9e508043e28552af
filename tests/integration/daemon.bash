#!/bin/bash
# daemon.bash -- a real daemon in directories of its own, and clients that connect, take, map, fork and are killed.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"

# --- options ---

case_options() {
	setup
	one_class
	"$DAEMON_PROGRAM" --config vmmallocd.conf --check || fail "--check refuses a good configuration"
	"$DAEMON_PROGRAM" --version | grep -qE '^vmmallocd [0-9.]+$' || fail "--version"
	"$DAEMON_PROGRAM" --help | grep -q -- --runtime-dir || fail "--help"
	one_class "[daemon]" "frobs = 1"
	"$DAEMON_PROGRAM" --config vmmallocd.conf --check 2>errors
	is $? 1
	is "$(wc -l <errors)" 1
	grep -q 'vmmallocd.conf:5: .*frobs' errors || fail "not the line: $(cat errors)"
	"$DAEMON_PROGRAM" --config vmmallocd.conf --runtime-dir "$RUN" --state-dir "$STATE" 2>errors
	is $? 1
	for wrong in --frob argument "--log-level loud" --config; do
		"$DAEMON_PROGRAM" $wrong 2>errors
		is $? 2
		is "$(wc -l <errors)" 1
	done
}

# --- hand-out ---

case_handout() {
	setup
	one_class "ready = 2" "cold = no"
	daemon_start
	wait_least a ready 2
	client take=a map zero fill=7 has=7 >out || fail "status $?"
	grep -qE '^ok 16777216 [0-9a-f]{32} a$' out || fail "$(cat out)"
	is "$(sed 1d out | tr '\n' ' ')" "zero same "
	# somebody has had all of them by now, and they are as good as new
	for _ in 1 2 3 4 5; do
		wait_least a ready 2
		client take=a map zero fill=9 >out || fail "status $?"
		is "$(sed -n 2p out)" zero
	done
	client take=nothing take=a:99999999 >out
	is "$(sort -u out)" "there is no such class of pools: vmmallocctl status lists all"
	is "$(ask daemon handed_out)" 6
	wait_for eval '[ "$(ask daemon recycled)" = 6 ]'
}

case_by_directory() {
	setup
	mkdir "$POOLS/one" "$POOLS/two"
	conf <<-END
		[pool large]
		directory = $POOLS/one
		size = 32M
		[pool small]
		directory = $POOLS/one
		size = 16M
		[pool elsewhere]
		directory = $POOLS/two
		size = 24M
	END
	daemon_start
	wait_least large ready 1; wait_least small ready 1; wait_least elsewhere ready 1
	is "$(client takedir="$POOLS/one":15000000 | awk '{ print $2, $4 }')" "16777216 small"
	is "$(client takedir="$POOLS/one":16777217 | awk '{ print $2, $4 }')" "33554432 large"
	is "$(client takedir="$POOLS/two":1 | awk '{ print $2, $4 }')" "25165824 elsewhere"
	is "$(client takedir="$POOLS/two":25165825)" "there is no such class of pools: vmmallocctl status lists all"
	is "$(client takedir="$POOLS":1)" "there is no such class of pools: vmmallocctl status lists all"
	# the small one is out: a larger one will do
	wait_least small ready 1; wait_least large ready 1
	hold take=small
	grep -q small "held.$HELD" || fail "$(cat held.*)"
	sed -i 's/size = 16M/&\nmax = 1/' vmmallocd.conf
	ask reload
	is "$(client takedir="$POOLS/one":1 | awk '{ print $2, $4 }')" "33554432 large"
}

case_none_ready() {
	setup
	one_class "ready = 1" "max = 1"
	daemon_start
	wait_count a ready 1
	hold take=a map
	for _ in 1 2 3; do
		is "$(client take=a)" "no pool is ready"
	done
	is "$(ask daemon refused)" 3
	kill_held "$HELD"
	wait_count a ready 1
	is "$(client take=a | cut -c1-11)" "ok 16777216"
}

case_users() {
	setup
	need_root
	conf <<-END
		[pool mine]
		directory = $POOLS
		size = 16M
		users = $NOBODY
		ready = 3
		max_per_user = 2
		[pool group]
		directory = $POOLS
		size = 16M
		groups = $SOMEBODY
	END
	daemon_start
	wait_count mine ready 3; wait_count group ready 1
	is "$(client_as $SOMEBODY take=mine)" "the class is not for this user"
	is "$(client_as $NOBODY take=group)" "the class is not for this user"
	# a supplementary group counts as well
	is "$(setpriv --reuid $NOBODY --regid $NOBODY --groups $SOMEBODY "$HELPERS/pool_client" "$RUN/pool.sock" take=group |
		cut -c1-3)" "ok "
	hold_as $NOBODY take=mine map
	hold_as $NOBODY take=mine map close
	is "$(client_as $NOBODY take=mine)" "this user has as many pools of the class as one may have: end a program of this user's, or raise max_per_user"
	# root may have everything, and has a limit of its own
	is "$(client take=mine | cut -c1-3)" "ok "
	is "$(ask list | awk '$2 == "mine" && $3 == "leased" { print $7, $8 }' | sort -u)" "$NOBODY pool_client"
	kill_held "$HELD"
	wait_for eval '[ "$(client_as $NOBODY take=mine | cut -c1-3)" = "ok " ]'
}

# The daemon of an ordinary user, in the directories that are the default for one.
# own_daemon UID OPTION... -- with that user's directories; in the place of this shell
own_daemon() {
	local uid=$1
	shift
	exec env -u XDG_CONFIG_HOME -u XDG_STATE_HOME HOME="$WORK/home" XDG_RUNTIME_DIR="$WORK/runtime" \
		setpriv --reuid "$uid" --regid "$uid" --clear-groups "$HELPERS/vmmallocd" --user "$@"
}
export -f own_daemon

# Root of a container that has no user namespace, only a PID namespace.
contained() { unshare --pid --fork --kill-child -- "$@"; }
export -f contained
case_contained_root() {
	setup
	need_root
	contained true 2>/dev/null || skip "no PID namespace can be made here"
	conf <<-END
		[pool all]
		directory = $POOLS
		size = 16M
		[pool some]
		directory = $POOLS
		size = 16M
		users = root, somebody-$NOBODY
		groups = root
	END
	sed -i "s/somebody-//" vmmallocd.conf
	daemon_start
	wait_count all ready 1
	wait_count some ready 1
	is "$(client take=some map zero | tail -n 1)" zero
	wait_least some ready 1
	is "$(contained "$HELPERS/pool_client" "$RUN/pool.sock" take=all map zero | tail -n 1)" zero
	is "$(contained "$HELPERS/pool_client" "$RUN/pool.sock" take=some)" "$(client_as $SOMEBODY take=some)"
	is "$(contained "$(dirname "$DAEMON_PROGRAM")/vmmallocctl" --runtime-dir "$RUN" prune 2>&1)" "vmmallocctl: not permitted: this is for root or the daemon's own user"
	contained "$(dirname "$DAEMON_PROGRAM")/vmmallocctl" --runtime-dir "$RUN" list >words || fail "list: status $?"
	grep -q some words || fail "$(cat words)"
	# nor does it use up what is root's
	for _ in $(seq 40); do
		contained "$HELPERS/pool_client" "$RUN/control.sock" connect hold &
		PIDS="$PIDS $!"
	done
	sleep 0.5
	ctl prune >/dev/null || fail "root is shut out"
}

case_wrong_options() {
	refused() {
		"$DAEMON_PROGRAM" "${@:2}" >out 2>words
		is "$? $(cat words) $(cat out)" "2 vmmallocd: $1 "
	}
	refused "unknown option '--foo'; try vmmallocd --help" --foo
	refused "unknown option '--confg'; did you mean '--config'?" --confg=x
	refused "unknown option '-x'; try vmmallocd --help" -x
	refused "--config needs an argument; try vmmallocd --help" --config
	refused "--user takes no argument; try vmmallocd --help" --user=me
	refused "unexpected argument 'x'; try vmmallocd --help" --check x
	refused "--log-level (loud): expected error, warning, info or debug" --log-level loud
}
run_case "a wrong option is one line that says what to do" case_wrong_options

case_own_daemon() {
	setup
	need_root
	local uid
	one_class "ready = 1" "max = 2"
	cp "$DAEMON_PROGRAM" "$HELPERS/vmmallocd"
	for uid in $NOBODY 0; do
		mkdir -p runtime home/.config/vmmalloc
		! (own_daemon $uid --check) 2>words || fail "there is no configuration"
		is "$(cat words)" "vmmallocd: $WORK/home/.config/vmmalloc/vmmallocd.conf: cannot be read: No such file or directory"
		cp vmmallocd.conf home/.config/vmmalloc/
		chown -R $uid "$POOLS" runtime home
		(own_daemon $uid --check) || fail "--check: status $?"
		RUN=$WORK/runtime/vmmalloc STATE=$WORK/home/.local/state/vmmalloc
		own_daemon $uid --log-level debug 2>>log &
		DAEMON=$!
		wait_for is_serving
		wait_count a ready 1
		is "$(client_as $uid take=a map zero fill=1 | tail -n 1)" zero
		daemon_end TERM || fail "exit status $?"
		is "$(stat -c '%a %u' "$RUN" "$STATE" "$STATE/registry.json" | tr '\n' ' ')" "755 $uid 700 $uid 600 $uid "
		rm -rf runtime home "$POOLS"/vmmalloc-*
	done
	# what it is told goes before
	mkdir -p here/vmmalloc state
	{ printf '[daemon]\nstate_dir = %s/state\n' "$WORK"; cat vmmallocd.conf; } >here/vmmalloc/vmmallocd.conf
	XDG_CONFIG_HOME=$WORK/here XDG_RUNTIME_DIR=relative HOME=$WORK "$DAEMON_PROGRAM" --user 2>words && fail "no runtime directory"
	is "$(cat words)" "vmmallocd: no runtime directory: neither --runtime-dir, runtime_dir nor XDG_RUNTIME_DIR"
	RUN=$WORK/run STATE=$WORK/state
	chown 0 "$POOLS"
	XDG_CONFIG_HOME=$WORK/here XDG_RUNTIME_DIR=relative HOME=$WORK "$DAEMON_PROGRAM" --user --runtime-dir "$RUN" 2>>log &
	DAEMON=$!
	wait_for is_serving
	daemon_end TERM || fail "exit status $?"
	[ -e state/registry.json ] || fail "$(ls state)"
	! env -u XDG_CONFIG_HOME -u HOME "$DAEMON_PROGRAM" --user --check 2>words || fail "which file?"
	is "$(cat words)" "vmmallocd: --user: expected XDG_CONFIG_HOME or HOME in the environment, or --config"
}

case_ordinary_user() {
	setup
	need_root
	mkdir runtime state
	chown $NOBODY "$POOLS" runtime state
	one_class "ready = 1" "max = 2"
	cp "$DAEMON_PROGRAM" "$HELPERS/vmmallocd"
	RUN=$WORK/runtime/vmmalloc STATE=$WORK/state/vmmalloc
	XDG_RUNTIME_DIR=$WORK/runtime XDG_STATE_HOME=$WORK/state \
		setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$HELPERS/vmmallocd" --config "$WORK/vmmallocd.conf" \
		--log-level debug 2>>log &
	DAEMON=$!
	wait_for is_serving
	wait_count a ready 1
	for uid in $NOBODY $SOMEBODY 0; do
		wait_least a ready 1
		is "$(client_as $uid take=a map zero fill=1 | tail -n 1)" zero
	done
	wait_count a leased 0
	wait_least a ready 1
	hold_as $SOMEBODY take=a map
	wait_count a leased 1
	kill_held "$HELD"
	wait_count a leased 0
	is "$(stat -c '%a %u' "$RUN" "$RUN/pool.sock" "$STATE" | tr '\n' ' ')" "755 $NOBODY 666 $NOBODY 700 $NOBODY "
	daemon_end TERM || fail "exit status $?"
	# the system's, which is not for him, if he asks for it
	XDG_RUNTIME_DIR=$WORK/runtime XDG_STATE_HOME=$WORK/state \
		setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$HELPERS/vmmallocd" --config "$WORK/vmmallocd.conf" \
		--state-dir /var/lib/vmmalloc 2>errors && fail "it runs"
	grep -q "state directory '/var/lib/vmmalloc': " errors || fail "$(cat errors)"
}

# --- reclaim ---

case_killed() {
	setup
	one_class "ready = 1" "max = 1"
	daemon_start
	for verbs in "take=a" "take=a map close" "take=a map fill=5" "take=a map fork" "take=a map unlock close"; do
		wait_count a ready 1
		hold $verbs
		wait_count a leased 1
		awk '$1 == "child" { print $2 }' "held.$HELD" >>children
		kill_held "$HELD"
		case $verbs in
		*fork*)
			# the child has it still
			wait_for test -s children
			is "$(client take=a)" "no pool is ready"
			counts a leased 1 || fail "taken from under a child"
			kill -KILL "$(cat children)"
			;;
		esac
		wait_count a ready 1
	done
	client take=a map zero | grep -qx zero || fail "not zero"
}

# The event comes before the kernel counts the file as closed: on another processor the daemon looks too early.
case_slow_close() {
	setup
	need taskset
	cpus=($(taskset -cp $$ | sed 's/.*: //' | tr , '\n' | awk -F- '{ for (i = $1; i <= $NF; i++) print i }'))
	[ ${#cpus[@]} -ge 2 ] || skip "one processor"
	one_class "ready = 1" "max = 1"
	daemon_start
	taskset -cp "${cpus[0]}" "$DAEMON" >/dev/null
	for locks in 1000 1000 1000 3000 3000 3000 3000 3000; do
		wait_count a ready 1
		taskset -c "${cpus[1]}" "$HELPERS/pool_client" "$RUN/pool.sock" take=a locks=$locks >/dev/null ||
			fail "status $?"
	done
	wait_count a ready 1
	is "$(ask daemon recycled)" 8
}

case_destroy() {
	setup
	one_class "ready = 1" "max = 1" "recycle = destroy"
	daemon_start
	wait_count a ready 1
	first=$(ask list | cut -d' ' -f1)
	client take=a map fill=1 >/dev/null
	wait_for eval '[ "$(ask daemon destroyed)" = 1 ]'
	wait_count a ready 1
	[ "$(ask list | cut -d' ' -f1)" != "$first" ] || fail "the same pool again"
	is "$(ls "$POOLS" | wc -l)" 1
}

# Thread by thread: the one that answers is the process's first.
# A worker lives for milliseconds, and makes the next pool while the client has its own: no program is started between
# two looks.
has_stepped_back() {
	local stat fields client
	client take=a map fill=1 >/dev/null &
	client=$!
	while [ -e "/proc/$client" ]; do
		for stat in "/proc/$DAEMON"/task/*/stat; do
			{ read -ra fields <"$stat"; } 2>/dev/null && [ "${fields[18]}" = "$1" ] && return
		done
	done
	return 1
}
export -f has_stepped_back
case_workers() {
	setup
	one_class "ready = 4"
	daemon_start
	wait_count a ready 4
	nice=$(awk '{ print $19 }' "/proc/$DAEMON/task/$DAEMON/stat")
	# a thread lives as long as its work
	wait_for has_stepped_back $((nice + 10 > 19 ? 19 : nice + 10))
	is "$(awk '{ print $19 }' "/proc/$DAEMON/task/$DAEMON/stat")" "$nice"
}

# --- the daemon is killed ---

case_killed_daemon() {
	setup
	one_class "ready = 3" "max = 5"
	daemon_start
	wait_count a ready 3
	hold take=a map fill=1; stays=$HELD
	hold take=a map fill=2 fork close; forked=$HELD
	hold take=a map fill=3; goes=$HELD
	wait_for grep -q child "held.$forked"
	awk '$1 == "child" { print $2 }' "held.$forked" >children
	wait_count a ready 2
	[ -z "${1-}" ] || wait_for grep -q leased "$STATE/registry.json"
	daemon_end KILL
	[ -S "$RUN/pool.sock" ] || fail "no stale socket: the case shows nothing"
	kill_held $goes; kill_held $forked
	[ -z "${1-}" ] || "$@" || fail "$*"
	daemon_start
	wait_count a leased 2
	# the one whose user has gone meanwhile is recycled, and none is issued twice
	wait_count a ready 3
	is "$(ask list | wc -l)" 5
	client take=a map zero | grep -qx zero || fail "not zero"
	hold take=a map zero; hold take=a map zero
	cat held.* | awk '/^ok/ { print $3 }' >ids
	is "$(sort -u ids | wc -l)" "$(($(wc -l <ids) - $(grep -cE "$(awk '/^ok/ { print $3 }' "held.$goes")" ids) + 1))"
	kill -KILL "$(cat children)" $stays
	wait_count a leased 2
	wait_least a ready 2
}

lose_registry() { rm "$STATE/registry.json"; }
spoil_registry() { head -c 100 "$STATE/registry.json" >"$STATE/half" && mv "$STATE/half" "$STATE/registry.json"; }
garble_registry() { head -c 4096 /dev/urandom >"$STATE/registry.json"; }
empty_registry() { : >"$STATE/registry.json"; }
contradict_registry() { sed -i 's/"ino": "/&1/; s/leased/ready/; s/"size": 1/"size": 2/' "$STATE/registry.json"; }
export -f lose_registry spoil_registry garble_registry empty_registry contradict_registry

case_killed_at_work() {
	setup
	one_class "ready = 4" "max = 6"
	for round in $(seq 12); do
		daemon_start
		# in the middle of creating, warming and recycling
		client take=a map fill=1 >/dev/null
		sleep "0.0$((round * 7 % 10))$((round * 3 % 10))"
		daemon_end KILL
	done
	daemon_start
	wait_least a ready 4
	for state in creating warming recycling leased failed; do wait_count a $state 0; done
	wait_for eval '[ "$(ls "$POOLS" | grep -c ready)" = "$(ls "$POOLS" | wc -l)" ]'
	is "$(ask list | awk '{ print $5 }' | sort)" "$(ls -d "$POOLS"/* | sort)"
	[ "$(ls "$POOLS" | wc -l)" -le 6 ] || fail "more pools than max"
	for _ in 1 2 3 4; do
		client take=a map zero fill=1 | grep -qx zero || fail "not zero"
	done
}

# What a crash in the middle of a scrub leaves, or a client that wiped its header, of a pool that was made a moment ago.
case_killed_unknown() {
	setup
	one_class "ready = 3" "max = 3"
	daemon_start
	wait_count a ready 3
	hold take=a map wipe
	wait_count a leased 1
	daemon_end KILL
	rm "$STATE/registry.json"
	set -- "$POOLS"/*.ready
	mv "$1" "${1%ready}used"
	truncate -s 0 "${1%ready}used"
	daemon_start
	is "$(ask list | awk '{ print $2, $3 }' | grep -c "unknown leased")" 1
	kill_held "$HELD"
	wait_count a ready 3
	# the unknown one is removed meanwhile
	wait_for eval '[ "$(ask list | awk "{ print \$5 }" | sort)" = "$(ls -d "$POOLS"/* | sort)" ]'
}

# The registry's file knows whose a leased pool is, and must go on knowing it while the next daemon has not yet looked
# into the directory: that takes a second here.
case_killed_at_start() {
	setup
	one_class "ready = 1"
	daemon_start
	wait_count a ready 1
	hold take=a map
	wait_count a ready 1
	wait_for grep -q '"leased"' "$STATE/registry.json"
	daemon_end KILL
	interpose slow <<-END
		#include <sys/syscall.h>
		#include <unistd.h>
		int flock(int fd, int operation)
		{
			usleep(1000000);
			return syscall(SYS_flock, fd, operation);
		}
	END
	for signal in KILL TERM; do
		LD_PRELOAD=$WORK/slow.so daemon_run
		wait_for eval '[ "$(ls /proc/$DAEMON/task | wc -l)" -gt 1 ]'
		# the first lock is that of the runtime directory, so the threads are there: long enough for a write
		sleep 0.4
		daemon_end $signal
		grep -q "pid\": $HELD" "$STATE/registry.json" || fail "$signal: the registry has forgotten the owner"
	done
	daemon_start
	is "$(ask list | awk '$3 == "leased" { print $6, $8 }')" "$HELD pool_client"
}

# The directory is not there when the daemon is started again, and once more: the registry must not forget it.
case_started_without_directory() {
	setup
	need_root
	mkdir "$POOLS/here"
	conf <<-END
		[pool a]
		directory = $POOLS/here
		size = 16M
		ready = 2
		max_per_user = 1
		[pool b]
		directory = $POOLS
		size = 16M
	END
	daemon_start
	wait_count a ready 2
	hold_as $NOBODY take=a map
	wait_for grep -q '"leased"' "$STATE/registry.json"
	mv "$POOLS/here" "$POOLS/away"
	for signal in KILL TERM; do
		daemon_end $signal
		daemon_start
		# it has written one by then
		wait_count b ready 1
		wait_for eval '[ "$(grep -c "\"b\", .*\"ready\"" "$STATE/registry.json")" = 1 ]'
		grep -q "uid\": $NOBODY" "$STATE/registry.json" || fail "$signal: the registry has forgotten the owner"
	done
	mv "$POOLS/away" "$POOLS/here"
	ask reload
	wait_count a leased 1
	wait_least a ready 1
	is "$(client_as $NOBODY take=a)" "this user has as many pools of the class as one may have: end a program of this user's, or raise max_per_user"
	# a class that is removed, and its directory with it
	mv "$POOLS/here" "$POOLS/away"
	wait_count a leased 0
	sed -i '/pool a/,/max_per_user/d' vmmallocd.conf
	daemon_end TERM
	daemon_start
	wait_for eval '! grep -q here "$STATE/registry.json"'
}

case_stop() {
	setup
	one_class "ready = 2"
	daemon_start
	wait_count a ready 2
	hold take=a map
	wait_count a ready 2
	daemon_end TERM || fail "exit status $?"
	[ ! -e "$RUN/pool.sock" ] && [ ! -e "$RUN/control.sock" ] || fail "a socket is left"
	is "$(ls "$POOLS" | sed 's/.*\.//' | sort | tr '\n' ' ')" "ready ready used "
	is "$(grep -o '"state": "[a-z]*"' "$STATE/registry.json" | sort | uniq -c | tr -s ' \n' ' ')" \
		' 1 "state": "leased" 2 "state": "ready" '
	daemon_start
	is "$(ask count a leased)" 1
	is "$(ask count a ready)" 2
	is "$(ask list | awk '$3 == "leased" { print $6, $8 }')" "$HELD pool_client"
	daemon_end INT || fail "exit status $?"
}

# What the loop does after that is seen by a sanitizer: DAEMON_PROGRAM.
case_stop_at_work() {
	setup
	mkdir "$POOLS/goes" "$POOLS/stays"
	conf <<-END
		[pool goes]
		directory = $POOLS/goes
		size = 128M
		[pool stays]
		directory = $POOLS/stays
		size = 16M
	END
	daemon_start
	wait_count goes ready 1; wait_count stays ready 1
	sed -i 1,3d vmmallocd.conf
	# the directory's last pool is removed while the daemon stops
	kill -HUP "$DAEMON"
	daemon_end TERM || fail "exit status $?"
	! grep -q ERROR log || fail "$(grep -A 10 ERROR log)"
}

case_open_runtime_dir() {
	setup
	one_class
	mkdir -m 1777 "$WORK/open"
	"$DAEMON_PROGRAM" --config vmmallocd.conf --runtime-dir "$WORK/open" --state-dir "$STATE" 2>errors
	is $? 1
	is "$(cat errors)" "vmmallocd: runtime directory '$WORK/open': everybody may write to it, expected one that is the daemon's own"
	is "$(ls -A "$WORK/open")" ""
}

case_other_daemon() {
	setup
	one_class
	daemon_start
	wait_count a ready 1
	"$DAEMON_PROGRAM" --config vmmallocd.conf --runtime-dir "$RUN" --state-dir "$STATE" 2>errors
	is $? 1
	grep -q "another vmmallocd has it" errors || fail "$(cat errors)"
	first=$RUN
	RUN=$WORK/run2 STATE=$WORK/state2
	mine=$DAEMON
	PIDS="$PIDS $mine"
	daemon_start
	ask problem a | grep -q "another daemon has it" || fail "no problem"
	is "$(client take=a)" "no pool is ready"
	is "$(ask list)" ""
	daemon_end TERM
	RUN=$first DAEMON=$mine
	is "$(client take=a | cut -c1-3)" "ok "
}

# --- files ---

case_unknown_files() {
	setup
	one_class "ready = 2" "max = 2"
	id=0123456789abcdef0123456789abcde
	(
		umask 077
		echo mine >"$POOLS/notes.txt"
		# our names, but no header
		head -c 16M /dev/zero >"$POOLS/vmmalloc-${id}0.ready"
		echo short >"$POOLS/vmmalloc-${id}1.used"
		: >"$POOLS/vmmalloc-${id}2.new"
		ln -s notes.txt "$POOLS/vmmalloc-${id}3.ready"
		mkdir "$POOLS/vmmalloc-${id}4.used"
		mkfifo "$POOLS/vmmalloc-${id}5.ready"
		# names that are nearly ours
		printf 'VMMPOOL\0' >"$POOLS/vmmalloc-$id.ready"
		printf 'VMMPOOL\0' >"$POOLS/vmmalloc-${id}A.ready"
		printf 'VMMPOOL\0' >"$POOLS/vmmalloc-${id}6.old"
		printf 'VMMPOOL\0' >"$POOLS/vmmalloc-${id}7.ready.bak"
	)
	before=$(ls -lid --time-style=full-iso "$POOLS"/*)
	daemon_start
	wait_count a ready 2
	client take=a >/dev/null
	wait_count a ready 2
	# two of ours, with a header, that others can open or that have a second name
	daemon_end TERM
	set -- $(ls "$POOLS" | grep -vE "$id|notes")
	chmod 644 "$POOLS/$1"
	ln "$POOLS/$2" "$POOLS/second"
	daemon_start
	wait_count a ready 2
	is "$(ls "$POOLS" | grep -c ready)" $((2 + 2 + 6))
	is "$(ls -lid --time-style=full-iso "$POOLS"/* | grep -E "$id|notes")" "$before"
}

case_full_mount() {
	setup
	small_mount small 40M
	conf <<-END
		[pool full]
		directory = $WORK/small
		size = 16M
		ready = 4
		[pool other]
		directory = $POOLS
		size = 16M
		ready = 2
	END
	daemon_start
	wait_count other ready 2
	wait_count full ready 2
	wait_for eval 'ask problem full | grep -q .'
	is "$(ask problem full)" "pool directory $WORK/small: no space left for a pool of 16 MiB"
	is "$(ask problem other)" ""
	is "$(client take=full | cut -c1-3)" "ok "
	is "$(client take=other map zero | tail -n 1)" zero
	wait_count full ready 2
	# a full directory with pools in it is taken into service again
	head -c 40M /dev/zero >"$WORK/small/ballast" 2>/dev/null
	is "$(df --output=avail "$WORK/small" | tail -n 1 | tr -d ' ')" 0
	hold take=full map fill=3
	daemon_end KILL
	kill_held "$HELD"
	daemon_start
	wait_count full ready 2
	client take=full map zero | grep -qx zero || fail "not zero"
	# what waits for space has it soon after it is there
	rm "$WORK/small/ballast"
	mount -o remount,size=80M "$WORK/small"
	wait_count full ready 4
	is "$(ask problem full)" ""
	# said once, and again only by another daemon, or when there had been space: the pool that is being cleaned gives its
	# own up for a moment, and may lose it to one that is being made
	awk '/no space left/ { if (said++) exit 1 } /: in service|class .full.: ready/ { said = 0 }' log ||
		fail "said at every retry"
	grep -q "class .full.*no space left" log || fail "never said"
}

case_full_state() {
	setup
	small_mount full 1M
	one_class "ready = 1"
	STATE=$WORK/full/state
	daemon_start
	wait_count a ready 1
	wait_for test -s "$STATE/registry.json"
	head -c 2M /dev/zero >"$WORK/full/ballast" 2>/dev/null
	client take=a >/dev/null
	wait_for eval 'ask daemon problem | grep -q "registry.json: save: No space left on device"'
	wait_least a ready 1
	is "$(client take=a | cut -c1-3)" "ok "
	rm "$WORK/full/ballast"
	wait_for eval '[ -z "$(ask daemon problem)" ]'
	is "$(cd "$STATE" && echo *)" "metrics.json registry.json"
	daemon_end TERM || fail "exit status $?"
}

case_missing_directory() {
	setup
	one_class
	sed -i 's|^directory.*|&/later|' vmmallocd.conf
	daemon_start
	ask problem a | grep -q "$POOLS/later: No such file or directory" || fail "$(ask problem a)"
	is "$(client take=a)" "no pool is ready"
	mkdir "$POOLS/later"
	ask reload
	wait_count a ready 1
	is "$(ask problem a)" ""
	# it goes, with all that is in it, under a client
	hold take=a map
	wait_least a ready 1
	rm -r "$POOLS/later"
	wait_for eval '[ -z "$(ask list)" ]'
	ask problem a | grep -q "removed or unmounted" || fail "$(ask problem a)"
	mkdir "$POOLS/later"
	ask reload
	wait_count a ready 1
	kill -0 "$HELD" || fail "the client was disturbed"
}

# --- reload ---

case_reload() {
	setup
	conf <<-END
		[pool stays]
		directory = $POOLS
		size = 16M
		[pool goes]
		directory = $POOLS
		size = 16M
		ready = 2
		[pool changes]
		directory = $POOLS
		size = 16M
		ready = 2
	END
	daemon_start
	wait_count stays ready 1; wait_count goes ready 2; wait_count changes ready 2
	stays=$(ask list | awk '$2 == "stays" { print $1 }')
	hold take=goes map; goes=$HELD
	hold take=changes map; changes=$HELD
	wait_count goes ready 2; wait_count changes ready 2
	conf <<-END
		[pool stays]
		directory = $POOLS
		size = 16M
		[pool changes]
		directory = $POOLS
		size = 20M
		[pool comes]
		directory = $POOLS
		size = 16M
	END
	kill -HUP "$DAEMON"
	wait_count comes ready 1
	wait_count goes ready 0
	wait_for eval '[ "$(ask list | awk '\''$2 == "changes" && $3 == "ready" { print $4 }'\'')" = 20971520 ]'
	is "$(ask count goes leased) $(ask count changes leased)" "1 1"
	is "$(client take=goes)" "there is no such class of pools: vmmallocctl status lists all"
	is "$(ask list | awk '$2 == "stays" { print $1 }')" "$stays"
	# leases end as they always do, but nobody wants those pools any more
	kill_held $goes; kill_held $changes
	wait_for eval '[ -z "$(ask list | grep goes)" ]'
	wait_count changes leased 0
	wait_for eval '[ "$(ask list | awk '\''$2 == "changes" { print $3, $4 }'\'')" = "ready 20971520" ]'
	# what is wrong with a class leaves that as it was
	echo "size = 17" >>vmmallocd.conf
	ask reload >out && fail "a wrong configuration is taken"
	grep -q "vmmallocd.conf:10: " out || fail "$(cat out)"
	kill -HUP "$DAEMON"
	wait_for eval '[ "$(grep -c "vmmallocd.conf:10: size (17): expected once" log)" = 2 ]'
	is "$(client take=comes | cut -c1-3)" "ok "
}

case_prune() {
	setup
	one_class "ready = 1" "max = 4" "cold = no"
	daemon_start
	wait_count a ready 1
	hold take=a; one=$HELD
	wait_count a ready 1
	hold take=a; two=$HELD
	wait_count a ready 1
	hold take=a
	kill_held $one; kill_held $two
	wait_count a ready 3
	is "$(ask prune-dry | wc -l)" 2
	is "$(ask list | wc -l)" 4
	ask prune >out
	is "$(wc -l <out)" 2
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 2 ]'
	is "$(ask list | awk '{ print $3 }' | sort | tr '\n' ' ')" "leased ready "
	is "$(ask list | grep -cFf <(cut -d' ' -f1 out))" 0
}

# --- hostile clients ---

case_connections() {
	setup
	one_class "ready = 2"
	printf '[daemon]\nconnections_per_user = 8\n' >>vmmallocd.conf
	daemon_start
	wait_count a ready 2
	descriptors=$(ls "/proc/$DAEMON/fd" | wc -l)
	# half of a packet, too much of it, none of it, and of the right length
	for bytes in 1 8 50 103 105 4000 60000; do
		is "$(client connect send=$bytes reply)" "the request was not understood"
	done
	is "$(client connect send=104 reply)" "the request was not understood"
	is "$(client connect send=0 reply)" "closed"
	# too many: those that are silent for longest go
	is "$(client flood=20)" "20 connections, 12 told to be busy"
	is "$(client take=a | cut -c1-3)" "ok "
	hold flood=100
	is "$(cat "held.$HELD")" "100 connections, 92 told to be busy"
	# who asks at once is answered at once; another user has connections of his own
	for _ in 1 2 3 4 5; do
		wait_least a ready 1
		is "$(client take=a | cut -c1-3)" "ok "
	done
	[ "$(id -u)" -ne 0 ] || is "$(client_as $NOBODY flood=3)" "3 connections, 0 told to be busy"
	wait_for eval '[ "$(ls "/proc/$DAEMON/fd" | wc -l)" -le '"$descriptors"' ]'
	is "$(client connect reply)" closed
}

case_never_taken() {
	setup
	one_class "ready = 2" "max = 2"
	daemon_start
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		wait_count a ready 2
		client ask=a drop ask=a drop
		# the same, but answered before it goes
		client ask=a ask=nothing reply >/dev/null
	done
	wait_count a ready 2
	# not received, but not closed either
	hold ask=a ask=nothing reply
	wait_count a leased 1
	wait_count a ready 1
	kill_held "$HELD"
	wait_count a ready 2
	[ "$(ask daemon recycled)" -ge 10 ] || fail "only $(ask daemon recycled) recycled: the case shows nothing"
	client take=a map zero | grep -qx zero || fail "not zero"
}

case_damage() {
	setup
	need_root
	one_class "ready = 1" "max = 1"
	daemon_start
	for verbs in truncate=0 truncate=4096 truncate=5000001 truncate=17000000 truncate=9000000000000 punch wipe \
		"map wipe" "map fill=255 truncate=100 truncate=16777216" chmod "link=$POOLS/second" lease unlock; do
		wait_count a ready 1
		before=$(ask list | awk '{ print $1 }')
		client_as $NOBODY take=a map $verbs >out || fail "$verbs: status $?"
		tail -n 1 out | sed "s|^|$verbs: |"
		case $verbs in
		chmod | link* | lease) grep -qxE 'EPERM|EACCES|ENOENT' out || fail "$verbs is allowed: $(cat out)" ;;
		esac
		wait_count a ready 1
		is "$(stat -c '%s %a %h %u' "$POOLS"/*.ready)" "16777216 600 1 0"
		# the space is the pool's again, all of it and no more; ext4 counts its own block for the extents
		blocks=$(stat -c %b "$POOLS"/*.ready)
		[ "$blocks" -ge $((16 << 11)) ] && [ "$blocks" -le $(((16 << 11) + 8)) ] || fail "$verbs: $blocks blocks of 512 bytes"
		client take=a map zero | grep -qx zero || fail "$verbs: not zero"
	done
	is "$(ls "$POOLS" | wc -l)" 1
}

# A descriptor that is not counted as open: it must be of no use once the pool is another's.
case_path_descriptor() {
	setup
	need_root
	one_class "ready = 1" "max = 1"
	daemon_start
	wait_count a ready 1
	hold_as $NOBODY take=a path close waitfor=go reopen
	wait_count a ready 1
	next=$(ask list | cut -d' ' -f1)
	grep -q "$next" "held.$HELD" || fail "another pool: the case shows nothing"
	first=$HELD
	hold_as $SOMEBODY take=a map fill=9
	: >go
	wait_for eval '[ "$(wc -l <"held.'$first'")" = 2 ]'
	is "$(tail -n 1 held.$first)" EACCES
}

# A page in a pipe outlives the mapping, and is not counted as open either.
case_pinned_page() {
	setup
	# on tmpfs the pool waits for the page, and there is another; elsewhere it is the next one's
	[ "$(stat -f -c %T "$POOL_DIR")" = tmpfs ] && max=2 || max=1
	one_class "ready = 1" "max = $max"
	daemon_start
	wait_count a ready 1
	hold take=a map fill=7 pin unmap close waitfor=go pinned
	first=$HELD
	wait_for eval 'least a ready 1 && counts a leased 0'
	hold take=a map zero fill=9 has=9
	[ $max = 2 ] ||
		is "$(awk '/^ok/ { print $3 }' "held.$HELD")" "$(awk '/^ok/ { print $3 }' "held.$first")"
	wait_for grep -qx same "held.$HELD"
	: >go
	wait_for grep -q pinned "held.$first"
	is "$(tail -n 1 held.$first)" "pinned 7"
	is "$(sed -n 2p "held.$HELD")" zero
	# read from the pipe, it is held no longer
	kill_held "$HELD"
	[ $max = 1 ] || WAIT_SECONDS=40 wait_count a ready 1
	client take=a map zero | grep -qx zero || fail "not zero"
}

# --- service manager ---

case_notify() {
	setup
	one_class "ready = 1"
	"$HELPERS/notify_listener" "$WORK/notify" >messages &
	PIDS=$!
	wait_for test -S notify
	NOTIFY_SOCKET=$WORK/notify WATCHDOG_USEC=300000 daemon_start
	wait_for grep -qx READY=1 messages
	wait_for grep -qE '^STATUS=1 classes; pools: 1 ready, 0 leased, 0 at work, 0 quarantined$' messages
	wait_for eval '[ "$(grep -cx WATCHDOG=1 messages)" -ge 3 ]'
	! grep -q RELOADING messages || fail "RELOADING too early"
	kill -HUP "$DAEMON"
	wait_for grep -qx RELOADING=1 messages
	grep -A1 -x RELOADING=1 messages | grep -qE '^MONOTONIC_USEC=[0-9]+$' || fail "no MONOTONIC_USEC"
	wait_for eval '[ "$(grep -cx READY=1 messages)" = 2 ]'
	daemon_end TERM || fail "exit status $?"
	wait_for grep -qx STOPPING=1 messages
}

case_activation() {
	setup
	one_class "ready = 1"
	daemon_by_sockets
	is "$(ls "$POOLS" | wc -l)" 0
	# the first client starts it, and is answered
	ask daemon pid >pid &
	PIDS=$!
	wait_for grep -q "Listening on .*pool.sock" log
	inodes=$(stat -c %i run/*.sock)
	[[ "$(client take=a)" = @(no pool is ready|ok *) ]] || fail "no answer"
	wait $PIDS
	is "$(cat pid)" $DAEMON
	# two, if that client had the first
	wait_least a ready 1
	is "$(client take=a | cut -c1-3)" "ok "
	daemon_end TERM || fail "exit status $?"
	is "$(stat -c %i run/*.sock)" "$inodes"
}

# What one daemon had accepted and not answered is asked again, and the next one has the socket.
case_started_anew() {
	local i
	setup
	one_class "max = 16"
	cat >again <<-'END'
		for signal in TERM KILL TERM KILL TERM KILL TERM KILL none; do
			(LISTEN_PID=$BASHPID exec env -u LISTEN_PIDFDID "$@") &
			echo $! >>children
			[ $signal = none ] || { sleep 0.3; kill -s $signal $!; }
			wait $!
		done
	END
	daemon_by_sockets bash again
	ask daemon pid >/dev/null 2>&1 &
	wait_for grep -q "Listening on .*pool.sock" log
	# it says so a moment before it listens
	wait_for eval '"$HELPERS/pool_client" "$RUN/pool.sock" take=a >/dev/null 2>&1'
	i=0
	until [ "$(grep -c . children 2>/dev/null)" = 9 ]; do
		VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY /bin/true 2>words || fail "$(cat words)"
		i=$((i + 1))
	done
	[ $i -ge 20 ] || fail "only $i programs"
}

run_case "options: one line and status 2 for what is no option, 1 for a wrong configuration" case_options
run_case "hand-out: a warm pool reads as zero, whoever had it before" case_handout
run_case "hand-out: by directory and size, the smallest that fits" case_by_directory
run_case "hand-out: none ready is said at once" case_none_ready
run_case "hand-out: users, groups and the most per user" case_users
run_case "hand-out: by the daemon of an ordinary user" case_ordinary_user
run_case "hand-out: by a daemon of one's own" case_own_daemon
run_case "root in a PID namespace below is not the machine's root" case_contained_root
run_case "reclaim: a pool is ready again when its last user was killed, not before" case_killed
run_case "reclaim: a pool whose closing takes the kernel long" case_slow_close
run_case "reclaim: recycle = destroy makes a new one" case_destroy
run_case "reclaim: workers step back behind the thread that answers" case_workers
run_case "kill -9: leased pools stay leased, orphans are recycled, none is issued twice" case_killed_daemon
for how in lose spoil garble empty contradict; do
	run_case "kill -9: the same, $how the registry" case_killed_daemon ${how}_registry
done
run_case "kill -9 while it creates, warms and recycles: nothing is left behind" case_killed_at_work
run_case "kill -9: a pool without header that no registry knows is ours all the same" case_killed_unknown
run_case "kill -9 at the start: the registry still knows the owners" case_killed_at_start
run_case "a directory that is away while the daemon starts: the registry still knows the owners" case_started_without_directory
run_case "stop: leases and ready pools stay, and are known again" case_stop
run_case "stop: while the last pool of a directory is removed" case_stop_at_work
run_case "a runtime directory that everybody may write to is refused" case_open_runtime_dir
run_case "two daemons never have the same directory" case_other_daemon
run_case "files that are not ours are not touched" case_unknown_files
run_case "a full mount: its class says so, the others go on" case_full_mount
run_case "a full state directory: hand-outs go on" case_full_state
run_case "a directory that comes and goes" case_missing_directory
run_case "reload: classes come, change and go" case_reload
run_case "prune: what no class needs, and no leased pool" case_prune
run_case "hostile: silence, halves, garbage, too many connections" case_connections
run_case "hostile: the descriptor is never taken" case_never_taken
run_case "hostile: truncates, extends, punches, links, leases" case_damage
run_case "hostile: an O_PATH descriptor is of no use later" case_path_descriptor
run_case "hostile: a pinned page shows nothing of the next user" case_pinned_page
run_case "service manager: READY, STATUS, WATCHDOG, RELOADING, STOPPING" case_notify
run_case "service manager: the socket starts it" case_activation
run_case "service manager: it is started anew again and again, and who asks meanwhile has a pool" case_started_anew
# The suites' own directories.
case_leaves_nothing() {
	(
		setup
		echo "$POOLS" >first
		POOLS=$WORK/elsewhere
	)
	[ ! -e "$(cat first)" ] || fail "$(cat first) is there"
}
run_case "a case that has its pools elsewhere leaves no directory of pools" case_leaves_nothing
end_suite
