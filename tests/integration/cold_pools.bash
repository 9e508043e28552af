#!/bin/bash
# cold_pools.bash -- pools that are made for whoever asks when none is ready.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"
PROGRAMS=$BUILD/tests/preload
export PROGRAMS

on_class() { VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY "$@"; }
# keep_pool: a program that has a pool of class a until it is killed; its pid is $KEEPER
keep_pool() {
	env VMMALLOC_SOCKET="$RUN/pool.sock" VMMALLOC_POOL=a LD_PRELOAD="$LIBRARY" sleep 60 &
	KEEPER=$!
	PIDS="$PIDS $KEEPER"
}
# What the file systems have given the pools, in bytes.
bytes_in_use() { echo $(($(cat <(stat -c '%b * %B +' "$POOLS"/*.used 2>/dev/null) <(echo 0)))); }
export -f on_class keep_pool bytes_in_use

six_cats() {
	setup
	one_class 'ready = 1'
	daemon_start
	wait_count a ready 1
	seq 1000 >in
	on_class cat in | on_class cat | on_class cat | on_class cat | on_class cat | on_class cat >out
	for status in "${PIPESTATUS[@]}"; do is "$status" 0; done
	cmp in out || fail "they lost something"
	is "$(ask daemon refused)" 0
	is "$(ask daemon handed_out)" 6
	wait_count a leased 0
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 1 ]'
	wait_count a ready 1
}
run_case "six programs in a row have pools, though one is ready; then there is one again" six_cats

wrapper() {
	setup
	one_class 'ready = 1'
	daemon_start
	wait_count a ready 1
	printf '#!/bin/sh\n%s >/dev/null || exit 1\nexec sh -c "%s"\n' "$(command -v date)" 'echo $((1 + 1)); date >/dev/null' >script
	chmod +x script
	is "$(on_class ./script)" 2
	is "$(ask daemon refused)" 0
}
run_case "a shell script that starts others runs on a class with one ready pool" wrapper

make_j8() {
	need make
	setup
	one_class 'ready = 8' 'max = 64'
	daemon_start
	wait_count a ready 8
	printf 'all: %s\n\n' "$(seq -f 'f%g' -s ' ' 60)" >Makefile
	printf 'f%%:\n\t@sh -c "echo $@ | cat; sleep 0.05" >$@\n' >>Makefile
	on_class make -s -j8 || fail "make"
	is "$(cat f* | wc -l)" 60
	is "$(ask daemon refused)" 0
	wait_count a leased 0
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 8 ]'
}
run_case "make -j8 on a class with 8 ready; then there are 8 again" make_j8

only_cold() {
	setup
	one_class 'ready = 0' 'max = 3' 'max_per_user = 2'
	daemon_start
	is "$(ls "$POOLS" | wc -l)" 0
	keep_pool
	wait_count a leased 1
	# the header, and what the program has: far from the 16 MiB
	[ "$(bytes_in_use)" -le $((4 << 20)) ] || fail "$(bytes_in_use) bytes for a program that sleeps"
	keep_pool
	wait_count a leased 2
	on_class /bin/true 2>words && fail "three pools of two"
	grep -q "as one may have: end a program of this user's, or raise max_per_user" words || fail "$(cat words)"
	[ "$(id -u)" -ne 0 ] || {
		ln "$LIBRARY" lib.so 2>/dev/null || cp "$LIBRARY" lib.so
		chmod 711 .
		setpriv --reuid $NOBODY env VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$WORK/lib.so sleep 60 &
		PIDS="$PIDS $!"
		wait_count a leased 3
		is "$(setpriv --reuid $SOMEBODY env VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$WORK/lib.so true 2>&1)" \
			"Error (libvmmalloc): no pool of class a: vmmallocd ($RUN/pool.sock): the class has as many pools as it may have, and all are in use: end a program, or raise max"
	}
	kill_held "$KEEPER"
	wait_count a leased "$(($(id -u) ? 1 : 2))"
	on_class /bin/true || fail "no pool after one came back"
}
run_case "a class of cold pools only; max and max_per_user hold" only_cold

# What waits, is made or cleaned does not keep a program from its pool.
max_of_one() {
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 256M
		ready = 1
		max = 1
	END
	daemon_start
	for i in 1 2 3 4 5 6 7 8; do
		on_class /bin/true || fail "refused, and nobody has a pool"
	done
	wait_count a ready 1
}
run_case "with max = 1 a program has a pool whenever no other has it" max_of_one

no_cold() {
	setup
	one_class 'ready = 1' 'max = 9' 'cold = no'
	daemon_start
	wait_count a ready 1
	on_class sh -c 'cat /dev/null; cat /dev/null; exit 0' 2>words
	grep -q 'no pool is ready' words || fail "a pool of a class without cold ones: $(cat words)"
	is "$("$HELPERS/daemon_ask" "$RUN/control.sock" list | grep -c ' leased ')" 0
}
run_case "cold = no: what there is is what was ready" no_cold

# A client of the short request, as of 1.2.0.
old_client() {
	setup
	one_class 'ready = 0'
	daemon_start
	is "$(client take=a 2>&1 | head -n 1)" "no pool is ready"
	is "$(ask daemon handed_out)" 0
}
run_case "a client that does not know cold pools gets none" old_client

full_mount() {
	setup
	small_mount small 40M
	POOLS=$WORK/small/pools
	mkdir "$POOLS"
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 256M
		ready = 0
	END
	daemon_start
	# touches all that it can have, three times, and has threads begin on what is full
	on_class "$PROGRAMS/full" || fail "status $?"
	wait_for eval '[ "$(df --output=used "$POOLS" | tail -n 1)" -lt 1000 ]'
	# two on the same mount
	on_class "$PROGRAMS/full" beside &
	on_class "$PROGRAMS/full" beside || fail "status $?, beside another"
	wait $! || fail "status $? of the other"
	wait_count a leased 0
	wait_for eval '[ "$(df --output=used "$POOLS" | tail -n 1)" -lt 1000 ]'
	# all reserved at once is refused where there is not so much
	VMMALLOC_RESERVE=full on_class /bin/true 2>words && fail "256 MiB on 40"
	grep -q 'reservation of space: No space left' words || fail "$(cat words)"
	# and with no space at all the class says so
	wait_count a leased 0
	wait_for eval '[ "$(df --output=used "$POOLS" | tail -n 1)" -lt 1000 ]'
	fallocate -l 30M "$WORK/small/full"
	on_class /bin/true 2>words && fail "a pool without space"
	grep -q 'there is no space left for a pool of the class: free some in its directory' words || fail "$(cat words)"
	wait_for problem_is a "pool directory $POOLS: no space left for a pool of 256 MiB"
	rm "$WORK/small/full"
	on_class /bin/true || fail "no pool though there is space"
	wait_for problem_is a ""
}
run_case "on a file system that is full there is ENOMEM, or no pool, and never SIGBUS" full_mount

reserve_full() {
	setup
	one_class 'ready = 0'
	daemon_start
	VMMALLOC_RESERVE=full keep_pool
	wait_count a leased 1
	wait_for eval '[ "$(bytes_in_use)" -ge $((16 << 20)) ]'
}
run_case "VMMALLOC_RESERVE=full reserves a cold pool at once" reserve_full

forking() {
	local mode
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 256M
		ready = 0
	END
	daemon_start
	for mode in auto 1 2; do
		# pools for the copies are made there
		VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=64M VMMALLOC_FORK=$mode on_class "$PROGRAMS/forks" || fail "VMMALLOC_FORK=$mode: status $?"
	done
	on_class "$PROGRAMS/fork_stress" 1 10 || fail "status $?"
	is "$(on_class sh -c 'for i in 1 2 3; do (echo $i); done; echo end' | tail -n 1)" end
	wait_count a leased 0
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 0 ]'
}
run_case "programs that fork run on cold pools" forking

by_directory() {
	setup
	one_class 'ready = 0'
	daemon_start
	VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=16M LD_PRELOAD=$LIBRARY \
		cat /proc/self/maps >maps || fail "by directory"
	grep -q "$POOLS/vmmalloc-.*[.]used" maps || fail "$(cat maps)"
}
run_case "by directory" by_directory

pools_on_disk() {
	POOLS=$WORK/disk
	mkdir "$POOLS"
	case $(stat -f -c %T "$POOLS") in tmpfs | overlayfs) skip "no disk at $WORK" ;; esac
}
export -f pools_on_disk

# Where a new file may wait for the disk a thread makes it.
on_disk() {
	setup
	pools_on_disk
	one_class 'ready = 0' 'max = 20'
	daemon_start
	for i in $(seq 12); do keep_pool; done
	wait_count a leased 12
	is "$(ask daemon refused)" 0
	on_class "$PROGRAMS/full" || fail "status $?"
	kill $PIDS
	wait_count a leased 0
	wait_for eval '[ -z "$(ls "$POOLS")" ]'
}
run_case "on a disk: twelve programs at once" on_disk

# Its ready pools past what it wants go, without a reload.
shrinks() {
	setup
	one_class 'ready = 2' 'max = 12'
	daemon_start
	wait_count a ready 2
	for i in $(seq 10); do keep_pool; done
	wait_count a leased 10
	wait_count a ready 2
	kill $PIDS
	wait_count a leased 0
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 2 ]'
	is "$(ls "$POOLS"/*.ready | wc -l)" 2
}
run_case "a class shrinks back to what it wants after a burst" shrinks

# Who is told so: list, status, and the daemon after its death, with its registry and without.
is_shown() {
	is "$(ctl list -n -o KIND,STATE | sort | tr -s ' \n' ' ')" "cold leased warm leased warm ready "
	is "$(ctl list --json | grep -o '"cold":[a-z]*' | sort | tr '\n' ' ')" '"cold":false "cold":false "cold":true '
	is "$(ctl status | awk '$1 == "a" { print $4, $5 }')" "2 1"
	ctl status "$KEEPER" | grep -q '^kind *cold: its memory is charged to its owner' || fail "$(ctl status "$KEEPER")"
}
export -f is_shown

shown() {
	setup
	one_class 'ready = 0' 'max = 3'
	daemon_start
	keep_pool
	wait_count a leased 1
	one_class 'ready = 1' 'max = 3'
	ctl reload
	wait_count a ready 1
	hold take=a
	wait_count a ready 1
	is_shown
	wait_for grep -q '"cold": true' "$STATE/registry.json"
	daemon_end KILL
	daemon_start
	wait_count a leased 2
	is_shown
	daemon_end KILL
	rm "$STATE/registry.json"
	daemon_start
	wait_count a leased 2
	is "$(ctl list -n -o KIND,STATE | sort | tr -s ' \n' ' ')" "cold leased warm leased warm ready "
	# what was cold is a warm one when it comes back, if there is need of one
	kill_held "$KEEPER"
	wait_count a leased 1
	wait_for eval '[ "$(ctl list -n -o KIND,STATE | sort | tr -s " \n" " ")" = "warm leased warm ready " ]'
}
run_case "list and status show which pools are cold; a daemon that starts again knows" shown

# The daemon is killed at the first of such calls after the file `now` is there, before the call or after it.
makes_killer() {
	interpose killer <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <fcntl.h>
		#include <signal.h>
		#include <stdarg.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <unistd.h>
		static int is_time(const char *call, const char *when)
		{
			const char *at = getenv("KILL_AT");
			return strcmp(at, call) == 0 && strcmp(getenv("KILL_WHEN"), when) == 0 && access("now", F_OK) == 0;
		}
		static void strike(const char *call, const char *when)
		{
			if (is_time(call, when))
				raise(SIGKILL);
		}
		#define CALL(type, name, parameters, ...) \
			type name parameters \
			{ \
				type (*real) parameters = dlsym(RTLD_NEXT, #name); \
				type r; \
				strike(#name, "before"); \
				r = real(__VA_ARGS__); \
				strike(#name, "after"); \
				return r; \
			}
		CALL(int, ftruncate, (int fd, off_t size), fd, size)
		CALL(int, fallocate, (int fd, int mode, off_t at, off_t bytes), fd, mode, at, bytes)
		CALL(ssize_t, pwrite, (int fd, const void *data, size_t bytes, off_t at), fd, data, bytes, at)
		CALL(int, linkat, (int a, const char *b, int c, const char *d, int flags), a, b, c, d, flags)
		CALL(int, renameat2, (int a, const char *b, int c, const char *d, unsigned flags), a, b, c, d, flags)
		CALL(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), fd, message, flags)
		int openat(int dir, const char *path, int flags, ...)
		{
			int (*real)(int, const char *, int, ...) = dlsym(RTLD_NEXT, "openat"), r, mode;
			int is_new = (flags & O_TMPFILE) == O_TMPFILE;
			va_list args;
			va_start(args, flags);
			mode = va_arg(args, int);
			va_end(args);
			if (is_new)
				strike("openat", "before");
			r = real(dir, path, flags, mode);
			if (is_new)
				strike("openat", "after");
			return r;
		}
	END
}
export -f makes_killer

# killed_at CALL WHEN: whoever asked has a pool or none, and the next daemon finds what there is.
killed_at() {
	local has
	rm -f now
	KILL_AT=$1 KILL_WHEN=$2 LD_PRELOAD=$WORK/killer.so daemon_start
	: >now
	keep_pool 2>/dev/null
	wait_for is_gone "$DAEMON"
	wait "$DAEMON"
	DAEMON=
	rm now
	# before it was sent nobody has it; after that the program goes on
	has=$([ "$1 $2" = "sendmsg after" ] && echo 1 || echo 0)
	[ "$has" = 1 ] || wait "$KEEPER"
	daemon_start
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = '"$has ]"
	wait_count a leased "$has"
	on_class /bin/true || fail "$1 $2: no pool afterwards"
	[ "$has" = 0 ] || kill_held "$KEEPER"
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 0 ]'
	daemon_end TERM
}
export -f killed_at

killed_everywhere() {
	local call when
	setup
	[ -z "${1-}" ] || POOLS=$WORK/disk
	mkdir -p "$POOLS"
	case $(stat -f -c %T "$POOLS") in overlayfs) skip "no disk at $WORK" ;; esac
	one_class 'ready = 0'
	makes_killer
	for call in openat ftruncate fallocate pwrite linkat renameat2 sendmsg; do
		for when in before after; do
			killed_at $call $when
		done
	done
}
run_case "a daemon that is killed at any step of making a cold pool leaves nothing, and takes none away" killed_everywhere
run_case "on a disk, where a thread makes it, too" killed_everywhere disk

# Each call that can fail does, once with each error that may be: a refusal in words, nothing left, and then all is well.
failing_calls() {
	local call
	setup
	one_class 'ready = 0'
	interpose failing <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <fcntl.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		#define CALL(name, parameters, ...) \
			int name parameters \
			{ \
				int (*real) parameters = dlsym(RTLD_NEXT, #name); \
				if (strcmp(getenv("FAIL_AT"), #name) == 0 && access("now", F_OK) == 0) { \
					errno = atoi(getenv("FAIL_ERROR")); \
					return -1; \
				} \
				return real(__VA_ARGS__); \
			}
		CALL(ftruncate, (int fd, off_t size), fd, size)
		CALL(fallocate, (int fd, int mode, off_t at, off_t bytes), fd, mode, at, bytes)
		CALL(linkat, (int a, const char *b, int c, const char *d, int flags), a, b, c, d, flags)
		CALL(renameat2, (int a, const char *b, int c, const char *d, unsigned flags), a, b, c, d, flags)
	END
	for call in ftruncate fallocate linkat renameat2; do
		for error in 28 5 122; do
			FAIL_AT=$call FAIL_ERROR=$error LD_PRELOAD=$WORK/failing.so daemon_start
			: >now
			on_class /bin/true 2>words && fail "$call: a pool"
			grep -qE "no pool is ready|there is no space left for a pool" words || fail "$call: $(cat words)"
			rm now
			wait_for eval 'on_class /bin/true 2>/dev/null'
			wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 0 ]'
			daemon_end TERM
		done
	done
}
run_case "a call that fails while one is made is a refusal, and nothing is left" failing_calls

# A file that takes its time to be made is for nobody in the end.
gone_before() {
	setup
	pools_on_disk
	one_class 'ready = 0'
	interpose slow <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <unistd.h>
		int linkat(int a, const char *b, int c, const char *d, int flags)
		{
			int (*real)(int, const char *, int, const char *, int) = dlsym(RTLD_NEXT, "linkat");
			while (access("wait", F_OK) == 0)
				usleep(1000);
			return real(a, b, c, d, flags);
		}
	END
	LD_PRELOAD=$WORK/slow.so daemon_start
	: >wait
	keep_pool
	wait_count a creating 1
	# others are served meanwhile
	is "$(client take=nothing | head -n 1)" "there is no such class of pools: vmmallocctl status lists all"
	kill_held "$KEEPER"
	rm wait
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 0 ]'
	is "$(ask daemon handed_out)" 0
	on_class /bin/true || fail "no pool afterwards"
	wait_for eval '[ "$(ls "$POOLS" | wc -l)" = 0 ]'
}
run_case "a client that ends before its pool is made leaves nothing" gone_before

end_suite
