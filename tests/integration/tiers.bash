#!/bin/bash
# tiers.bash -- a heap on pools of two of the daemon's classes: VMMALLOC_POOL=fast,large.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/helpers/daemon.bash"
export PROGRAM=$BUILD/tests/preload/tiers

# two_classes FAST LARGE -- with these settings
two_classes() {
	mkdir -p large
	conf <<-END
		[pool fast]
		directory = $POOLS
		size = 32M
		$1
		[pool large]
		directory = $WORK/large
		size = 48M
		$2
	END
	daemon_start
}
# tiers WHAT... -- and says nothing
tiers() {
	VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=fast,large LD_PRELOAD=$LIBRARY "$PROGRAM" "$@" 2>said ||
		fail "$*: status $?: $(cat said)"
	[ ! -s said ] || fail "$(cat said)"
}
export -f two_classes tiers

fill() {
	setup
	two_classes 'ready = 1' 'ready = 1'
	wait_count fast ready 1
	wait_count large ready 1
	tiers fill
	for place in large:64K ratio:1:3; do
		VMMALLOC_PLACE=$place tiers walk 1
	done
	VMMALLOC_PLACE=large:64K tiers large 65536
	tiers arenas
	is "$(ask daemon refused)" 0
	wait_count fast leased 0
	wait_count large leased 0
}
run_case "warm pools of two classes" fill

cold() {
	setup
	two_classes $'ready = 0\nmax = 4' 'ready = 1'
	wait_count large ready 1
	tiers fill
	tiers forks returns
	VMMALLOC_RESERVE=full tiers fill
	VMMALLOC_FORK=2 VMMALLOC_POOL_DIR=$POOL_DIR:$WORK VMMALLOC_POOL_SIZE=32M:48M tiers forks
	wait_count fast leased 0
}
run_case "a cold one and a warm one; forks" cold

killed() {
	setup
	two_classes 'ready = 1' 'ready = 1'
	wait_count fast ready 1
	wait_count large ready 1
	env VMMALLOC_SOCKET="$RUN/pool.sock" VMMALLOC_POOL=fast,large LD_PRELOAD="$LIBRARY" /usr/bin/python3 -c "import time
b = [bytearray(1 << 20) for i in range(50)]
print('has', flush=True)
time.sleep(60)" >had &
	HOLDER=$!
	PIDS="$PIDS $HOLDER"
	wait_for grep -q has had
	is "$(ask list | grep ' leased ' | grep -cw "$HOLDER")" 2
	kill_held "$HOLDER"
	wait_count fast leased 0
	wait_count large leased 0
}
run_case "kill -9: the pools of both come back" killed

refused() {
	setup
	two_classes 'ready = 1' $'ready = 0\nmax = 1\ncold = no'
	wait_count fast ready 1
	env VMMALLOC_SOCKET="$RUN/pool.sock" VMMALLOC_POOL=fast,large LD_PRELOAD="$LIBRARY" /bin/true 2>said
	is $? 1
	is "$(cat said)" "Error (libvmmalloc): no pool of class large: vmmallocd ($RUN/pool.sock): no pool is ready"
	# what it was given before has gone back
	wait_count fast ready 1
	# where there is one of its own to be made, that serves
	mkdir own
	VMMALLOC_POOL_DIR=$WORK/own:$WORK/own VMMALLOC_POOL_SIZE=32M:48M tiers fill
	ctl run --class fast,large --dir "$WORK/own:own" --size 32M:48M --place ratio:1:3 -- "$PROGRAM" ratio 1 3 ||
		fail "run: status $?"
	wait_count fast leased 0
}
run_case "a class that has none: one line, and what was given goes back" refused

# of ctl [OPTION...] SENTENCE: refuses it with that
complains() {
	ctl run "${@:2}" -- /bin/true 2>said
	[ $? -eq 2 ] && is "$(cat said)" "vmmallocctl: $1"
}
export -f complains
words() {
	setup
	two_classes 'ready = 1' 'ready = 1'
	complains "--class (a/b): expected up to 63 letters, digits, '-' and '_'" --class fast,a/b
	complains "--size (16M): expected 2, one for each tier" --class fast,large --dir /x:/y --size 16M
	complains "--dir (/x): expected 2, one for each tier" --dir /x --size 16M:16M
	complains "--dir is empty: expected a writable directory" --dir /x: --size 16M:16M
	complains "--size (1M): a pool has at least 14680064 bytes (14M)" --dir /x:/y --size 16M:1M
	complains "--place (ratio:1): expected fill, large:BYTES or ratio:N:M, a number from 1 to 1000000 for each tier" \
		--class fast,large --place ratio:1
	mkdir a:b && cd a:b || fail "cd"
	complains "--dir ($WORK/a:b/x): expected no colon in the paths of several directories" --dir x:y --size 16M:16M
	cd "$WORK" || fail "cd"
	complains "--class (a,b,c,d,e,f,g,h,i): expected 8 tiers at the most" --class a,b,c,d,e,f,g,h,i
}
run_case "vmmallocctl run refuses what is wrong before the program starts" words
end_suite
