#!/bin/bash
# watch.bash -- vmmallocctl watch on real terminals (tmux), and in pipes.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../integration/helpers/daemon.bash"
unset VMMALLOC_RUNTIME_DIR VMMALLOC_SOCKET TMUX
CTL=$BUILD/${FLAVOUR:-release}/vmmallocctl
export CTL LC_ALL=C.UTF-8

serve() {
	setup
	one_class 'ready = 2' 'max = 4' 'cold = no' "$@"
	daemon_start
	wait_count a ready 2
}
# The terminal of the case. Its shell ends by itself, and with it the server.
tm() { tmux -S "$WORK/tmux" -f /dev/null "$@"; }
# on_terminal COLUMNS LINES WORD...: `vmmallocctl watch` there; what the shell says of it afterwards is in `after`
on_terminal() {
	need tmux
	local columns=$1 lines=$2
	shift 2
	cat >inside <<-END
		trap : INT QUIT HUP
		stty -g >before
		"$CTL" --runtime-dir "$RUN" watch $* 2>err
		echo "status \$?" >after.new
		stty -g | cmp - before >>after.new 2>&1
		mv after.new after
		exec timeout --foreground 100 cat
	END
	tm new-session -d -s w -x "$columns" -y "$lines" "timeout --foreground 110 bash inside" || fail "tmux"
	trap 'tm kill-server 2>/dev/null; clean_up' EXIT
}
screen() { tm capture-pane -p -t w; }
shows() { screen | grep -qE -- "$1"; }
key() { tm send-keys -t w "$@"; }
# is_restored STATUS: the program has ended so, and the terminal is as it was
is_restored() {
	wait_for test -e after
	is "$(cat after)" "status $1"
	wait_for eval '[ "$(tm display-message -p -t w "#{alternate_on} #{cursor_flag} #{keypad_cursor_flag}")" = "0 1 0" ]'
	[ ! -s err ] || fail "$(cat err)"
	rm after
}
export -f serve tm on_terminal screen shows key is_restored

drawn() {
	serve
	on_terminal 80 24 --interval 1
	wait_for shows '^a  *2/2  *2/4  *\[=+\.+\]$'
	shows "^vmmallocd .* up [0-9]+[smhd] .*q quits" || fail "$(screen)"
	wait_for shows "[0-9.]+G? +[0-9.]+G? +\[[#.]+\]$"
	hold take=a map fill=7
	wait_for shows '^a  *2/2  *3/4  *\[#+=+\.+\]$'
	wait_for shows "^ +[0-9.]+[BKM]? .* a  *$HELD pool_client$"
	# the bar is what it says: a quarter is leased, a half ready
	screen | grep -o '\[#*=*\.*\]' | head -n 1 | awk -F '' '{ for (i = 1; i <= NF; i++) n[$i]++ } END {
		whole = n["#"] + n["="] + n["."]
		exit !(n["#"] * 4 - whole < 4 && whole - n["#"] * 4 < 4 && n["="] * 2 - whole < 4 && whole - n["="] * 2 < 4) }' ||
		fail "$(screen)"
	ctl drain a >/dev/null
	wait_for shows '^  drained$'
	key q
	is_restored 0
}
run_case "a terminal shows what there is, and what changes" drawn

growing() {
	need python3
	serve
	cat >grow.py <<-'END'
		import time
		kept = []
		while True:
		    kept.append(bytearray(1 << 16))
		    time.sleep(0.1)
	END
	timeout 60 "$CTL" --runtime-dir "$RUN" run --class a -- /usr/bin/python3 grow.py &
	PIDS="$PIDS $!"
	on_terminal 140 30 --interval 1
	wait_for shows "^ +[0-9.]+M +\+[0-9.]+[KM]/s +16M  a .* python3 +[0-9a-f]{12}$"
	key q
	is_restored 0
}
run_case "the biggest pools, and how fast they grow" growing

sizes() {
	local size
	serve
	on_terminal 80 24 --interval 1
	for size in 40x16 140x50 20x5 5x2 1x1 60x12 80x24; do
		tm resize-window -t w -x "${size%x*}" -y "${size#*x}"
		[ "${size%x*}" -lt 40 ] || wait_for shows '^a  *2/2  *2/4'
		# nothing is wrapped
		[ "$(screen | awk '{ print length }' | sort -n | tail -n 1)" -le "${size%x*}" ] || fail "$size: $(screen)"
		[ ! -e after ] || fail "$size: $(cat after)"
	done
	tm resize-window -t w -x 40 -y 16
	wait_for shows '^a  *2/2  *2/4  *\[=+\.+\]$'
	wait_for shows '^DIRECTORY +FREE +OF$'
	key q
	is_restored 0
}
run_case "a terminal of any size, and one that changes" sizes

signals() {
	local number name
	serve
	for name in INT TERM HUP QUIT; do
		on_terminal 80 24
		wait_for shows '^a  *2/2'
		kill -$name "$(pgrep -f "^$CTL --runtime-dir $RUN watch")"
		is_restored $((128 + $(kill -l $name)))
		tm kill-server
		wait_for eval '! tm list-sessions 2>/dev/null'
	done
	on_terminal 80 24
	wait_for shows '^a  *2/2'
	key C-c
	is_restored 130
}
run_case "the terminal is given back, whatever ends the program" signals

another_daemon() {
	serve
	on_terminal 100 24 --interval 1
	wait_for shows '^a  *2/2  *2/4'
	daemon_end KILL
	wait_for shows "^no daemon answers at $RUN/control.sock: "
	# a daemon that does not answer keeps nobody from leaving
	one_class 'ready = 3' 'max = 4'
	daemon_start
	wait_for shows '^a  *3/3  *3/4'
	! shows "no daemon" || fail "$(screen)"
	kill -STOP "$DAEMON"
	key q
	is_restored 0
	kill -CONT "$DAEMON"
}
run_case "a daemon that goes, comes back, and does not answer" another_daemon

none() {
	mkdir run
	RUN=$WORK/run PIDS= DAEMON= MOUNTS= POOLS=$WORK/none FIRST_POOLS=$WORK/none
	on_terminal 80 24
	wait_for test -e after
	is "$(head -n 1 after)" "status 3"
	grep -q "^vmmallocctl: no daemon answers at $RUN/control.sock: No such file or directory" err && [ "$(wc -l <err)" = 1 ] || fail "$(cat err)"
	! shows DIRECTORY || fail "$(screen)"
}
run_case "no daemon at all is one line, and nothing is drawn" none

no_terminal() {
	serve
	need tmux
	cat >inside <<-END
		TERM=no-such-terminal "$CTL" --runtime-dir "$RUN" watch 2>err
		echo "status \$?" >after
	END
	tm new-session -d -s w "timeout --foreground 100 bash inside" || fail "tmux"
	trap 'tm kill-server 2>/dev/null; clean_up' EXIT
	wait_for test -e after
	is "$(cat after) $(cat err)" "status 1 vmmallocctl: the terminal is not known (TERM); --json and a pipe need none"
}
run_case "a terminal that is not known" no_terminal

piped() {
	serve
	"$CTL" --runtime-dir "$RUN" watch >lines 2>words &
	local watcher=$!
	PIDS="$PIDS $watcher"
	wait_for test -s lines
	is "$(wc -l <lines)" 1
	grep -Eqx '20[0-9-]{8} [0-9:]{8}\.[0-9]{3}  a            ready 2/2  leased 0  busy 0  bad 0  max 4  waiting 0' lines || fail "$(cat lines)"
	hold take=a
	wait_for grep -qE 'ready [0-9]/2  leased 1' lines
	wait_for eval 'tail -n 1 lines | grep -qE "ready 2/2  leased 1  busy 0"'
	daemon_end TERM
	daemon_start
	wait_for grep -q "a daemon answers" words
	kill_held "$HELD"
	wait_for eval 'tail -n 1 lines | grep -qE "leased 0  busy 0"'
	ctl drain a >/dev/null
	wait_for eval 'tail -n 1 lines | grep -q "  waiting 0  is drained$"'
	ctl enable a >/dev/null
	wait_for eval 'tail -n 1 lines | grep -q "  waiting 0$"'
	# no two are the same
	is "$(cut -d ' ' -f 3- lines | uniq | wc -l)" "$(wc -l <lines)"
	kill $watcher
	timeout 30 "$CTL" --runtime-dir "$RUN" watch --json | head -n 1 >out
	grep -Eqx '\{"version":1,"time_us":[0-9]{16},"name":"a","directory":"[^"]*","size":16777216,"ready":2,"max":4,.*"counts":\{.*\}.*,"problem":null\}' out ||
		fail "$(cat out)"
	timeout 30 "$CTL" --runtime-dir "$RUN" watch >/dev/full 2>err
	is "$? $(cat err)" "1 vmmallocctl: standard output: No space left on device"
	timeout 30 "$CTL" --runtime-dir "$RUN" watch --interval 0 2>err
	is "$? $(cat err)" "2 vmmallocctl: --interval (0): expected a number from 1 to 3600"
}
run_case "in a pipe, a line for each change" piped

end_suite
