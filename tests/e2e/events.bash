#!/bin/bash
# events.bash -- vmmallocctl events and wait: what a real daemon says of what happens to it, as it happens.
# waits: for things to happen
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../integration/helpers/daemon.bash"
unset VMMALLOC_RUNTIME_DIR VMMALLOC_SOCKET

# serve [LINE...]: a daemon with class a, of which two pools are ready, and those lines. What comes back is emptied.
serve() {
	setup
	one_class 'ready = 2' 'max = 4' 'cold = no' "$@"
	daemon_start
	wait_count a ready 2
}
# kept [OPTION...]: the kinds of the events that there are, on one line
kept() { timeout 20 "$CTL" --runtime-dir "$RUN" events --no-follow --json "$@" | sed 's/.*"kind":"\([a-z_]*\)".*/\1/' | tr '\n' ' '; }
# has KIND [TEXT]: there is such an event, with that in its JSON
has() { timeout 20 "$CTL" --runtime-dir "$RUN" events --no-follow --json --kind "$1" | grep -qF -- "${2-}"; }
# following [OPTION...]: the last events, and from now on, go to `followed`, what is said to `words`; $FOLLOWER does it
following() {
	: >followed
	"$CTL" --runtime-dir "$RUN" events "$@" >followed 2>words &
	FOLLOWER=$!
	PIDS="$PIDS $FOLLOWER"
	# what there was before is printed when the subscription stands
	wait_for test -s followed
}
ends_with() {
	local status=0
	wait "$1" || status=$?
	is "$status" "$2"
}
# refused STATUS LINE WORD...: vmmallocctl ends so, with that one line
refused() {
	local expected=$1 line=$2 status=0
	shift 2
	timeout 30 "$CTL" --runtime-dir "${RUN-$WORK}" "$@" >out 2>err || status=$?
	is "$status $(cat err)" "$expected $line"
	[ ! -s out ] || fail "printed $(cat out)"
}
CTL=$BUILD/${FLAVOUR:-release}/vmmallocctl
export CTL
export -f serve kept has following ends_with refused

usage() {
	refused 2 "vmmallocctl: --kind (handedout): there is no such kind; did you mean 'handed_out'?" events --kind handedout
	refused 2 "vmmallocctl: --kind (x): there is no such kind; vmmallocd(8) lists them" events --kind ready --kind x
	refused 2 "vmmallocctl: --class (a b): expected up to 63 letters, digits, '-' and '_'" events --class 'a b'
	refused 2 "vmmallocctl: --last (-1): expected a number from 0 to 1000000" events --last -1
	refused 2 "vmmallocctl: --last (1e3): expected a number from 0 to 1000000" events --last=1e3
	refused 2 "vmmallocctl: --last (99999999999999999999): expected a number from 0 to 1000000" events --last=99999999999999999999
	refused 2 "vmmallocctl: events: unexpected argument 'a'; try vmmallocctl events --help" events a
	refused 2 "vmmallocctl: wait: for what? Give --class CLASS and --ready N; try vmmallocctl wait --help" wait --class a
	refused 2 "vmmallocctl: wait: for what? Give --class CLASS and --ready N; try vmmallocctl wait --help" wait --ready 1
	refused 2 "vmmallocctl: --ready (0): expected a number from 1 to 1000000" wait --class a --ready 0
	refused 2 "vmmallocctl: --timeout (1m): expected a number from 0 to 1000000" wait --class a --ready 1 --timeout 1m
	for command in events "events --no-follow" "events --json --last 0" "wait --class a --ready 1"; do
		refused 3 "vmmallocctl: no daemon answers at $WORK/control.sock: No such file or directory; start one: vmmallocd --runtime-dir $WORK" $command
	done
}
run_case "bad words are one line each" usage

life() {
	serve
	is "$(kept --class a | tr ' ' '\n' | grep . | sort | tr '\n' ' ')" "made made ready ready "
	client take=a >reply || fail "$(cat reply)"
	wait_for has reclaimed
	wait_least a ready 2
	kept --class a | grep -qE '^((made|ready) ){4}handed_out ((made|ready) )*given_back ((made|ready) )*reclaimed' ||
		fail "$(kept --class a)"
	local id line
	id=$(awk '{ print $3 }' reply)
	"$CTL" --runtime-dir "$RUN" events --no-follow --json --kind handed_out >out
	grep -Eqx '\{"version":1,"number":[0-9]+,"time_us":[0-9]{16},"kind":"handed_out","class":"a","pool":"[0-9a-f]{32}","owner":\{"pid":[0-9]+,"uid":'"$(id -u)"',"comm":"pool_client"\},"directory":null,"reason":null\}' out ||
		fail "$(cat out)"
	line=$("$CTL" --runtime-dir "$RUN" events --no-follow --kind given_back)
	echo "$line" | grep -Eqx "20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{3}  given_back           a            [0-9a-f]{12} pool_client\[[0-9]+\] of user $(id -un)" ||
		fail "$line"
	# all that happened to the pool has its id
	id=$(sed 's/.*"pool":"\([0-9a-f]*\)".*/\1/' out)
	is "$("$CTL" --runtime-dir "$RUN" events --no-follow --json | grep "$id" | sed 's/.*"kind":"\([a-z_]*\)".*/\1/' | head -n 5 | tr '\n' ' ')" \
		"made ready handed_out given_back reclaimed "
	# numbers are one higher each
	"$CTL" --runtime-dir "$RUN" events --no-follow --json | sed 's/.*"number":\([0-9]*\).*/\1/' |
		awk 'NR > 1 && $1 != last + 1 { exit 1 } { last = $1 }' || fail "numbers"
	is "$("$CTL" --runtime-dir "$RUN" events --no-follow --last 2 --json | wc -l)" 2
	is "$("$CTL" --runtime-dir "$RUN" events --no-follow --last 0 | wc -l)" 0
	is "$(kept --last 1 --kind made --kind handed_out --kind started --class a)" "$(kept --kind made --kind handed_out --class a | awk '{ print $NF " " }')"
	is "$(kept --class b)" ""
	is "$(kept --kind started)" "started "
}
run_case "a pool's life, and filters" life

refusals() {
	serve 'max_per_user = 1'
	[ "$(id -u)" -ne 0 ] || one_class 'ready = 2' 'max = 4' 'max_per_user = 1' 'users = root' && ctl reload
	client take=none >out
	hold take=a
	client take=a >out
	has refused '"class":"none","pool":null,"owner":{"pid":' || fail "$(kept)"
	has refused "\"comm\":\"pool_client\"},\"directory\":null,\"reason\":\"there is no such class of pools: vmmallocctl status lists all\"" || fail "no class"
	has refused '"class":"a","pool":null' || fail "limit: $(ctl events --no-follow)"
	has refused "this user has as many pools of the class as one may have" || fail "limit"
	if [ "$(id -u)" -eq 0 ]; then
		client_as $NOBODY take=a >out
		has refused "\"uid\":$NOBODY,\"comm\":\"pool_client\"},\"directory\":null,\"reason\":\"the class is not for this user\"" || fail "user"
	fi
	client wait=a:1 reply >out
	has waiting '"class":"a","pool":null,"owner":{"pid":' || fail "waiting"
	is "$(ctl events --no-follow --kind waiting --kind refused --json | tail -n 2 | sed 's/.*"kind":"\([a-z]*\)".*/\1/' | tr '\n' ' ')" "waiting refused "
}
run_case "who is refused, and who waits" refusals

# Who waits and ends is heard of, whether the daemon looks at what has changed or at the connection.
gave_up() {
	serve 'max_per_user = 1'
	hold take=a
	"$HELPERS/pool_client" "$RUN/pool.sock" wait=a:60 reply >out &
	local client=$!
	PIDS="$PIDS $client"
	wait_count a waiting 1
	kill -KILL $client
	wait_count a waiting 0
	wait_for has gave_up "\"class\":\"a\",\"pool\":null,\"owner\":{\"pid\":$client,"
	is "$(kept --kind waiting --kind gave_up --kind handed_out | tr -s ' ')" "handed_out waiting gave_up "
	ctl events --no-follow --kind gave_up | grep -qE " gave_up +a +- +pool_client\[$client\] of user " || fail "$(ctl events --no-follow)"
	grep -q "request of pid $client of uid .* waits no more" log || fail "$(cat log)"
}
run_case "who waits and goes away" gave_up

odd_pools() {
	local file
	serve
	# a page of it is held
	hold take=a map pin unmap close
	wait_for has quarantined
	kill_held "$HELD"
	# its file goes, and another one's mode changes
	wait_least a ready 2
	file=$(ls "$POOLS"/*.ready | head -n 1)
	rm "$file"
	wait_for has vanished "$(basename "$file" .ready | cut -d - -f 2)"
	wait_least a ready 2
	file=$(ls "$POOLS"/*.ready | head -n 1)
	chmod 644 "$file"
	wait_for has failed "$(basename "$file" .ready | cut -d - -f 2)"
	wait_for has destroyed "$(basename "$file" .ready | cut -d - -f 2)"
	has failed '"reason":"its owner, mode, size or number of links: not what it was"' || fail "$(kept)"
}
run_case "pools that are held, gone or odd" odd_pools

short() {
	serve
	is "$(kept --kind class_short)" ""
	one_class 'ready = 2' 'max = 2' && ctl reload || fail reload
	local first
	hold take=a
	first=$HELD
	wait_for has class_short '"reason":"1 of 2 pools are ready"'
	hold take=a
	client take=a >out
	kill_held "$HELD"
	is "$(kept --kind class_enough)" ""
	kill_held "$first"
	wait_for has class_enough '"reason":"2 of 2 pools are ready"'
	is "$(kept --kind class_short --kind class_enough)" "class_short class_enough "
}
run_case "a class is short, once, until it has all its pools again" short

directories() {
	setup
	need_mounts
	small_mount small 40M
	POOLS=$WORK/small/pools
	mkdir "$POOLS"
	one_class 'ready = 3' 'max = 4'
	daemon_start
	wait_for has directory_full "\"class\":\"a\",\"pool\":null,\"owner\":null,\"directory\":\"$POOLS\",\"reason\":\"pool directory $POOLS: no space left for a pool of 16 MiB\""
	wait_for has class_short "no space left"
	mount -o remount,size=80M small
	wait_for has class_enough
	umount -l small
	wait_for has directory_gone "\"directory\":\"$POOLS\",\"reason\":\"pool directory $POOLS: removed or unmounted\""
	mount -t tmpfs -o size=80M,mode=755 small "$WORK/small" && mkdir "$POOLS"
	wait_for eval '[ "$(kept --kind directory_gone --kind directory_in_service)" = "directory_in_service directory_gone directory_in_service " ]'
	mv "$POOLS" "$POOLS.moved"
	wait_for eval '[ "$(kept --kind directory_gone)" = "directory_gone directory_gone " ]'
}
run_case "a directory that is full, gone, and in service again" directories

reloads() {
	serve
	ctl reload || fail reload
	has reloaded '"reason":"1 classes"' || fail "$(kept)"
	printf '[daemon]\nlog_level = loud\n' >>vmmallocd.conf
	ctl reload 2>err && fail "a wrong configuration"
	has reload_failed "vmmallocd.conf" || fail "$(kept)"
	kill -HUP "$DAEMON"
	wait_for eval '[ "$(kept --kind reload_failed)" = "reload_failed reload_failed " ]'
	is "$(kept --kind reloaded --kind started)" "started reloaded "
}
run_case "the configuration is read again" reloads

# --- as they come ---

as_they_come() {
	serve
	following --json --last 2 --class a
	wait_for eval '[ "$(wc -l <followed)" = 2 ]'
	client take=a >out
	wait_for grep -q '"kind":"reclaimed"' followed
	for kind in handed_out given_back; do
		is "$(grep -c "\"kind\":\"$kind\"" followed)" 1
	done
	is "$(cat words)" ""
	# the reader of a pipe has each line at once, and its end is the end
	timeout 30 "$CTL" --runtime-dir "$RUN" events --last 1 | head -n 1 >one
	is "$(wc -l <one)" 1
	timeout 30 "$CTL" --runtime-dir "$RUN" events --last 0 >/dev/full 2>err &
	local full=$!
	wait_for eval 'client take=a >out; ! kill -0 '$full' 2>/dev/null'
	ends_with $full 1
	is "$(cat err)" "vmmallocctl: standard output: No space left on device"
	timeout 30 "$CTL" --runtime-dir "$RUN" events --last 1 >&- 2>err
	is "$? $(cat err)" "1 vmmallocctl: standard output: Bad file descriptor"
}
run_case "events as they come, as long as somebody reads them" as_they_come

restart() {
	local end starts=1
	serve
	following --json --last 1000
	for end in TERM KILL KILL; do
		client take=a >out
		daemon_end $end
		daemon_start
		starts=$((starts + 1))
		wait_for eval '[ "$(grep -c "serving 1 classes" followed)" = '$starts' ]'
	done
	wait_count a ready 2
	is "$(sort -u words)" "$(printf '%s\n' "vmmallocctl: a daemon answers at $RUN/control.sock" "vmmallocctl: the daemon at $RUN/control.sock has gone: waiting for one")"
	is "$(wc -l <words)" 6
	# none twice, and of each daemon all
	sed 's/.*"number":\([0-9]*\).*/\1/' followed >numbers
	sort -nu numbers | cmp - numbers || fail "numbers: $(cat numbers)"
	is "$(awk 'NR > 1 && $1 != last + 1 { n++ } { last = $1 } END { print n }' numbers)" 3
	is "$(tail -n 1 followed)" "$("$CTL" --runtime-dir "$RUN" events --no-follow --json --last 1)"
	# as it waits for one
	daemon_end TERM
	wait_for eval '[ "$(wc -l <words)" = 7 ]'
	kill $FOLLOWER
	ends_with $FOLLOWER 143
}
run_case "a daemon that is started anew, and one that was killed" restart

# A stopped reader, and more events than the daemon keeps: it goes on, and the reader is told.
slow() {
	serve
	following --json --last 1
	kill -STOP $FOLLOWER
	client askoften=12000 >out
	is "$(ask daemon pid)" "$DAEMON"
	[ "$(awk '/VmRSS/ { print $2 }' /proc/$DAEMON/status)" -lt 40000 ] || fail "$(grep VmRSS /proc/$DAEMON/status)"
	kill -CONT $FOLLOWER
	client take=a >out
	wait_for grep -q '"kind":"handed_out"' followed
	grep -qxE 'vmmallocctl: [0-9]+ events were lost: they came faster than they were read' words || fail "$(cat words)"
	local lost seen
	lost=$(sed -n 's/^{"version":1,"lost":\([0-9]*\)}$/\1/p' followed | awk '{ n += $1 } END { print n }')
	seen=$(grep -c '"kind":"refused"' followed)
	is $((lost + seen)) 12000
}
run_case "a reader that is too slow is told how many events it has missed" slow

crowd() {
	local i
	serve
	for i in {1..16}; do
		timeout 60 "$CTL" --runtime-dir "$RUN" events --last 0 >followed.$i 2>&1 &
		PIDS="$PIDS $!"
	done
	following_are() { [ "$(ls -l /proc/"$DAEMON"/fd | grep -c socket:)" -ge "$1" ]; }
	wait_for following_are 18
	refused 1 "vmmallocctl: this user has as many subscriptions to events as one may have: end one of them" events
	ctl status >/dev/null || fail "no room for a call"
	if [ "$(id -u)" -eq 0 ]; then
		chmod 711 "$RUN" .
		cp "$CTL" "$HELPERS/ctl"
		setpriv --reuid $NOBODY --regid $NOBODY --clear-groups timeout 1 "$HELPERS/ctl" --runtime-dir "$RUN" events --last 1 >out 2>err
		is "$(wc -l <out) $(cat err)" "1 "
	fi
	# those who go make room
	kill $PIDS
	for i in {1..40}; do
		timeout 0.05 "$CTL" --runtime-dir "$RUN" events >out 2>err
		[ ! -s err ] || fail "follower $i: $(cat err)"
	done
}
run_case "a user's subscriptions leave room for his calls" crowd

# --- wait ---

waits() {
	serve
	refused 4 "vmmallocctl: there is no class 'other'; vmmallocctl status lists all" wait --class other --ready 1
	refused 4 "vmmallocctl: there is no class 'A'; did you mean 'a'?" wait --class A --ready 1
	refused 1 "vmmallocctl: --ready (5): class 'a' has no more than 4 pools (max)" wait --class a --ready 5
	timeout 20 "$CTL" --runtime-dir "$RUN" wait --class a --ready 2 || fail "status $?"
	refused 1 "vmmallocctl: class 'a' has 2 ready pools after 1 s" wait --class a --ready 3 --timeout 1
	refused 1 "vmmallocctl: class 'a' has 2 ready pools after 0 s" wait --class a --ready 3 --timeout 0
	"$CTL" --runtime-dir "$RUN" drain a >/dev/null
	refused 1 "vmmallocctl: class 'a' has 2 ready pools after 0 s; it is drained" wait --class a --ready 3 --timeout 0
	"$CTL" --runtime-dir "$RUN" enable a >/dev/null
	need strace
	strace -f -e trace=connect -o calls timeout 30 "$CTL" --runtime-dir "$RUN" wait --class a --ready 3 &
	local waiter=$!
	PIDS="$PIDS $waiter"
	wait_for eval '[ "$(grep -c control.sock calls)" = 2 ]'
	sleep 1
	# nothing is polled
	is "$(grep -c control.sock calls)" 2
	kill -0 $waiter || fail "it has ended"
	one_class 'ready = 3' 'max = 4' && ctl reload
	ends_with $waiter 0
	timeout 30 "$CTL" --runtime-dir "$RUN" wait --class a --ready 4 2>err &
	waiter=$!
	one_class 'ready = 3' 'max = 3' && ctl reload
	ends_with $waiter 1
	timeout 30 "$CTL" --runtime-dir "$RUN" wait --class a --ready 3 --timeout 20 || fail "status $?"
}
run_case "wait ends as soon as the class has the pools, and polls nothing" waits

wait_restart() {
	serve
	need strace
	strace -f -e trace=connect -o calls timeout 60 "$CTL" --runtime-dir "$RUN" wait --class a --ready 3 2>err &
	local waiter=$!
	PIDS="$PIDS $waiter"
	wait_for eval '[ "$(grep -c control.sock calls)" = 2 ]'
	daemon_end KILL
	one_class 'ready = 3' 'max = 4'
	daemon_start
	ends_with $waiter 0
	daemon_end TERM
	daemon_start
	strace -f -e trace=connect -o calls timeout 60 "$CTL" --runtime-dir "$RUN" wait --class a --ready 4 --timeout 3 2>err &
	waiter=$!
	wait_for eval '[ "$(grep -c control.sock calls)" = 2 ]'
	daemon_end TERM
	ends_with $waiter 1
	grep -q "class 'a' has 3 ready pools after 3 s" err || fail "$(cat err)"
}
run_case "wait goes on with the next daemon" wait_restart

# A daemon that does not answer takes no longer than what is waited for.
wait_stopped() {
	serve
	local silent="vmmallocctl: no daemon answers at $RUN/control.sock: Connection timed out; it is stopped or busy: vmmallocctl doctor tells more"
	kill -STOP "$DAEMON"
	timeout 6 "$CTL" --runtime-dir "$RUN" wait --class a --ready 1 --timeout 1 2>err
	is "$? $(cat err)" "3 $silent"
	timeout 6 "$CTL" --runtime-dir "$RUN" wait --class a --ready 1 --timeout 0 2>err
	is "$? $(cat err)" "3 $silent"
	kill -CONT "$DAEMON"
	# one that is stopped later
	need strace
	strace -f -e trace=connect -o calls timeout 20 "$CTL" --runtime-dir "$RUN" wait --class a --ready 4 --timeout 3 2>err &
	local waiter=$!
	PIDS="$PIDS $waiter"
	wait_for eval '[ "$(grep -c control.sock calls)" = 2 ]'
	kill -STOP "$DAEMON"
	ends_with $waiter 1
	is "$(cat err)" "vmmallocctl: class 'a' has 2 ready pools after 3 s"
	kill -CONT "$DAEMON"
}
run_case "wait: a daemon that is stopped is not waited for longer" wait_stopped

misspelt() {
	serve
	refused 4 "vmmallocctl: there is no class 'A'; did you mean 'a'?" events --no-follow --class A
	refused 4 "vmmallocctl: there is no class 'other'; vmmallocctl status lists all" events --no-follow --class other --kind ready
	timeout 60 "$CTL" --runtime-dir "$RUN" events --class A >followed 2>words &
	local follower=$!
	PIDS="$PIDS $follower"
	wait_for test -s words
	is "$(cat words)" "vmmallocctl: waiting for a class 'A', which there is not; did you mean 'a'?"
	# it comes
	{ cat vmmallocd.conf; sed 's/pool a/pool A/' vmmallocd.conf; } >both && mv both vmmallocd.conf && ctl reload || fail reload
	wait_for grep -qE 'ready +.*A' followed
	kill $follower
	# one that has gone has its events
	one_class 'ready = 2' 'max = 4' && ctl reload && ctl prune >/dev/null
	timeout 20 "$CTL" --runtime-dir "$RUN" events --no-follow --class A >out 2>err || fail "$(cat err)"
	is "$(cat err)" ""
	[ -s out ] || fail "no events"
	# a kind may be said as often as one likes
	timeout 20 "$CTL" --runtime-dir "$RUN" events --no-follow $(printf -- '--kind ready %.0s' {1..40}) >out || fail "kinds"
}
run_case "a class that there is not: it is said, and waited for" misspelt

# --- the journal ---

# A real one, in a /run of its own.
journal() {
	need_root
	need_mounts
	need journalctl
	[ -x /lib/systemd/systemd-journald ] || skip "systemd-journald is not installed"
	setup
	one_class 'ready = 1' 'max = 1'
	mount -t tmpfs none /run
	mkdir -p /run/systemd/journal /run/log/journal
	/lib/systemd/systemd-journald >journald 2>&1 &
	PIDS="$PIDS $!"
	wait_for test -S /run/systemd/journal/socket
	: >log
	JOURNAL_STREAM=$(stat -c %d:%i log) daemon_start
	wait_count a ready 1
	hold take=a
	client take=a >out
	entries() { journalctl -q --no-pager -D /run/log/journal -o json "$@"; }
	wait_for eval '[ -n "$(entries EVENT=refused)" ]'
	entries CLASS=a EVENT=handed_out >out
	is "$(wc -l <out)" 1
	for field in "\"MESSAGE_ID\":\"$(message_id handed_out)\"" '"PRIORITY":"7"' '"SYSLOG_IDENTIFIER":"vmmallocd"' '"CLASS":"a"' \
		"\"OWNER_UID\":\"0\"" '"OWNER_COMM":"pool_client"' "\"OWNER_PID\":\"$HELD\"" "\"_PID\":\"$DAEMON\"" '"_TRANSPORT":"journal"'; do
		grep -qF "$field" out || fail "$field: $(cat out)"
	done
	grep -q '"POOL":"[0-9a-f]\{32\}"' out || fail "$(cat out)"
	is "$(entries "MESSAGE_ID=$(message_id refused)" | grep -c '"REASON":"no pool is ready"\|"REASON":"the class has as many')" 1
	# the events are the same, with the same numbers; and what is no event is there too
	is "$(entries | grep -o '"EVENT_NUMBER":"[0-9]*"' | grep -o '[0-9]*' | sort -n)" \
		"$(ctl events --no-follow --json | sed 's/.*"number":\([0-9]*\).*/\1/')"
	is "$(cat log)" ""
	daemon_end TERM
	wait_for eval '[ -n "$(entries | grep "stopping: SIGTERM")" ]'
}
# message_id KIND: as vmmallocd(8) has it
message_id() { sed -n "/^\.B $1\$/{n;s/\.PD 0//;n;p;q}" "$ROOT/doc/vmmallocd.8" | grep -E '^[0-9a-f]{32}$' || sed -n "/^\.B $1\$/{n;p;q}" "$ROOT/doc/vmmallocd.8"; }
export -f message_id
run_case "the journal has the events with their fields" journal

documented() {
	sed -n 's/.*\[EVENT_[A-Z_]*\] = { "\([a-z_]*\)", "\([0-9a-f]*\)" },/\1 \2/p' "$ROOT/vmmallocd/plan/events.c" >code
	[ "$(wc -l <code)" -ge 22 ] || fail "$(cat code)"
	sed -n '/^\.SH EVENTS/,/^\.SH WHAT/p' "$ROOT/doc/vmmallocd.8" | awk '/^\.B [a-z_]+$/ { kind = $2 } /^[0-9a-f]+$/ && length($0) == 32 { print kind, $0 }' >manual
	diff code manual || fail "vmmallocd(8) has other kinds"
	# and so do the interface, and the command
	awk '{ print $1 }' code | while read -r kind; do
		sed -n '/^type Event/,/^)/p' "$ROOT/vmmallocd/control/org.vmmalloc.varlink" | grep -qw "$kind" || fail "the interface: $kind"
		refused 3 "vmmallocctl: no daemon answers at $WORK/control.sock: No such file or directory; start one: vmmallocd --runtime-dir $WORK" events --kind "$kind"
	done
}
run_case "the manual, the interface and the command have the same kinds" documented

end_suite
