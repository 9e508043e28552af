#!/bin/bash
# daemon.bash [PART...] -- what the daemon costs and saves, beside what one has without it. The parts: exec, touch,
# clients, handouts, refusals, scale, neighbour, reclaim, idle; all of them if none is named. The last figure of a line is the ratio to the
# first line of its block.
#
# ROUNDS and HANDOUTS make it shorter. One part at a time; up to 3 GiB of /dev/shm are in use.
. "$(dirname "$0")/../lib/suite.bash"
. "$ROOT/tests/integration/helpers/daemon.bash"
. "$ROOT/tests/bench/rows.bash"
PROGRAMS=$BUILD/tests/bench
ROUNDS=${ROUNDS:-21} HANDOUTS=${HANDOUTS:-10000}
JEMALLOC=$(of_distribution libjemalloc.so.2)

# one_class MIB LINE...: the configuration, of one class "a"
one_class() {
	printf '%s\n' "[pool a]" "directory = $POOLS" "size = $1M" "${@:2}" | conf
}

daemon_cpu_ms() { awk '{ ns += $1 } END { printf "%.3f", ns / 1e6 }' /proc/"$DAEMON"/task/*/schedstat; }
# cpu_ms PID...: the processor time that they have used, those of their threads included that have ended
cpu_ms() {
	local pid
	for pid; do
		cat "/proc/$pid/stat"
	done | awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); n += $12 + $13 } END { print int(n * 1000 / hz) }'
}

# its own: pools that are being warmed are mapped, and would count as well
daemon_rss_kib() { awk '$1 == "RssAnon:" { print $2 }' "/proc/$DAEMON/status"; }

# until they are warm: making the first ones may take long
await_ready() {
	until counts a ready "$1"; do
		is_serving && sleep 0.1
	done
}

# --- from exec to main ---

# run_exec COLUMN MIB VARIABLE...: a line more in the column's file
run_exec() { "$PROGRAMS/daemon_exec" "$2" "${@:3}" >>"$1" || fail "$1"; }

part_exec() {
	local mib=$1 rounds=$2 key
	setup
	one_class "$mib" "ready = 1" "max = 1"
	daemon_start --log-level info
	for _ in $(seq "$rounds"); do
		await_ready 1
		[ -z "$JEMALLOC" ] || run_exec jemalloc 0 LD_PRELOAD="$JEMALLOC"
		run_exec nothing 0 NOTHING=
		run_exec own 0 LD_PRELOAD="$LIBRARY" VMMALLOC_POOL_DIR="$POOLS" VMMALLOC_POOL_SIZE="${mib}M"
		# the last of them: when it ends, the daemon has work to do
		run_exec warm 0 LD_PRELOAD="$LIBRARY" VMMALLOC_POOL=a VMMALLOC_SOCKET="$RUN/pool.sock"
	done
	for key in main end; do
		echo "from exec to $key, pools of $mib MiB"
		[ -z "$JEMALLOC" ] || row "jemalloc preloaded" "$(median jemalloc $key)" us "$(median jemalloc $key)"
		row "libvmmalloc, warm pool" "$(median warm $key)" us "$(median jemalloc $key)"
		row "libvmmalloc, pool of its own" "$(median own $key)" us "$(median jemalloc $key)"
		row "nothing preloaded" "$(median nothing $key)" us "$(median jemalloc $key)"
	done
}

# --- first touch ---

part_touch() {
	local column
	setup
	one_class 1152 "ready = 1" "max = 1"
	daemon_start --log-level debug
	for _ in $(seq "$1"); do
		await_ready 1
		run_exec glibc 1024 NOTHING=
		[ -z "$JEMALLOC" ] || run_exec jemalloc 1024 LD_PRELOAD="$JEMALLOC"
		run_exec own 1024 LD_PRELOAD="$LIBRARY" VMMALLOC_POOL_DIR="$POOLS" VMMALLOC_POOL_SIZE=1152M
		run_exec warm 1024 LD_PRELOAD="$LIBRARY" VMMALLOC_POOL=a VMMALLOC_SOCKET="$RUN/pool.sock"
	done
	echo "first touch of 1 GiB, each page of 4 KiB ($(sed -n 's/.* ready, \(.*\)/\1/p' log | tail -n 1))"
	for column in glibc jemalloc own warm; do
		[ ! -s $column ] || row "$column: $(median $column faults) faults" "$(median $column touch)" us "$(median glibc touch)"
	done
}

# --- many clients ---

# clients_row KIND CLIENTS HAND-OUTS
clients_row() {
	local file=clients.$1.$2 key cells=() before
	before=$(cpu_ms "$DAEMON")
	"$PROGRAMS/daemon_clients" "$RUN/pool.sock" "$1" "$2" "$3" "$1" >"$file" || fail "clients: $(cat "$file")"
	for key in persecond p50 p99 max retries; do
		cells+=("$(median "$file" $key)")
	done
	awk -v name="$1 pools, $2 at a time" -v cells="${cells[*]}" -v cpu=$(($(cpu_ms "$DAEMON") - before)) -v n="$3" \
		'BEGIN {
		split(cells, cell)
		printf "  %-28s %9.0f %9.1f %9.1f %9.1f %9.0f %11.1f\n", name, cell[1], cell[2], cell[3], cell[4], cell[5],
			cpu * 1000 / n
	}'
}

# Warm pools come back when they are zeroed; a cold one is a file that is made for whoever asks.
part_clients() {
	local before kind clients
	setup
	printf '%s\n' "[pool warm]" "directory = $POOLS" "size = 14M" "ready = 64" "max = 64" "cold = no" \
		"[pool cold]" "directory = $POOLS" "size = 1G" "ready = 0" "max = 1024" | conf
	daemon_start --log-level info
	# as it is as a service
	renice -n -10 -p "$DAEMON" >/dev/null 2>&1 || echo "(without the priority of the service)"
	wait_count warm ready 64
	# the first hundreds of them fill the caches of malloc
	for kind in warm cold; do
		"$PROGRAMS/daemon_clients" "$RUN/pool.sock" $kind 64 $(($1 / 10)) $kind >/dev/null || fail "clients"
	done
	before=$(daemon_rss_kib)
	echo "$1 hand-outs: how many in a second, and how long each took from connecting to the pool, in us;"
	echo "how often clients were told that none is ready; the daemon's processor time for each, workers included, in us"
	printf '  %-28s %9s %9s %9s %9s %9s %11s\n' "" "a second" "50%" "99%" most "not yet" "daemon uses"
	for kind in warm cold; do
		for clients in 1 16 64; do
			wait_count warm ready 64
			clients_row $kind $clients "$1"
		done
	done
	row "daemon's memory before" "$before" KiB "$before"
	row "daemon's memory after" "$(daemon_rss_kib)" KiB "$before"
}

# --- refusals ---

part_refusals() {
	local classes class
	for classes in 1 64; do
		setup
		for class in $(seq "$classes"); do
			printf '%s\n' "[pool c$class]" "directory = $POOLS" "size = 14M" "ready = 0" "max = 1"
		done | conf
		daemon_start --log-level info
		"$PROGRAMS/daemon_refusals" "$RUN/pool.sock" c1 100 >/dev/null || fail "daemon_refusals"
		"$PROGRAMS/daemon_refusals" "$RUN/pool.sock" c1 "$1" >"refusals.$classes" || fail "daemon_refusals"
		daemon_end TERM
		rm -rf "$POOLS" "$STATE"
	done
	for classes in 1 64; do
		echo "$1 requests, one after the other, for which no pool is ready; classes: $classes"
		row "from the request to the refusal, median" "$(median refusals.$classes p50)" us "$(median refusals.1 p50)"
		row "from the request to the refusal, 99 %" "$(median refusals.$classes p99)" us "$(median refusals.1 p99)"
	done
}

# --- warm and cold ---

# A class of warm pools, of cold ones, and of cold ones on a disk, where a thread makes them.
part_handouts() {
	local kind
	setup
	mkdir "$WORK/disk"
	printf '%s\n' "[pool warm]" "directory = $POOLS" "size = 14M" "ready = 8" "max = 12" "cold = no" \
		"[pool cold]" "directory = $POOLS" "size = 1G" "ready = 0" "max = 64" \
		"[pool disk]" "directory = $WORK/disk" "size = 1G" "ready = 0" "max = 64" | conf
	daemon_start --log-level info
	for kind in warm cold disk; do
		"$PROGRAMS/daemon_handouts" "$RUN/pool.sock" $kind 100 ${kind/disk/cold} >/dev/null &&
			"$PROGRAMS/daemon_handouts" "$RUN/pool.sock" $kind "$1" ${kind/disk/cold} >handouts.$kind ||
			fail "daemon_handouts"
	done
	echo "$1 hand-outs, one after the other"
	for kind in warm cold disk; do
		row "a ${kind/disk/cold} pool$([ $kind = disk ] && echo ' on a disk'), median" "$(median handouts.$kind p50)" us \
			"$(median handouts.warm p50)"
		row "99 %" "$(median handouts.$kind p99)" us "$(median handouts.warm p99)"
	done
}

# --- many pools ---

# start_ms: from exec to READY=1
timed_start() {
	local began line
	exec 8< <("$HELPERS/notify_listener" "$WORK/notify")
	wait_for test -S notify
	began=${EPOCHREALTIME/./}
	NOTIFY_SOCKET=$WORK/notify daemon_run --log-level info
	while read -r line <&8; do
		[ "$line" != READY=1 ] || break
	done
	echo "start $(((${EPOCHREALTIME/./} - began) / 1000))" >>"$1"
	exec 8<&-
	rm -f notify
}

part_scale() {
	local count
	setup
	for count in 100 10000; do
		rm -rf "$POOLS"/* "$STATE"
		one_class 14 "ready = $count" "max = $count"
		"$PROGRAMS/daemon_pools" "$POOLS" a 14 "$count" || fail "daemon_pools"
		for _ in 1 2 3 4 5; do
			rm -rf "$STATE"
			timed_start "rescan.$count"
			wait_for grep -qs '"ready"' "$STATE/registry.json"
			daemon_end TERM
			timed_start "start.$count"
			is "$(ask count a ready)" "$count"
			"$PROGRAMS/daemon_clients" "$RUN/pool.sock" a 1 40 warm >>"take.$count" || fail "clients"
			await_ready "$count"
			daemon_end TERM
		done
		"$PROGRAMS/registry_cost" "$STATE" >cost
	done
	for count in 100 10000; do
		echo "a registry of $count pools"
		row "start until READY, registry and directory" "$(median start.$count start)" ms "$(median start.100 start)"
		row "start until READY, the registry is lost" "$(median rescan.$count start)" ms "$(median rescan.100 start)"
		row "hand-out, median" "$(median take.$count p50)" us "$(median take.100 p50)"
		row "hand-out, most" "$(highest take.$count max)" us "$(highest take.100 max)"
		grep "^pools $count " cost >"cost.$count"
		row "a change of the registry" "$(median cost.$count change)" ns "$(median cost.100 change)"
		row "its copy, made in the loop" "$(median cost.$count copy)" ms "$(median cost.100 copy)"
		row "its text, in a thread" "$(median cost.$count encode)" ms "$(median cost.100 encode)"
		row "its file written" "$(median cost.$count save)" ms "$(median cost.100 save)"
		row "its file read" "$(median cost.$count load)" ms "$(median cost.100 load)"
	done
}

# --- a neighbour ---

# beside FILE KIND MS PID...: the neighbour for so long, and the processor time that those used meanwhile, for each second
beside() {
	local file=$1 kind=$2 ms=$3 before after
	shift 3
	before=$(cpu_ms "$@")
	"$PROGRAMS/daemon_neighbour" "$kind" "$ms" >neighbour || fail "daemon_neighbour"
	after=$(cpu_ms "$@")
	awk -v used=$((after - before)) '{ print $0, "used", used * 1000 / $NF }' neighbour >>"$file.$kind"
}

neighbour_row() {
	local key cells=()
	for key in late_p50 late_p99 work_p50 work_p99; do
		cells+=("$(median "$2" $key)")
	done
	awk -v name="$1" -v all="$(median "$2" all)" -v alone="$(median "$3" all)" -v used="$(median "$2" used)" \
		-v late_most="$(highest "$2" late_max)" -v cells="${cells[*]}" 'BEGIN {
		split(cells, cell)
		printf "  %-32s %8.0f %8.0f %8.0f %8.0f %8.0f %8.1f %8.0f\n", name, cell[1], cell[2], late_most, cell[3],
			cell[4], all - alone, used
	}'
}

end_others() {
	kill -KILL $PIDS
	wait $PIDS 2>/dev/null
	PIDS=
}

# Each in a session of its own, as what a service manager starts: for the scheduler such a session may be one (autogroup).
# All three in turns, so that what else the machine does meets each of them. The takers give back what they get at once,
# so that all workers always have a pool to warm.
part_neighbour() {
	local rounds=$1 ms=1000 processors kind
	processors=$(nproc)
	setup
	one_class 32 "ready = 8" "max = 8" "cold = no"
	printf '%s\n' "[daemon]" "workers = $processors" >>vmmallocd.conf
	printf '#!/bin/sh\nexec setsid "%s" "$@"\n' "$DAEMON_PROGRAM" >service
	chmod +x service
	DAEMON_PROGRAM=$WORK/service
	daemon_start --log-level info
	renice -n -10 -p "$DAEMON" >/dev/null 2>&1 || echo "(without the priority of the service)"
	await_ready 8
	for _ in $(seq "$rounds"); do
		for kind in compute faults; do
			beside alone $kind $ms
			setsid "$PROGRAMS/daemon_neighbour" fill "$POOLS" 32 "$processors" &
			PIDS=$!
			beside fill $kind $ms $!
			end_others
			for _ in 1 2; do
				setsid "$PROGRAMS/daemon_handouts" "$RUN/pool.sock" a 1000000 warm >/dev/null &
				PIDS+=" $!"
			done
			beside warming $kind $ms "$DAEMON"
			end_others
			await_ready 8
		done
	done
	for kind in compute faults; do
		echo "a neighbour that $([ $kind = compute ] && echo "computes for 0.2 ms" || echo "writes to 256 KiB of new memory")" \
			"each millisecond: how late it is, and how long it works, in us;"
		echo "what it loses of a second beside others, and what they use of $processors processors, in ms"
		printf '  %-32s %8s %8s %8s %8s %8s %8s %8s\n' "" "late 50%" "99%" most "work 50%" "99%" loses "they use"
		neighbour_row "alone" alone.$kind alone.$kind
		neighbour_row "beside files that are filled" fill.$kind alone.$kind
		neighbour_row "beside pools that are warmed" warming.$kind alone.$kind
	done
}

# --- reclaim ---

part_reclaim() {
	local key
	setup
	one_class 64 "ready = 4" "max = 8"
	daemon_start --log-level info
	await_ready 4
	"$PROGRAMS/daemon_reclaim" "$RUN/pool.sock" a "$POOLS" 50 >reclaim || fail "daemon_reclaim"
	echo "from SIGKILL of the last user, 50 pools of 64 MiB, all of it written"
	for key in "dead the kernel has closed the pool" "known the pool is recycling" "began a worker takes its pages out"; do
		row "${key#* }" "$(median reclaim ${key%% *})" us
		row "${key#* }, most" "$(highest reclaim ${key%% *})" us
	done
}

# --- idle ---

part_idle() {
	local before
	setup
	one_class 14 "ready = 0" "max = 100"
	"$PROGRAMS/daemon_pools" "$POOLS" a 14 100 || fail "daemon_pools"
	daemon_start --log-level info
	hold $(printf 'take=a %.0s' $(seq 100))
	wait_count a leased 100
	# what had to be written is written
	wait_for eval '[ "$(grep -c leased "$STATE/registry.json" 2>/dev/null)" = 100 ]'
	before=$(daemon_cpu_ms)
	sleep 10
	echo "idle, 100 pools leased"
	row "CPU time in 10 s" "$(awk -v a="$(daemon_cpu_ms)" -v b="$before" 'BEGIN { print a - b }')" ms
	row "daemon's memory" "$(daemon_rss_kib)" KiB
	kill_held "$HELD"
}

# run PART ARGUMENT...: in a directory and a shell of its own; what it started ends with that
run() {
	(
		WORK=$SUITE_TMP/work
		rm -rf "$WORK"
		mkdir "$WORK" && cd "$WORK" && "$@" && { [ -z "$DAEMON" ] || daemon_end TERM; }
	) || failed=1
}

[ $# -gt 0 ] || set -- exec touch clients handouts refusals scale neighbour reclaim idle
for part; do
	case $part in
	exec) run part_exec 64 "$ROUNDS"; run part_exec 3072 $(((ROUNDS + 2) / 3)) ;;
	touch) run part_touch $(((ROUNDS + 2) / 3)) ;;
	clients) run part_clients "$HANDOUTS" ;;
	handouts) run part_handouts $((HANDOUTS / 10)) ;;
	refusals) run part_refusals "$HANDOUTS" ;;
	neighbour) run part_neighbour $(((ROUNDS + 2) / 3)) ;;
	scale | reclaim | idle) run part_$part ;;
	*) fail "no such part: $part" ;;
	esac
done
[ $failed -eq 0 ]
