#!/bin/bash
# forks.bash -- programs that fork: each does its work, and a parent with one thread is back on its pool at the end.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/e2e.bash"
PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:$PATH
DEADLINE=${FORKS_DEADLINE:-40}
unset VMMALLOC_FORK VMMALLOC_CHILDREN

# --- what ends with the case: the processes in $PIDS with all their descendants, and mounts ---

end_pids() {
	local pid tree
	for pid in ${PIDS-}; do
		for tree in $(process_tree "$pid"); do kill -KILL "$tree" 2>/dev/null; done
	done
	return 0
}
clean_up() {
	end_pids
	mountpoint -q "$WORK/mnt" && { umount "$WORK/mnt" 2>/dev/null || umount -l "$WORK/mnt"; }
	[ -z "${OWN_DIR-}" ] || rm -rf "$OWN_DIR"
	return 0
}

# A pool directory on the file system of that type, in VMMALLOC_POOL_DIR.
pools_on() {
	trap clean_up EXIT
	case $1 in
	pool-dir) VMMALLOC_POOL_DIR=$POOL_DIR ;;
	temporary)
		OWN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/vmmalloc-test.XXXXXX") || skip "no temporary directory"
		VMMALLOC_POOL_DIR=$OWN_DIR
		;;
	*)
		[ "$(id -u)" -eq 0 ] || skip "only root may mount"
		mkdir -p "$WORK/mnt"
		if [ "$1" = tmpfs ]; then
			mount -t tmpfs -o size="$2" tmpfs "$WORK/mnt" 2>mount.errors
		else
			need "mkfs.$1"
			truncate -s "$2" image
			"mkfs.$1" -q "${@:3}" image >mkfs.log 2>&1 || { cat mkfs.log; fail "mkfs.$1"; }
			mount -t "$1" -o loop image "$WORK/mnt" 2>mount.errors
		fi || skip "mount is refused: $(head -n 1 mount.errors)"
		VMMALLOC_POOL_DIR=$WORK/mnt
		;;
	esac
	export VMMALLOC_POOL_DIR
	stat -f -c 'on %T' "$VMMALLOC_POOL_DIR"
}

# Within 3 s. The header and the heap may share one mapping while the heap is on the file.
back_on_pool() {
	WAIT_SECONDS=3 wait_for is_on_pool "$1" && return
	echo "process $1 ($(cat "/proc/$1/comm")): mode $(pool_mode "$1"), $(pool_forks "$1") forks, owner $(pool_owner "$1")," \
		"mappings $(pool_mappings "$1"), $(ls "/proc/$1/task" | wc -l) threads, children:" \
		$(ps -o pid=,comm= --ppid "$1")
	grep -E 'deleted|memfd' "/proc/$1/maps"
	fail "the parent is not back on its pool"
}

# at_work NAME COMMAND... -- the command does its work as it does without the library, says DONE as its last word, and
# then goes on a little until there is a file "stop"; then its heap is where $VMMALLOC_FORK wants it, and it ends with 0.
at_work() {
	local name=$1 pid status forks
	shift
	: >stop
	timeout 20 "$@" >expected 2>expected.errors || { cat expected.errors; fail "$name does not work without the library"; }
	rm -f stop out
	preload exec "$@" >out 2>errors &
	pid=$!
	PIDS=$pid
	wait_for grep -q DONE out || { tail -n 5 errors; fail "$name does not finish"; }
	forks=$(pool_forks $pid) || fail "$name: no pool header"
	if [ "${VMMALLOC_FORK-auto}" = 1 ] && [ "$forks" -gt 0 ]; then
		WAIT_SECONDS=3 wait_for is_private $pid || fail "$name: not private, but mode $(pool_mode $pid)"
	else
		back_on_pool $pid
	fi
	echo "$name: mode $(pool_mode $pid) after $(pool_forks $pid) forks"
	: >stop
	WAIT_SECONDS=10 wait_for is_gone $pid || fail "$name does not end"
	wait $pid
	status=$?
	PIDS=
	[ $status -eq 0 ] || { tail -n 5 errors; fail "$name: status $status"; }
	diff expected out || fail "$name: another result"
	diff expected.errors errors || fail "$name: other errors"
}
export -f end_pids clean_up pools_on back_on_pool at_work

# --- the programs ---

work_bash() {
	mkfifo nothing
	cat >script <<-'END'
		sum=0
		for i in {1..80}; do
			sum=$((sum + $(echo "$i")))
			(exit 7) || sum=$((sum + $?))
			word[$i]=$(seq "$i" | tail -n 1 | tr 0-9 a-j)
		done
		echo "$sum ${word[*]}" | md5sum
		for i in 1 2 3 4; do (x=$(seq $((i * 2000))); echo ${#x} >job.$i) & done
		wait
		cat job.*
		echo $(echo one; (echo $(echo two; (echo $(echo three; (echo four | while read -r x; do echo $x $x; done))))))
		echo DONE
		# a child now and then, and nothing between
		until [ -e stop ]; do /bin/true; read -rt 0.2 <>nothing; done
		exit 0
	END
	at_work bash bash script
}

work_make() {
	need make
	cat >Makefile <<-'END'
		.RECIPEPREFIX = >
		PARTS := $(addprefix part.,$(shell seq 1 30))
		all: $(PARTS) sub
		> @sort -n $(PARTS) | md5sum
		> @echo DONE
		> @until [ -e stop ]; do sleep 0.1; done
		part.%: ; @seq $* | sort -rn >$@; true $(shell echo $*)
		sub: ; @$(MAKE) --no-print-directory said
		said: ; @echo $(shell echo said | tr a-z A-Z)
	END
	at_work "make -j2" make -B -j2
}

work_perl() {
	need perl
	cat >workers.pl <<-'END'
		use strict; use warnings;
		$| = 1;
		my @data = map { "line $_ " . "x" x ($_ % 90) } 0 .. 29999;
		for my $round (1 .. 10) {
			my @workers;
			for my $n (1 .. 3) {
				pipe my $reader, my $writer or die;
				my $pid = fork // die "fork: $!";
				if (!$pid) {
					my ($sum, %own) = 0;
					$data[$_] .= "child $n" for map { $_ * $n } 0 .. 3000;
					$sum += length for @data;
					$own{$_} = "$_" x 5 for 1 .. 3000;
					print $writer "$round $n $sum ", scalar(keys %own), " $data[7] $data[29999]\n";
					close $writer;
					exit $n;
				}
				close $writer;
				push @workers, [$pid, $reader];
			}
			$data[$_] = "round $round of $_" for map { $_ * 7 % 30000 } 1 .. 2000;
			for (@workers) {
				my ($pid, $reader) = @$_;
				print <$reader>;
				waitpid $pid, 0;
				print "ended with ", $? >> 8, "\n";
			}
		}
		print join(",", @data[0, 7, 14, 29999]), "\nDONE\n";
		# no more children: only the heap grows
		my @more;
		until (-e "stop") { push @more, "y" x (1e6 + @more); select undef, undef, undef, 0.05; }
	END
	at_work perl perl workers.pl
}

work_python() {
	need python3
	cat >forks.py <<-'END'
		import gc, hashlib, multiprocessing, os, sys, time

		data = {i: "value %d " % i * (i % 9) for i in range(30000)}

		def say(*words):
		    print(*words, flush=True)

		def digest():
		    return hashlib.md5(repr(sorted(data.items())[::7]).encode()).hexdigest()

		def of_os_fork(n):
		    reader, writer = os.pipe()
		    pid = os.fork()
		    if pid == 0:
		        data[n] = "child"
		        os.write(writer, digest().encode())
		        os._exit(n)
		    data[n * 7] = "parent %d" % n
		    os.close(writer)
		    said = os.read(reader, 100).decode()
		    os.close(reader)
		    say(said, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

		def work(n):
		    data[-n] = str(n)
		    return n, len(data), sum(len(v) for v in data.values())

		def send(connection, n):
		    connection.send(work(n))
		    connection.close()

		def main():
		    for n in range(12):
		        of_os_fork(n)
		    context = multiprocessing.get_context("fork")
		    pipes = []
		    for n in range(3):
		        ours, theirs = context.Pipe()
		        process = context.Process(target=send, args=(theirs, n))
		        process.start()
		        theirs.close()
		        pipes.append((ours, process))
		    for ours, process in pipes:
		        say(ours.recv())
		        process.join()
		    # threads of its own serve the pool: none of them is left behind it
		    with context.Pool(2) as pool:
		        say(sorted(pool.map(abs, range(-200, 0)))[-3:])
		        pool.close()
		        pool.join()
		    say(digest())
		    say("DONE")
		    more = []
		    while not os.path.exists("stop"):
		        more.append(bytearray(1000000))
		        time.sleep(0.05)

		main()
	END
	PYTHONMALLOC=malloc at_work python3 /usr/bin/python3 forks.py
}
export -f work_bash work_make work_perl work_python

case_programs() {
	local program
	pools_on "${@:2}"
	for program in $1; do
		"work_$program"
		[ -z "$(ls -A "$VMMALLOC_POOL_DIR" | grep '^vmmalloc\.')" ] || fail "$program: a file is left in the pool directory"
	done
}

case_mode() {
	export VMMALLOC_FORK=$1
	case_programs "$2" pool-dir
}
export -f case_programs

# --- servers ---

# Redis has threads: its parent returns piece by piece, as what is old is freed. What the child writes is one moment.
case_redis() {
	need redis-server redis-cli redis-check-rdb
	local pid round
	pools_on "$@"
	cli() { redis-cli -s "$WORK/redis.sock" "$@"; }
	preload exec redis-server --port 0 --unixsocket "$WORK/redis.sock" --dir "$WORK" --save '' >redis.log 2>&1 &
	pid=$!
	PIDS=$pid
	wait_for cli ping || { cat redis.log; fail "redis does not answer"; }
	cli eval 'for i = 1, 20000 do redis.call("set", "filler:" .. i, string.rep(i, 40)) end' 0 >/dev/null
	# "a", "b" and the length of "list" grow together
	for round in 1 2; do
		cli -r 1000000 eval 'redis.call("incr", "a"); redis.call("rpush", "list", string.rep("x", 50));
			redis.call("set", "filler:" .. redis.call("incr", "b") % 20000 + 1, string.rep("new", 50))' 0 >/dev/null 2>&1 &
		PIDS="$pid $!"
	done
	for round in 1 2 3; do
		wait_for eval '[ "$(cli get a)" -gt '$((round * 500))' ]' || fail "the load does not work"
		cli bgsave | grep -q started || fail "no BGSAVE"
		wait_for eval 'cli info persistence | grep -q rdb_bgsave_in_progress:0' || fail "BGSAVE does not end"
		cli info persistence | grep -q rdb_last_bgsave_status:ok || { tail redis.log; fail "BGSAVE failed"; }
		redis-check-rdb dump.rdb | grep -q 'RDB looks OK' || fail "the dump is broken"
		cp dump.rdb dump.$round
	done
	[ "$(pool_forks $pid)" -ge 3 ] || fail "only $(pool_forks $pid) forks counted"
	wait_for is_returning $pid || fail "mode $(pool_mode $pid)"
	kill $(pgrep -P $$ redis-cli) 2>/dev/null
	heap_on_pool $pid 3000
	echo "mode $(pool_mode $pid) after $(pool_forks $pid) forks, $(ls /proc/$pid/task | wc -l) threads," \
		"$(pool_private $pid) of $(pool_bytes $pid) bytes private"
	# data that replace all others, as they would in time, are on the pool: 60 MB of them, and little else
	cli flushall sync | grep -q OK || fail "redis does not answer any more"
	cli eval 'for i = 1, 60000 do redis.call("set", "fresh:" .. i, string.rep("f", 1000)) end' 0 >/dev/null
	wait_for eval '[ "$(pool_private $pid)" -lt $((16 << 20)) ]' || fail "$(pool_private $pid) bytes are private"
	[ "$(pool_used $pid)" -gt 60000000 ] || fail "only $(pool_used $pid) bytes used"
	end_process $pid
	grep -qiE 'crash|assert' redis.log && { cat redis.log; fail "redis crashed"; }
	for round in 1 2 3; do
		rm -f redis.sock
		redis-server --port 0 --unixsocket "$WORK/redis.sock" --dir "$WORK" --dbfilename dump.$round --save '' >plain.log 2>&1 &
		PIDS=$!
		wait_for eval 'cli ping | grep -q PONG' || fail "redis does not read the dump"
		cli eval 'local a, n = tonumber(redis.call("get", "a")), 0
			if redis.call("dbsize") ~= 20003 then return "keys: " .. redis.call("dbsize") end
			if a ~= tonumber(redis.call("get", "b")) or a ~= redis.call("llen", "list") then return "not of one moment" end
			for i = 1, 20000 do
				local v = redis.call("get", "filler:" .. i)
				if v ~= string.rep(i, 40) and v ~= string.rep("new", 50) then return "filler " .. i .. " is " .. v end
				if v == string.rep("new", 50) then n = n + 1 end
			end
			return n == math.min(a, 20000) and "right" or n .. " changed of " .. a' 0 >verdict
		[ "$(cat verdict)" = right ] || { cat verdict; fail "dump $round is wrong"; }
		end_process $PIDS
	done
}

# The daemon is the child: its heap moves to a pool of its own.
case_daemon() {
	local pid
	helper fork_daemon
	pools_on "$@"
	preload ./fork_daemon 4 file || fail "status $?"
	wait_for test -s file || fail "no daemon"
	pid=$(head -n 1 file)
	PIDS=$pid
	back_on_pool "$pid"
	# what it has not touched since is in the file, but not yet resident
	[ "$(pool_used "$pid")" -ge $((4 << 20)) ] || fail "its pool holds only $(pool_used "$pid") bytes"
	heap_on_pool "$pid"
	echo "the daemon: mode $(pool_mode "$pid"), $(pool_used "$pid") of $(pool_bytes "$pid") bytes"
	: >stop
	wait_for is_gone "$pid"
	PIDS=
	[ "$(tail -n 1 file)" = right ] || fail "the daemon's heap is damaged"
}

case_daemon_redis() {
	need redis-server redis-cli
	local pid
	pools_on "$@"
	cli() { redis-cli -s "$WORK/redis.sock" "$@"; }
	preload redis-server --port 0 --unixsocket "$WORK/redis.sock" --dir "$WORK" --save '' --daemonize yes \
		--pidfile "$WORK/redis.pid" --logfile "$WORK/redis.log" || fail "status $?"
	wait_for test -s redis.pid || { cat redis.log; fail "no daemon"; }
	pid=$(cat redis.pid)
	PIDS=$pid
	wait_for eval 'cli ping | grep -q PONG' || fail "redis does not answer"
	cli eval 'for i = 1, 20000 do redis.call("set", i, string.rep(i, 40)) end; return redis.call("dbsize")' 0 | grep -qx 20000 ||
		fail "redis does not work"
	heap_on_pool "$pid" 3000
	echo "the daemon's mappings: $(pool_mappings "$pid")"
	cli shutdown nosave
	wait_for is_gone "$pid" || fail "redis stays"
	PIDS=
}

# --- VMMALLOC_CHILDREN ---

# A second library in LD_PRELOAD, and what a child of a program on a pool sees.
other_library() {
	need gcc
	echo 'int vmmalloc_test_other;' | gcc -shared -fPIC -x c - -o "$WORK/other.so" || fail "cannot make a library"
}
child_sees() {
	local list=$1 expected=$2
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=1G LD_PRELOAD=$list bash -c '
		env | grep ^LD_PRELOAD= || echo unset
		grep -oE "[^/]*\.so(\.1)?$|\(deleted\)" /proc/self/maps | grep -E "vmmalloc|other|deleted" | sort -u
		grep -E "/(#[0-9]+|vmmalloc\.).*\(deleted\)$" /proc/$$/maps | head -n 1 | grep -c .' >seen 2>errors
	diff <(printf '%s\n' "$expected" 1) seen || { cat errors; fail "LD_PRELOAD=$list: the child sees something else"; }
	[ ! -s errors ] || { cat errors; fail "errors"; }
}
export -f other_library child_sees

case_children_off() {
	trap clean_up EXIT
	other_library
	export VMMALLOC_CHILDREN=off
	local other=$WORK/other.so
	child_sees "$LIBRARY" unset
	child_sees "$LIBRARY:$other" "LD_PRELOAD=$other
other.so"
	child_sees "$other $LIBRARY" "LD_PRELOAD=$other
other.so"
	child_sees "$other:$LIBRARY:$other" "LD_PRELOAD=$other:$other
other.so"
	# interpreters have an environment of their own
	! preload perl -e 'print $ENV{LD_PRELOAD} // "", `env`' | grep -E '^(LD_PRELOAD|/.*vmmalloc)' || fail "perl hands it on"
	! preload /usr/bin/python3 -c 'import os, subprocess; print(os.environ.get("LD_PRELOAD", "")); subprocess.run("env", env=os.environ)' |
		grep -E '^(LD_PRELOAD|/.*vmmalloc)' || fail "python3 hands it on"
}

case_children_size() {
	local pid child
	helper hold
	trap clean_up EXIT
	mkfifo end
	for children in inherit 64M 2G; do
		rm -f ready; : >ready
		VMMALLOC_CHILDREN=$children VMMALLOC_POOL_SIZE=512M preload exec bash -c './hold 2 >ready & read -r _ <end' &
		pid=$!
		PIDS=$pid
		wait_for grep -q READY ready || fail "no READY"
		child=$(pgrep -P $pid hold)
		heap_on_pool "$child" 2000
		echo "$children: $(pool_bytes $pid) and $(pool_bytes "$child") bytes"
		[ "$(pool_bytes $pid)" -eq $((512 << 20)) ] || fail "the first process has another pool"
		case $children in
		inherit) [ "$(pool_bytes "$child")" -eq $((512 << 20)) ] ;;
		64M) [ "$(pool_bytes "$child")" -eq $((64 << 20)) ] ;;
		2G) [ "$(pool_bytes "$child")" -eq $((2 << 30)) ] ;;
		esac || fail "$children: the child's pool has $(pool_bytes "$child") bytes"
		[ "$(pool_owner "$child")" = "$child" ] || fail "not the child's own pool"
		kill -KILL "$child"
		echo >end
		wait $pid
	done
	PIDS=
}

case_children_malformed() {
	refused() {
		VMMALLOC_CHILDREN=$1 preload /bin/echo "main ran" >out 2>errors && fail "exit status 0"
		[ ! -s out ] || fail "the program ran"
		diff - errors <<<"Error (libvmmalloc): $2" || fail "another line"
	}
	local size="expected a number of bytes or one with K, M, G or T"
	refused always "incorrect VMMALLOC_CHILDREN value (always), expected inherit, off or a size"
	refused '' "incorrect VMMALLOC_CHILDREN value (), expected inherit, off or a size"
	refused 5X "VMMALLOC_CHILDREN value is not a size (5X), $size"
	refused -1 "negative VMMALLOC_CHILDREN value (-1)"
	refused 1M "VMMALLOC_CHILDREN value is less than minimum (1048576 < 14680064)"
	refused 999999999999999999999 "VMMALLOC_CHILDREN value is too large (999999999999999999999)"
}

# --- no room for a copy ---

case_no_room() {
	local mode=$1 said=$2
	helper fork_full
	pools_on tmpfs 64M
	export VMMALLOC_FORK=$mode VMMALLOC_POOL_SIZE=48M
	dd if=/dev/zero of=mnt/ballast bs=1M count=30 status=none || fail "no ballast"
	preload ./fork_full 20 mnt/ballast >out || { cat out; fail "status $?"; }
	printf 'fork: %s\nwith room: forked\n' "$said" | diff - out || fail "something else"
	if command -v perl >/dev/null; then
		preload perl -e 'my $x = "x"; $x x= 30e6; my $pid = fork; if (!defined $pid) { print "fork: $!\n" }
			elsif (!$pid) { exit($x =~ tr/x// != 30e6) } else { waitpid $pid, 0; print $? ? "wrong\n" : "fork: forked\n" }
			substr($x, 5, 1) = "y"; print $x =~ tr/x//, "\n"' >out || fail "perl: status $?"
		printf 'fork: %s\n29999999\n' "$said" | diff - out || fail "perl says something else"
	fi
	[ "$(df --output=used -k mnt | tail -n 1 | tr -d ' ')" -eq 0 ] || fail "space stays in use"
}

# A disk that fills up after a fork takes nothing from parent and child. A full btrfs needs some milliseconds for each page
# that is written for the first time.
case_full_later() {
	local mib=$1 mode
	shift
	helper fork_then_full
	pools_on "$@"
	for mode in auto 2 3; do
		VMMALLOC_FORK=$mode VMMALLOC_POOL_SIZE=48M preload ./fork_then_full "$mib" mnt/ballast >out ||
			fail "VMMALLOC_FORK=$mode: status $? $(cat out)"
		rm mnt/ballast
	done
}

export SUITE_DIRECTORY=$SUITE_TMP
run_case "bash: subshells and pipelines, back on the pool" case_programs bash pool-dir
run_case "make -j2, on the pool" case_programs make pool-dir
run_case "perl: workers, back on the pool" case_programs perl pool-dir
run_case "python3: os.fork and multiprocessing, back on the pool" case_programs python pool-dir
for mode in 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: bash, perl, python3" case_mode $mode "bash perl python"
done
run_case "the temporary directory: all programs, back on the pool" case_programs "bash make perl python" temporary
run_case "ext4: all programs, back on the pool" case_programs "bash make perl python" ext4 400M
run_case "XFS with reflink: all programs, back on the pool" case_programs "bash make perl python" xfs 400M -m reflink=1
run_case "btrfs: all programs, back on the pool" case_programs "bash make perl python" btrfs 400M
run_case "redis: BGSAVE under load, every dump is of one moment" case_redis pool-dir
run_case "redis: the same on XFS with reflink" case_redis xfs 400M -m reflink=1
run_case "redis: the same on btrfs" case_redis btrfs 400M
run_case "a daemon gets a pool of its own" case_daemon pool-dir
run_case "a daemon gets a pool of its own, on the temporary directory" case_daemon temporary
run_case "redis makes itself a daemon" case_daemon_redis pool-dir
run_case "VMMALLOC_CHILDREN=off: children run without the library, other entries stay" case_children_off
run_case "VMMALLOC_CHILDREN=inherit or a size: the child's pool has that size" case_children_size
run_case "VMMALLOC_CHILDREN malformed: one line" case_children_malformed
run_case "VMMALLOC_FORK=2 with no room for a copy: ENOMEM, and the parent goes on" case_no_room 2 "Cannot allocate memory"
run_case "VMMALLOC_FORK=3 with no room for a copy: private" case_no_room 3 forked
run_case "tmpfs fills up after a fork" case_full_later 20 tmpfs 128M
run_case "XFS with reflink fills up after a fork" case_full_later 20 xfs 400M -m reflink=1
# Each page that it writes first waits for a worker of the kernel, and so for whatever else the machine does.
DEADLINE=$((3 * DEADLINE)) run_case "btrfs fills up after a fork" case_full_later 1 btrfs 400M
end_suite
