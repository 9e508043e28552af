#!/bin/bash
# ps.bash -- vmmallocctl ps: real programs on pools of all kinds, looked at from without.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../integration/helpers/daemon.bash"

# Other users cannot reach the build tree.
cp "$BUILD/${FLAVOUR:-release}/vmmallocctl" "$LIBRARY" "$HELPERS" || exit 1
CTL=$HELPERS/vmmallocctl LIBRARY=$HELPERS/$(basename "$LIBRARY")
if command -v gcc >/dev/null; then
	gcc -O1 -D_GNU_SOURCE "$ROOT/tests/e2e/helpers/hold.c" -o "$HELPERS/hold" || exit 1
fi
export CTL

# started COMMAND...: on a pool of 64 MiB, until the case ends; waits until it says READY. Its pid is $STARTED.
started() {
	# what another has said is not this one's
	rm -f "said.$#"
	env VMMALLOC_POOL_DIR="${VMMALLOC_POOL_DIR-$POOL_DIR}" VMMALLOC_POOL_SIZE="${VMMALLOC_POOL_SIZE-64M}" \
		LD_PRELOAD="$LIBRARY" "$@" >"said.$#" 2>err &
	STARTED=$!
	PIDS="$PIDS $STARTED"
	wait_for grep -qs READY "said.$#"
}
alone() { setup && : >log; }
as_nobody() { setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$@"; }

# row PID COLUMNS: those cells, with a space between them
row() { "$CTL" ps -n -o "$2" "$1" | tr -s ' ' | sed 's/^ //; s/ $//'; }
# refused STATUS LINE ARGUMENT...: that exit status, that one line, and nothing on standard output
refused() {
	local expected=$1 line=$2 status
	shift 2
	"$CTL" ps "$@" >out 2>err
	status=$?
	[ $status -eq "$expected" ] || fail "ps $*: exit status $status: $(cat out err)"
	is "$(cat err)" "$line"
	[ ! -s out ] || fail "ps $*: printed $(cat out)"
}
# in_namespace [COMMAND...]: as process 1 of a PID namespace with its own /proc
in_namespace() { need_mounts && unshare -pf --mount-proc --kill-child "$@"; }
export -f started alone as_nobody row refused in_namespace

usage() {
	refused 2 "vmmallocctl: 'x': expected the number of a process" x
	refused 2 "vmmallocctl: '0': expected the number of a process" $$ 0
	refused 2 "vmmallocctl: '-1': expected the number of a process" -- -1
	refused 2 "vmmallocctl: '99999999999': expected the number of a process" 99999999999
	refused 2 "vmmallocctl: ps: unknown option '-x'; try vmmallocctl ps --help" -x
	refused 2 "vmmallocctl: --json has all fields always: it does not go with --output" -J -o PID
	refused 2 "vmmallocctl: --output: unknown column 'MEMORY'; there are PID, UID, USER, COMMAND, HOLD, OWNER, POOLS, TIERS, CLASS, SIZE, USED, PEAK, MODE, FORKS, OUTSIDE, REASON, REASONS, PRIVATE and DIRECTORY" \
		-o pid,MEMORY
	refused 2 "vmmallocctl: --output: unknown column 'TIRES'; did you mean 'TIERS'?" -o pid,TIRES
	refused 4 "vmmallocctl: process $$ has no pool" $$
	sleep 0 &
	wait $!
	refused 4 "vmmallocctl: there is no process $!" $!
}
run_case "bad words are one line each" usage

own_pool() {
	need gcc
	alone
	started "$HELPERS/hold" 8
	is "$(row $STARTED pid,uid,command,hold,owner,pools,class,size,mode,forks,outside,directory)" \
		"$STARTED $(id -u) hold own $STARTED 1 - 64M pool 0 0 $POOL_DIR"
	local used
	used=$("$CTL" ps -nb -o used $STARTED | tr -d ' ')
	[ "$used" -ge $((8 << 20)) ] && [ "$used" -lt $((16 << 20)) ] || fail "used: $used"
	# asked for twice, it is one line; beside one that is not there, it is shown
	is "$(row "$STARTED" pid)" $STARTED
	is "$("$CTL" ps -n -o pid $STARTED $STARTED | tr -d ' ')" $STARTED
	"$CTL" ps -n -o pid $STARTED $$ >out 2>err
	is "$?" 4
	is "$(tr -d ' ' <out)$(cat err)" "${STARTED}vmmallocctl: process $$ has no pool"
	"$CTL" ps | grep -q "^ *PID .*OUTSIDE REASON$" || fail "no headings"
	"$CTL" ps --json $STARTED >out || fail "--json"
	sed -i 's/"id":"[0-9a-f]\{32\}"/ID/; s/"used":[0-9]*,"peak":[0-9]*/FIGURES/; s/"unseen":[0-9]*/UNSEEN/' out
	is "$(cat out)" "{\"version\":1,\"processes\":[{\"pid\":$STARTED,\"uid\":$(id -u),\"comm\":\"hold\",\"hold\":\"own\",\"mode\":\"pool\",\"size\":$((64 << 20)),FIGURES,\"forks\":0,\"outside\":0,\"outside_by\":{\"early\":0,\"full\":0,\"space\":0,\"large\":0,\"metadata_full\":0,\"metadata_space\":0,\"other\":0},\"private\":0,\"pools\":[{ID,\"class\":null,\"directory\":\"$POOL_DIR\",\"size\":$((64 << 20)),\"hold\":\"own\",\"owner\":{\"pid\":$STARTED,\"uid\":$(id -u),\"comm\":\"hold\"}}]}],UNSEEN,\"hidden\":false}"
}
run_case "a program on a pool of its own" own_pool

on_class() { VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY "$@"; }
field() { sed "s/.*\"$1\":\"*\([^\",]*\).*/\1/"; }
serve() {
	setup
	one_class 'ready = 1' 'max = 20'
	chmod 711 "$POOLS"
	daemon_start
	wait_count a ready 1
}
# hold_class [AS...]: a program on a pool of the class; its pid is $STARTED
hold_class() {
	need gcc
	(export VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY
	exec env "$@" "$HELPERS/hold" 4) >said 2>err &
	STARTED=$!
	PIDS="$PIDS $STARTED"
	wait_for grep -qs READY said
}
export -f field serve hold_class

daemon_pool() {
	serve
	hold_class
	is "$(row $STARTED hold,pools,class,size,mode,directory)" "own 1 a 16M pool $POOLS"
	is "$("$CTL" ps --json $STARTED | field id)" "$(ctl status --json $STARTED | field id)"
	is "$("$CTL" ps --json $STARTED | field used)" "$(ctl status --json $STARTED | field used)"
	daemon_end KILL
	is "$(row $STARTED hold,pools,class,size,mode,directory)" "own 1 a 16M pool $POOLS"
	# a daemon has no descriptor left of what it handed out
	"$CTL" ps -n -o pid,class,directory >out
	[ "$(grep -c " a  *$POOLS\$" out)" -eq 1 ] || fail "$(cat out)"
}
run_case "a program on a pool of a daemon's, and without that daemon" daemon_pool

many_pools() {
	need gcc
	alone
	VMMALLOC_ON_FULL=grow VMMALLOC_POOL_SIZE=16M started "$HELPERS/hold" 100
	local json files bytes
	json=$("$CTL" ps --json $STARTED)
	files=$(find "/proc/$STARTED/fd" -lname '*/#* (deleted)')
	bytes=$(stat -Lc %s $files | awk '{ n += $1 } END { print n }')
	[ "$(echo "$files" | wc -l)" -ge 5 ] || fail "$json"
	is "$(row $STARTED hold,pools,tiers,mode,owner)" "own $(echo "$files" | wc -l) 1 pool $STARTED"
	is "$("$CTL" ps -nb -o size $STARTED | tr -d ' ')" "$bytes"
	[ "$(echo "$json" | sed 's/"pools".*//' | field used)" -ge $((100 << 20)) ] || fail "$json"
	[ "$(echo "$json" | sed 's/"pools".*//' | field used)" -le "$bytes" ] || fail "$json"
}
run_case "a heap of many pools is one line, with the figures of all" many_pools

tiers() {
	need gcc
	alone
	VMMALLOC_ON_FULL=grow VMMALLOC_POOL_DIR=$POOLS:$POOL_DIR VMMALLOC_POOL_SIZE=16M:16M started "$HELPERS/hold" 100
	[ "$(row $STARTED pools)" -ge 5 ] || fail "$("$CTL" ps $STARTED)"
	is "$(row $STARTED hold,tiers)" "own 2"
	is "$(row $STARTED directory | tr , '\n' | sort)" "$(printf '%s\n' "$POOLS" "$POOL_DIR" | sort)"
	VMMALLOC_POOL_DIR=$POOLS started "$HELPERS/hold" 1
	is "$(row $STARTED tiers)" 1
}
run_case "a heap on two kinds of memory says so" tiers

# tells PID of the parent and of a child that does nothing
FORKS='import os, time
child = os.fork() or time.sleep(100)
print(child, "READY", flush=True)
time.sleep(100)'
export FORKS
forked() {
	need python3
	alone
	started /usr/bin/python3 -c "$FORKS"
	local child
	child=$(cut -d ' ' -f 1 said.3)
	PIDS="$PIDS $child"
	is "$(row $STARTED hold,owner,mode,forks)" "own $STARTED private 1"
	is "$(row "$child" command,hold,owner,pools,size,used,peak,mode,forks,outside)" "python3 mapped $STARTED 1 64M - - private - -"
	# whose it was is known from the header, when that one is gone
	kill_held $STARTED
	is "$(row "$child" command,hold,owner,mode)" "python3 mapped (python3) private"
	"$CTL" ps --json "$child" | grep -q '"owner":{"pid":null,"uid":'"$(id -u)"',"comm":"python3"}' || fail "$("$CTL" ps --json "$child")"
}
run_case "a forked child, and one whose parent has ended" forked

reasons() {
	need gcc
	alone
	VMMALLOC_ON_FULL=dram VMMALLOC_POOL_SIZE=16M started "$HELPERS/hold" 30
	is "$(row $STARTED mode,reason)" "pool full"
	"$CTL" ps --json $STARTED >out
	local outside by
	outside=$(field outside <out)
	by=$(sed 's/.*"outside_by":{\([^}]*\)}.*/\1/' out)
	[ "$outside" -ge $((16 << 20)) ] || fail "$(cat out)"
	is "$by" "\"early\":0,\"full\":$outside,\"space\":0,\"large\":0,\"metadata_full\":0,\"metadata_space\":0,\"other\":0"
	is "$("$CTL" ps -nb -o reasons $STARTED | tr -d ' ')" "full=$outside"
	# the file system is full, and then something is larger than the pool
	need_mounts
	small_mount room 8m
	VMMALLOC_ON_FULL=dram VMMALLOC_POOL_DIR=$WORK/room VMMALLOC_POOL_SIZE=16M started "$HELPERS/hold" 20
	is "$(row $STARTED reason)" space
	is "$("$CTL" ps -nb -o reasons $STARTED | tr -d ' ')" "space=$("$CTL" ps --json $STARTED | field outside)"
	# a child is its own, and nothing is known of it
	need python3
	VMMALLOC_ON_FULL=dram VMMALLOC_POOL_SIZE=16M started /usr/bin/python3 -c "x = bytearray(50 << 20); $FORKS"
	local child
	child=$(cut -d ' ' -f 1 said.3)
	PIDS="$PIDS $child"
	is "$(row $STARTED reason)" large
	is "$(row "$child" outside,reason,reasons)" "- - -"
}
run_case "what is outside of a pool is shown with the reasons" reasons

descriptor() {
	need gcc
	alone
	started "$HELPERS/hold" 1
	local pool
	pool=$(find "/proc/$STARTED/fd" -lname '*/#* (deleted)')
	sleep 100 7<"$pool" &
	PIDS="$PIDS $!"
	is "$(row $! command,hold,owner,pools,size,used,mode)" "sleep descriptor $STARTED 1 64M - -"
	# one that has a pool of its own has both, and the line is about its own
	local other=$STARTED
	exec 7<"$pool"
	VMMALLOC_POOL_SIZE=32M started "$HELPERS/hold" 2
	is "$(row $STARTED hold,owner,pools,size)" "own $STARTED 1 32M"
	"$CTL" ps --json $STARTED | grep -q "\"hold\":\"descriptor\",\"owner\":{\"pid\":$other," || fail "$("$CTL" ps --json $STARTED)"
	kill_held $other
	is "$(row $! hold,owner)" "own $!"
}
run_case "a process that has a pool's descriptor only" descriptor

ordinary_memory() {
	alone
	need gcc
	VMMALLOC_POOL_DIR=/none VMMALLOC_ON_FAIL=dram started "$HELPERS/hold" 1
	is "$(row $STARTED hold,owner,pools,size,mode)" "- - 0 - ordinary"
}
run_case "a process with the library and no pool" ordinary_memory

ordinary_user() {
	need_root
	need gcc
	alone
	started "$HELPERS/hold" 1
	local others=$STARTED lines
	started setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$HELPERS/hold" 1 2
	is "$(row $STARTED user,hold)" "nobody own"
	as_nobody "$CTL" ps -n -o pid,uid,hold,size,mode >out 2>err || fail "exit status $?: $(cat err)"
	is "$(tr -s ' ' <out | sed 's/^ //' | grep "^$STARTED ")" "$STARTED $NOBODY own 64M pool"
	! grep -q "^ *$others " out || fail "$(cat out)"
	grep -Eqx 'vmmallocctl: [0-9]+ process(es)? could not be looked at: run it as root to see (it|them)' err || fail "$(cat err)"
	is "$(wc -l <err)" 1
	as_nobody "$CTL" ps --json 2>/dev/null | grep -Eq '"unseen":[1-9][0-9]*,"hidden":false}' || fail "unseen"
	as_nobody "$CTL" ps $others >out 2>err
	is "$?" 1
	is "$(cat out err)" "vmmallocctl: process $others could not be looked at: run it as root to see its pools"
	# what has ended has no pool: nobody need look
	need python3
	in_namespace /usr/bin/python3 -c 'import os, subprocess, sys
child = os.fork() or os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", sys.argv[1], "ps"])' "$CTL" 2>err
	is "$(cat err)" "vmmallocctl: 1 process could not be looked at: run it as root to see it"
}
run_case "an ordinary user sees his own, and is told that there are others" ordinary_user

# A daemon's pool is the daemon's: no other user may open it.
user_of_daemon() {
	need_root
	serve
	hold_class setpriv --reuid $NOBODY --regid $NOBODY --clear-groups
	as_nobody "$CTL" ps -nb -o hold,pools,class,size,mode,used $STARTED >out 2>err || fail "$(cat err)"
	is "$(tr -s ' ' <out | cut -d ' ' -f 1-5)" "own 1 a $((16 << 20)) pool"
	[ "$(awk '{ print $6 }' out)" -ge $((4 << 20)) ] || fail "$(cat out)"
	# where the kernel lets nobody read another's memory (Yama), the file's name and size are left
	interpose no_mem <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <string.h>
		int openat(int dir, const char *name, int flags, int mode) {
			int (*next)(int, const char *, int, int) = dlsym(RTLD_NEXT, "openat");
			if (strcmp(name, "mem") == 0) { errno = EACCES; return -1; }
			return next(dir, name, flags, mode);
		}
	END
	[ "${FLAVOUR:-release}" = release ] || return 0
	as_nobody env LD_PRELOAD="$WORK/no_mem.so" "$CTL" ps -nb -o hold,owner,pools,class,size,mode,used $STARTED >out 2>err || fail "$(cat err)"
	is "$(tr -s ' ' <out)" "mapped - 1 - $((16 << 20)) pool -"
	# root may open it
	LD_PRELOAD=$WORK/no_mem.so "$CTL" ps -n -o hold,pools,class $STARTED >out || fail "root"
	is "$(tr -s ' ' <out)" "own 1 a"
}
run_case "a user's program on a daemon's pool, which the user may not open" user_of_daemon

# The server of a file system may not answer: what the kernel knows is enough.
hung_server() {
	need bindfs
	need gcc
	need_mounts
	alone
	mkdir files back
	bindfs -f files back 2>server &
	local server=$!
	PIDS="$PIDS $server"
	MOUNTS=$WORK/back
	wait_for eval 'mountpoint -q back || ! kill -0 '$server' 2>/dev/null'
	mountpoint -q back || { MOUNTS=; skip "no FUSE here: $(head -n 1 server)"; }
	VMMALLOC_POOL_DIR=$WORK/back started "$HELPERS/hold" 2
	kill -STOP $server
	timeout 20 "$CTL" ps -n -o hold,pools,size,mode,directory $STARTED >out 2>err || fail "exit status $?: $(cat err)"
	kill -CONT $server
	is "$(tr -s ' ' <out)" "own 1 64M pool $WORK/back"
}
run_case "a pool on a file system whose server does not answer" hung_server

# --- races ---

killed_meanwhile() {
	need gcc
	alone
	cat >inside <<-'END'
		export VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M
		for lane in 1 2 3 4; do
			(while :; do
				env LD_PRELOAD="$LIBRARY" "$HELPERS/hold" 1 >/dev/null & sleep 0.0$lane; kill -KILL $!; wait $!
			done) 2>/dev/null &
		done
		seen=0
		for i in {1..300}; do
			"$CTL" ps --json >out 2>err || { echo "exit status $? in round $i: $(cat err)"; exit 1; }
			[ ! -s err ] || { cat err; exit 1; }
			grep -q '^{"version":1,"processes":\[.*\],"unseen":0,"hidden":false}$' out || { cat out; exit 1; }
			! grep -q '"comm":"hold"' out || seen=$((seen + 1))
		done
		[ $seen -ge 30 ] || { echo "seen $seen times only"; exit 1; }
	END
	in_namespace bash inside
}
run_case "processes that are killed while they are looked at" killed_meanwhile

# Every call of the command's that asks for something of /proc fails once, as it does when a process ends or may not be
# looked at. In a namespace there are few: the program, and the shell.
every_call() {
	need gcc
	[ "${FLAVOUR:-release}" = release ] || skip "a sanitizer's library wants to be first"
	alone
	interpose fail_at <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <stdlib.h>
		#include <sys/types.h>
		#include <sys/stat.h>
		#include <sys/uio.h>
		#include <dirent.h>
		static int now(void) {
			static int calls;
			const char *at = getenv("FAIL_AT");
			if (!at || ++calls != atoi(at)) return 0;
			errno = atoi(getenv("FAIL_WITH"));
			return 1;
		}
		#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
		int openat(int dir, const char *name, int flags, ...) { return now() ? -1 : NEXT(openat)(dir, name, flags); }
		int statx(int dir, const char *name, int flags, unsigned mask, struct statx *st) { return now() ? -1 : NEXT(statx)(dir, name, flags, mask, st); }
		int fstat(int fd, struct stat *st) { return now() ? -1 : NEXT(fstat)(fd, st); }
		ssize_t readlinkat(int dir, const char *name, char *to, size_t n) { return now() ? -1 : NEXT(readlinkat)(dir, name, to, n); }
		ssize_t pread(int fd, void *to, size_t n, off_t at) { return now() ? -1 : NEXT(pread)(fd, to, n, at); }
		ssize_t getdelim(char **line, size_t *n, int d, void *file) { return now() ? -1 : ((ssize_t (*)())dlsym(RTLD_NEXT, "getdelim"))(line, n, d, file); }
		ssize_t getline(char **line, size_t *n, void *file) { return now() ? -1 : ((ssize_t (*)())dlsym(RTLD_NEXT, "getline"))(line, n, file); }
		struct dirent *readdir(DIR *dir) { return now() ? 0 : NEXT(readdir)(dir); }
		static int is_full(void) {
			static int calls;
			const char *at = getenv("FULL_AT");
			if (!at || ++calls != atoi(at)) return 0;
			errno = ENOMEM;
			return 1;
		}
		void *reallocarray(void *old, size_t n, size_t size) { return is_full() ? 0 : NEXT(reallocarray)(old, n, size); }
		char *strdup(const char *text) { return is_full() ? 0 : NEXT(strdup)(text); }
	END
	cat >inside <<-'END'
		VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M LD_PRELOAD=$LIBRARY "$HELPERS/hold" 1 >said 2>&1 &
		until grep -q READY said; do sleep 0.05; done
		for with in 2 3 13 5; do
			at=0 whole=0
			# until there are no more calls
			until [ $whole -ge 20 ]; do
				at=$((at + 1))
				FAIL_AT=$at FAIL_WITH=$with LD_PRELOAD=$WORK/fail_at.so "$CTL" ps -n -o command,hold >out 2>err || { echo "call $at, errno $with: $? $(cat out err)"; exit 1; }
				[ "$(tr -s ' ' <out)" = "hold own" ] && [ ! -s err ] && whole=$((whole + 1)) || whole=0
				grep -Evx '1 process could not be looked at|vmmallocctl: /proc does not show .*|vmmallocctl: 1 process could not .*' err && exit 1
				[ $at -lt 2000 ] || exit 1
			done
			echo "$at calls"
		done
		at=0 status=1
		until [ $status -eq 0 ]; do
			at=$((at + 1))
			FULL_AT=$at LD_PRELOAD=$WORK/fail_at.so "$CTL" ps -n -o command,hold >out 2>err
			status=$?
			[ $status -ne 0 ] || break
			[ $status -eq 1 ] && grep -qx 'vmmallocctl: .*: Cannot allocate memory' err && [ ! -s out ] || { echo "allocation $at: $status $(cat out err)"; exit 1; }
			[ $at -lt 1000 ] || exit 1
		done
		[ $at -gt 4 ] || { echo "$at allocations"; exit 1; }
	END
	in_namespace bash inside || fail "$(cat said)"
}
run_case "any call may fail as it does when a process ends, or for want of memory" every_call

# --- what is around ---

none() {
	in_namespace "$CTL" ps >out 2>err || fail "exit status $?"
	is "$(cat out err)" ""
	in_namespace "$CTL" ps --json >out 2>err || fail "exit status $?"
	is "$(cat out err)" '{"version":1,"processes":[],"unseen":0,"hidden":false}'
}
run_case "no process at all" none

hidden() {
	need gcc
	alone
	cat >inside <<-'END'
		mount -t proc -o "hidepid=$1" proc /proc || exit 77
		run() { VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M LD_PRELOAD=$LIBRARY exec "$@" "$HELPERS/hold" 1; }
		run env >of_root 2>&1 &
		root=$!
		run setpriv --reuid 65534 --regid 65534 --clear-groups >of_nobody 2>&1 &
		until grep -q READY of_root && grep -q READY of_nobody; do sleep 0.05; done
		user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$CTL" ps "$@" 2>&1; }
		user -n -o pid,hold | tr -s ' ' | sed 's/^ //' >out
		[ "$(grep own out)" = "$! own" ] || { cat out; exit 1; }
		[ "$(grep -cEx "vmmallocctl: $2: run it as root to see them" out)" = 1 ] && [ "$(wc -l <out)" = 2 ] || { cat out; exit 1; }
		[ "$(user $root)" = "vmmallocctl: process $root could not be looked at: run it as root to see its pools" ] || { user $root; exit 1; }
		[ "$(user 99999)" = "vmmallocctl: there is no process 99999" ] || { user 99999; exit 1; }
		[ "$("$CTL" ps -n -o pid 2>&1 | wc -l)" = 2 ] || { "$CTL" ps; exit 1; }
	END
	in_namespace bash inside "$@"
	local status=$?
	[ $status -ne 77 ] || skip "no such /proc to be had"
	return $status
}
run_case "/proc that does not show others (hidepid=2)" hidden 2 '/proc does not show the processes of others \(hidepid\)'
run_case "/proc that shows nothing of others (hidepid=1)" hidden 1 '[2-9] processes could not be looked at'

no_proc() {
	need_mounts
	[ "${FLAVOUR:-release}" = release ] || skip "sanitizers need /proc themselves"
	unshare -m bash -c 'mount -t tmpfs none /proc && "$CTL" ps' >out 2>err
	is "$?" 1
	is "$(cat out err)" "vmmallocctl: /proc: No such file or directory"
}
run_case "a machine without /proc says so" no_proc

# In a container the owner has another number, and so has its child in one within it: here both are 1.
namespaces() {
	need python3
	need_mounts
	alone
	local child
	cat >inside.py <<-'END'
		import ctypes, os, time
		ctypes.CDLL(None).unshare(0x20000000)
		if os.fork() == 0:
		    time.sleep(100)
		print("READY", flush=True)
		time.sleep(100)
	END
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M unshare -pf --kill-child env LD_PRELOAD="$LIBRARY" \
		/usr/bin/python3 inside.py >said 2>&1 &
	PIDS="$PIDS $!"
	wait_for grep -q READY said
	local owner child
	owner=$(pgrep -P $!) child=$(pgrep -P "$(pgrep -P $!)")
	is "$(row "$owner" hold,owner,mode,forks)" "own $owner private 1"
	is "$(row "$child" hold,owner,mode)" "mapped $owner private"
}
run_case "an owner in a PID namespace, and a child in one within it" namespaces

odd_names() {
	need_mounts
	need python3
	alone
	local odd=$'a b\n(deleted)\xff\'"'
	small_mount odd 128m
	mkdir "odd/$odd"
	VMMALLOC_POOL_DIR=$WORK/odd/$odd started /usr/bin/python3 -c 'import time
open("/proc/self/comm", "w").write("a) Z 1\n(b")
print("READY", flush=True)
time.sleep(100)'
	is "$(row $STARTED command,hold,pools)" "a) Z 1?(b own 1"
	"$CTL" ps --json $STARTED | python3 -c 'import json, sys
process = json.load(sys.stdin)["processes"][0]
assert process["comm"] == "a) Z 1?(b" and process["hold"] == "own", process
assert process["pools"][0]["directory"].endswith("/a b?(deleted)?\x27\""), process' || fail "$("$CTL" ps --json $STARTED)"
}
run_case "names with spaces, newlines and \"(deleted)\"" odd_names

# What is called like a pool is none, and nobody waits for it.
no_pools() {
	need python3
	alone
	mkdir d
	mkfifo 'd/#7 (deleted)' 'd/vmmalloc.1.5f (deleted)'
	printf 'VMMPOOL' >'d/#8 (deleted)'
	python3 -c 'import mmap, os, time
files = [os.open("d/" + name, os.O_RDWR) for name in ("#7 (deleted)", "vmmalloc.1.5f (deleted)", "#8 (deleted)")]
files.append(os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR))
os.ftruncate(files[-1], 1 << 20)
mapped = mmap.mmap(files[-1], 1 << 20)
print("READY", flush=True)
time.sleep(100)' >said &
	PIDS="$PIDS $!"
	wait_for grep -q READY said
	refused 4 "vmmallocctl: process $! has no pool" $!
}
run_case "files that are only called like pools" no_pools

spoilt() {
	need gcc
	alone
	started "$HELPERS/hold" 1
	local pool
	pool=$(find "/proc/$STARTED/fd" -lname '*/#* (deleted)')
	write() { printf "$2" | dd "of=$pool" bs=1 "seek=$1" conv=notrunc status=none; }
	# a figure, a mode and a name that cannot be
	write 80 '\377\377' && write 96 '\377\377\377\377\377\377\377\377' && write 64 '\033[2J'
	is "$(row $STARTED hold,pools,size,used,mode)" "own 1 64M 8.0E pool"
	# reasons: one that is not there, too many of them, another magic; it is not known then
	write 120 '\0\0\1\0\0\0\0\0'
	is "$(row $STARTED outside,reason)" "64K unknown"
	write 264 '\377\377\377\377\377\377\377\377'
	is "$(row $STARTED outside,reason,reasons)" "64K full full=8.0E"
	write 248 '\37'
	is "$(row $STARTED outside,reason,reasons)" "64K unknown unknown"
	"$CTL" ps --json $STARTED | grep -q '"outside":65536,"outside_by":null,' || fail "$("$CTL" ps --json $STARTED)"
	write 248 '\6' && write 240 X
	is "$(row $STARTED outside,reason,reasons)" "64K unknown unknown"
	# another owner
	write 48 '\1\0\0\0'
	is "$(row $STARTED hold,owner,used)" "mapped (?[2J) -"
	# a header of another version is a pool's, and that is all
	write 8 '\143'
	is "$(row $STARTED hold,owner,pools,size,used,mode)" "mapped - 1 64M - pool"
	# none: what is left is the library
	write 0 'X'
	is "$(row $STARTED hold,pools,mode)" "- 0 ordinary"
}
run_case "headers that their owners have spoilt, and of another version" spoilt

end_suite
