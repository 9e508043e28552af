#!/bin/bash
# one_class.bash -- programs of all kinds, that start others, on one class of the daemon's with nothing else set.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/postgresql.bash"
. "$(dirname "$0")/helpers/daemon.bash"
DEADLINE=$((DEADLINE * 4))
export WAIT_SECONDS=60
export LC_ALL=C.UTF-8

on_class() { VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY "$@"; }
# a class of 64 MiB, of which two are ready
common_class() {
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 64M
		ready = 2
		max = 64
	END
	daemon_start
	wait_count a ready 2
}
# watch: what the list says, again and again, is in `seen`
watch() {
	while :; do
		ctl list -n -o STATE,KIND,COMMAND >>seen
		sleep 0.02
	done &
	PIDS="$PIDS $!"
}
was_seen() {
	local name
	for name; do
		grep -qE "^leased +(warm|cold) +$name\$" seen || fail "no $name on the list: $(sort seen | uniq -c)"
	done
}
# all_is_back: nobody was refused, and the class has what it had
all_is_back() {
	is "$(grep ': request of pid' log)" ""
	is "$(ask daemon refused)" 0
	wait_count a leased 0
	wait_count a ready 2
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 2 ]'
	is "$(ask count a cold_pools)" 0
}
# works WHAT: in a shell of its own, with which its servers end; what they say on standard error is in `errors`
works() { (trap 'kill $(jobs -p) 2>/dev/null' EXIT; "$1") 2>>errors; }
# failed_work: a program waits a second for its answer, which is short where so many share a busy machine
failed_work() {
	cat errors >&2
	if grep -qsh 'vmmallocd (.*): Connection timed out' errors ./*.log; then
		# what bash says of whoever is killed would be the last words
		clean_up 2>/dev/null
		PIDS= DAEMON=
		skip "the daemon had no processor for a second"
	fi
	fail "refused: $(grep ': request of pid' log)"
}
export -f on_class common_class watch was_seen all_is_back works failed_work

# Fifty files, as many objects, and a program of them that says the sum of what is in them.
compile() {
	local i
	mkdir sources
	for i in $(seq 50); do
		{
			printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n'
			seq -f 'static int part%g(int x) { char text[64]; snprintf(text, sizeof(text), "%%d", x + 1); return atoi(text); }' 40
			printf 'int f%d(void) { return %s + (int)strlen("x"); }\n' "$i" "$(seq -f 'part%g(1)' -s ' + ' 40)"
		} >"sources/f$i.c"
	done
	{
		seq -f 'int f%g(void);' 50
		printf '#include <stdio.h>\nint main(void) { printf("%%d\\n", %s); return 0; }\n' "$(seq -f 'f%g()' -s ' + ' 50)"
	} >sources/main.c
	printf 'program: main.o %s\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -O1 -w -c -o $@ $<\n' "$(seq -f 'f%g.o' -s ' ' 50)" >sources/Makefile
	on_class make -s -C sources -j8 program || fail "make: status $?"
	# forty parts of each file are 2, and there is a string of 1
	is "$(sources/program)" $((50 * 81))
}

redis() {
	cli() { redis-cli -s "$WORK/redis.sock" "$@"; }
	local pid may_debug=
	[[ $(redis-server --version) =~ v=[0-6]\. ]] || may_debug="--enable-debug-command local"
	on_class exec redis-server --port 0 --unixsocket "$WORK/redis.sock" --dir "$WORK" --save '' $may_debug >redis.log 2>&1 &
	pid=$!
	wait_for eval 'cli ping | grep -q PONG'
	cli debug populate 20000 filler 300 | grep -q OK || fail "no filler"
	for i in 1 2 3; do
		cli bgsave | grep -q started || fail "no BGSAVE"
		redis-benchmark -s redis.sock -n 2000 -c 5 -r 5000 -P 4 -q -t set,lpush >/dev/null 2>&1 || fail "writes during BGSAVE"
		wait_for eval 'cli info persistence | grep -q rdb_bgsave_in_progress:0'
		cli info persistence | grep -q rdb_last_bgsave_status:ok || fail "BGSAVE failed: $(tail redis.log)"
		redis-check-rdb dump.rdb | grep -q 'RDB looks OK' || fail "the dump is broken"
	done
	cli shutdown nosave
	wait $pid || fail "redis: status $?: $(tail redis.log)"
}

postgresql() {
	local pid
	find_postgresql
	on_class "${PG_AS[@]}" "$PG_BIN/initdb" -D "$WORK/data" -A trust --no-sync >initdb.log 2>&1 ||
		fail "initdb: status $?: $(tail initdb.log)"
	on_class exec "${PG_AS[@]}" "$PG_BIN/postgres" -D "$WORK/data" -k "$WORK" -c listen_addresses= -c fsync=off \
		-c shared_buffers=32MB -c dynamic_shared_memory_type=mmap >postgres.log 2>&1 &
	pid=$!
	sql() { "${PG_AS[@]}" psql -X -q -h "$WORK" -d postgres -At "$@"; }
	wait_for eval 'sql -c "select 1" >/dev/null 2>&1'
	is "$(sql -c "select sum(length(repeat(i::text, 9))) from generate_series(1, 20000) i")" 800046
	"${PG_AS[@]}" "$PG_BIN/pgbench" -h "$WORK" -i -s 1 -q postgres >pgbench.log 2>&1 || fail "pgbench -i: $(cat pgbench.log)"
	"${PG_AS[@]}" "$PG_BIN/pgbench" -h "$WORK" -c 4 -j 2 -t 100 postgres >pgbench.log 2>&1 || fail "pgbench: $(cat pgbench.log)"
	grep -q '400/400' pgbench.log || fail "pgbench lost transactions: $(cat pgbench.log)"
	kill -INT $pid
	wait $pid || fail "postgres: status $?: $(tail postgres.log)"
	! grep -E 'terminated by signal|PANIC' postgres.log || fail "a postgres process crashed"
}

workers() {
	cat >workers.py <<-'END'
		import concurrent.futures, multiprocessing, subprocess, sys
		def work(n):
		    text = " ".join(str(i) for i in range(n))
		    return len(text.split()), int(subprocess.run(["sh", "-c", "echo $((6 * 7))"], stdout=subprocess.PIPE).stdout)
		if __name__ == "__main__":
		    for method in "fork", "spawn":
		        with concurrent.futures.ProcessPoolExecutor(6, multiprocessing.get_context(method)) as pool:
		            for n, (words, answer) in zip(range(10000, 10040), pool.map(work, range(10000, 10040))):
		                assert (words, answer) == (n, 42), (n, words, answer)
		    print("done")
	END
	is "$(on_class python3 workers.py)" "done"
}

# The work of one kind, alone; "WHAT SEEN...": which names the list has had
alone() {
	local what=$1
	shift
	common_class
	watch
	works "$what" || failed_work
	was_seen "$@"
	all_is_back
}

all_at_once() {
	local what pids=()
	common_class
	watch
	for what in compile redis postgresql workers; do
		works "$what" &
		pids+=($!)
	done
	for what in "${pids[@]}"; do
		wait "$what" || failed_work
	done
	was_seen make cc1 redis-server postgres python3
	all_is_back
}

# The shell's own work needs no more than what it finds.
with_all() {
	need gcc make redis-server redis-cli redis-benchmark redis-check-rdb python3
	"$@"
}
export -f compile redis postgresql workers alone all_at_once with_all
run_case "make -j8: gcc compiles fifty files" with_all alone compile make gcc cc1 "$(assembler)"
run_case "redis with BGSAVE" with_all alone redis redis-server
run_case "postgresql: initdb, pgbench, a clean end" alone postgresql postgres
run_case "python's pools of workers, which start others" with_all alone workers python3 sh
run_case "all of these at the same time" with_all all_at_once

gibibyte() {
	[ "$(df --output=avail -B1M "$POOL_DIR" | tail -n 1)" -ge 1500 ] || skip "$POOL_DIR has no 1.5 GiB"
	[ "$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)" -ge 2000 ] || skip "no 2 GiB of memory"
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 32M
		ready = 2
		max = 64
	END
	daemon_start
	wait_count a ready 2
	# in one block that lies in all of them
	ctl run --class a --on-full=grow -- dd if=/dev/zero bs=1G count=1 2>said | cmp -n $((1 << 30)) - /dev/zero || fail "$(cat said)"
	[ "$(ask daemon handed_out)" -ge 33 ] || fail "$(ask daemon handed_out) pools of 32 MiB for 1 GiB"
	all_is_back
}
run_case "a program with 1 GiB on a class of 32 MiB grows, and all pools are back" gibibyte
end_suite
