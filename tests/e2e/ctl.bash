#!/bin/bash
# ctl.bash -- vmmallocctl where no daemon is needed: usage, the environment of `run`, a daemon that is not there.
. "$(dirname "$0")/../lib/suite.bash"

CTL=$BUILD/${FLAVOUR:-release}/vmmallocctl
export CTL
unset VMMALLOC_RUNTIME_DIR VMMALLOC_POOL VMMALLOC_POOL_DIR VMMALLOC_POOL_SIZE VMMALLOC_SOCKET VMMALLOC_FORK \
	VMMALLOC_CHILDREN VMMALLOC_ON_FULL VMMALLOC_MAX_SIZE VMMALLOC_ON_FAIL VMMALLOC_WAIT LD_PRELOAD XDG_RUNTIME_DIR

# refused STATUS LINE ARGUMENT...: that exit status, that one line, and nothing on standard output
refused() {
	local expected=$1 line=$2 status
	shift 2
	"$CTL" "$@" >out 2>err
	status=$?
	[ $status -eq "$expected" ] || fail "vmmallocctl $*: exit status $status: $(cat out err)"
	[ "$(cat err)" = "$line" ] || fail "vmmallocctl $*: said $(cat err)"
	[ ! -s out ] || fail "vmmallocctl $*: printed $(cat out)"
}

# What a program would see. `ran VARIABLE` is its value, and fails if it is not set.
run_env() { "$CTL" --runtime-dir "$WORK" run "$@" -- /usr/bin/env -0 >environment 2>err || fail "run $*: $(cat err)"; }
ran() { tr '\0' '\n' <environment | sed -n "s|^$1=||p" | grep . ; }
is() { [ "$(ran "$1")" = "$2" ] || fail "$1 is $(ran "$1"), not $2"; }
unset_in_it() { ! ran "$1" || fail "$1 is set"; }
export -f refused run_env ran is unset_in_it

usage() {
	refused 2 "vmmallocctl: a command is missing; try vmmallocctl --help"
	refused 2 "vmmallocctl: unknown command 'htop'; try vmmallocctl --help" htop
	refused 2 "vmmallocctl: unknown option '--x'; try vmmallocctl --help" --x
	refused 2 "vmmallocctl: unknown option '-x'; try vmmallocctl --help" -x
	refused 2 "vmmallocctl: --runtime-dir needs an argument, DIR; try vmmallocctl --help" --runtime-dir
	refused 2 "vmmallocctl: --runtime-dir (): expected a directory" --runtime-dir= list
	refused 2 "vmmallocctl: list: unknown option '--x'; try vmmallocctl list --help" list --x
	refused 2 "vmmallocctl: list: unknown option '-x'; try vmmallocctl list --help" list -nx
	refused 2 "vmmallocctl: list: --output needs an argument, [+]COLUMNS; try vmmallocctl list --help" list --output
	refused 2 "vmmallocctl: list: --output needs an argument, [+]COLUMNS; try vmmallocctl list --help" list -bo
	refused 2 "vmmallocctl: list: --json takes no argument; try vmmallocctl list --help" list --json=1
	refused 2 "vmmallocctl: run: '--on' may be '--on-full' or '--on-fail'; try vmmallocctl run --help" run --on=fail true
	refused 2 "vmmallocctl: --output: unknown column 'NAME'; there are CLASS, ID, STATE, KIND, SIZE, USED, PEAK, PID, UID, USER, COMMAND, AGE and PATH" \
		list -o class,NAME
	refused 2 "vmmallocctl: --output: unknown column ''; there are CLASS, ID, STATE, KIND, SIZE, USED, PEAK, PID, UID, USER, COMMAND, AGE and PATH" \
		list -o class,
	refused 2 "vmmallocctl: --json has all fields always: it does not go with --output" list -J -o ID
	refused 2 "vmmallocctl: --output: unknown column ''; there are CLASS, ID, STATE, KIND, SIZE, USED, PEAK, PID, UID, USER, COMMAND, AGE and PATH" \
		list -o +
	refused 2 "vmmallocctl: --output: unknown column '-ID'; did you mean 'ID'?" list -o +-ID
	refused 2 "vmmallocctl: --output: at most 32 columns" list -o "$(printf 'id,%.0s' {1..32})id"
	refused 2 "vmmallocctl: --sort: unknown column 'USDE'; did you mean 'USED'?" list --sort -class,-USDE
	refused 2 "vmmallocctl: --sort: unknown column ''; there are CLASS, ID, STATE, KIND, SIZE, USED, PEAK, PID, UID, USER, COMMAND, AGE and PATH" \
		list -J --sort=
	refused 2 "vmmallocctl: --state: unknown state 'redy'; did you mean 'ready'?" list --state leased,redy
	refused 2 "vmmallocctl: --state: unknown state ''; there are creating, warming, ready, leased, recycling, quarantined, failed and waiting" list --state=
	refused 4 "vmmallocctl: --user (no-such-user): there is no such user" list --user root,no-such-user
	refused 4 "vmmallocctl: --user (4294967295): there is no such user" ps --user 4294967295
	refused 4 "vmmallocctl: --user (-1): there is no such user" list --user=-1
	refused 2 "vmmallocctl: prune: unknown option '--all'; try vmmallocctl prune --help" prune --all
	refused 2 "vmmallocctl: reload: unexpected argument 'now'; try vmmallocctl reload --help" reload now
}
run_case "wrong usage is one line and exit status 2" usage

# A line for each command and what it takes; the last word is one too many. Only run has a program's, to the end.
too_many() {
	local words command
	cat >lines <<-END
		list -H
		ps -H
		status -H
		metrics
		prune
		reload
		events
		wait --class a --ready 1
		watch
		drain a
		disable a
		enable a
		resize a --max 3
		top-up a
		create a 1
		destroy 9b2d
		revoke 9b2d
		doctor --heap
		doctor --checks
		help list
	END
	for command in $("$CTL" --help | sed -n '/^Commands:/,/^$/s/^  \([^ ]*\) .*/\1/p'); do
		[ $command = run ] || grep -q "^$command\>" lines || fail "no line for $command"
	done
	while read -r words; do
		refused 2 "vmmallocctl: ${words%% *}: unexpected argument 'extra'; try vmmallocctl ${words%% *} --help" $words extra
		refused 2 "vmmallocctl: ${words%% *}: unexpected argument ''; try vmmallocctl ${words%% *} --help" $words ''
	done <lines
	# what goes with nothing else
	refused 2 "vmmallocctl: --list-columns lists all columns: it does not go with --output" list -H -o ID
	refused 2 "vmmallocctl: --list-columns lists all columns: it does not go with --sort" ps --sort PID -H
	refused 2 "vmmallocctl: --json is for what was found: it does not go with --heap" doctor --heap --json
	refused 2 "vmmallocctl: --quiet is for what was found: it does not go with --checks" doctor --checks -q
	refused 2 "vmmallocctl: --config is for what was found: it does not go with --checks" doctor --checks --config x
	refused 2 "vmmallocctl: --checks does not go with --heap" doctor --checks --heap
	refused 2 "vmmallocctl: --heap does not go with a program" doctor --heap -- true
}
run_case "no command takes a word that says nothing to it" too_many

meant() {
	refused 2 "vmmallocctl: unknown command 'lits'; did you mean 'list'?" lits
	refused 2 "vmmallocctl: unknown command 'RELOAD'; did you mean 'reload'?" RELOAD
	refused 2 "vmmallocctl: unknown command 'stat'; did you mean 'status'?" stat --json
	refused 2 "vmmallocctl: unknown command 'l'; try vmmallocctl --help" l
	refused 2 "vmmallocctl: unknown command ''; try vmmallocctl --help" ""
	refused 2 "vmmallocctl: unknown command 'prnue'; did you mean 'prune'?" help prnue
	refused 2 "vmmallocctl: list: unknown option '--no-headigns'; did you mean '--no-headings'?" list --no-headigns
	refused 2 "vmmallocctl: prune: unknown option '--dryrun'; did you mean '--dry-run'?" prune --dryrun=yes
	refused 2 "vmmallocctl: unknown option '--runtimedir'; did you mean '--runtime-dir'?" --runtimedir /run list
	refused 2 "vmmallocctl: --output: unknown column 'CLAS '; did you mean 'CLASS'?" list -o 'ID,CLAS ,PATH'
	# as long as can be
	local long=$(printf '%05000d' 0)
	refused 2 "vmmallocctl: unknown command '$long'; try vmmallocctl --help" "$long"
	refused 2 "vmmallocctl: unknown option '--${long:0:63}'; try vmmallocctl --help" "--$long=x"
}
run_case "what was meant by a word that is not known" meant

run_usage() {
	local pool=(--dir /dev/shm --size 64M)
	refused 2 "vmmallocctl: which pool? Give --class NAME, or --dir DIR and --size SIZE" run -- true
	refused 2 "vmmallocctl: --dir needs --size" run --dir /dev/shm -- true
	refused 2 "vmmallocctl: --size needs --dir" run --size 64M -- true
	refused 2 "vmmallocctl: --size needs --dir" run --class fast --size 64M -- true
	refused 2 "vmmallocctl: which program? vmmallocctl run [OPTION...] -- PROGRAM [ARGUMENT...]" run "${pool[@]}"
	refused 2 "vmmallocctl: which program? vmmallocctl run [OPTION...] -- PROGRAM [ARGUMENT...]" run "${pool[@]}" --
	refused 2 "vmmallocctl: --class (a b): expected up to 63 letters, digits, '-' and '_'" run --class 'a b' -- true
	refused 2 "vmmallocctl: --class (): expected up to 63 letters, digits, '-' and '_'" run --class= -- true
	refused 2 "vmmallocctl: --dir is empty: expected a writable directory" run --dir= --size 64M -- true
	refused 2 "vmmallocctl: --size (64MB): expected a number of bytes or one with K, M, G or T" run --dir /x --size 64MB -- true
	refused 2 "vmmallocctl: --size (-1): expected a number of bytes or one with K, M, G or T" run --dir /x --size -1 -- true
	refused 2 "vmmallocctl: --size (99999999T): too large" run --dir /x --size 99999999T -- true
	refused 2 "vmmallocctl: --size (14680063): a pool has at least 14680064 bytes (14M)" run --dir /x --size 14680063 -- true
	refused 2 "vmmallocctl: --fork (4): expected auto, 0, 1, 2 or 3" run "${pool[@]}" --fork 4 -- true
	refused 2 "vmmallocctl: --fork (01): expected auto, 0, 1, 2 or 3" run "${pool[@]}" --fork 01 -- true
	refused 2 "vmmallocctl: --children (on): expected inherit, off or a size" run "${pool[@]}" --children on -- true
	refused 2 "vmmallocctl: --children (1M): a pool has at least 14680064 bytes (14M)" run "${pool[@]}" --children 1M -- true
	refused 2 "vmmallocctl: --wait (1m): expected a number of seconds up to 1000000" run "${pool[@]}" --wait=1m -- true
	refused 2 "vmmallocctl: --on-full (swap): expected fail, dram or grow" run "${pool[@]}" --on-full swap -- true
	refused 2 "vmmallocctl: --max-size (1): a pool has at least 14680064 bytes (14M)" run "${pool[@]}" --on-full grow --max-size 1 -- true
	refused 2 "vmmallocctl: --max-size (many): expected a number of bytes or one with K, M, G or T" run "${pool[@]}" --on-full grow --max-size many -- true
	refused 2 "vmmallocctl: --max-size (63M): expected at least the size of a pool (64M)" run "${pool[@]}" --on-full grow --max-size 63M -- true
	VMMALLOC_POOL_DIR=/x VMMALLOC_POOL_SIZE=1G refused 2 "vmmallocctl: --max-size (64M): expected at least the size of a pool (1G)" run --on-full grow --max-size 64M -- true
	refused 2 "vmmallocctl: --max-size needs --on-full=grow" run "${pool[@]}" --max-size 1G -- true
	refused 2 "vmmallocctl: --max-size needs --on-full=grow" run "${pool[@]}" --on-full dram --max-size 1G -- true
	VMMALLOC_ON_FULL=dram refused 2 "vmmallocctl: --max-size needs --on-full=grow" run "${pool[@]}" --max-size 1G -- true
	refused 2 "vmmallocctl: --on-fail (swap): expected exit or dram" run "${pool[@]}" --on-fail swap -- true
}
run_case "run refuses what the library would refuse, before it starts the program" run_usage

run_cannot() {
	refused 127 "vmmallocctl: $WORK/none: No such file or directory" run --class fast -- "$WORK/none"
	refused 127 "vmmallocctl: no-such-program-here: No such file or directory" run --class fast -- no-such-program-here
	: >plain
	refused 126 "vmmallocctl: $WORK/plain: Permission denied" run --class fast -- "$WORK/plain"
	mkdir directory
	refused 126 "vmmallocctl: $WORK/directory: Permission denied" run --class fast -- "$WORK/directory"
}
run_case "run says as env does that a program cannot be run" run_cannot

# The library goes beside a copy of the command, so that what is preloaded is a library that does nothing.
private_copy() {
	need gcc
	mkdir -p bin
	cp "$CTL" bin/
	gcc -shared -x c /dev/null -o bin/libvmmalloc.so.1 || exit 1
	CTL=$WORK/bin/vmmallocctl
}
export -f private_copy

run_environment() {
	private_copy
	run_env --class fast
	is VMMALLOC_POOL fast
	is VMMALLOC_SOCKET "$WORK/pool.sock"
	is LD_PRELOAD "$WORK/bin/libvmmalloc.so.1"
	for variable in VMMALLOC_POOL_DIR VMMALLOC_POOL_SIZE VMMALLOC_FORK VMMALLOC_CHILDREN VMMALLOC_ON_FULL VMMALLOC_MAX_SIZE VMMALLOC_ON_FAIL VMMALLOC_WAIT; do
		unset_in_it $variable
	done

	run_env --dir /dev/shm --size 64M --fork 2 --children off --on-full=grow --max-size=1g --on-fail dram --wait=7
	is VMMALLOC_POOL_DIR /dev/shm
	is VMMALLOC_POOL_SIZE 64M
	is VMMALLOC_FORK 2
	is VMMALLOC_CHILDREN off
	is VMMALLOC_ON_FULL grow
	is VMMALLOC_MAX_SIZE 1g
	is VMMALLOC_ON_FAIL dram
	is VMMALLOC_WAIT 7
	unset_in_it VMMALLOC_POOL
	unset_in_it VMMALLOC_SOCKET

	: >pool.sock
	run_env --class fast --wait
	is VMMALLOC_WAIT 1000000
	run_env --dir /dev/shm --size 64M
	is VMMALLOC_SOCKET "$WORK/pool.sock"

	run_env --class fast --dir /dev/shm --size 1g --children 14M
	is VMMALLOC_POOL fast
	is VMMALLOC_POOL_DIR /dev/shm
	is VMMALLOC_POOL_SIZE 1g
	is VMMALLOC_CHILDREN 14M

	# what is asked for now replaces what a program further up was given
	VMMALLOC_POOL_DIR=/other VMMALLOC_POOL_SIZE=1T run_env --class fast
	unset_in_it VMMALLOC_POOL_DIR
	unset_in_it VMMALLOC_POOL_SIZE
	VMMALLOC_POOL=other run_env --dir /dev/shm --size 64M
	unset_in_it VMMALLOC_POOL
	# a class has pools of its own size, whatever was said of others
	VMMALLOC_POOL_DIR=/other VMMALLOC_POOL_SIZE=1T VMMALLOC_ON_FULL=grow run_env --class fast --max-size 64M
	is VMMALLOC_ON_FULL grow
	is VMMALLOC_MAX_SIZE 64M
	VMMALLOC_POOL=other VMMALLOC_FORK=1 run_env
	is VMMALLOC_POOL other
	is VMMALLOC_FORK 1
	VMMALLOC_POOL_DIR=/other VMMALLOC_POOL_SIZE=64M run_env
	is VMMALLOC_POOL_DIR /other
}
run_case "run sets what the options say, and leaves the rest alone" run_environment

# What is set outlives the directory that it was said in.
run_relative() {
	private_copy
	mkdir pools deep
	local long=$(printf '%0100d' 0) elsewhere="cd / && exec env -0"
	relative() {
		"$CTL" "$@" -- sh -c "$elsewhere" >environment 2>err || fail "$*: $(cat err)"
	}
	relative --runtime-dir . run --class fast
	is VMMALLOC_SOCKET "$WORK/pool.sock"
	relative --runtime-dir ./run run --class fast --dir ./pools --size 64M
	is VMMALLOC_SOCKET "$WORK/run/pool.sock"
	is VMMALLOC_POOL_DIR "$WORK/pools"
	VMMALLOC_RUNTIME_DIR=run relative run --class fast --dir pools --size 64M
	is VMMALLOC_SOCKET "$WORK/run/pool.sock"
	is VMMALLOC_RUNTIME_DIR "$WORK/run"
	is VMMALLOC_POOL_DIR "$WORK/pools"
	VMMALLOC_POOL_DIR=../$(basename "$WORK")/pools VMMALLOC_POOL_SIZE=64M relative run
	is VMMALLOC_POOL_DIR "$WORK/../$(basename "$WORK")/pools"
	LD_PRELOAD=./bin/libvmmalloc.so.1 relative run --class fast
	is LD_PRELOAD "$WORK/bin/libvmmalloc.so.1"
	# a short path may be a long one
	mkdir -p "deep/$long"
	cd "deep/$long" || exit 1
	refused 1 "vmmallocctl: run/pool.sock: File name too long" --runtime-dir run \
		run --class fast -- true
	mkdir gone
	cd gone && rmdir ../gone || exit 1
	# where there is no path there is none to hand on
	"$CTL" run --dir . --size 64M -- true 2>"$WORK/err"
	[ $? -eq 1 ] || fail "no directory: $(cat "$WORK/err")"
	[ "$(cat "$WORK/err")" = "vmmallocctl: environment: No such file or directory" ] || fail "$(cat "$WORK/err")"
	"$CTL" --runtime-dir "$WORK" run --class fast -- true || fail "absolute paths need no directory"
}
run_case "run: relative paths mean the same in other directories" run_relative

run_preload() {
	private_copy
	gcc -shared -x c /dev/null -o other.so || exit 1
	LD_PRELOAD=$WORK/other.so run_env --class fast
	is LD_PRELOAD "$WORK/bin/libvmmalloc.so.1:$WORK/other.so"
	mkdir debug
	cp bin/libvmmalloc.so.1 debug
	LD_PRELOAD="$WORK/other.so $WORK/debug/libvmmalloc.so.1" run_env --class fast
	is LD_PRELOAD "$WORK/other.so $WORK/debug/libvmmalloc.so.1"

	# as it is installed, and by a link to it
	mkdir -p usr/bin usr/lib links
	mv bin/vmmallocctl usr/bin
	mv bin/libvmmalloc.so.1 usr/lib
	ln -s ../usr/bin/vmmallocctl links/
	CTL=$WORK/links/vmmallocctl
	run_env --class fast
	[ "$(ran LD_PRELOAD)" -ef usr/lib/libvmmalloc.so.1 ] || fail "LD_PRELOAD is $(ran LD_PRELOAD)"

	mkdir "a place"
	cp usr/bin/vmmallocctl usr/lib/libvmmalloc.so.1 "a place"
	CTL="$WORK/a place/vmmallocctl"
	refused 1 "vmmallocctl: $WORK/a place/libvmmalloc.so.1: LD_PRELOAD cannot name a path with a space or a colon in it" \
		run --class fast -- true
}
run_case "run finds the library that belongs to it, and keeps what is preloaded" run_preload

run_arguments() {
	private_copy
	"$CTL" run --class fast sh -c 'printf "%s|" "$@"; exit 7' sh --class x -- '' 'a b' >out
	[ $? -eq 7 ] || fail "the exit status is not the program's"
	[ "$(cat out)" = "--class|x|--||a b|" ] || fail "arguments: $(cat out)"
	"$CTL" --runtime-dir "$WORK" run --class fast --verbose -- true 2>err || fail "--verbose"
	diff err - <<-END || fail "--verbose says something else"
		vmmallocctl: VMMALLOC_POOL=fast
		vmmallocctl: VMMALLOC_SOCKET=$WORK/pool.sock
		vmmallocctl: LD_PRELOAD=$WORK/bin/libvmmalloc.so.1
	END
}
run_case "run hands arguments and exit status through" run_arguments

run_on_pool() {
	"$CTL" run --dir "$POOL_DIR" --size 64M -- grep " rw-s .* $POOL_DIR/.*(deleted)" /proc/self/maps || fail "not on a pool"
}
run_case "run puts a real program on a pool, from the build tree" run_on_pool

unreachable() {
	local none="vmmallocctl: no daemon answers at $WORK/control.sock"
	for command in list status "status 1" prune "prune --dry-run" reload "list --json" "status --json"; do
		refused 3 "$none: No such file or directory; start one: vmmallocd --runtime-dir $WORK" --runtime-dir "$WORK" $command
		refused 3 "$none: No such file or directory; start one: vmmallocd --runtime-dir $WORK" $command --runtime-dir "$WORK"
		VMMALLOC_RUNTIME_DIR=$WORK refused 3 "$none: No such file or directory; start one: vmmallocd --runtime-dir $WORK" $command
	done
	: >control.sock
	refused 3 "$none: Connection refused; it has ended, start it again: vmmallocd --runtime-dir $WORK" --runtime-dir "$WORK" list
	local long=$WORK/$(printf '%0100d' 0)
	refused 3 "vmmallocctl: no daemon answers at $long/control.sock: File name too long" --runtime-dir "$long" list
	VMMALLOC_RUNTIME_DIR=/none refused 3 "$none: Connection refused; it has ended, start it again: vmmallocd --runtime-dir $WORK" --runtime-dir "$WORK" list
}
run_case "a daemon that is not there is exit status 3" unreachable

# JSON has no place for it: the daemon would hear of no class at all.
no_utf8() {
	local command
	for command in drain enable disable top-up create destroy revoke 'resize --max 3'; do
		"$CTL" $command $'a\xff' >out 2>err
		[ $? = 2 ] && [ "$(grep -c . err)" = 1 ] && grep -aq "expected a \(class\|pool\), by its name" err || fail "$command: $(cat out err)"
	done
}
run_case "a name that is no UTF-8 is one line and exit status 2" no_utf8

# Sockets whose owner does not do what a daemon should.
answering() {
	need python3
	rm -f control.sock
	python3 - "$1" >server.log 2>&1 <<-'END' &
		import socket, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind("control.sock.new")
		server.listen()
		import os; os.rename("control.sock.new", "control.sock")
		connection, _ = server.accept()
		call = b""
		while not call.endswith(b"\0"):
		    call += connection.recv(4096)
		connection.sendall(eval(sys.argv[1]))
	END
	local server=$! tries=0
	until [ -S control.sock ]; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "$(cat server.log)"
		sleep 0.02
	done
	shift
	refused "$@"
	wait $server || fail "$(cat server.log)"
}
export -f answering

odd_daemon() {
	local nonsense="vmmallocctl: the daemon's reply makes no sense"
	answering 'b""' 3 "vmmallocctl: no daemon answers at $WORK/control.sock: Connection reset by peer" --runtime-dir "$WORK" list
	answering 'b"{\"parameters\":"' 3 "vmmallocctl: no daemon answers at $WORK/control.sock: Connection reset by peer" \
		--runtime-dir "$WORK" list
	answering 'b"x\0"' 1 "$nonsense" --runtime-dir "$WORK" list
	answering 'b"[]\0"' 1 "$nonsense" --runtime-dir "$WORK" list
	answering 'b"{}\0"' 1 "$nonsense" --runtime-dir "$WORK" status
	answering 'b"{\"error\":\"org.example.Odd\"}\0"' 1 "vmmallocctl: the daemon refused: org.example.Odd" --runtime-dir "$WORK" reload
	answering 'b"{\"error\":\"org.vmmalloc.ReloadFailed\",\"parameters\":{\"message\":\"x.conf:1: no\"}}\0"' 1 \
		"vmmallocctl: x.conf:1: no" --runtime-dir "$WORK" reload
	answering 'b"{\"error\":\"org.vmmalloc.PermissionDenied\",\"parameters\":{\"expected\":\"root\"}}\0"' 1 \
		"vmmallocctl: not permitted: this is for root" --runtime-dir "$WORK" prune
}
run_case "a daemon that answers oddly ends the command, not worse" odd_daemon

# Bounded: by 10 seconds, and here by the deadline of the case.
silent_daemon() {
	need python3
	python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("control.sock"); s.listen(); time.sleep(60)' &
	local server=$! tries=0
	until "$CTL" --runtime-dir "$WORK" list 2>err; [ $? -eq 3 ] && ! grep -q 'No such file\|refused' err; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "$(cat err)"
		sleep 0.02
	done
	kill $server
	[ "$(cat err)" = "vmmallocctl: no daemon answers at $WORK/control.sock: Connection timed out; it is stopped or busy: vmmallocctl doctor tells more" ] || fail "$(cat err)"
}
DEADLINE=45 run_case "a daemon that accepts and is silent is exit status 3, in bounded time" silent_daemon

help_and_version() {
	local version
	version=$(sed -n 's/^#define VMMALLOC_VERSION "\(.*\)"/\1/p' "$ROOT/include/libvmmalloc.h")
	for command in "" $("$CTL" --help | sed -n '/^Commands:/,/^$/s/^  \([^ ]*\) .*/\1/p'); do
		for option in --version -V; do
			[ "$("$CTL" $command $option)" = "vmmallocctl $version" ] || fail "$command $option"
		done
		for words in "$command --help" "$command -h" "help $command"; do
			"$CTL" $words >out 2>err || fail "$words"
			grep -q "^Usage: vmmallocctl ${command:-\[OPTION...\] COMMAND}" out && [ ! -s err ] || fail "$words: $(cat out err)"
			[ "$(wc -L <out)" -le 100 ] || fail "$words: wider than a terminal"
			cmp -s out "help.${command:-all}" || [ ! -e "help.${command:-all}" ] || fail "$words: another text"
			mv out "help.${command:-all}"
		done
	done
	[ -e help.run ] && [ -e help.help ] || fail "no commands"
	# what is not the program's yet is ours
	"$CTL" run --class a -V | grep -q "^vmmallocctl " || fail "run --class a -V"
	[ "$("$CTL" --runtime-dir /none run --dir "$POOL_DIR" --size 64M echo -V -h)" = "-V -h" ] || fail "run ... -V -h"
	! "$CTL" --help >/dev/full 2>err || fail "no complaint that the help cannot be written"
	[ "$(cat err)" = "vmmallocctl: standard output: No space left on device" ] || fail "$(cat err)"
}
run_case "help and version, of the whole and of each command" help_and_version

end_suite
