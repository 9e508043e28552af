#!/bin/bash
# commands.bash -- what vmmallocctl and vmmallocd take is what their help, their manual and the completions say; and the
# completions, in real shells.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../integration/helpers/daemon.bash"

CTL=$BUILD/${FLAVOUR:-release}/vmmallocctl
export CTL
unset VMMALLOC_RUNTIME_DIR VMMALLOC_POOL VMMALLOC_POOL_DIR VMMALLOC_POOL_SIZE VMMALLOC_SOCKET LD_PRELOAD XDG_RUNTIME_DIR

commands() { "$CTL" --help | sed -n '/^Commands:/,/^$/s/^  \([^ ]*\) .*/\1/p'; }
# Those of help's text, "-n --name ARGUMENT" a line; without an argument "-". A long one's words are in the next line.
options_of() {
	sed -n '/^Options/,/^$/p' | sed -nE 's/^  (-.,|   ) --([a-z-]+)(( |\[=)([A-Za-z|][^ ]*))?.*/\1 --\2 \5/p' | sed -E 's/^(..),/\1/; s/^    ?/-- /; s/ $/ -/'
}
names() { awk '{ print $2 }' | sort; }
common() { "$CTL" --help | options_of; }
# with OPTION ARGUMENT: as it is written; the argument may be what may be left out
with() { case $2 in -) echo "$1" ;; *[!.]\]) [[ $2 = *"["* ]] && echo "$1 1" || echo "$1=1" ;; *) echo "$1 1" ;; esac; }
# takes WORD...: whether there are such options. What is asked for is help, which comes last; a value may be refused before.
takes() {
	timeout 10 "$@" --help </dev/null >taken 2>&1 || [ $? -ne 124 ] || fail "$*: does not end"
	grep -q '^Usage: ' taken || ! grep -qE 'unknown option|may be|takes no argument|needs an argument' taken
}
# manual_of SECTION: the options that a section of the manual describes
manual_of() { awk -v section="$1" '
	{ gsub(/\\-/, "-") }
	/^\.S[HS] / { inside = ($0 ~ "^\\.S[HS] \"?" section "( |\"|$)") }
	inside && head && /^\.B/ { while (match($0, /--[a-z][a-z-]*/)) { print substr($0, RSTART, RLENGTH); $0 = substr($0, RSTART + RLENGTH) } }
	{ head = /^\.T[PQ]/ }' "${2-$ROOT/doc/vmmallocctl.1}" | sort -u; }
export -f commands options_of with names common takes manual_of

# Each option of each command, tried.
tables() {
	local command option argument letter letters given all
	all=$(for command in $(commands); do "$CTL" help $command | options_of; done | sort -u)
	[ "$(echo "$all" | wc -l)" -ge 15 ] || fail "few options: $all"
	letters=$(sed -n 's/^-\([^-]\) .*/\1/p' <<<"$all" | sort -u)
	letters="$letters $(for letter in {a..z} {A..Z} {0..9}; do echo $letter; done | shuf -n 6)"
	for command in $(commands); do
		"$CTL" help $command | options_of >given
		while read -r letter option argument; do
			takes "$CTL" $command $(with $option "$argument") || [[ $option = --help || $option = --version ]] || fail "$command $option: $(cat taken)"
			[ $letter = -- ] || takes "$CTL" $command $(with $letter "$argument") || [[ $letter = -[hV] ]] || fail "$command $letter: $(cat taken)"
		done <given
		# one of another command, and a letter of any, is taken if it is in this one's help, or begins one that is
		while read -r letter option argument; do
			grep -q -- " $option" given || ! takes "$CTL" $command $(with $option "$argument") || fail "$command takes $option"
		done <<<"$all"
		for letter in $letters; do
			grep -q "^-$letter " given || ! takes "$CTL" $command -$letter 1 || fail "$command takes -$letter"
		done
	done
}
run_case "a command takes the options that its help lists, and no others" tables

manual() {
	local command
	is "$(manual_of OPTIONS)" "$(common | names)"
	for command in $(commands); do
		sed 's/\\-/-/g' "$ROOT/doc/vmmallocctl.1" | grep -q "^\.SY \"vmmallocctl $command\"$" || fail "$command is not in the synopsis of the manual"
		"$CTL" help $command | options_of | names >given
		common | names | comm -23 given - >own
		manual_of "$command" >described
		diff own described || fail "$command: these are not the options of the manual"
		# the letters, too
		for option in $("$CTL" help $command | options_of | awk '$1 != "--" && $1 !~ /[hV]$/ { print $1 ":" $2 }'); do
			grep -q "^\.BR ${option%%:*} \", \" ${option#*:}" <(sed 's/\\-/-/g' "$ROOT/doc/vmmallocctl.1") || fail "$command: $option"
		done
		for column in $("$CTL" help $command | sed -n '/^Columns/,/^$/s/^  \([A-Z].*\)/\1/p' | tr -d ,); do
			sed -n "/^\.SS $command/,/^\.S[SH] [^$command]/p" "$ROOT/doc/vmmallocctl.1" | grep -qx "\.BR* $column.*" || fail "$command: the manual has no column $column"
		done
	done
	is "$(manual_of OPTIONS "$ROOT/doc/vmmallocd.8")" "$("$DAEMON_PROGRAM" --help | sed 's/^$/Options/' | options_of | names)"
	"$DAEMON_PROGRAM" --help | sed 's/^$/Options/' | options_of >given
	[ "$(wc -l <given)" -ge 7 ] || fail "$(cat given)"
	while read -r letter option argument; do
		[ "$argument" = - ] && argument= || argument=debug
		[ $option = --version ] || takes "$DAEMON_PROGRAM" $option $argument || fail "vmmallocd $option: $(cat taken)"
		[ $option = --version ] || [ $letter = -- ] || takes "$DAEMON_PROGRAM" $letter || fail "vmmallocd $letter: $(cat taken)"
	done <given
}
run_case "the manuals describe these options and columns, and no others" manual

completed() {
	local command
	is "$("$CTL" complete "" | cut -f 1)" "$(commands)"
	is "$("$CTL" complete help "" | cut -f 1)" "$(commands)"
	is "$("$CTL" complete - | cut -f 1 | sort)" "$(common | names)"
	for command in $(commands); do
		is "$("$CTL" complete $command -- | cut -f 1 | sort)" "$("$CTL" help $command | options_of | names)"
		# what stands before changes nothing
		is "$("$CTL" complete --runtime-dir=/x $command --runtime-dir /y - | cut -f 1 | sort)" "$("$CTL" help $command | options_of | names)"
	done
	is "$("$DAEMON_PROGRAM" --help | grep -o -- '--[a-z-]*' | sort)" "$(grep -o -- '--[a-z-]*' "$ROOT/systemd/completions/_vmmallocd" | sort)"
	for value in $(sed -n 's/.*:level:(\(.*\)).*/\1/p' "$ROOT/systemd/completions/_vmmallocd"); do
		takes "$DAEMON_PROGRAM" --log-level $value || fail "$(cat taken)"
		grep -q "compgen -W \".*\<$value\>" "$ROOT/systemd/completions/vmmallocd" || fail "$value"
	done
}
run_case "what completes them are these commands and options" completed

examples() {
	local command line option letter argument
	for command in $(commands); do
		"$CTL" help $command | sed -n '/^Examples*:/,$s/^  vmmallocctl //p' >lines
		[ -s lines ] || fail "$command has no example"
		while read -r line; do
			[[ $line = $command || $line = "$command "* ]] || fail "$command has an example of something else: $line"
			line=${line%% | *} line=${line%% -- *}
			eval "takes \"\$CTL\" $line" || fail "$line: $(cat taken)"
		done <lines
		common | names >others
		while read -r letter option argument; do
			grep -qE -- " $option( |=|\$)|(^| )-[a-zA-Z]*${letter#-}[a-zA-Z]*( |\$)" lines || fail "no example of $command $option"
		done < <("$CTL" help $command | options_of | grep -vwFf others)
	done
}
run_case "each option is in an example of its command, and examples are right" examples

# --- with a daemon ---

serve() {
	setup
	conf <<-CONF
		[pool fast]
		directory = $POOLS
		size = 16M
		ready = 2
		[pool slow]
		directory = $POOLS
		size = 16M
		ready = 0
	CONF
	daemon_start
	wait_count fast ready 2
}
words() { "$CTL" --runtime-dir "$RUN" complete "$@" | cut -f 1; }
export -f serve words

ready_one() { "$CTL" --runtime-dir "$RUN" list -n -o STATE,ID | awk '$1 == "ready" { print $2; exit }'; }
export -f ready_one
examples_run() {
	serve
	hold take=fast
	# as they stand there, but for the place of this daemon and the number of a process
	VMMALLOC_RUNTIME_DIR=$RUN PATH=$(dirname "$CTL"):$PATH
	export VMMALLOC_RUNTIME_DIR
	for command in list ps status prune reload drain disable enable resize top-up create destroy revoke help; do
		"$CTL" help $command | sed -n '/^Examples*:/,$s/^  \(vmmallocctl .*\)/\1/p' | sed "s/ 4711/ $HELD/; s/ --wait=600//; s/ 9b2d4112/ $(ready_one)/" >lines
		while read -r line; do
			# these go on until they are ended
			[[ $line != *--listen* && $line != *--interval* ]] || line="timeout --preserve-status -s TERM 1 $line"
			bash -c "$line" >out 2>err </dev/null || [[ $line = *"| grep"* ]] || fail "$line: $(cat err)"
			# of others on this machine
			! grep -v ' could not be looked at' err || fail "$line"
		done <lines
	done
}
run_case "examples do what they say where there is a daemon" examples_run

kinds() {
	serve
	hold take=fast
	wait_count fast ready 2
	is "$(words run --class "")" $'fast\nslow'
	is "$(words run --class=f)" "--class=fast"
	is "$(words run --class fast,)" $'fast,fast\nfast,slow'
	is "$(words status "" | grep -cE '^[0-9a-f]{12}$')" 3
	is "$(words status "" | grep -x $HELD)" $HELD
	is "$(words status "" | grep -xE 'fast|slow')" $'fast\nslow'
	is "$(words list -o ID,S)" $'ID,STATE\nID,SIZE'
	is "$(words list -o us)" $'used\nuser'
	is "$(words list --output "" | wc -l)" "$("$CTL" help list | sed -n '/^Columns/,/^$/s/^  //p' | grep -o '[A-Z]*' | wc -l)"
	is "$(words ps "" | grep -x $HELD)" $HELD
	is "$(words run --fork "")" $'auto\n0\n1\n2\n3'
	is "$(words run --class fast -- ec)" ":program 4"
	is "$(words run --dir /x --size 1M ls -l "")" ":program 5"
	is "$(words run --dir "")" ":directories"
	is "$(words reload "")" ""
	is "$(words nothing "")" ""
	is "$(words list --runtime-dir /none -o STA)" STATE
	# the line may name another daemon, or none
	is "$(words --runtime-dir /none run --class "")" ""
	is "$(words run --runtime-dir=/none --class "")" ""
	is "$(VMMALLOC_RUNTIME_DIR=$RUN "$CTL" complete run --class s | cut -f 1)" slow
}
run_case "classes, pools, processes, columns and what an option may be are completed" kinds

# --- what is listed, and in which order ---

# Pools of three sizes, leased by two users, and one that waits.
many() {
	need_root
	setup
	chmod 711 "$POOLS"
	conf <<-CONF
		[pool fast]
		directory = $POOLS
		size = 32M
		ready = 1
		max = 3
		[pool slow]
		directory = $POOLS
		size = 16M
		ready = 1
		[pool none]
		directory = $POOLS
		size = 17M
		ready = 1
		max = 1
	CONF
	daemon_start
	for class in fast fast slow none; do
		wait_count $class ready 1
		hold take=$class
	done
	wait_count slow ready 1
	hold_as $NOBODY take=slow
	OF_NOBODY=$HELD
	wait_count fast ready 1
	hold_as $NOBODY take=fast
	wait_count slow ready 1
}
listed() { ctl list -n "$@" | tr -s ' ' | sed 's/^ //; s/ $//'; }
export -f many listed

filters() {
	many
	is "$(listed -o class none | sort | uniq -c | tr -s ' ')" " 1 none"
	is "$(listed -o class none fast | sort | uniq -c | tr -s ' ' | tr '\n' ';')" " 3 fast; 1 none;"
	is "$(listed -o class,state --user $NOBODY --sort class)" $'fast leased\nslow leased'
	is "$(listed -o class,state --user "$(getent passwd $NOBODY | cut -d : -f 1)" slow)" "slow leased"
	is "$(listed -o pid --user 0,$NOBODY slow --state leased,ready --sort=-uid | head -n 1)" $OF_NOBODY
	is "$(listed -o class,user --state ready)" "slow -"
	is "$(listed --state warming,failed,waiting)" ""
	is "$(ctl list --json slow --user $NOBODY | grep -o '"pid":[0-9]*')" "\"pid\":$OF_NOBODY"
	is "$(ctl list --json --state waiting)" '{"version":1,"pools":[],"waiting":[]}'
	[ "$(ctl ps -n -o uid --user $NOBODY 2>/dev/null | sort -u | tr -d ' ')" = $NOBODY ] || fail "$(ctl ps --user $NOBODY)"
	ctl list nnoe 2>err
	is "$? $(cat err)" "4 vmmallocctl: there is no class 'nnoe'; did you mean 'none'?"
	ctl list fast other >out 2>err
	is "$? $(cat out err)" "4 vmmallocctl: there is no class 'other'; vmmallocctl status lists all"
	# one that is configured and has no pool is there
	conf <<-CONF
		[pool empty]
		directory = $POOLS
		size = 17M
		ready = 0
	CONF
	ctl reload && is "$(ctl list -n empty)" ""
}
run_case "pools are shown by class, state and user" filters

# The order is the one that another program makes of the JSON.
sorting() {
	need python3
	many
	python3 - "$CTL" "$RUN" <<-'PY' || fail "another order"
		import functools, json, pwd, random, subprocess, sys
		def ask(*words):
		    return subprocess.run([sys.argv[1], "--runtime-dir", sys.argv[2], *words], check=True, capture_output=True, text=True).stdout
		columns = json.loads(ask("list", "-HJ"))["columns"]
		rows = json.loads(ask("list", "--json"))["pools"]
		assert len(rows) >= 7, rows
		def value(row, column):
		    for key in column["key"].split("."):
		        row = (row or {}).get(key)
		    if row is None: return None
		    if column["name"] == "USER": return pwd.getpwuid(row).pw_name
		    if column["name"] == "KIND": return "cold" if row else "warm"
		    return row[:12] if column["name"] == "ID" else row
		def compare(one, other):
		    for sign, column in wanted:
		        a, b = value(one, column), value(other, column)
		        if a == b: continue
		        if a is None or b is None: return 1 if a is None else -1
		        return (1 if a > b else -1) * sign
		    return 0
		random.seed(3)
		for i in range(150):
		    # how long it is so changes while we look
		    wanted = [(random.choice((1, -1)), random.choice([c for c in columns if c["name"] not in ("AGE", "USED", "PEAK")])) for _ in range(random.randint(1, 4))]
		    words = ",".join(random.choice(("+", "") if sign > 0 else "-") + random.choice((str.lower, str))(column["name"]) for sign, column in wanted)
		    expected = [row["id"] for row in sorted(rows, key=functools.cmp_to_key(compare))]
		    found = [row["id"] for row in json.loads(ask("list", "--json", "--sort=" + words))["pools"]]
		    assert found == expected, (words, found, expected)
		    if i % 10 == 0:
		        shown = ask("list", "-n", "-o", "id", "--sort", words).split()
		        assert shown == [id[:12] for id in expected], (words, shown, expected)
	PY
	# sizes are sorted as what they are, not as they are written
	is "$(listed -o size none fast --sort size | uniq | tr '\n' ' ')" "17M 32M "
}
run_case "rows are sorted by what is in them, by any columns, up or down" sorting

columns() {
	serve
	is "$(ctl list -o +path,uid | head -n 1 | tr -s ' ')" "CLASS ID STATE KIND SIZE USED PEAK PID USER COMMAND AGE PATH UID"
	is "$(ctl list -o +path | head -n 1 | tr -s ' ')" "$(ctl list -o class,id,state,kind,size,used,peak,pid,user,command,age,path | head -n 1 | tr -s ' ')"
	local command
	for command in list ps status; do
		is "$("$CTL" $command -H | awk '{ print $1 }' | tr '\n' ' ')" "$("$CTL" help $command | sed -n '/^Columns/,/^$/s/^  //p' | tr -d , | tr '\n' ' ')"
		is "$("$CTL" $command -HJ | grep -o '"name":"[A-Z]*"' | wc -l)" "$("$CTL" $command -H | grep -cE '^[A-Z]+ +<(text|number|bytes|seconds)> [a-z]')"
	done
	is "$("$CTL" list --list-columns | grep '^AGE')" "AGE        <seconds> how long it is in that state"
	[[ "$(ctl list --json)" = '{"version":1,"pools":[{"id":"'*'","age":'[0-9]*',"cold":'* ]] || fail "$(ctl list --json)"
}
run_case "columns are added to the usual ones, and are listed" columns

# status WORD...: the exit status, standard output with one blank where there are many, and what was complained of
said_of() {
	ctl status "$@" >out 2>err
	echo "$?"
	tr -s ' ' <out
	# of others on this machine
	grep -v 'may hold pools' err
}
export -f said_of

status_words() {
	need python3
	serve
	hold take=fast
	wait_count fast ready 2
	local id leased
	leased=$(ctl list -n --state leased -o id) id=$(ctl list -n --state ready -o id | head -n 1)
	is "$(said_of $HELD | sed -n '1p; s/^\(class\|state\|owner\|holder\) /\1:/p' | sed 's/ for .*//' | tr '\n' ';')" \
		"0;class:fast;state:leased;owner:pool_client, process $HELD of user $(id -un);holder:pool_client, process $HELD of user $(id -un): own;"
	is "$(said_of fast slow | grep '^pools')" $'pools 2 of 2 ready, 1 leased, 16 at the most\npools 0 of 0 ready, 0 leased, 16 at the most'
	is "$(said_of "$id" "$(ctl list -n --state ready -o path | head -n 1)" "${id^^}" | grep -c '^pool ')" 1
	is "$(said_of "$id" slow $HELD | grep -cE '^(pool|class) ')" 5
	# a number is a process, whatever pools there are
	local pid
	for pid in 1 2 3 4 5 6 7 8 9 9999999; do
		is "$(said_of $pid)" "4"$'\n'"vmmallocctl: process $pid was handed no pool by the daemon, and waits for none"
	done
	is "$(said_of 99999999)" "4"$'\n'"vmmallocctl: no class and no pool is '99999999'; vmmallocctl status lists classes, vmmallocctl list pools"
	is "$(said_of fats)" "4"$'\n'"vmmallocctl: no class and no pool is 'fats'; did you mean 'fast'?"
	is "$(said_of /none/x)" "4"$'\n'"vmmallocctl: no pool of the daemon's has the path '/none/x'; vmmallocctl list -o PATH has all"
	is "$(said_of "")" "4"$'\n'"vmmallocctl: no class and no pool is ''; vmmallocctl status lists classes, vmmallocctl list pools"
	# what is there is shown all the same
	is "$(said_of slow 1 | grep -E '^4$|^class|^vmm')" $'4\nclass slow\nvmmallocctl: process 1 was handed no pool by the daemon, and waits for none'
	is "$(ctl status --json 1 2>/dev/null)" ""
	ctl status --json $HELD slow "$id" | python3 -c 'import json, sys
found = json.load(sys.stdin)
assert list(found) == ["version", "pools", "waiting", "classes", "unseen", "hidden"], found
assert found["version"] == 1 and [c["name"] for c in found["classes"]] == ["slow"], found
one, other = found["pools"]
assert one["id"].startswith(sys.argv[2]) and other["id"].startswith(sys.argv[3]), found
assert [(h["pid"], h["hold"], h["comm"]) for h in one["holders"]] == [(int(sys.argv[1]), "own", "pool_client")], one
assert other["holders"] == [] and other["owner"] is None, other
assert all(type(pool["age"]) is int for pool in found["pools"]), found' $HELD $leased $id || fail "$(ctl status --json $HELD slow "$id")"
	is "$(said_of -o CLASS fast)" "2"$'\n'"vmmallocctl: --output is for the table of all classes: it does not go with 'fast'"
	is "$(ctl status -n --sort -ready -o class,ready | tr -s ' ')" $'fast 2/2\nslow 0/0'
	is "$(ctl status -n --sort ready -o class | tr -s ' ')" $'slow\nfast'
	ctl status | grep -qE '^CLASS +SIZE +READY +LEASED +COLD +BUSY +BAD +MAX +WAITING +DIRECTORY' || fail "$(ctl status)"
}
run_case "status tells of processes, pools and classes by how a word is written" status_words

# An id is drawn by lot. One whose first digits are all numbers is found by more than 7 of them.
status_ids() {
	serve
	local id count begun
	for id in $(ctl list --json | grep -oE '"id":"[0-9a-f]{32}' | cut -c 7-); do
		for count in {8..32}; do
			begun=${id:0:count}
			ctl status "$begun" >out 2>err || fail "$begun: $(cat err)"
			grep -q "^pool  *$id$" out || fail "$begun: $(cat out)"
		done
	done
}
run_case "a pool is found by 8 digits of its id and more" status_ids

# All who hold a pool: a child of its owner, and who has nothing but a descriptor.
holders() {
	need python3
	need gcc
	[ "${FLAVOUR:-release}" = release ] || skip "the program has the library of the release"
	serve
	cat >forks.py <<-'PY'
		import os, time
		child = os.fork() or time.sleep(100)
		print(child, "READY", flush=True)
		time.sleep(100)
	PY
	VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=fast LD_PRELOAD=$LIBRARY /usr/bin/python3 forks.py >said 2>err &
	local owner=$! child pool
	PIDS="$PIDS $owner"
	wait_for grep -qs READY said
	child=$(cut -d ' ' -f 1 said)
	pool=$(find "/proc/$owner/fd" -lname '*/vmmalloc-*' | head -n 1)
	sleep 100 7<"$pool" &
	local third=$!
	PIDS="$PIDS $child $third"
	wait_for eval '[ "$(cat /proc/'$third'/comm)" = sleep ]'
	held() { ctl status $owner 2>/dev/null | sed -n 's/^holder  *\(.*\), process \([0-9]*\) of user .*: \(.*\)/\2 \1 \3/p' | sort -n; }
	is "$(held)" "$(printf '%s\n' "$owner python3 own" "$child python3 mapped" "$third sleep descriptor" | sort -n)"
	# without its owner it is the child's, which is named
	local id
	id=$(ctl list -n --state leased -o id)
	kill_held $owner
	ctl status "$id" 2>/dev/null | grep -q "^holder  *python3, process $child of user .*: mapped" || fail "$(ctl status "$id")"
	as_other() { setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$@"; }
	[ "$(id -u)" -ne 0 ] || {
		chmod 755 "$WORK" && cp "$CTL" "$HELPERS/"
		as_other "$HELPERS/vmmallocctl" --runtime-dir "$RUN" status "$id" >out 2>err || fail "$(cat err)"
		! grep -q ^holder out && grep -qE 'may hold pools: run it as root to see them$' err || fail "$(cat out err)"
	}
	# nobody is seen from another PID namespace, which is said; nor is a process there taken for the daemon
	contained() { unshare -pf --mount-proc --kill-child -- "$CTL" --runtime-dir "$RUN" "$@" >out 2>err; }
	unshare -pf --mount-proc --kill-child true 2>/dev/null || return 0
	contained status "$id" || fail "$(cat err)"
	! grep ^holder out || fail "a holder"
	is "$(grep -v 'could not be looked at' err)" "vmmallocctl: the daemon is in another PID namespace, of which nothing is seen from here: who is there may hold pools, and numbers of owners are of there"
	contained status --json "$id" && grep -q '"hidden":true}$' out || fail "$(cat out err)"
	contained doctor
	grep -q 'cgroup: this process' out && ! grep 'cgroup: the daemon' out || fail "$(cat out err)"
	ctl status --json "$id" | grep -q '"hidden":false}$' || fail "$(ctl status --json "$id")"
	# from above all are seen, and the owner is the one that the daemon there calls by another number
	mkdir "$POOLS/inner" && sed "s|$POOLS|$POOLS/inner|" vmmallocd.conf >inner.conf
	unshare -pf --mount-proc --kill-child bash -c '"$DAEMON_PROGRAM" --config inner.conf --runtime-dir inner --state-dir state.inner 2>log.inner &
		until "$CTL" --runtime-dir inner wait --class fast --ready 1 --timeout 20 2>/dev/null; do sleep 0.05; done
		exec "$HELPERS/pool_client" inner/pool.sock take=fast map hold' >held.inner &
	PIDS="$PIDS $!"
	wait_for test -s held.inner
	RUN=$PWD/inner
	id=$(ctl list -n --state leased -o id)
	ctl status "$id" >out 2>err
	grep -q "^owner  *pool_client, process 1 of user" out || fail "$(cat out)"
	third=$(sed -n 's/^holder  *pool_client, process \([0-9]*\) of user .*: own$/\1/p' out)
	[ "$(cat "/proc/$third/comm")" = pool_client ] || fail "$(cat out err)"
	! grep "another PID namespace" err || fail "$(cat err)"
}
run_case "status names all who hold a pool" holders

# What the owner has outside of it, and why; nothing is known where its library does not say.
status_reasons() {
	need gcc
	need python3
	[ "${FLAVOUR:-release}" = release ] || skip "the program has the library of the release"
	serve
	gcc -O1 -D_GNU_SOURCE "$ROOT/tests/e2e/helpers/hold.c" -o hold || return 1
	VMMALLOC_ON_FULL=dram VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=fast LD_PRELOAD=$LIBRARY ./hold 40 >said 2>err &
	local owner=$! outside pool
	PIDS="$PIDS $owner"
	wait_for grep -qs READY said
	told() { ctl status --json "$1" | python3 -c 'import json, sys
pool = json.load(sys.stdin)["pools"][0]
print(pool["outside"], pool["outside_by"] and pool["outside_by"]["full"])'; }
	outside=$("$CTL" ps -nb -o outside $owner | tr -d ' ')
	[ "$outside" -ge $((20 << 20)) ] || fail "outside: $outside"
	ctl status $owner >out || fail "status"
	grep -Eqx "outside +[0-9.]+M \($outside bytes\)" out || fail "$(cat out)"
	grep -Eqx "because +full, [0-9.]+M: the pool had no room for it" out || fail "$(cat out)"
	is "$(grep -c ^because out)" 1
	is "$(told $owner)" "$outside $outside"
	# a pool of a library that is older
	pool=$(find "/proc/$owner/fd" -lname '*/vmmalloc-*' | head -n 1)
	printf X | dd "of=$pool" bs=1 seek=240 conv=notrunc status=none
	ctl status $owner >out || fail "status"
	grep -Eqx "because +unknown: its library is older than 1.3, and tells no reasons" out || fail "$(cat out)"
	is "$(told $owner)" "$outside None"
	# and nothing is outside of one that nobody has
	is "$(told "$(ctl list -n --state ready -o id | head -n 1 | tr -d ' ')")" "None None"
}
run_case "status says what is outside of a pool, and why" status_reasons

# Whatever is on a line: no word is lost, and it ends.
odd_lines() {
	need python3
	python3 - "$CTL" <<-'PY' || fail "not for every line"
		import random, subprocess, sys
		random.seed(7)
		words = ["", "-", "--", "---", "-o", "-oX", "-nb", "--output", "--output=", "--out", "--sort", "--class", "a,", "list", "ps", "run", "help", "status", "complete", "x" * 5000,
		         "\t", "\n", "=", ":", ",", "+", "caf\u00e9", "--runtime-dir", "--runtime-dir=/none", "/none", "--wait", "--wait=", "--place=", "%s%n"]
		for i in range(400):
		    line = [random.choice(words) for _ in range(random.randint(0, 7))]
		    done = subprocess.run([sys.argv[1], "--runtime-dir", "/none", "complete", *line], capture_output=True, timeout=20)
		    assert done.returncode == 0 and done.stderr == b"", (line, done)
		    last = line[-1] if line else ""
		    for said in done.stdout.decode().splitlines():
		        assert said.startswith(":") or last == "" or said.lower().startswith(last.lower()), (line, said)
	PY
}
run_case "any words at all are completed or not, and harm nothing" odd_lines

# --- in real shells ---

# Settings under which the shell says what a key did, without a prompt of its own.
shells() {
	need python3
	need "$1"
	mkdir -p home/completions
	cp "$ROOT/systemd/completions/"{vmmallocctl,vmmallocd} home/completions
	cp "$ROOT/systemd/completions/"_vmmalloc* home
	cat >home/bashrc <<-'RC'
		PS1='> '
		bind 'set enable-bracketed-paste off'
		bind 'set completion-query-items 0'
		bind 'set page-completions off'
		bind 'set bell-style none'
		bind 'set show-all-if-ambiguous on'
		[ -z "$LIBRARY_OF_COMPLETIONS" ] || . "$LIBRARY_OF_COMPLETIONS"
		[ -n "$LIBRARY_OF_COMPLETIONS" ] || . "$BASH_COMPLETION_USER_DIR/completions/vmmallocctl"
	RC
	cat >home/.zshrc <<-'RC'
		PS1='> ' RPS1=
		unsetopt prompt_sp prompt_cr beep
		unset zle_bracketed_paste
		bindkey -e
		LISTMAX=10000
		fpath=($ZDOTDIR $fpath)
		autoload -Uz compinit
		compinit -u -d "$ZDOTDIR/dump"
	RC
	export BASH_COMPLETION_USER_DIR=$WORK/home ZDOTDIR=$WORK/home TERM=xterm HOME=$WORK/home
	export LIBRARY_OF_COMPLETIONS=/usr/share/bash-completion/bash_completion
	mkdir -p bin
	cp "$CTL" "$DAEMON_PROGRAM" bin/
	export PATH=$WORK/bin:$PATH
	case $1 in
	bash) SHELL_COMMAND=(bash --noprofile --rcfile "$WORK/home/bashrc" -i) ;;
	zsh) SHELL_COMMAND=(zsh -i) ;;
	esac
}
keys() { python3 "$ROOT/tests/e2e/helpers/shell_keys.py" "$@" "${SHELL_COMMAND[@]}" 2>&1; }
# becomes KEYS LINE: blanks at its end are the shell's
becomes() { is "$(keys line "$1" | sed 's/ *$//')" "$2"; }
# shows KEYS WORD...
shows() {
	local shown word
	shown=$(keys shown "$1")
	shift
	for word; do
		grep -qw -- "$word" <<<"$shown" || fail "$word is not in: $shown"
	done
}
export -f shells keys becomes shows

completes() {
	shells "$1"
	[ "$1" = zsh ] || [ -e "$LIBRARY_OF_COMPLETIONS" ] || skip "no bash-completion on this machine"
	serve
	hold take=fast
	local id
	id=$(ctl list -n -o ID,STATE | awk '$2 == "ready" { print $1; exit }')
	export VMMALLOC_RUNTIME_DIR=$RUN
	becomes "vmmallocctl rel<TAB>" "vmmallocctl reload"
	becomes "vmmallocctl run --class f<TAB>" "vmmallocctl run --class fast"
	becomes "vmmallocctl run --class=s<TAB>" "vmmallocctl run --class=slow"
	becomes "vmmallocctl run --class fast,s<TAB>--size 1" "vmmallocctl run --class fast,slow --size 1"
	becomes "vmmallocctl run --place=la<TAB>64K" "vmmallocctl run --place=large:64K"
	becomes "vmmallocctl list --output=CLASS,KI<TAB>" "vmmallocctl list --output=CLASS,KIND"
	becomes "vmmallocctl list -o class,ki<TAB>" "vmmallocctl list -o class,kind"
	becomes "vmmallocctl events --kind hand<TAB>" "vmmallocctl events --kind handed_out"
	becomes "vmmallocctl metrics --format=pr<TAB>" "vmmallocctl metrics --format=prometheus"
	becomes "vmmallocctl status ${id:0:11}<TAB>" "vmmallocctl status $id"
	becomes "vmmallocctl --runtime-dir /none status ${id:0:11}<TAB>" "vmmallocctl --runtime-dir /none status ${id:0:11}"
	mkdir -p "a place/inner"
	becomes "vmmallocctl run --dir=/x:$PWD/a\\ pl<TAB>inn<TAB>" "vmmallocctl run --dir=/x:$PWD/a\\ place/inner$([ "$1" = zsh ] || echo /)"
	becomes "vmmallocctl run --wait=3 -- bash --norc --rcf<TAB>" "vmmallocctl run --wait=3 -- bash --norc --rcfile"
	becomes "vmmallocd --log-level=wa<TAB>" "vmmallocd --log-level=warning"
	becomes "vmmallocd --che<TAB>" "vmmallocd --check"
	: >one.conf
	becomes "vmmallocd --config $PWD/one.c<TAB>" "vmmallocd --config $PWD/one.conf"
	shows "vmmallocctl <TAB>" $(commands)
	shows "vmmallocctl status <TAB>" fast slow $HELD $id
	shows "vmmallocctl run --class <TAB>" fast slow
}
run_case "bash completes, with bash-completion" completes bash
run_case "zsh completes" completes zsh

plain_bash() {
	shells bash
	LIBRARY_OF_COMPLETIONS=
	becomes "vmmallocctl rel<TAB>" "vmmallocctl reload"
	becomes "vmmallocctl list --output=CLASS,KI<TAB>" "vmmallocctl list --output=CLASS,KIND"
	becomes "vmmallocctl run --place=la<TAB>64K" "vmmallocctl run --place=large:64K"
	: >here-is-one
	becomes "vmmallocctl run --wait=3 -- cat here-i<TAB>" "vmmallocctl run --wait=3 -- cat here-is-one"
}
run_case "bash completes without bash-completion" plain_bash

# What does not answer is waited for a moment, and nothing is written into the line.
silent() {
	shells "$1"
	[ "$1" = zsh ] || [ -e "$LIBRARY_OF_COMPLETIONS" ] || skip "no bash-completion on this machine"
	serve
	export VMMALLOC_RUNTIME_DIR=$RUN
	kill -STOP $DAEMON
	becomes "vmmallocctl run --class f<TAB>ast" "vmmallocctl run --class fast"
	becomes "vmmallocctl status 0<TAB>1" "vmmallocctl status 01"
	daemon_end KILL
	becomes "vmmallocctl run --class f<TAB>ast" "vmmallocctl run --class fast"
	rm bin/vmmallocctl
	becomes "vmmallocctl run --class f<TAB>ast" "vmmallocctl run --class fast"
}
run_case "bash: a daemon that is stopped or gone does not stop the shell" silent bash
run_case "zsh: a daemon that is stopped or gone does not stop the shell" silent zsh

end_suite
