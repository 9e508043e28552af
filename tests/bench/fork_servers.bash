#!/bin/bash
# fork_servers.bash [PART...] -- servers that fork while they work, with glibc's malloc, jemalloc's, and a heap on a
# pool (auto, and VMMALLOC_FORK=1: fork=1). The parts: postgresql, redis, python; all of them if none is named. The
# last figure of a line is the ratio to the first line of its block.
#
# Up to 1 GiB of /dev/shm; everything runs in a temporary directory, and for root as nobody, or as PostgreSQL's user. ROUNDS and LOAD_S, the
# seconds of one load, make it shorter.
. "$(dirname "$0")/../lib/suite.bash"
. "$ROOT/tests/lib/postgresql.bash"
. "$ROOT/tests/bench/rows.bash"
ROUNDS=${ROUNDS:-3} LOAD_S=${LOAD_S:-3}
PYTHON=$ROOT/tests/bench/fork_workers.py
JEMALLOC=$(of_distribution libjemalloc.so.2)
AS=()
export LC_ALL=C

# with KIND [exec] COMMAND...: on that heap
with() {
	local kind=$1
	shift
	case $kind in
	glibc) "$@" ;;
	jemalloc) LD_PRELOAD=$JEMALLOC "$@" ;;
	auto) preload "$@" ;;
	fork=1) VMMALLOC_FORK=1 preload "$@" ;;
	esac
}

# What others may reach, in a directory of theirs.
prepare() {
	cp "$LIBRARY" "$PYTHON" "$SUITE_TMP" && LIBRARY=$SUITE_TMP/${LIBRARY##*/} PYTHON=$SUITE_TMP/${PYTHON##*/}
	chmod 755 "$SUITE_TMP" "$LIBRARY" "$PYTHON"
	[ "$(id -u)" -ne 0 ] || AS=(setpriv --reuid nobody --regid "$(id -gn nobody)" --clear-groups)
}

kinds() { echo "${JEMALLOC:+jemalloc }auto fork=1"; }

# rows_of TITLE KEY UNIT KIND...: a block, of what is in $part.KIND
rows_of() {
	local title=$1 key=$2 unit=$3 kind base
	shift 3
	base=$(median "$part.$1" "$key")
	echo "$title"
	for kind; do row "$kind" "$(median "$part.$kind" "$key")" "$unit" "$base"; done
}

# in_turn KINDS COMMAND...: with each of them behind it, ROUNDS times
in_turn() {
	local round kind kinds=$1
	shift
	for ((round = 0; round < ROUNDS; round++)); do
		for kind in $kinds; do
			"$@" "$kind" || fail "$part, $kind: $(tail -qn 2 ./*.log)"
		done
	done
}

# await SECONDS COMMAND...: until it succeeds
await() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

end_process() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

part_postgresql() {
	local kinds
	kinds="glibc $(kinds)"
	(find_postgresql) || { echo "postgresql is left out"; return 0; }
	find_postgresql
	"${PG_AS[@]}" "$PG_BIN/initdb" -N -D data >init.log 2>&1 || fail "initdb: $(tail -n 1 init.log)"
	in_turn "$kinds" postgresql_once
	rows_of "PostgreSQL: connections of one query each, 4 clients (pgbench -C -S)" tps /s $kinds
	rows_of "  latency, mean" latency ms $kinds
	rows_of "  the processor's time of all processes, for a connection" work us $kinds
}

# What the server and those of its children that have ended took of the processor: clock ticks.
ticks_of() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 + $14 + $15 }'; }

# pgbench's output: "latency average = 1.2 ms", "tps = 345.6 (including reconnection times)"
postgresql_once() {
	local server status ticks
	VMMALLOC_POOL_SIZE=256M VMMALLOC_ON_FULL=grow with "$1" exec "${PG_AS[@]}" "$PG_BIN/postgres" -D data -k "$PWD" \
		-c listen_addresses= -c fsync=off >server.log 2>&1 &
	server=$!
	await 20 "$PG_BIN/pg_isready" -h "$PWD" -d postgres &&
		{ [ -e initialized ] || "${PG_AS[@]}" "$PG_BIN/pgbench" -h "$PWD" -i -q postgres; } >bench.log 2>&1 &&
		touch initialized && ticks=$(ticks_of $server) &&
		timeout 60 "${PG_AS[@]}" "$PG_BIN/pgbench" -h "$PWD" -C -S -n -c 4 -T "$LOAD_S" postgres >bench.log 2>&1
	status=$?
	sleep 0.1    # until the last ones have ended
	awk -v us=$((($(ticks_of $server) - ticks) * 1000000 / $(getconf CLK_TCK))) '
		/^latency average/ { print "latency", $4 } /^tps/ { print "tps", $3 }
		/actually processed/ && $6 > 0 { print "work", us / $6 }' bench.log >>"$part.$1"
	kill -INT $server
	wait $server 2>/dev/null
	return $status
}

# Debian's redis is linked with jemalloc.
part_redis() {
	local command kinds="as_it_is auto fork=1"
	for command in redis-server redis-cli redis-benchmark; do
		command -v $command >/dev/null || { echo "redis is not installed, and left out"; return 0; }
	done
	chmod 777 .
	in_turn "$kinds" redis_once
	rows_of "Redis: SET, 20 clients, 100 MB of values of 1 KiB, BGSAVE all the time" rps /s $kinds
	rows_of "  latency, median" p50 ms $kinds
	rows_of "  latency, 99 %" p99 ms $kinds
	rows_of "  latency, longest" most ms $kinds
	rows_of "  fork, the last" fork us $kinds
	rows_of "  saves" saves "" $kinds
}

cli() { redis-cli -s "$PWD/redis.sock" "$@"; }

# --csv: "test","rps","avg_latency_ms","min_latency_ms","p50...","p95...","p99...","max..."
redis_once() {
	local kind=$1 server saver status
	[ "$kind" != as_it_is ] || kind=glibc
	VMMALLOC_POOL_SIZE=1G with "$kind" exec "${AS[@]}" redis-server --port 0 --unixsocket "$PWD/redis.sock" \
		--unixsocketperm 777 --dir "$PWD" --save '' >server.log 2>&1 &
	server=$!
	await 20 cli ping &&
		cli eval 'for i = 0, 99999 do
			redis.call("set", string.format("key:%012d", i), string.rep("x", 1000)) end' 0 >/dev/null
	while sleep 0.2; do cli bgsave; done >/dev/null 2>&1 &
	saver=$!
	timeout 60 redis-benchmark -s "$PWD/redis.sock" -t set -d 1000 -r 100000 -c 20 -n $((LOAD_S * 15000)) --csv \
		>bench.log 2>&1
	status=$?
	end_process $saver
	awk -F'","' '/^"SET/ { sub(/"$/, "", $8); print "rps", $2, "p50", $5, "p99", $7, "most", $8 }' bench.log \
		>>"$part.$1"
	cli info | tr -d '\r' | awk -F: '/^latest_fork_usec/ { print "fork", $2 } /^rdb_saves/ { print "saves", $2 }
		/^total_forks/ { print "forks", $2 }' >>"$part.$1"
	end_process $server
	rm -f dump.rdb redis.sock
	return $status
}

python_once() {
	PYTHONMALLOC=malloc VMMALLOC_POOL_SIZE=1G \
		with "$1" timeout 60 "${AS[@]}" /usr/bin/python3 "$PYTHON" "$LOAD_S" >>"$part.$1" 2>error.log
}

part_python() {
	local kinds
	kinds="glibc $(kinds)"
	[ -x /usr/bin/python3 ] || { echo "python3 is not installed, and left out"; return 0; }
	in_turn "$kinds" python_once
	rows_of "Python: 4 workers of 100 requests each, then new ones, a heap of 100 MB" rps /s $kinds
	rows_of "  latency, median" p50 ms $kinds
	rows_of "  latency, 99 %" p99 ms $kinds
	rows_of "  os.fork, median" fork us $kinds
}

prepare
echo "load of the machine: $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) processors"
run_parts "postgresql redis python" "$@"
[ $failed -eq 0 ]
