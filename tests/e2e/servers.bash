#!/bin/bash
# servers.bash -- databases and other servers that run on pools while clients work with them.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/postgresql.bash"
. "$(dirname "$0")/helpers/e2e.bash"

PATH=$PATH:/usr/sbin:/sbin
DEADLINE=${SERVER_DEADLINE:-60}

# Every process of a case is in a session of its own: whatever of it is left at the case's end is killed, by its PID.
end_session() {
	local stat pid fields
	for stat in /proc/[0-9]*/stat; do
		pid=${stat#/proc/} pid=${pid%/stat}
		# the name, in parentheses, may hold spaces: the session is the fourth field after it
		fields=$(cat "$stat" 2>/dev/null) || continue
		read -r _ _ _ session _ <<<"${fields##*) }"
		[ "$session" = "$1" ] && [ "$pid" != $$ ] && [ "$pid" != "$PPID" ] && kill -KILL "$pid" 2>/dev/null
	done
	return 0
}

# Daemons are started with their own sessions here and there: a case hands in their PID files.
clean_up_at_exit() {
	trap 'end_session "$(ps -o sid= -p $$ | tr -d " ")"' EXIT
}
export -f end_session clean_up_at_exit

case_redis() {
	need redis-server redis-cli redis-benchmark
	local pid child digest may_debug=
	clean_up_at_exit
	cli() { redis-cli -s "$WORK/redis.sock" "$@"; }
	digest_now() { cli debug digest | grep -xE '[0-9a-f]{40}' || fail "no digest"; }
	# as of 7.0 it is refused, if nobody allows it
	[[ $(redis-server --version) =~ v=[0-6]\. ]] || may_debug="--enable-debug-command local"
	preload exec redis-server --port 0 --unixsocket "$WORK/redis.sock" --dir "$WORK" --save '' --appendonly yes \
		--io-threads 2 --io-threads-do-reads yes $may_debug >redis.log 2>&1 &
	pid=$!
	wait_for cli ping || { cat redis.log; fail "redis does not answer"; }
	redis-benchmark -s redis.sock -n 20000 -c 20 -d 200 -r 10000 -P 8 -q -t set,get,lpush,hset,zadd,incr >bench 2>&1 ||
		{ tail bench redis.log; fail "redis-benchmark"; }
	cli debug populate 20000 filler 300 | grep -q OK || fail "no filler"
	heap_on_pool $pid 5000
	digest=$(digest_now) || exit 1
	cli bgsave | grep -q started || fail "no BGSAVE"
	child=$(cli debug sleep 0 >/dev/null; pgrep -P $pid | head -n 1)
	# the parent goes on writing while the child saves, and after
	redis-benchmark -s redis.sock -n 5000 -c 5 -d 100 -r 5000 -P 4 -q -t set >/dev/null 2>&1 || fail "writes during BGSAVE"
	wait_for eval 'cli info persistence | grep -q rdb_bgsave_in_progress:0' || fail "BGSAVE does not end (child $child)"
	cli info persistence | grep -q rdb_last_bgsave_status:ok || { tail redis.log; fail "BGSAVE failed"; }
	heap_on_pool $pid 5000
	redis-check-rdb dump.rdb | grep -q 'RDB looks OK' || fail "the dump is broken"
	cli bgrewriteaof | grep -q started || fail "no BGREWRITEAOF"
	wait_for eval 'cli info persistence | grep -q aof_rewrite_in_progress:0' || fail "BGREWRITEAOF does not end"
	cli info persistence | grep -q aof_last_bgrewrite_status:ok || fail "BGREWRITEAOF failed"

	# what it holds now survives a restart without the library
	cli save | grep -q OK || fail "cannot save"
	digest=$(digest_now) || exit 1
	cli memory purge >/dev/null; cli memory doctor >/dev/null; cli memory malloc-stats >/dev/null
	end_process $pid
	grep -qiE 'crash|assert' redis.log && { cat redis.log; fail "redis crashed"; }
	redis-server --port 0 --unixsocket "$WORK/redis.sock" --dir "$WORK" --save '' $may_debug >redis.log 2>&1 &
	pid=$!
	wait_for cli ping || fail "redis does not read the dump"
	wait_for eval 'cli ping | grep -q PONG'
	[ "$(digest_now)" = "$digest" ] || fail "other data after the restart"
	end_process $pid
}

case_redis_defrag() {
	need redis-server redis-cli redis-benchmark
	local pid
	clean_up_at_exit
	cli() { redis-cli -s "$WORK/redis.sock" "$@"; }
	preload exec redis-server --port 0 --unixsocket "$WORK/redis.sock" --dir "$WORK" --save '' --maxmemory 30mb \
		--maxmemory-policy allkeys-lru >redis.log 2>&1 &
	pid=$!
	wait_for cli ping || fail "redis does not answer"
	cli config set activedefrag yes >answer 2>&1
	redis-benchmark -s redis.sock -n 60000 -c 10 -d 1000 -r 100000 -P 16 -q -t set >/dev/null 2>&1 || fail "redis-benchmark"
	[ "$(cli info stats | tr -d '\r' | sed -n 's/^evicted_keys://p')" -gt 1000 ] || fail "nothing was evicted"
	cli flushall async | grep -q OK || fail "flushall"
	wait_for eval '[ "$(cli info memory | tr -d "\r" | sed -n "s/^lazyfree_pending_objects://p")" = 0 ]'
	redis-benchmark -s redis.sock -n 20000 -d 2000 -r 10000 -P 16 -q -t set >/dev/null 2>&1 || fail "redis-benchmark, again"
	heap_on_pool $pid 5000
	end_process $pid
	grep -qiE 'crash|assert' redis.log && { cat redis.log; fail "redis crashed"; }
	return 0
}

case_memcached() {
	need memcached
	local pid port user=() i line
	clean_up_at_exit
	[ "$(id -u)" -eq 0 ] && user=(-u nobody)
	port=$(free_port)
	preload exec memcached -l 127.0.0.1 -p "$port" -U 0 -t 3 -m 64 ${user[@]+"${user[@]}"} >memcached.log 2>&1 &
	pid=$!
	wait_for eval "(: >/dev/tcp/127.0.0.1/$port)" || { cat memcached.log; fail "memcached does not answer"; }
	client() {
		exec 3<>"/dev/tcp/127.0.0.1/$port"
		{
			for i in {1..2000}; do printf 'set key%d.%d 0 0 %d noreply\r\n%0*d\r\n' "$1" $i $((i % 900 + 5)) $((i % 900 + 5)) $i; done
			for i in {1..2000}; do printf 'get key%d.%d\r\n' "$1" $i; done
			printf 'quit\r\n'
		} >&3 &
		cat <&3 >answers.$1
	}
	for i in 1 2 3; do
		client $i &
		clients[$i]=$!
	done
	wait "${clients[@]}"
	for i in 1 2 3; do
		[ "$(grep -c ^VALUE answers.$i)" -eq 2000 ] || fail "client $i: not all values came back"
		awk '/^0/ { n++; if ($1 + 0 != n) exit 1 } END { exit n != 2000 }' RS='\r\n' answers.$i || fail "client $i: wrong values"
	done
	heap_on_pool $pid 2000
	end_process $pid
}

case_nginx() {
	need nginx curl
	local pid worker user='' i
	clean_up_at_exit
	chmod 755 "$WORK" "$SUITE_DIRECTORY"
	[ "$(id -u)" -eq 0 ] && user='user nobody nogroup;'
	mkdir root temporary
	seq 1 50000 >root/page
	cat >nginx.conf <<-END
		$user
		daemon off;
		worker_processes 2;
		pid $WORK/nginx.pid;
		error_log $WORK/error.log;
		events { worker_connections 256; }
		http {
			access_log off;
			client_body_temp_path $WORK/temporary;
			proxy_temp_path $WORK/temporary;
			fastcgi_temp_path $WORK/temporary;
			uwsgi_temp_path $WORK/temporary;
			scgi_temp_path $WORK/temporary;
			server {
				listen unix:$WORK/nginx.sock;
				root $WORK/root;
				gzip on;
				gzip_types *;
				location /again { proxy_pass http://unix:$WORK/nginx.sock:/page; }
			}
		}
	END
	preload exec nginx -p "$WORK" -c "$WORK/nginx.conf" >nginx.log 2>&1 &
	pid=$!
	fetch() { curl -sS --unix-socket "$WORK/nginx.sock" "$@"; }
	wait_for fetch http://localhost/page || { cat nginx.log error.log; fail "nginx does not answer"; }
	wait_for pgrep -P $pid || fail "no worker"
	for i in {1..10}; do
		fetch --compressed http://localhost/page | cmp - root/page || fail "another page"
		fetch http://localhost/again | cmp - root/page || fail "another page through the proxy"
	done
	heap_on_pool $pid
	for worker in $(pgrep -P $pid); do heap_on_pool "$worker"; done
	# new workers, forked by a master that has forked before
	worker=$(pgrep -P $pid | head -n 1)
	kill -HUP $pid
	wait_for is_gone "$worker" || fail "the old worker stays"
	wait_for pgrep -P $pid || fail "no new worker"
	fetch --compressed http://localhost/page | cmp - root/page || fail "another page after the reload"
	for worker in $(pgrep -P $pid); do heap_on_pool "$worker"; done
	end_process $pid QUIT
	! grep -E 'alert|emerg|signal [0-9]+ ' error.log || fail "nginx complains"
}

case_postgresql() {
	local data pid backend
	find_postgresql
	clean_up_at_exit
	data=$WORK/data
	sql() { "${PG_AS[@]}" psql -X -q -h "$WORK" -d postgres -At "$@"; }
	HOME=$WORK preload "${PG_AS[@]}" "$PG_BIN/initdb" -D "$data" -A trust --no-sync >initdb.log 2>&1 ||
		{ tail -n 20 initdb.log; fail "initdb: $?"; }
	plainly() { "$@"; }
	serve() {
		"$@" exec "${PG_AS[@]}" "$PG_BIN/postgres" -D "$data" -k "$WORK" -c listen_addresses= -c fsync=off \
			-c shared_buffers=32MB -c max_parallel_workers_per_gather=2 -c min_parallel_table_scan_size=0 \
			-c dynamic_shared_memory_type=mmap >postgres.log 2>&1 &
		pid=$!
		wait_for sql -c 'select 1' || { tail -n 20 postgres.log; fail "postgres does not answer"; }
	}
	work() {
		sql <<-'END'
			create table item (id int primary key, name text, price numeric);
			insert into item select i, 'item ' || (i * 7919 % 100003), i % 977 / 10.0 from generate_series(1, 60000) i;
			create index on item (name);
			analyze item;
			set work_mem = '32MB';
			select count(*), sum(price), max(name) from item;
			select string_agg(name, ',' order by id) from (select * from item where price < 0.2 order by id limit 4) x;
			select count(*) from item a join item b on a.name = b.name and a.id = b.id;
			select md5(string_agg(x, '')) from (select repeat(name, 5) x from item order by name) y;
			do $$ declare n int := 0; begin for i in 1..200 loop begin n := n / (i % 2); exception when others then n := n + 1; end;
				end loop; raise exception 'as intended %', n; end $$;
			drop table item;
		END
	}
	serve plainly
	work >plain 2>&1 || fail "the session broke off, without the library"
	end_process $pid INT
	serve preload
	work >result 2>&1 || fail "the session broke off"
	diff plain result || fail "another result"
	if [ -x "$PG_BIN/pgbench" ]; then
		"${PG_AS[@]}" "$PG_BIN/pgbench" -h "$WORK" -i -s 2 -q postgres >pgbench.log 2>&1 || { cat pgbench.log; fail "pgbench -i"; }
		"${PG_AS[@]}" "$PG_BIN/pgbench" -h "$WORK" -c 4 -j 2 -t 150 postgres >pgbench.log 2>&1 || { cat pgbench.log; fail "pgbench"; }
		grep -q '600/600' pgbench.log || fail "pgbench lost transactions"
	fi
	heap_on_pool $pid
	# a backend, forked by a server whose heap is private by then
	sql -c 'select pg_backend_pid(), pg_sleep(20)' >/dev/null 2>&1 &
	wait_for eval 'backend=$(sql -c "select pid from pg_stat_activity where query like '\''%pg_sleep(20)%'\'' and pid <> pg_backend_pid()"); [ -n "$backend" ]'
	heap_on_pool "$backend"
	sql -c "select pg_terminate_backend($backend)" >/dev/null
	# its own workers are children that stay: it leaves them the file, and is on another when it has seen a backend end
	wait_for eval 'sql -c "select 1"; is_on_pool $pid' || fail "the server is not on a pool: mode $(pool_mode $pid)"
	sql -c 'select sum(i) from generate_series(1, 100000) i' | grep -qx 5000050000 || fail "it does not work any more"
	end_process $pid INT
	! grep -E 'terminated by signal|PANIC' postgres.log || fail "a postgres process crashed"
	grep -q 'database system is shut down' postgres.log || fail "no clean shutdown"
}

case_python_http() {
	need python3 curl
	local pid i
	clean_up_at_exit
	cat >server.py <<-'END'
		import http.server, json, os, socketserver, sys
		class Handler(http.server.BaseHTTPRequestHandler):
		    def address_string(self): return "local"
		    def log_message(self, *args): pass
		    def do_GET(self):
		        body = json.dumps({str(i): "x" * (i % 100) for i in range(5000)}).encode()
		        self.send_response(200)
		        self.send_header("Content-Length", str(len(body)))
		        self.end_headers()
		        self.wfile.write(body)
		mixin = getattr(socketserver, sys.argv[2])
		class Server(mixin, socketserver.UnixStreamServer): request_queue_size = 64
		with Server(sys.argv[1], Handler) as server: server.serve_forever()
	END
	for kind in ThreadingMixIn ForkingMixIn; do
		PYTHONMALLOC=malloc preload exec python3 server.py "$WORK/$kind" $kind >server.log 2>&1 &
		pid=$!
		wait_for curl -sS --unix-socket "$WORK/$kind" http://localhost/ -o first || { cat server.log; fail "$kind: no answer"; }
		for i in {1..12}; do
			curl -sS --unix-socket "$WORK/$kind" http://localhost/ -o page.$i &
			clients[$i]=$!
		done
		wait "${clients[@]}"
		for i in {1..12}; do cmp first page.$i || fail "$kind: another page"; done
		[ "$(wc -c <first)" -gt 200000 ] || fail "$kind: a short page"
		heap_on_pool $pid
		# a heap that has just come back is in the file, but not all resident yet
		[ "$(pool_used $pid)" -gt 2000000 ] || fail "$kind: its pool holds only $(pool_used $pid) bytes"
		end_process $pid
		! grep -E 'Error|Traceback' server.log || fail "$kind: errors"
	done
}

case_ssh_agent() {
	need ssh-agent ssh-add ssh-keygen
	local pid
	clean_up_at_exit
	preload exec ssh-agent -D -a "$WORK/agent.sock" >/dev/null 2>&1 &
	pid=$!
	export SSH_AUTH_SOCK=$WORK/agent.sock
	wait_for test -S agent.sock || fail "no socket"
	ssh-keygen -q -t ed25519 -N '' -f key -C test
	preload ssh-add -q key || fail "ssh-add"
	ssh-add -L | cmp - key.pub || fail "another key"
	echo text >text
	ssh-keygen -q -Y sign -f key.pub -n test text || fail "cannot sign through the agent"
	ssh-keygen -q -Y check-novalidate -n test -s text.sig <text >/dev/null || fail "a wrong signature"
	# Debian's is set-gid: the dynamic linker leaves the library out, and that must do no harm
	[ -g "$(command -v ssh-agent)" ] || [ "$(id -u)" -ne 0 ] || heap_on_pool $pid
	end_process $pid
}

export SUITE_DIRECTORY=$SUITE_TMP
run_case "redis: benchmark, BGSAVE, BGREWRITEAOF, the dump is right" case_redis
run_case "redis: eviction, lazy freeing, defragmentation" case_redis_defrag
run_case "memcached with threads" case_memcached
run_case "nginx: workers under another user, proxy, reload" case_nginx
run_case "postgresql: initdb, parallel queries, pgbench, a backend ends" case_postgresql
run_case "python's HTTP servers, with threads and with forks" case_python_http
run_case "ssh-agent holds a key" case_ssh_agent
end_suite
