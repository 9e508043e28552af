#!/bin/bash
# extents.bash LIBRARY DEBUG_LIBRARY PROGRAM... -- how much of its pool's file a heap takes, of real programs: beside
# jemalloc, and beside what other rules of placement would take (extent_sim). First the programs' tables, then a row
# for each: bytes that were live at the most, as jemalloc counts them; what jemalloc says is resident at the most, and
# what the kernel says (peak_memory); what the pool's file has at the most, and with ordinary memory; and the ratios. MiB.
set -u
library=$(realpath "$1") debug=$(realpath "$2")
shift 2
programs=$(dirname "$library")/../tests/bench
. "$(dirname "$0")/rows.bash"
export VMMALLOC_POOL_DIR=${VMMALLOC_POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=${VMMALLOC_POOL_SIZE:-512M}
export VMMALLOC_CHILDREN=off PYTHONMALLOC=malloc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jemalloc=$(of_distribution libjemalloc.so.2)
deadline=${EXTENTS_DEADLINE:-300}

# under FILE COMMAND...: with what PRELOAD says, and its peaks in the file; as another user if as=(...) says so
under() { timeout "$deadline" "${as[@]}" "$programs/peak_memory" "$@"; }
as=()

run_redis() {
	local socket=$work/redis.socket
	ask() { timeout "$deadline" redis-cli -s "$socket" "$@" >/dev/null 2>&1; }
	under "$1" redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no --enable-debug-command yes \
		--dir "$work" >/dev/null &
	for _ in $(seq 300); do ask ping && break; sleep 0.1; done
	ask debug populate 200000 a 200
	ask eval "for i = 0, 199999 do if i % 4 > 0 then redis.call('del', 'a:' .. i) end end" 0
	ask debug populate 25000 b 1500
	ask eval "for i = 0, 24999 do if i % 4 > 0 then redis.call('del', 'b:' .. i) end end" 0
	ask debug populate 1000 c 30000
	ask shutdown nosave
	wait
}

run_python() {
	under "$1" "$(python3 -c 'import sys; print(sys.executable)')" -c '
import random
random.seed(1)
def keep(some): return {key: value for key, value in some.items() if random.random() < 0.25}
big = keep({i: str(i) * 20 for i in range(400000)})
big.update(keep({-i: [str(i)] * random.randrange(200) for i in range(1, 60000)}))
big.update({str(i): bytearray(random.randrange(100000)) for i in range(800)})'
}

# gcc starts it, and as and ld
run_cc1() {
	c_functions 600 >"$work/source.c"
	under "$1" "$(gcc -print-prog-name=cc1)" -quiet -O2 "$work/source.c" -o "$work/source.s"
}

run_sqlite() {
	under "$1" sqlite3 :memory: "
		create table a(id integer primary key, name text, data blob);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 120000)
			insert into a select i, hex(i * 7919 % 100003), zeroblob(i % 300) from n;
		create index by_name on a(name);
		delete from a where id % 4;
		with recursive n(i) as (select 200001 union all select i + 1 from n where i < 204000)
			insert into a select i, hex(i), zeroblob(i % 9000) from n;
		select count(*), sum(length(data)) from (select * from a order by name, data);" >/dev/null
}

# By itself, without a server: that would fork.
run_postgres() {
	local data=$work/postgres bin as=(env)
	bin=$(dirname "$(readlink -f "$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres | tail -n 1)")")
	[ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=postgres "--regid=$(id -gn postgres)" --clear-groups)
	if [ ! -d "$data" ]; then
		chmod 777 "$work" && mkdir -m 777 "$data" || return
		"${as[@]}" "$bin/initdb" -D "$data/pg" --no-sync -A trust >/dev/null || return
	fi
	under "$1" "$bin/postgres" --single -j -D "$data/pg" -c shared_buffers=16MB -c fsync=off postgres >/dev/null <<-'END'
		set work_mem = '64MB';

		select count(*) from (select n % 50000 as a, repeat('x', n % 300) as b, count(*)
			from generate_series(1, 200000) n group by 1, 2) as c;

		select count(*) from (select md5(n::text) as a from generate_series(1, 200000) n order by 1) as b;

		select length(string_agg(repeat('y', n % 5000), '')) from generate_series(1, 8000) n;
	END
}

run_phases() { under "$1" "$programs/size_phases" 60 2; }
run_workload() { under "$2" "$programs/workloads" "$1" 4 >/dev/null; }
for name in cache lifetimes vectors strings server; do
	eval "run_$name() { run_workload $name \"\$1\"; }"
done

# most FILE WORD: of the numbers that jemalloc's statistics have behind that word, MiB
most() { sed -n "s/^Allocated:.*/&/p" "$1" | tr -d , | awk -v word="$2:" '
	{ for (i = 1; i < NF; i++) if ($i == word && $(i + 1) > most) most = $(i + 1) } END { print most / 1048576 }'; }
kib() { awk -v key="$2" '{ for (i = 1; i < NF; i++) if ($i == key) print $(i + 1) / 1024 }' "$1"; }

measure() {
	local name=$1 log=$work/$1.log live
	PRELOAD=$debug VMMALLOC_HUGE_PAGES=always VMMALLOC_LOG_LEVEL=3 VMMALLOC_LOG_FILE=$log "run_$name" "$work/$name.pool" \
		2>"$work/errors"
	[ -s "$log" ] || { echo "$name did not run: $(head -n 3 "$work/errors")" >&2; return; }
	echo
	(cd "$work" && extent_sim "$name.log" 2>&1)
	[ -z "${EXTENTS_KEEP-}" ] || cp "$log" "$EXTENTS_KEEP/"
	rm -f "$log"
	PRELOAD=$jemalloc MALLOC_CONF=stats_interval:4194304,stats_interval_opts:gmdablxhe,stats_print:true,stats_print_opts:gmdablxhe \
		"run_$name" "$work/$name.jemalloc" 2>"$work/$name.stats"
	PRELOAD=$jemalloc "run_$name" "$work/$name.jemalloc" 2>/dev/null
	PRELOAD=$library "run_$name" "$work/$name.pool" 2>/dev/null
	live=$(most "$work/$name.stats" Allocated)
	echo "$name $live $(most "$work/$name.stats" resident) $(kib "$work/$name.jemalloc" ordinary)" \
		"$(kib "$work/$name.pool" file) $(kib "$work/$name.pool" both)" >>"$work/rows"
}
sim=$(realpath "$programs/extent_sim")
extent_sim() { "$sim" "$@"; }

for name in "$@"; do measure "$name"; done
echo
printf '%-10s %8s | %9s %7s %9s | %8s %7s %10s\n' '' live resident ratio ordinary file ratio with\ rest
awk '{ printf "%-10s %8.1f | %9.1f %7.2f %9.1f | %8.1f %7.2f %10.1f\n", $1, $2, $3, $3 / $2, $4, $5, $5 / $2, $6 }' \
	"$work/rows"
