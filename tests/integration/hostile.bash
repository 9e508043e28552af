#!/bin/bash
# hostile.bash -- a real daemon among those who would stop it: tenants that make the kernel wait, strangers by the
# thousand, files that go away under it, and a machine that refuses it one thing after another.
# waits: for deadlines of the daemon, most of two minutes
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"

# A file system of that type on $WORK/NAME.
disk_mount() {
	local type=$1 name=$2
	need_mounts
	need "mkfs.$type"
	mkdir "$WORK/$name" && truncate -s 512M "$WORK/$name.image" || fail "no space"
	"mkfs.$type" -q "$WORK/$name.image" || fail "mkfs.$type"
	mount -o loop "$WORK/$name.image" "$WORK/$name" || skip "no $type here"
	MOUNTS="$MOUNTS $WORK/$name"
}
export -f disk_mount

# --- tenants that make the kernel wait ---

# A tenant whose write to its pool holds the file's lock for as long as it likes. $SERVER ends that.
hold_hung() {
	mkdir "$WORK/hung.$1" && chmod 777 "$WORK/hung.$1"
	# here it may be root's alone; as a rule it is everybody's
	[ -e fuse ] || { mknod fuse c 10 229 && chmod 666 fuse; } || skip "no device nodes here"
	exec 9>starting
	"$HELPERS/hung_memory" $NOBODY "$WORK/fuse" "$WORK/hung.$1" "$HELPERS/pool_client" "$RUN/pool.sock" take=a map \
		writefrom="$WORK/hung.$1/file" >&9 9>&- &
	HELD=$!
	exec 9>&-
	mv starting "held.$HELD"
	wait_for grep -qxE 'reading|unshare.*|open.*|mount.*' "held.$HELD"
	grep -qx reading "held.$HELD" || skip "no file system of one's own here: $(cat "held.$HELD")"
	SERVER=$(awk '$1 == "server" { print $2 }' "held.$HELD")
	PIDS="$PIDS $SERVER $HELD"
}
export -f hold_hung

case_hung_writer() {
	local first
	setup
	need_root
	if [ -n "$1" ]; then
		disk_mount "$1" disk
		rmdir "$POOLS"
		POOLS=$WORK/disk
	fi
	one_class "ready = 2" "max = 6"
	daemon_start
	wait_count a ready 2
	hold_hung 1; first=$SERVER
	hold_hung 2
	wait_count a ready 2
	# what is known without waiting is told, the others and their pools go on
	is "$(timeout 10 "$HELPERS/daemon_ask" "$RUN/control.sock" list | grep -c " leased ")" 2
	for _ in 1 2 3 4 5 6; do
		wait_least a ready 1
		is "$(client take=a map zero fill=3 | tail -n 1)" zero
	done
	is "$(timeout 10 "$HELPERS/daemon_ask" "$RUN/control.sock" prune | grep -c leased)" 0
	# another daemon finds them as they are, though the tenants cannot be killed
	kill -KILL "$HELD"
	wait_for eval '[ "$(grep -c "\"uid\": $NOBODY" "$STATE/registry.json")" = 2 ]'
	daemon_end KILL
	daemon_start
	is "$(ask list | awk '$3 == "leased" { print $2, $7, $8 }' | sort -u)" "a $NOBODY pool_client"
	is "$(ask count a leased)" 2
	wait_least a ready 2
	daemon_end KILL
	rm -f "$STATE/registry.json"
	daemon_start
	is "$(ask list | grep -c " leased ")" 2
	wait_least a ready 2
	kill -HUP "$DAEMON"
	wait_for grep -q reloaded: log
	daemon_end TERM || fail "exit status $?"
	daemon_start
	kill -KILL "$SERVER" "$first"
	wait_count a leased 0
	wait_least a ready 2
	is "$(client take=a map zero | tail -n 1)" zero
}

# A descriptor that is sent along is closed by who receives it, or throws it away: the last close of such a socket takes
# as long as its owner said.
case_lingering() {
	setup
	one_class "ready = 1"
	if [ -n "${1-}" ]; then
		interpose old <<-END
			#include <errno.h>
			#include <sys/syscall.h>
			#include <unistd.h>
			int setsockopt(int fd, int level, int name, const void *value, unsigned length)
			{
				/* SO_PASSRIGHTS */
				if (name == 83)
					return errno = ENOPROTOOPT, -1;
				return syscall(SYS_setsockopt, fd, level, name, value, length);
			}
		END
		LD_PRELOAD=$WORK/old.so daemon_start
	else
		daemon_start
	fi
	wait_count a ready 1
	: >out
	for bytes in 104 5 5000; do
		"$HELPERS/pool_client" "$RUN/pool.sock" connect linger=$bytes >>out &
		PIDS="$PIDS $!"
		"$HELPERS/pool_client" "$RUN/control.sock" connect linger=$bytes >>out &
		PIDS="$PIDS $!"
		# and those whose connection the daemon ends
		"$HELPERS/pool_client" "$RUN/pool.sock" connect linger=$bytes linger=$bytes connect linger=$bytes hold >>out &
		PIDS="$PIDS $!"
	done
	wait_for eval '[ "$(wc -l <out)" -ge 15 ]'
	for _ in 1 2 3 4 5; do
		is "$(timeout 10 "$HELPERS/daemon_ask" "$RUN/control.sock" daemon pid)" "$DAEMON"
		wait_least a ready 1
		is "$(timeout 10 "$HELPERS/pool_client" "$RUN/pool.sock" take=a map zero | tail -n 1)" zero
	done
	daemon_end TERM || fail "exit status $?"
}
export -f case_lingering

# --- a file system that does not answer ---

# What is begun there keeps its threads, and no others.
case_hung_directory() {
	setup
	mkdir "$POOLS/good" "$POOLS/bad"
	interpose hang <<-END
		#include <sys/syscall.h>
		#include <unistd.h>
		int ftruncate(int fd, long bytes)
		{
			if (bytes == 0)
				while (access("$WORK/hang", F_OK) == 0)
					usleep(10000);
			return syscall(SYS_ftruncate, fd, bytes);
		}
	END
	conf <<-END
		[pool bad]
		directory = $POOLS/bad
		size = 16M
		ready = 6
		[daemon]
		workers = 2
	END
	LD_PRELOAD=$WORK/hang.so daemon_start
	wait_count bad ready 6
	: >hang
	for _ in 1 2 3 4; do client take=bad >/dev/null; done
	# one was made meanwhile; who made it hangs now, too
	wait_count bad creating 0
	wait_count bad warming 0
	printf '[pool good]\ndirectory = %s\nsize = 16M\nready = 2\n' "$POOLS/good" >>vmmallocd.conf
	ask reload
	# all workers are at work there; for some time that may be a slow disk
	WAIT_SECONDS=45 wait_count good ready 2
	wait_for eval '[[ "$(ask problem bad)" = "pool directory $POOLS/bad: "[1-9]" pieces of work there do not end" ]]'
	# not more and more of them
	threads=$(ls "/proc/$DAEMON/task" | wc -l)
	[ "$threads" -le 6 ] || fail "$threads threads"
	is "$(grep -c "do not end" log)" 1
	rm hang
	wait_least bad ready 6
	is "$(ask problem bad)" ""
}

case_hung_opening() {
	setup
	mkdir "$POOLS/good" "$POOLS/bad"
	interpose hang <<-END
		#include <stdio.h>
		#include <string.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int flock(int fd, int operation)
		{
			char path[512] = "", link[64];
			snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			if (readlink(link, path, sizeof(path) - 1) > 0 && strstr(path, "/bad/"))
				while (access("$WORK/hang", F_OK) == 0)
					usleep(10000);
			return syscall(SYS_flock, fd, operation);
		}
	END
	conf <<-END
		[pool good]
		directory = $POOLS/good
		size = 16M
	END
	LD_PRELOAD=$WORK/hang.so daemon_start
	: >hang
	printf '[pool bad]\ndirectory = %s\nsize = 16M\n' "$POOLS/bad" >>vmmallocd.conf
	ask reload
	wait_for eval '[ "$(ask problem bad)" = "pool directory $POOLS/bad: it does not answer" ]'
	wait_count good ready 1
	is "$(client take=good map zero | tail -n 1)" zero
	rm hang
	wait_count bad ready 1
	is "$(ask problem bad)" ""
	is "$(grep -c "does not answer" log)" 1
}
export -f case_hung_directory case_hung_opening

# --- a machine that refuses things ---

# The daemon of an ordinary user whom nobody else is: limits of users are its own. The words before it are its prefix.
LONER=64999
run_as_loner() {
	mkdir -p "$RUN" "$STATE" && chown $LONER "$POOLS" "$RUN" "$STATE"
	cp "$DAEMON_PROGRAM" "$HELPERS/vmmallocd"
	setpriv --reuid $LONER --regid $LONER --clear-groups "$@" "$HELPERS/vmmallocd" --config "$WORK/vmmallocd.conf" \
		--runtime-dir "$RUN" --state-dir "$STATE" --log-level debug 2>>log &
	DAEMON=$!
	wait_for is_serving
}
export LONER
export -f run_as_loner

# As many processes of that user as it may have.
CROWD=20
crowd_begin() {
	CROWDED=
	for _ in $(seq $CROWD); do
		setpriv --reuid $LONER --regid $LONER --clear-groups sleep 100 &
		CROWDED="$CROWDED $!"
	done
	PIDS="$PIDS $CROWDED"
	wait_for eval '[ "$(ps -o comm= --user $LONER | grep -c sleep)" = $CROWD ]'
}
crowd_end() {
	kill -KILL $CROWDED
	wait $CROWDED 2>/dev/null
	return 0
}
export CROWD
export -f crowd_begin crowd_end

case_no_threads() {
	setup
	need_root
	one_class "ready = 2"
	crowd_begin
	run_as_loner prlimit --nproc=$CROWD
	is "$(ask problem a)" "pool directory $POOLS: Resource temporarily unavailable (pids.max of its control group, RLIMIT_NPROC or kernel.threads-max)"
	is "$(client take=a)" "no pool is ready"
	ask reload
	crowd_end
	ask reload
	wait_count a ready 2
	is "$(ask problem a)" ""
	# later: what is there is handed out, though nothing can be made
	crowd_begin
	is "$(client take=a map zero | tail -n 1)" zero
	is "$(client take=a map zero | tail -n 1)" zero
	wait_for eval '[[ "$(ask daemon problem)" = "work on pools: Resource temporarily unavailable (pids.max"* ]]'
	for _ in 1 2 3 4 5; do is "$(client take=a)" "no pool is ready"; done
	is "$(grep -c "work on pools" log)" 1
	crowd_end
	wait_count a ready 2
	is "$(client take=a map zero | tail -n 1)" zero
	wait_for grep -q "over: work on pools" log
	is "$(ask daemon problem)" ""
	wait_least a ready 2
	# a sanitizer makes a thread at the end
	[ -n "${FLAVOUR-}" ] || crowd_begin
	daemon_end TERM || fail "exit status $?"
	grep -q '"state": "ready"' "$STATE/registry.json" || fail "not saved at the end"
}

case_no_descriptors() {
	local honest
	setup
	need_root
	one_class "ready = 2"
	printf '[daemon]\nconnections_per_user = 4096\n' >>vmmallocd.conf
	printf '#!/bin/sh\nulimit -n $DESCRIPTORS\nexec %s "$@"\n' "$DAEMON_PROGRAM" >limited
	chmod +x limited
	DAEMON_PROGRAM=$WORK/limited
	DESCRIPTORS=20 daemon_run
	wait "$DAEMON"; is $? 1
	is "$(cat log)" "vmmallocd: start: Too many open files (RLIMIT_NOFILE is 20): expected 24 more"
	DESCRIPTORS=64 daemon_start
	wait_count a ready 2
	hold_as $NOBODY flood=500
	for honest in 1 2 3 4 5; do
		wait_least a ready 1
		is "$(client_as $SOMEBODY take=a map zero | tail -n 1)" zero
	done
	[ "$(grep -c "Too many" log)" -le 2 ] || fail "said at every turn: $(grep "Too many" log)"
	# nothing at all is left: it is said once, and once that it is over
	prlimit --pid "$DAEMON" --nofile=8:64
	for _ in 1 2 3 4 5; do
		timeout 0.5 "$HELPERS/pool_client" "$RUN/pool.sock" take=a >/dev/null
	done
	prlimit --pid "$DAEMON" --nofile=64:64
	# those who gave up are in the queue still, before who comes
	wait_for eval '[ "$(client_as $SOMEBODY take=a map zero | tail -n 1)" = zero ]'
	ask daemon problem | grep -q "Too many open files (RLIMIT_NOFILE is 8)" || fail "$(ask daemon problem)"
	wait_for eval '[ -z "$(ask daemon problem)" ]'
	is "$(grep "RLIMIT_NOFILE is 8" log | sort | uniq -d)" ""
	grep -q "over: .*RLIMIT_NOFILE is 8" log || fail "not said that it is over"
	is "$(grep "it will be removed" log)" ""
	daemon_end TERM || fail "exit status $?"
}

case_no_inotify() {
	setup
	need_root
	one_class "ready = 1"
	setpriv --reuid $LONER --regid $LONER --clear-groups "$HELPERS/pool_client" none inotify hold >taken &
	PIDS=$!
	wait_for grep -q instances taken
	grep -q EMFILE taken || skip "no limit on instances: $(cat taken)"
	run_as_loner
	is "$(ask problem a)" \
		"pool directory $POOLS: inotify: Too many open files (fs.inotify.max_user_instances)"
	is "$(client take=a)" "no pool is ready"
	ask reload
	wait_for eval 'ask problem a | grep -q instances'
	is "$(grep -c instances log)" 1
	kill -KILL $PIDS
	wait_for eval '{ ask reload; counts a ready 1; }'
	is "$(ask problem a)" ""
	is "$(client take=a map zero | tail -n 1)" zero
	daemon_end TERM || fail "exit status $?"
}

# Standard error is a pipe that is full, and nobody reads it.
case_unread_log() {
	setup
	one_class "ready = 1"
	mkfifo fifo
	exec 8<>fifo
	timeout 0.5 dd if=/dev/zero of=fifo bs=1024 2>/dev/null
	"$DAEMON_PROGRAM" --config vmmallocd.conf --runtime-dir "$RUN" --state-dir "$STATE" --log-level debug 2>fifo &
	DAEMON=$!
	wait_for is_serving
	for _ in 1 2 3; do
		wait_least a ready 1
		is "$(timeout 10 "$HELPERS/pool_client" "$RUN/pool.sock" take=a map zero | tail -n 1)" zero
	done
	kill -HUP "$DAEMON"
	is "$(timeout 10 "$HELPERS/daemon_ask" "$RUN/control.sock" daemon pid)" "$DAEMON"
	# it is read at last
	timeout 1 cat fifo >log
	client take=a >/dev/null
	timeout 1 cat fifo >>log
	grep -aqE 'vmmallocd: log: [0-9]+ lines were lost: nobody read them' log || fail "nothing is said of what was lost"
	timeout 0.5 dd if=/dev/zero of=fifo bs=1024 2>/dev/null
	daemon_end TERM || fail "exit status $?"
}
# A manager that is busy with something else: its queue is full from the start.
case_unread_notify() {
	setup
	need python3
	one_class "ready = 1"
	cat >manager.py <<-END
		import os, socket, time
		path = "notify"
		listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		listener.bind(path)
		sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		sender.setblocking(False)
		try:
		    while True:
		        sender.sendto(b"full", path)
		except BlockingIOError:
		    open("full", "w").close()
		while not os.path.exists("go"):
		    time.sleep(0.01)
		while True:
		    print(listener.recv(4096).decode(), flush=True)
	END
	timeout 60 python3 manager.py >messages &
	PIDS=$!
	wait_for test -e full
	NOTIFY_SOCKET=$WORK/notify WATCHDOG_USEC=60000 daemon_start
	wait_count a ready 1
	is "$(timeout 10 "$HELPERS/pool_client" "$RUN/pool.sock" take=a map zero | tail -n 1)" zero
	kill -HUP "$DAEMON"
	wait_for grep -q reloaded: log
	! grep -q READY messages || fail "the queue was not full: the case shows nothing"
	: >go
	# told at last, and the last of it
	wait_for grep -qx READY=1 messages
	! grep -q RELOADING messages || fail "an old state"
	wait_for grep -q "^STATUS=1 classes" messages
	wait_for grep -qx WATCHDOG=1 messages
	daemon_end TERM || fail "exit status $?"
	wait_for grep -qx STOPPING=1 messages
}
export -f case_unread_notify
export -f case_no_threads case_no_descriptors case_no_inotify case_unread_log

# --- strangers by the thousand ---

case_silent_users() {
	local user
	setup
	need_root
	one_class "ready = 2"
	printf '#!/bin/sh\nulimit -n 1024\nexec %s "$@"\n' "$DAEMON_PROGRAM" >limited
	chmod +x limited
	DAEMON_PROGRAM=$WORK/limited
	daemon_start
	wait_count a ready 2
	# as many users as have more connections than the daemon has descriptors, and who do nothing
	for user in $(seq 30); do
		setpriv --reuid $((100000 + user)) --regid $NOBODY --clear-groups "$HELPERS/pool_client" "$RUN/pool.sock" \
			flood=64 hold >"flood.$user" &
		PIDS="$PIDS $!"
	done
	is "$(client_as $SOMEBODY askoften=200)" "200 answered, 0 busy"
	is "$(client_as $SOMEBODY take=a map zero | tail -n 1)" zero
	[ "$(grep -c "Too many" log)" -le 1 ] || fail "said at every turn"
}

# One who has a range of subordinate ids is 65536 users.
case_subordinate_ids() {
	setup
	need_root
	one_class "ready = 2"
	daemon_start
	wait_count a ready 2
	for _ in 1 2; do
		"$HELPERS/pool_client" "$RUN/pool.sock" crowd=65536 >>crowd &
		PIDS="$PIDS $!"
	done
	is "$(client_as $SOMEBODY askoften=50)" "50 answered, 0 busy"
	# and on the control socket
	"$HELPERS/pool_client" "$RUN/control.sock" crowd=65536 >>crowd &
	PIDS="$PIDS $!"
	for _ in 1 2 3 4 5; do
		is "$(setpriv --reuid $SOMEBODY --regid $SOMEBODY --clear-groups timeout 10 "$HELPERS/daemon_ask" \
			"$RUN/control.sock" daemon pid)" "$DAEMON"
	done
	is "$(client_as $SOMEBODY take=a map zero | tail -n 1)" zero
	kill -0 $PIDS || fail "the crowd has ended: the case shows nothing: $(cat crowd)"
}
export -f case_silent_users case_subordinate_ids

# --- what others do to our files ---

# Looked for each second: the deadline of wait_for is for a loaded machine.
case_files() {
	setup
	one_class "ready = 2" "max = 3"
	daemon_start
	wait_count a ready 2
	file() { ls "$POOLS"/*."$1" | head -n 1; }
	gone() { ! ask list | grep -q "${1##*vmmalloc-}"; }
	export -f gone
	# a ready pool is removed, replaced, linked, opened to all, made shorter and longer: it is none any more, and made anew
	for what in rm "cp other" "ln" "chmod 644" "truncate -s 4096" "truncate -s 20M" "chown $NOBODY"; do
		wait_least a ready 2
		pool=$(file ready)
		case $what in
		rm) rm "$pool" ;;
		cp*) head -c 16M /dev/zero >other && chmod 600 other && mv other "$pool" ;;
		ln) ln "$pool" "$POOLS/second" ;;
		chown*) [ "$(id -u)" -eq 0 ] && chown $NOBODY "$pool" ;;
		*) $what "$pool" ;;
		esac
		wait_for gone "${pool%.ready}"
		wait_least a ready 2
		is "$(client take=a map zero | tail -n 1)" zero
		rm -f "$POOLS/second" "$pool"
	done
	# a leased one is removed: it is its user's, and not in our list
	hold take=a map fill=5
	pool=$(ask list | awk '$3 == "leased" && $6 == '$HELD' { print $5 }')
	rm "$pool"
	wait_for gone "${pool%.used}"
	kill -0 "$HELD" || fail "its user was disturbed"
	wait_least a ready 2
	is "$(ask list | awk '{ print $5 }' | sort)" "$(ls -d "$POOLS"/vmmalloc-* | sort)"
}

# A scanner has opened a ready pool, to read it, and takes its time: whoever gets the pool is served, and then it is said
# what has become of it.
case_scanner() {
	setup
	one_class "ready = 1" "max = 1"
	daemon_start
	wait_count a ready 1
	pool=$(ls "$POOLS"/*.ready)
	exec 7<"$pool"
	is "$(client take=a map zero | tail -n 1)" zero
	wait_for eval '[[ "$(ask problem a)" = *vmmalloc-*"whoever had it has ended, but a child or somebody else has the file"* ]]'
	is "$(client take=a)" "no pool is ready"
	# nothing tells of its end but the daemon's own look
	exec 7<&-
	WAIT_SECONDS=10 wait_count a ready 1
	is "$(ask problem a)" ""
	# the same when the daemon is started meanwhile
	exec 7<"$(ls "$POOLS"/*.ready)"
	daemon_end TERM
	daemon_start 7<&-
	wait_count a leased 1
	exec 7<&-
	WAIT_SECONDS=10 wait_count a ready 1
	is "$(ls "$POOLS" | wc -l)" 1
	is "$(client take=a map zero | tail -n 1)" zero
}

case_sockets() {
	local inode
	setup
	one_class "ready = 2"
	daemon_start
	wait_count a ready 2
	inode=$(stat -c %i "$RUN/pool.sock")
	hold take=a map
	rm "$RUN/pool.sock" "$RUN/control.sock"
	wait_for is_serving
	wait_for eval '[ "$(client take=a map zero | tail -n 1)" = zero ]'
	[ "$(stat -c %i "$RUN/pool.sock")" != "$inode" ] || fail "the same socket: the case shows nothing"
	is "$(ask daemon problem)" ""
	# another socket in its place
	python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$RUN/other"
	mv "$RUN/other" "$RUN/pool.sock"
	wait_for eval '[ "$(client take=a map zero 2>/dev/null | tail -n 1)" = zero ]'
	# a file, which is not ours to remove: that is said
	rm "$RUN/pool.sock" && echo mine >"$RUN/pool.sock"
	wait_for eval '[[ "$(ask daemon problem)" = "socket '"'$RUN/pool.sock'"': File exists" ]]'
	# some looks later
	uptime=$(ask daemon uptime)
	wait_for eval '[ "$(ask daemon uptime)" -ge $((uptime + 3)) ]'
	is "$(grep -c "File exists" log)" 1
	is "$(cat "$RUN/pool.sock")" mine
	rm "$RUN/pool.sock"
	wait_for eval '[ "$(client take=a map zero 2>/dev/null | tail -n 1)" = zero ]'
	wait_for eval '[ -z "$(ask daemon problem)" ]'
	# all of the directory, with the lock: no other daemon can have it afterwards
	rm -r "$RUN"
	wait_for is_serving
	wait_for eval '[ "$(client take=a map zero | tail -n 1)" = zero ]'
	"$DAEMON_PROGRAM" --config vmmallocd.conf --runtime-dir "$RUN" --state-dir "$STATE" 2>errors
	is $? 1
	grep -q "another vmmallocd has it" errors || fail "$(cat errors)"
	kill -0 "$HELD" || fail "a client was disturbed"
	daemon_end TERM || fail "exit status $?"
	is "$(ls "$RUN")" vmmallocd.lock
}

# The directory was another daemon's by the time that this one could look: it ends without taking the other's sockets.
case_other_daemons_sockets() {
	local first
	setup
	one_class "ready = 1"
	daemon_start
	first=$DAEMON
	PIDS="$PIDS $first"
	kill -STOP "$first"
	rm -r "$RUN"
	mkdir other
	conf <<-END
		[pool a]
		directory = $WORK/other
		size = 16M
		ready = 0
	END
	mv log first
	STATE=$WORK/other-state
	daemon_start
	kill -CONT "$first"
	wait_for eval 'grep -q "another vmmallocd has it" first'
	kill -TERM "$first"
	wait "$first"
	is "$(ls "$RUN" | tr '\n' ' ')" "control.sock pool.sock vmmallocd.lock "
	! grep -q "made again" log || fail "the sockets of the other were removed"
}

case_registry() {
	setup
	one_class "ready = 1"
	daemon_start
	wait_count a ready 1
	hold take=a map
	saved() { grep -q "pid\": $HELD" "$STATE/registry.json" 2>/dev/null; }
	export -f saved; export HELD
	wait_for saved
	for what in "rm $STATE/registry.json" "truncate -s 0 $STATE/registry.json" "cp vmmallocd.conf $STATE/registry.json" \
		"rm -r $STATE"; do
		$what
		wait_for saved
		is "$(ask daemon problem)" ""
	done
	daemon_end KILL
	daemon_start
	is "$(ask list | awk '$3 == "leased" { print $6, $8 }')" "$HELD pool_client"
}
export -f case_files case_scanner case_sockets case_other_daemons_sockets case_registry

# The k-th call of each thread is refused, for each k that there is: the daemon says why it ends, or serves and is short of
# nothing but what it says; it ends when it is told to. Before its first pipe libuv would end the process: main tries
# some descriptors before that, which one refusal does not show.
has_decided() {
	! kill -0 "$DAEMON" 2>/dev/null || [ "$(timeout 2 "$HELPERS/daemon_ask" "$RUN/control.sock" daemon pid 2>/dev/null)" = "$DAEMON" ]
}
has_pool_or_problem() {
	least a ready 1 || [ -n "$(ask problem a)$(ask daemon problem)" ]
}
export -f has_decided has_pool_or_problem

case_refused() {
	local call=$1 error=$2 first=${3:-1} k status steps=0
	setup
	need strace
	[ -z "${FLAVOUR-}" ] || skip "a sanitizer looks for leaks by ptrace, and has calls of its own refused"
	# what comes back is scrubbed, whether the class has another pool or not
	one_class "ready = 1" "cold = no"
	strace -qq -e inject=getpid:error=EPERM -o /dev/null true 2>/dev/null || skip "strace cannot inject here"
	for k in $(seq $first 400); do
		: >log
		strace -D -f -qq -o trace -e "trace=$call" -e "inject=$call:error=$error:when=$k" "$DAEMON_PROGRAM" \
			--config vmmallocd.conf --runtime-dir "$RUN" --state-dir "$STATE" 2>>log &
		DAEMON=$!
		wait_for has_decided
		if kill -0 "$DAEMON" 2>/dev/null; then
			wait_for has_pool_or_problem
			timeout 5 "$HELPERS/pool_client" "$RUN/pool.sock" take=a >/dev/null
			[ $? -ne 124 ] || fail "$call $k: a client waits"
			# the only call of a scrub, which is done without it
			[ "$call" != timer_create ] || wait_for eval '[ "$(ask daemon recycled)" -ge 1 ]'
			kill -TERM "$DAEMON"
			wait_for is_gone "$DAEMON"
		else
			[ -s log ] || fail "$call $k: it has ended without a word"
		fi
		wait "$DAEMON"; status=$?
		[ $status -le 127 ] || fail "$call $k: status $status"
		[ "$(sort log | uniq -c | awk '$1 > 3' | wc -l)" -eq 0 ] || fail "$call $k: said again and again: $(cat log)"
		grep -q INJECTED trace || break
		steps=$k
	done
	DAEMON=
	echo "$call: $steps steps" >&2
	[ $steps -ge 1 ] || fail "$call was never called: the case shows nothing"
	rm -f "$POOLS"/*
}
export -f case_refused

run_case "a tenant's write to its pool hangs, in $POOL_DIR: the others notice nothing" case_hung_writer ""
for type in xfs ext4 btrfs; do
	run_case "a tenant's write to its pool hangs, on $type: the others notice nothing" case_hung_writer $type
done
run_case "a descriptor that is sent along and takes a minute to close stops nobody" case_lingering
run_case "the same on a kernel that cannot refuse it" case_lingering old
run_case "work in a directory that does not end: others get theirs, and it is said" case_hung_directory
run_case "a directory that does not answer when it is opened: the same" case_hung_opening
run_case "no threads: said once, and by name; what is ready is handed out; it goes on when there are some" case_no_threads
run_case "no descriptors: strangers make room for others, and it is said once" case_no_descriptors
run_case "no instance of inotify: said by name, and tried again" case_no_inotify
run_case "a log that nobody reads stops nothing" case_unread_log
run_case "a service manager that does not read stops nothing, and is told at last" case_unread_notify
run_case "silent: users with more connections than there are descriptors keep nobody waiting" case_silent_users
run_case "silent: one who is 65536 users keeps nobody waiting" case_subordinate_ids
run_case "files: pools that somebody removes, replaces, links or changes are none, and are made again" case_files
run_case "files: a scanner that holds a pool for long disables nothing silently" case_scanner
run_case "files: sockets and the runtime directory are made again" case_sockets
run_case "files: the sockets of another daemon that has the directory by now stay" case_other_daemons_sockets
run_case "files: the registry is written again" case_registry
for refused in clone3:EAGAIN inotify_init1:EMFILE inotify_add_watch:ENOSPC socket:EMFILE accept4:EMFILE pipe2:EMFILE:2 \
	epoll_create1:EMFILE eventfd2:EMFILE timer_create:EAGAIN openat:EMFILE openat:ENFILE; do
	run_case "refused at every step: $refused" case_refused ${refused//:/ }
done
end_suite
