#!/bin/bash
# metrics.bash -- vmmallocctl metrics: what it prints, of real daemons. exporter.bash has what it writes and serves.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../integration/helpers/daemon.bash"
. "$(dirname "$0")/helpers/metrics.bash"

usage() {
	refused 2 "vmmallocctl: --format (xml): expected openmetrics or prometheus" --format xml
	refused 2 "vmmallocctl: --interval (0): expected a number of seconds, from 1 to 86400" --interval 0 --output x
	refused 2 "vmmallocctl: --interval (1s): expected a number of seconds, from 1 to 86400" --interval 1s --output x
	refused 2 "vmmallocctl: --interval (99999999999999999999): expected a number of seconds, from 1 to 86400" --interval 99999999999999999999
	refused 2 "vmmallocctl: --interval is for --output" --interval 5
	refused 2 "vmmallocctl: --output (): expected a file" --output ""
	refused 2 "vmmallocctl: metrics: unexpected argument 'x'; try vmmallocctl metrics --help" x
	refused 2 "vmmallocctl: --listen answers in the format that a client asks for, and writes no file: it does not go with --format or --output" \
		--listen 127.0.0.1:1 --output x
	for where in x 127.0.0.1 127.0.0.1: :80 localhost:80 127.0.0.1:0 127.0.0.1:65536 127.0.0.1:80x ::1:80 '[::1]' '[]:80' 1.2.3:x ""; do
		refused 2 "vmmallocctl: --listen ($where): expected ADDRESS:PORT with numbers, [ADDRESS]:PORT for IPv6, or the path of a socket" --listen "$where"
	done
	refused 1 "vmmallocctl: --listen (/nowhere/socket): No such file or directory" --listen /nowhere/socket
	refused 1 "vmmallocctl: --listen (203.0.113.7:9999): Cannot assign requested address" --listen 203.0.113.7:9999
}
run_case "bad words are one line each" usage

no_daemon() {
	mkdir run
	"$CTL" --runtime-dir "$WORK/run" metrics >out 2>err
	is $? 3
	is "$(cat err)" "vmmallocctl: no daemon answers at $WORK/run/control.sock: No such file or directory; start one: vmmallocd --runtime-dir $WORK/run"
	is "$(grep -v '^# [HT]' out)" $'vmmalloc_up 0\n# EOF'
	"$CTL" --runtime-dir "$WORK/run" metrics --output file 2>err
	is $? 3
	is "$(grep -v '^#' file)" "vmmalloc_up 0"
	is "$(cat err)" "vmmallocctl: no daemon answers at $WORK/run/control.sock: No such file or directory; start one: vmmallocd --runtime-dir $WORK/run"
}
run_case "that no daemon answers is a figure, and a failure of the command" no_daemon

formats() {
	need_checkers
	serve
	hold take=a
	wait_count a ready 1
	wait_for shows 'vmmalloc_created_pools_total{class="a"}' 2
	valid_open metrics || fail "$(cat wrong)"
	[ "$(cat parsed)" -ge 30 ] || fail "only $(cat parsed) families"
	is "$(tail -n 1 metrics)" "# EOF"
	ctl metrics --format prometheus >plain
	valid_plain plain || fail "$(cat wrong)"
	# both say the same; but for bounds, which have no point in the older one, and for what others take meanwhile
	samples() { grep -v '^#\|^vmmalloc_directory_free_' "$1" | sed -E 's/le="([0-9]+)\.0"/le="\1"/'; }
	diff <(samples metrics) <(samples plain) || fail "other samples"
	# what is spoilt is seen
	sed '/# EOF/d' metrics >spoilt && ! valid_open spoilt || fail "without an end"
	sed 's/class="a"/class=a/' metrics >spoilt && ! valid_open spoilt || fail "without quotes"
	sed 's/^\(vmmalloc_handouts\)_total/\1/' metrics >spoilt && ! valid_open spoilt || fail "a counter without _total"
	sed '/le="+Inf"/d' metrics >spoilt && ! valid_open spoilt || fail "without +Inf"
	! valid_plain metrics || fail "the formats are the same"
}
run_case "both formats are valid, by the formats' own checkers" formats

# What is more than a buffer holds fails before the end.
unwritable() {
	serve
	ctl metrics >/dev/full 2>err
	is "$? $(cat err)" "1 vmmallocctl: standard output: No space left on device"
	ctl metrics 1</dev/null 2>err
	is "$? $(cat err)" "1 vmmallocctl: standard output: Bad file descriptor"
}
run_case "what cannot be written is said, and a failure" unwritable

# Values of a label that people read have a meaning in doc/metrics.md.
reasons() {
	serve
	scrape
	local reason
	for reason in $(grep -o 'reason="[^"]*"' metrics | sort -u | cut -d '"' -f 2); do
		grep -q "(\`$reason\`)" "$ROOT/doc/metrics.md" || fail "$reason is not in doc/metrics.md"
	done
	[ -n "$reason" ] || fail "no reasons"
}
run_case "doc/metrics.md says what each reason means" reasons

# The table in doc/metrics.md is what is printed: names, types, labels and what they mean.
table() {
	serve
	hold take=a
	ctl metrics --format prometheus | awk '
		/^# HELP / { name = $3; sub(/^# HELP [^ ]* /, ""); help[name] = $0; names[++count] = name }
		/^# TYPE / { type[$3] = $4 }
		/^[^#]/ {
			name = $0; sub(/[{ ].*/, "", name)
			if (!(name in help)) sub(/_(bucket|sum|count)$/, "", name)
			list = ""
			rest = $0
			while (match(rest, /[{,][a-z]+="/)) {
				label = substr(rest, RSTART + 1, RLENGTH - 3)
				if (label != "le") list = list (list ? ", " : "") label
				rest = substr(rest, RSTART + RLENGTH)
			}
			labels[name] = list
		}
		END { for (i = 1; i <= count; i++) { n = names[i]; print "| `" n "` | " type[n] " | " labels[n] " | " help[n] " |" } }' |
		sed 's/  */ /g' >printed
	grep '^| `vmmalloc_' "$ROOT/doc/metrics.md" | sed 's/  */ /g' >described
	diff printed described || fail "the table of doc/metrics.md is another"
	[ "$(wc -l <printed)" -ge 30 ] || fail "$(cat printed)"
	# and each reason and state has its line there
	ctl metrics | grep -oE '(reason|state|part|kind)="[a-z_]*"' | sort -u | sed 's/.*"\(.*\)"/\1/' | while read -r word; do
		grep -q "\`$word\`" "$ROOT/doc/metrics.md" || fail "doc/metrics.md does not speak of $word"
	done
}
run_case "doc/metrics.md describes these metrics, and no others" table

# --- what they say ---

figures() {
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 16M
		ready = 2
		max = 4
		max_per_user = 3
		max_per_process = 2
		[pool b]
		directory = $POOLS
		size = 32M
		ready = 0
		max = 1
		users = $SOMEBODY
		[pool gone]
		directory = $WORK/none
		size = 16M
	END
	local start
	start=$(date +%s)
	daemon_start
	wait_count a ready 2
	wait_for shows 'vmmalloc_warm_seconds_count{class="a"}' 2
	is "$(value 'vmmalloc_build_info{version="'"$(ask daemon version)"'"}')" 1
	[ "$(value vmmalloc_start_time_seconds)" -ge $((start - 2)) ] && [ "$(value vmmalloc_start_time_seconds)" -le $((start + 30)) ] || fail "start time"
	is "$(value 'vmmalloc_class_ready_wanted_pools{class="a"}')$(value 'vmmalloc_class_limit_pools{class="a"}')" 24
	is "$(value 'vmmalloc_class_problem{class="a"}')$(value 'vmmalloc_class_problem{class="gone"}')" 01
	is "$(value "vmmalloc_directory_in_service{directory=\"$WORK/none\"}")" 0
	is "$(value "vmmalloc_directory_size_bytes{directory=\"$WORK/none\"}")" ""
	is "$(value "vmmalloc_directory_size_bytes{directory=\"$POOLS\"}")" "$(stat -fc '%b * %S' "$POOLS" | { read -r a _ b; echo $((a * b)); })"
	is "$(value 'vmmalloc_pools{class="a",state="ready"}') $(value 'vmmalloc_pool_bytes{class="a",state="ready"}')" "2 $((32 << 20))"

	for i in 1 2 3; do
		wait_least a ready 1
		hold take=a
	done
	wait_count a leased 3
	scrape
	is "$(value 'vmmalloc_pool_bytes{class="a",state="leased"}')" $((48 << 20))
	local me
	me="uid=\"$(id -u)\",user=\"$(id -un)\""
	is "$(value "vmmalloc_user_pools{class=\"a\",$me}") $(value "vmmalloc_user_pool_bytes{class=\"a\",$me}")" "3 $((48 << 20))"
	client take=a >words
	client take=nothing takedir="$POOLS:1099511627776" >words
	client connect send=50 reply >words
	client wait=a:1 reply >words
	wait_for shows 'vmmalloc_refused_requests_total{class="a",reason="user_limit"}' 2
	is "$(value 'vmmalloc_refused_requests_total{class="",reason="no_such_class"}')" 2
	is "$(value 'vmmalloc_refused_requests_total{class="",reason="bad_request"}')" 1
	is "$(grep '^vmmalloc_refused_requests_total' metrics | awk '{ n += $2 } END { print n }')" 5
	is "$(value 'vmmalloc_handout_seconds_count{class="a"}')" 3
	is "$(value 'vmmalloc_handout_wait_seconds_count{class="a"}')" 0
	# it waits, and gets what comes back
	(exec "$HELPERS/pool_client" "$RUN/pool.sock" wait=a:60 reply hold) >waited &
	PIDS="$PIDS $!"
	wait_for shows 'vmmalloc_waiting_requests{class="a"}' 1
	kill_held $HELD
	wait_for grep -q ^ok waited
	wait_for shows 'vmmalloc_handout_wait_seconds_count{class="a"}' 1
	is "$(value 'vmmalloc_handout_wait_seconds_bucket{class="a",le="86400.0"}') $(value 'vmmalloc_handout_seconds_count{class="a"}')" "1 3"
	# pool_client takes cold ones only where it waits
	is "$(value 'vmmalloc_handouts_total{class="a",kind="warm"}') $(value 'vmmalloc_handouts_total{class="a",kind="cold"}')" "4 0"

	ctl reload
	printf '[daemon]\nworkers = x\n' >>vmmallocd.conf
	ctl reload 2>words
	wait_for shows 'vmmalloc_config_reloads_total{result="refused"}' 1
	is "$(value 'vmmalloc_config_reloads_total{result="done"}')$(value 'vmmalloc_problem{part="configuration"}')" 11
}
run_case "figures are those of pools, users, directories and requests" figures

used() {
	setup
	need python3
	one_class 'ready = 1' 'max = 4'
	daemon_start
	wait_count a ready 1
	(export VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY
	exec "$PYTHON" -c 'import time; b = bytearray(5 << 20); print("READY", flush=True); del b; time.sleep(100)') >said &
	PIDS="$PIDS $!"
	wait_for grep -q READY said
	scrape
	[ "$(value 'vmmalloc_peak_used_bytes{class="a"}')" -ge $((5 << 20)) ] || fail "peak"
	[ "$(value 'vmmalloc_used_bytes{class="a"}')" -ge $((1 << 20)) ] || fail "used"
	is "$(value 'vmmalloc_used_bytes{class="a"}')" "$(value "vmmalloc_user_used_bytes{class=\"a\",uid=\"$(id -u)\",user=\"$(id -un)\"}")"
}
run_case "bytes in use are what the programs' heaps say" used

# --- restarts ---

# lower OLD NEW: counters that are smaller in the second, or not there any more
lower() {
	awk 'FILENAME == ARGV[1] { if (/_total|_count|_bucket|_sum/) old[$1] = $2; next } { new[$1] = $2 }
		END { for (name in old) if (!(name in new) || new[name] + 0 < old[name] + 0) { print name, old[name], new[name]; bad = 1 } exit !bad }' "$1" "$2"
}
export -f lower

# Takes, gives back, is refused, and ends the daemon, at random. Each scrape shows at least what the one before did. What
# a daemon that was killed had not saved is missing from then on, and nothing else.
restarts() {
	setup
	one_class 'ready = 2' 'max = 8'
	daemon_start
	wait_count a ready 2
	RANDOM=${SEED:-4711}
	scrape && mv metrics before
	local handed=0 refused=0 killed=0 step all='vmmalloc_handouts_total{class="a",kind="warm"}' none='vmmalloc_refused_requests_total{class="",reason="no_such_class"}'
	for step in {1..40}; do
		case $((RANDOM % 8)) in
		0) daemon_end TERM || fail "exit status $?"; daemon_start; wait_least a ready 1 ;;
		1)
			daemon_end KILL; daemon_start; wait_least a ready 1; killed=$((killed + 1))
			scrape
			[ "$(value "$all")" -le $handed ] && [ "$(value "$none")" -le $refused ] || fail "$handed, $refused: $(grep -F -e "$all" -e "$none" metrics)"
			handed=$(value "$all") refused=$(value "$none")
			;;
		2 | 3) client take=nothing >words; refused=$((refused + 1)) ;;
		*) wait_least a ready 1; client take=a >words; grep -q ^ok words && handed=$((handed + 1)) ;;
		esac
		scrape
		! lower before metrics || fail "step $step: counters went back"
		mv metrics before
	done
	[ $killed -ge 3 ] || fail "killed $killed times only"
	wait_for shows "$all" $handed
	wait_for shows "$none" $refused
	# what was counted a moment before one ends in good order is not lost
	wait_least a ready 1
	client take=a >words
	daemon_end TERM
	daemon_start
	shows "$all" $((handed + 1)) || fail "$handed, and one more: $(grep handouts_total metrics)"
}
run_case "counters outlive daemons that end or are killed, and never go back" restarts

damaged() {
	local how
	serve
	client take=a >words
	daemon_end TERM
	is "$(stat -c %a "$STATE/metrics.json")" 600
	cp "$STATE/metrics.json" good
	for how in "printf x" "head -c 100 good" "sed s/version/wersion/ good" "tr 0-9 '[]' <good" "printf ''"; do
		eval "$how" >"$STATE/metrics.json"
		: >log
		daemon_start
		grep -q "metrics '$STATE/metrics.json': .*; counts begin anew" log || fail "$how: $(cat log)"
		wait_for shows 'vmmalloc_handouts_total{class="a",kind="warm"}' 0
		# the registry is none the worse for it
		! grep -q "registry '" log || fail "$(cat log)"
		daemon_end TERM
	done
	cp good "$STATE/metrics.json"
	daemon_start
	wait_for shows 'vmmalloc_handouts_total{class="a",kind="warm"}' 1
	daemon_end TERM
	# a class that has gone is forgotten by the next daemon, and begins anew
	sed -i 's/pool a/pool b/' vmmallocd.conf && daemon_start && daemon_end TERM
	sed -i 's/pool b/pool a/' vmmallocd.conf && daemon_start
	wait_for shows 'vmmalloc_handouts_total{class="a",kind="warm"}' 0
}
run_case "a damaged file of counts is said, and they begin anew" damaged

# Without space for its file it counts all the same, and what is shown goes on.
full_state() {
	setup
	small_mount full 1M
	one_class "ready = 1"
	STATE=$WORK/full/state
	daemon_start
	wait_count a ready 1
	wait_for test -s "$STATE/metrics.json"
	head -c 2M /dev/zero >"$WORK/full/ballast" 2>/dev/null
	client take=a >words
	wait_for shows 'vmmalloc_problem{part="metrics"}' 1
	shows 'vmmalloc_handouts_total{class="a",kind="warm"}' 1 || fail "$(grep handouts metrics)"
	mv metrics before
	rm "$WORK/full/ballast"
	wait_for shows 'vmmalloc_problem{part="metrics"}' 0
	! lower before metrics || fail "counters went back"
	grep -q "metrics '$STATE/metrics.json': saved again" log || fail "$(cat log)"
}
run_case "a full state directory: counts go on" full_state

# A file system that does not answer keeps its own figures from being there, and nobody waiting for longer than a second.
hung_space() {
	[ "${FLAVOUR:-release}" = release ] || skip "a sanitizer's library wants to be first"
	setup
	mkdir -m 755 disk
	conf <<-END
		[pool a]
		directory = $WORK/disk
		size = 16M
		ready = 0
	END
	interpose hang <<-END
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <sys/statvfs.h>
		#include <unistd.h>
		int statvfs(const char *path, struct statvfs *ret) {
			while (access("$WORK/hang", F_OK) == 0)
				usleep(10000);
			return ((int (*)(const char *, struct statvfs *))dlsym(RTLD_NEXT, "statvfs"))(path, ret);
		}
	END
	LD_PRELOAD=$WORK/hang.so daemon_start
	wait_for shows "vmmalloc_directory_in_service{directory=\"$WORK/disk\"}" 1
	[ "$(value "vmmalloc_directory_size_bytes{directory=\"$WORK/disk\"}")" -gt 0 ] || fail "no size"
	: >hang
	# it is asked once, and then not waited for; what is known is what it said before
	for i in {1..20}; do
		scrape
		[ "$(value "vmmalloc_directory_size_bytes{directory=\"$WORK/disk\"}")" -gt 0 ] || fail "no size"
	done
	is "$(ls /proc/$DAEMON/task | wc -l)" 2
	daemon_end TERM || fail "exit status $?"
}
run_case "a file system that does not say how much space it has" hung_space

# --- names ---

hostile() {
	need_checkers
	setup
	# a line of the configuration has neither line feeds nor what is no UTF-8
	local odd='we"ird\dir x{}=,# EOFä'
	mkdir -m 755 "$POOLS/$odd"
	conf <<-END
		[pool a_-Z9]
		directory = $POOLS/$odd
		size = 16M
	END
	daemon_start
	wait_count a_-Z9 ready 1
	hold take=a_-Z9
	local wrapper
	wrapper=$(ldconfig -p | awk '/libnss_wrapper.so/ { print $NF; exit }')
	if [ "$wrapper" ] && [ "${FLAVOUR:-release}" = release ]; then
		printf '%s:x:%s:0::/:/bin/sh\n' $'a"b\\c{}, \xff=#' "$(id -u)" >passwd
		: >group
		NSS_WRAPPER_PASSWD=$WORK/passwd NSS_WRAPPER_GROUP=$WORK/group LD_PRELOAD=$wrapper ctl metrics >metrics
		# that is no UTF-8: the number stands for it
		grep -qF "user=\"$(id -u)\"" metrics || fail "$(grep user_pools metrics)"
		valid_open metrics || fail "$(cat wrong)"
		sed -i $'s/\xff//' passwd
		NSS_WRAPPER_PASSWD=$WORK/passwd NSS_WRAPPER_GROUP=$WORK/group LD_PRELOAD=$wrapper ctl metrics --format prometheus >plain
		grep -qF 'user="a\"b\\c{}, =#"' plain || fail "$(grep user_pools plain)"
		valid_plain plain || fail "$(cat wrong)"
	fi
	scrape
	valid_open metrics || fail "$(cat wrong)"
	grep -qF 'directory="'"$POOLS"'/we\"ird\\dir x{}=,# EOFä"' metrics || fail "$(grep class_info metrics)"
	# many users
	[ "$(id -u)" -ne 0 ] || hold_as $NOBODY take=a_-Z9
}
run_case "odd names of users and directories" hostile

end_suite
