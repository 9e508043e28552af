#!/bin/bash
# programs.bash [--json FILE] [PROGRAM...] -- real programs beside glibc, with their heap on a pool of their own and on
# a warm one of a daemon's. Of Redis and PostgreSQL the time is that of their clients, the rest that of the server.
# With --json the figures become the section "programs" of bench's FILE.
#
# ROUNDS runs of each, in turns (default 5); PERCENT of the work (default 100). Up to 1 GiB of /dev/shm is in use.
. "$(dirname "$0")/../lib/suite.bash"
. "$ROOT/tests/integration/helpers/daemon.bash"
. "$ROOT/tests/lib/postgresql.bash"
. "$ROOT/tests/bench/rows.bash"
. "$ROOT/tests/bench/grid.bash"
ROUNDS=${ROUNDS:-5} PERCENT=${PERCENT:-100} WARM_POOLS=${WARM_POOLS:-4}
ALL_PROGRAMS=(gcc perl postgresql python redis sqlite)
COLUMNS_OF=(glibc jemalloc mimalloc tcmalloc "libvmmalloc own" "libvmmalloc warm")
JSON=
MEASURE=$BUILD/tests/bench/measure
RUN_SECONDS=120

scaled() { echo $(($1 * PERCENT / 100)); }

# environment COLUMN: sets VARIABLES to what makes a program use it; fails where the machine has it not
environment() {
	local library
	VARIABLES=()
	case $1 in
	glibc) return ;;
	jemalloc) library=$(of_distribution libjemalloc.so.2) ;;
	mimalloc) library=$(of_distribution libmimalloc.so) ;;
	tcmalloc) library=$(of_distribution libtcmalloc_minimal.so) ;;
	"libvmmalloc own")
		library=$LIBRARY
		VARIABLES=(VMMALLOC_POOL_DIR="$POOLS/own" VMMALLOC_POOL_SIZE=1G)
		;;
	"libvmmalloc warm")
		library=$LIBRARY
		VARIABLES=(VMMALLOC_POOL=a VMMALLOC_SOCKET="$RUN/pool.sock")
		;;
	esac
	VARIABLES+=(LD_PRELOAD="$library")
	[ "$library" ]
}

# what COMMAND... costs, with the heap that was chosen
measured() { "$MEASURE" $RUN_SECONDS "$POOLS" "${VARIABLES[@]}" "$@"; }

# --- the programs: each prints what one run cost ---

prepare_gcc() { c_functions "$(scaled 200)" >source.c; }
run_gcc() { measured gcc -O1 -c source.c -o /dev/null; }

run_perl() {
	measured perl -e '
		my %count;
		for my $i (1 .. $ARGV[0]) {
			my $word = join "-", $i % 5003, "x" x ($i % 60), $i % 7;
			$count{$word}++;
			push @{ $list{ $i % 1000 } }, $word;
			delete $list{ $i % 1000 } if $i % 50 == 0;
		}
		print scalar(keys %count), "\n"' "$(scaled 300000)"
}

# By default most of its objects are in mappings of its own.
run_python() {
	VARIABLES+=(PYTHONMALLOC=malloc)
	measured python3 -S -c '
import json, sys
rows = [{"id": i, "name": "name %d" % i, "tags": ["t%d" % (i % n) for n in range(2, 8)]} for i in range(int(sys.argv[1]))]
text = json.dumps(rows)
again = json.loads(text)
by_tag = {}
for row in again:
    for tag in row["tags"]:
        by_tag.setdefault(tag, []).append(row["name"])
print(len(text), len(by_tag))' "$(scaled 40000)"
}

run_sqlite() {
	measured sqlite3 :memory: "
		create table words (id integer primary key, word text, length integer);
		insert into words with recursive n(i) as (select 1 union all select i + 1 from n where i < $(scaled 200000))
			select i, printf('word %d %d', i * 7919 % 100003, i), i % 91 from n;
		create index by_word on words (word);
		select length, count(*), max(word), group_concat(substr(word, 1, 3)) is null from words group by length limit 3;
		update words set word = word || '!' where id % 3 = 0;
		delete from words where id % 5 = 0;
		select count(*) from words;"
}

ask_redis() { redis-cli -s redis.sock "$@" 2>/dev/null; }
run_redis() {
	local measuring began ended
	measured redis-server --port 0 --unixsocket "$PWD/redis.sock" --save '' --appendonly no --dir "$PWD" >server &
	measuring=$!
	wait_for eval '[ "$(ask_redis ping)" = PONG ]'
	began=${EPOCHREALTIME/./}
	redis-benchmark -s redis.sock -n "$(scaled 100000)" -c 20 -P 16 -d 200 -r 50000 -q -t set,get,incr,lpush,hset >/dev/null 2>&1
	ended=${EPOCHREALTIME/./}
	ask_redis shutdown nosave
	wait $measuring || return
	awk -v us=$((ended - began)) '{ $2 = us / 1e6; print }' server
}

# One cluster for all; its clients only read, so that each run finds the same. Its server is another user's.
prepare_postgresql() {
	find_postgresql
	chmod 755 "$POOLS"
	chmod 777 "$POOLS/own" "$POOLS/warm"
	"${PG_AS[@]}" "$PG_BIN/initdb" -D "$WORK/data" -N -A trust -U postgres >initdb.log 2>&1 || fail "initdb: $(cat initdb.log)"
	VARIABLES=()
	start_postgres
	"${PG_AS[@]}" "$PG_BIN/pgbench" -h "$WORK" -U postgres -i -s 4 -q postgres >pgbench.log 2>&1 || fail "$(cat pgbench.log)"
	end_postgres
}
start_postgres() {
	measured "${PG_AS[@]}" "$PG_BIN/postgres" -D "$WORK/data" -k "$WORK" -c listen_addresses= -c fsync=off \
		-c shared_buffers=32MB -c dynamic_shared_memory_type=mmap -c autovacuum=off >server &
	measuring=$!
	wait_for eval '"${PG_AS[@]}" psql -X -h "$WORK" -U postgres -c "select 1" postgres >/dev/null 2>&1'
}
end_postgres() {
	kill -INT "$(head -n 1 "$WORK/data/postmaster.pid")"
	wait $measuring
}
# The processes that a client causes are waited for by the server: the figures are of all.
run_postgresql() {
	local measuring began ended
	start_postgres
	began=${EPOCHREALTIME/./}
	"${PG_AS[@]}" "$PG_BIN/pgbench" -h "$WORK" -U postgres -n -S -C -c 2 -t "$(scaled 100)" postgres >/dev/null 2>&1 &&
		"${PG_AS[@]}" "$PG_BIN/pgbench" -h "$WORK" -U postgres -n -S -c 4 -t "$(scaled 4000)" postgres >/dev/null 2>&1
	ended=${EPOCHREALTIME/./}
	end_postgres || return
	awk -v us=$((ended - began)) '{ $2 = us / 1e6; print }' server
}

needed() {
	case $1 in
	gcc) command -v gcc ;;
	perl) command -v perl ;;
	python) command -v python3 ;;
	redis) command -v redis-server && command -v redis-benchmark ;;
	postgresql) (WORK=$SUITE_TMP/none; mkdir -p "$WORK"; find_postgresql) 2>&1 ;;
	sqlite) command -v sqlite3 ;;
	*) fail "no such program: '$1': expected one of: ${ALL_PROGRAMS[*]}" ;;
	esac >/dev/null
}

# --- rounds ---

await_warm() {
	until counts a ready "$WARM_POOLS"; do
		is_serving && sleep 0.05
	done
}

# run_program NAME COLUMN: a line more of figures
run_program() {
	local figures
	environment "$2" || return 0
	await_warm
	if figures=$("run_$1" 2>errors); then
		printf '%s\t%s\t%s\n' "$1" "$2" "$figures" >>figures
	else
		printf '%s\t%s\tfailed %s\n' "$1" "$2" "$(head -n 1 errors)" >>figures
	fi
}

run_rounds() {
	local round turn name columns=${#COLUMNS_OF[@]}
	for round in $(seq "$ROUNDS"); do
		echo "programs: round $round of $ROUNDS" >&2
		for name in "${programs[@]}"; do
			for turn in $(seq $columns); do
				run_program "$name" "${COLUMNS_OF[(turn + round) % columns]}"
			done
		done
	done
}

# The lines as the section of bench's JSON: medians, ratios to glibc, geometric means.
section() {
	jq -R -n '
		def median: sort | if length == 0 then null elif length % 2 == 1 then .[(length - 1) / 2]
			else (.[length / 2 - 1] + .[length / 2]) / 2 end;
		def cell: { median: (map(.time) | median), failure: (map(.failure) | map(select(.)) | first), samples: map(.time),
			user_s: (map(.user) | median), system_s: (map(.system) | median), faults: (map(.faults) | median),
			peak_kib: (map(.peak) | median), file_kib: (map(.file) | median) }
			| if .failure then .median = null else . end;
		def figures: if startswith("failed ") then { failure: .[7:] }
			else [splits(" +")] | [range(0; length; 2) as $i | { (.[$i]): (.[$i + 1] | tonumber) }] | add end;
		[inputs | split("\t") | { row: .[0], column: .[1] } + (.[2] | figures)]
		| reduce (group_by([.row, .column])[]) as $runs ({}; .[$runs[0].row][$runs[0].column] = ($runs | cell))
		| map_values(.glibc.median as $base
			| map_values(.ratio = (if .median and $base then .median / $base else null end)))
		| . as $results | [.[] | keys[]] | unique
		| map(. as $column | [$results[] | .[$column].ratio // empty]
			| { ($column): (if length > 0 then map(log) | add / length | exp else null end) }) | add
		| { unit: "seconds", baseline: "glibc", geomean_ratio: ., results: $results }' figures
}

print_table() {
	jq '{ programs: . }' section.json >programs.json
	grid programs.json programs .median "programs: elapsed time in seconds"
	jq -r '.results | to_entries[] | .key as $row | .value | to_entries[] | select(.value.failure)
		| "failed: \(.key), \($row): \(.value.failure)"' section.json
}

part_programs() {
	setup
	mkdir "$POOLS/own" "$POOLS/warm"
	conf <<-END
		[pool a]
		directory = $POOLS/warm
		size = 192M
		ready = $WARM_POOLS
		max = $((2 * WARM_POOLS))
	END
	daemon_start --log-level info
	[[ " ${programs[*]} " != *" gcc "* ]] || prepare_gcc
	[[ " ${programs[*]} " != *" postgresql "* ]] || prepare_postgresql
	: >figures
	run_rounds
	section >section.json || fail "figures: $(cat figures)"
	print_table
	if [ "$JSON" ]; then
		jq --slurpfile section section.json '.programs = $section[0]' "$JSON" >merged && cat merged >"$JSON" ||
			fail "$JSON: expected what bench has written"
	fi
	! grep -q $'\tlibvmmalloc[^\t]*\tfailed' figures
}

if [ "${1-}" = --json ]; then
	JSON=$(realpath "${2:?"--json: expected the name of a file"}") || exit 2
	shift 2
fi
command -v jq >/dev/null || { echo "programs are left out: no jq on this machine" >&2; exit $SKIPPED; }
[ $# -gt 0 ] || set -- "${ALL_PROGRAMS[@]}"
programs=()
for name; do
	if needed "$name"; then programs+=("$name"); else echo "left out, not on this machine: $name" >&2; fi
done
[ ${#programs[@]} -gt 0 ] || exit $SKIPPED
WORK=$SUITE_TMP/work
mkdir "$WORK" && cd "$WORK" || exit 1
(part_programs && daemon_end TERM)
