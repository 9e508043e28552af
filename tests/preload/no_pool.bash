#!/bin/bash
# no_pool.bash -- VMMALLOC_ON_FAIL: programs whose pool cannot be made, for whatever reason.
. "$(dirname "$0")/../lib/suite.bash"
PROGRAMS=$BUILD/tests/preload
DIR=VMMALLOC_POOL_DIR SIZE=VMMALLOC_POOL_SIZE
WANTED=", expected an existing, writable directory"
export PROGRAMS DIR SIZE WANTED

# without REASON [NAME=VALUE...] PROGRAM -- ends well, on ordinary memory, with one line; and with one line and status 1 by default.
without() {
	local reason=$1 said by_default
	shift
	said="Warning (libvmmalloc): $reason; the program runs on ordinary memory"
	env VMMALLOC_ON_FAIL=dram LD_PRELOAD="$LIBRARY" "$@" >out 2>err || fail "status $?: $(cat err)"
	[ "$(cat err)" = "$said" ] || fail "said: $(cat err)"
	[ "$(cat out)" = done ] || fail "printed: $(cat out)"
	for by_default in VMMALLOC_ON_FAIL=exit --unset=VMMALLOC_ON_FAIL; do
		env "$by_default" LD_PRELOAD="$LIBRARY" "$@" >out 2>err
		[ $? -eq 1 ] || fail "exit: status is not 1"
		[ "$(cat err)" = "Error (libvmmalloc): $reason" ] || fail "exit: said: $(cat err)"
		[ ! -s out ] || fail "exit: got to main"
	done
}
export -f without

no_directory() {
	without "pool creation failed: $DIR (/no/such/place): No such file or directory$WANTED" \
		$DIR=/no/such/place $SIZE=64M "$PROGRAMS/ordinary"
	LIBRARY=$BUILD/debug/libvmmalloc.so.1 \
		without "pool creation failed: $DIR (/etc/passwd): Not a directory$WANTED" \
		$DIR=/etc/passwd $SIZE=64M "$PROGRAMS/ordinary"
}
run_case "no directory: all that a program does with its memory, release and debug build" no_directory

fork_modes() {
	local mode
	for mode in auto 0 1 2 3; do
		VMMALLOC_FORK=$mode without "pool creation failed: $DIR (/no): No such file or directory$WANTED" \
			$DIR=/no $SIZE=64M "$PROGRAMS/ordinary" || return
	done
}
run_case "every VMMALLOC_FORK: children have memory of their own" fork_modes

limits() {
	(ulimit -f 1000 && without "pool creation failed: file size limit (ulimit -f) in $POOL_DIR: File too large" \
		$DIR="$POOL_DIR" $SIZE=64M "$PROGRAMS/ordinary") || return
	(ulimit -v 2000000 && without "pool creation failed: address space in $POOL_DIR: Cannot allocate memory" \
		$DIR="$POOL_DIR" $SIZE=64G "$PROGRAMS/ordinary") || return
}
run_case "limits of file size and address space" limits

no_daemon() {
	without "no pool of class fast: vmmallocd ($WORK/none.sock): No such file or directory" \
		VMMALLOC_POOL=fast VMMALLOC_SOCKET="$WORK/none.sock" "$PROGRAMS/ordinary"
	without "pool creation failed: $DIR (/no): No such file or directory$WANTED" VMMALLOC_POOL=fast \
		VMMALLOC_SOCKET="$WORK/none.sock" $DIR=/no $SIZE=64M "$PROGRAMS/ordinary"
}
run_case "no daemon, and no directory to fall back on" no_daemon

malformed() {
	local setting
	for setting in $SIZE=1M $SIZE= $SIZE=64MB VMMALLOC_ARENAS=0 VMMALLOC_ON_FAIL=swap $DIR=; do
		VMMALLOC_ON_FAIL=dram env $DIR="$POOL_DIR" $SIZE=64M "$setting" LD_PRELOAD="$LIBRARY" "$PROGRAMS/hello" >out 2>err
		[ $? -eq 1 ] && [ ! -s out ] || fail "$setting: got to main"
		[ "$(grep -c '^Error (libvmmalloc): ' err)" = 1 ] || fail "$setting: $(cat err)"
	done
	VMMALLOC_ON_FAIL=swap preload "$PROGRAMS/hello" 2>err
	[ "$(cat err)" = "Error (libvmmalloc): incorrect VMMALLOC_ON_FAIL value (swap), expected exit or dram" ] ||
		fail "$(cat err)"
}
run_case "a malformed value is refused all the same" malformed

# A shell without a pool, whose command finds the directory; and one with a pool, whose command does not.
generations() {
	mkdir pools
	export VMMALLOC_ON_FAIL=dram VMMALLOC_POOL_DIR=$WORK/late
	preload bash -c 'LD_PRELOAD= mv pools late; exec cat /proc/self/maps' >maps 2>err || fail "$(cat err)"
	[ "$(wc -l <err)" -eq 1 ] && grep -q "$WORK/late/.*deleted" maps || fail "the command: $(cat err)"
	VMMALLOC_POOL_DIR=$WORK/late preload bash -c 'LD_PRELOAD= mv late gone; cat /proc/self/maps; :' >maps 2>err || fail "$(cat err)"
	grep -q '^Warning .*/late): No such file' err && ! grep -q 'deleted' maps || fail "the other command: $(cat err)"
}
run_case "programs that are started by others try for themselves" generations

children_off() {
	VMMALLOC_ON_FAIL=dram VMMALLOC_CHILDREN=off VMMALLOC_POOL_DIR=/no preload bash -c 'ls >/dev/null; ls >/dev/null' 2>err ||
		fail "$(cat err)"
	[ "$(wc -l <err)" -eq 1 ] || fail "$(cat err)"
}
run_case "VMMALLOC_CHILDREN holds without a pool, too" children_off

logs_apart() {
	LIBRARY=$BUILD/debug/libvmmalloc.so.1 VMMALLOC_LOG_LEVEL=3 VMMALLOC_LOG_FILE=$WORK/log- VMMALLOC_ON_FAIL=dram \
		VMMALLOC_POOL_DIR=/no preload bash -c '(x=$(seq 10000); exit 0); true' 2>err || fail "$(cat err)"
	[ "$(find . -name 'log-[0-9]*' | wc -l)" -gt 1 ] || fail "one file for all: $(ls)"
}
run_case "debug build: forked children have logs of their own" logs_apart

core_has_heap() {
	case $(cat /proc/sys/kernel/core_pattern)$(cat /proc/sys/kernel/core_uses_pid) in
	core0) ;;
	*) skip "core_pattern leads elsewhere" ;;
	esac
	ulimit -c unlimited || skip "no cores allowed here"
	VMMALLOC_ON_FAIL=dram VMMALLOC_POOL_DIR=/no preload "$PROGRAMS/core" 20 >out 2>err
	read -r marks _ <out || fail "$(cat err)"
	[ "$(grep -ao 'Mark in a block [0-9]*\.' core | sort -u | wc -l)" -eq "$marks" ] || fail "marks are missing"
	[ "$(stat -c %s core)" -le $(((marks + 20) << 20)) ] || fail "the core has $(stat -c %s core) bytes"
}
run_case "a core dump has the heap" core_has_heap

no_reader() {
	mkfifo pipe
	exec 7<>pipe 8>pipe 7<&-
	env VMMALLOC_ON_FAIL=dram $DIR=/no $SIZE=64M LD_PRELOAD="$LIBRARY" "$PROGRAMS/hello" >out 2>&8 ||
		fail "status $?"
	exec 8>&-
}
run_case "nobody reads its line: it runs all the same" no_reader

# --- every step refused ---

export VMMALLOC_POOL_SIZE=1G VMMALLOC_POOL_DIR=$POOL_DIR
# each_step ON_FAIL ERRNO HOW PROGRAM... -- there are steps without which there is no pool
each_step() {
	local lines
	lines=$(VMMALLOC_ON_FAIL=$1 "$PROGRAMS/refused_start" "${@:2}" 2>err) || fail "$(tail -n 5 err)"
	[ "$lines" -ge 6 ] || fail "$lines of $(wc -l <err) steps were fatal: $(cat err)"
}
each_error() {
	local error how
	for error in 1 12 22 24 28 38; do
		for how in once all; do each_step "$1" $error $how "$PROGRAMS/hello"; done
	done
	each_step "$1" 4 once "$PROGRAMS/hello"
}
export -f each_step
DEADLINE=300
run_case "exit: each system call of the start refused in turn, with several errors" each_error exit
run_case "dram: each system call of the start refused in turn, with several errors" each_error dram
run_case "dram: each refused in turn, once, and the program does all" each_step dram 1 once "$PROGRAMS/ordinary" pool
run_case "dram: each kind refused in turn, and the program does all" each_step dram 38 all "$PROGRAMS/ordinary" pool

end_suite
