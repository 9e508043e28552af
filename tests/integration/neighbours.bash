#!/bin/bash
# neighbours.bash -- a daemon, a library and a vmmallocctl of this version work with those of the release before.
#
# That release is built from the commit which it was made of, so this needs a clone that has it. Without it the list of
# what may not change (tests/abi) is compared all the same, and nothing else.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/helpers/daemon.bash"
. "$(dirname "$0")/../lib/before.bash"

OLD=$BUILD/before/$RELEASE
PROGRAMS=$BUILD/tests/preload
export OLD PROGRAMS

changed_list() {
	"$ROOT/tests/abi/check.bash" || fail "what others rely on has changed"
	mkdir tree && cp -a "$ROOT"/{common,include,libvmmalloc,vmmallocd} tree/ || return 1
	sed -i 's/HANDOUT_LIMIT = 4/HANDOUT_LIMIT = 8/' tree/common/base/handout.h
	sed -i 's/uint32_t owner_uid;/uint64_t owner_uid;/; s/uint32_t owner_pid;/int32_t owner_pid;/' tree/common/base/pool_header.h
	sed -i 's/\<mallctl;//' tree/libvmmalloc/exports/libvmmalloc.map
	sed -i 's/^  used: ?int,/  used: int,/; s/method Reload/method Again/; s/dry_run: bool/&, force: bool, why: ?string/' tree/vmmallocd/control/org.vmmalloc.varlink
	sed -i 's/vmmalloc_contains(const void/vmmalloc_contains(void/' tree/include/libvmmalloc.h
	"$ROOT/tests/abi/check.bash" tree >gone && fail "changes are not seen"
	for word in 'value HANDOUT_LIMIT 4' 'field pool_header.owner_uid 52 4' 'field pool_header.class_name 176 64' \
		'field pool_header.owner_pid 48 4 uint32_t' 'varlink Prune in force: bool' 'symbol mallctl' 'varlink Pool used: ?int' 'varlink Reload' \
		'function int vmmalloc_contains(const void *pointer);'; do
		grep -qF ": $word" gone || fail "not seen: $word: $(cat gone)"
	done
	! grep -F ' why' gone || fail "what may be left out is asked for"
}
run_case "what others rely on is there as it was, and a change of it is seen" changed_list

# Builds the release before, once; a build that was cut short is begun again.
builds_before() {
	[ -e "$OLD/built" ] && return 0
	need_before_source
	rm -rf "$OLD" && mkdir -p "$OLD" || return 1
	git -C "$ROOT" archive "$BEFORE" | tar -x -C "$OLD" || return 1
	# with the flags of that time, and not those of this make
	env -u CI make -s -C "$OLD" lib daemon ctl >log 2>&1 ||
		skip "$RELEASE does not build on this machine: $(tail -n 1 log)"
	[ "$("$OLD/build/release/vmmallocd" --version)" = "vmmallocd $RELEASE" ] || fail "not $RELEASE"
	# this version's make reads all dependencies below the build directory
	find "$OLD" -name '*.d' -delete && touch "$OLD/built"
}
run_case "the release before builds" builds_before

need_before() { [ -e "$OLD/built" ] || skip "there is no build of $RELEASE"; }
export -f need_before

same_list() {
	need_before
	diff "$ROOT/tests/abi/$RELEASE.txt" <("$ROOT/tests/abi/list.bash" "$OLD") || fail "tests/abi/$RELEASE.txt"
}
run_case "the list of the release before is that of its commit" same_list

# programs_of VERSION: where they are, of old or new
programs_of() { [ "$1" = old ] && echo "$OLD/build/release" || echo "$BUILD/release"; }
# on_pool VERSION: the environment of a program with that library on a pool of class a
on_pool() { echo "VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$(programs_of "$1")/libvmmalloc.so.1"; }
# keep_pool VERSION: a program that has such a pool until it is killed; its pid is $KEEPER
keep_pool() {
	env $(on_pool "$1") sleep 60 &
	KEEPER=$!
	PIDS="$PIDS $KEEPER"
	wait_count a leased 1
}
export -f programs_of on_pool keep_pool

# works_with DAEMON CLIENT
works_with() {
	local client ctl=()
	need_before
	setup
	client=$(programs_of "$2")
	one_class 'ready = 2' 'max = 2' 'max_per_user = 1'
	DAEMON_PROGRAM=$(programs_of "$1")/vmmallocd daemon_start
	wait_count a ready 2

	# by class, and by directory; forks and goes back; is seen; the pool is the next one's again
	env $(on_pool "$2") cat /proc/self/maps >maps || fail "by class"
	grep -q "$POOLS/" maps || fail "not on a pool: $(cat maps)"
	wait_count a ready 2
	VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=16M LD_PRELOAD=$client/libvmmalloc.so.1 \
		cat /proc/self/maps >maps || fail "by directory"
	grep -q "$POOLS/" maps || fail "not on a pool: $(cat maps)"
	wait_count a ready 2
	env $(on_pool "$2") sh -c 'for i in 1 2 3; do (echo $i); done; echo end' >words || fail "forks"
	is "$(tail -n 1 words)" end
	wait_count a ready 2
	is "$(ask daemon handed_out)" 3

	keep_pool "$2"
	ctl=("$client/vmmallocctl" --runtime-dir "$RUN")
	"${ctl[@]}" list >list || fail "list"
	grep -w leased list | grep -q sleep || fail "$(cat list)"
	"${ctl[@]}" status >status || fail "status"
	# a refusal is one, in words
	env $(on_pool "$2") true 2>words && fail "a second pool"
	grep -q 'as many pools' words || fail "$(cat words)"
	# a wait that the other side does not know is none; what there is to say of that is said at once
	VMMALLOC_WAIT=100 env $(on_pool "$2") true 2>words && fail "a second pool after a wait"
	grep -q 'as many pools' words || fail "$(cat words)"
	[ "$2" = old ] || grep -q '(it is too old to know VMMALLOC_WAIT)' words || fail "$(cat words)"
	"${ctl[@]}" prune >pruned || fail "prune"
	"${ctl[@]}" reload || fail "reload"
	wait_count a leased 1
	"${ctl[@]}" run --class a -- true 2>words && fail "a second pool by vmmallocctl"
	kill_held "$KEEPER"
	wait_count a ready 2
	"${ctl[@]}" run --class a -- true || fail "run"
}
run_case "this daemon, and the library and vmmallocctl of before" works_with new old
run_case "the daemon of before, and this library and vmmallocctl" works_with old new

# A status that 1.2.0 has not: its library runs a program on a pool of its own, or ends it, as it does when refused.
refuses_by_a_new_status() {
	local library=$OLD/build/release/libvmmalloc.so.1
	need_before
	[ "$(stat -f -c %T "$POOL_DIR")" = tmpfs ] || skip "only on tmpfs do pins show"
	setup
	one_class 'ready = 2' 'max = 4' 'max_per_user = 1'
	daemon_start
	wait_count a ready 2
	hold take=a map punch fill=7 pinevery=$((1 << 20)) unmap close waitfor=go unpin
	wait_count a quarantined 1
	env $(on_pool old) true 2>words && fail "a pool in spite of what is pinned"
	grep -q "no pool of class a: vmmallocd ($RUN/pool.sock): Bad message" words || fail "$(cat words)"
	VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=16M LD_PRELOAD=$library cat /proc/self/maps >maps ||
		fail "no pool of its own"
	grep -q "$POOLS/" maps || fail "$(cat maps)"
	: >go
	wait_count a quarantined 0
}
run_case "a refusal that the library of before has no word for is one all the same" refuses_by_a_new_status

# A cold pool is not reserved, which the library of before does not look after: it must not get one.
no_cold_for_before() {
	need_before
	setup
	one_class 'ready = 0'
	daemon_start
	env $(on_pool old) true 2>words && fail "a pool of a class of cold ones"
	grep -q "no pool of class a: vmmallocd ($RUN/pool.sock): no pool is ready" words || fail "$(cat words)"
	env $(on_pool new) true || fail "no pool"
	is "$(ask daemon handed_out)" 1
}
run_case "the library of before gets no cold pool" no_cold_for_before

# The daemon of before has no figures: that is said, and for who watches it is as if it were down.
no_metrics_of_before() {
	need_before
	setup
	one_class 'ready = 1'
	DAEMON_PROGRAM=$(programs_of old)/vmmallocd daemon_start
	ctl metrics >out 2>words
	is "$? $(cat words)" "1 vmmallocctl: the daemon is of an older version, and has no org.vmmalloc.Metrics"
	is "$(grep -v '^# [HT]' out)" $'vmmalloc_up 0\n# EOF'
	# and it does not mind what this version's has left in its state directory
	daemon_end TERM && daemon_start && wait_for test -s "$STATE/metrics.json" && daemon_end TERM || fail "this version's"
	DAEMON_PROGRAM=$(programs_of old)/vmmallocd daemon_start
	! grep -q "metrics.json" log || fail "$(grep metrics.json log)"
}
run_case "the daemon of before has no metrics, and that is said" no_metrics_of_before

# Nor has it events, orders, or anything else that this version's command asks for: one line for each, and no wait.
no_events_of_before() {
	need_before
	setup
	one_class 'ready = 1'
	DAEMON_PROGRAM=$(programs_of old)/vmmallocd daemon_start
	wait_count a ready 1
	local words method
	while read -r method words; do
		timeout 20 "$(programs_of new)/vmmallocctl" --runtime-dir "$RUN" $words >out 2>err
		is "$? $(cat out err)" "1 vmmallocctl: the daemon is of an older version, and has no org.vmmalloc.$method"
	done <<-END
		Events events
		Events events --no-follow
		Events events --json --class a
		Events wait --class a --ready 1
		Events watch
		Drain drain a
		Drain drain a --wait=1
		Enable enable a
		Holders disable a
		Holders resize a --max 3
		TopUp top-up a
		Create create a
		Destroy destroy $(ctl list -n -o ID)
	END
}
run_case "the daemon of before has no events and takes no orders, and that is said" no_events_of_before

# Why memory is outside of a pool the release before did not say. Then it is unknown, and not 0; and what this version
# says behind the header does not keep the other from reading that.
says_why() {
	need_before
	need gcc
	setup
	: >log
	gcc -O1 -D_GNU_SOURCE "$ROOT/tests/e2e/helpers/hold.c" -o hold || return 1
	local version outside told pid
	for version in old new; do
		VMMALLOC_ON_FULL=dram VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=16M \
			LD_PRELOAD=$(programs_of $version)/libvmmalloc.so.1 ./hold 40 >said.$version &
		pid=$!
		PIDS="$PIDS $pid"
		wait_for grep -qs READY said.$version
		outside=$("$(programs_of new)/vmmallocctl" ps -nb -o outside $pid | tr -d ' ')
		[ "$outside" -ge $((24 << 20)) ] || fail "$version: $outside"
		told=$("$(programs_of new)/vmmallocctl" ps -nb -o reason,reasons $pid | tr -s ' ' | sed 's/^ //; s/ $//')
		is "$told" "$([ $version = old ] && echo unknown unknown || echo "full full=$outside")"
		[ $version = new ] || "$(programs_of new)/vmmallocctl" ps --json $pid | grep -q "\"outside\":$outside,\"outside_by\":null," ||
			fail "$("$(programs_of new)/vmmallocctl" ps --json $pid)"
	done
	# 1.2.0's vmmallocctl has no ps: its daemon reads the header of a pool that this library has
	one_class 'ready = 1' 'max = 2'
	DAEMON_PROGRAM=$(programs_of old)/vmmallocd daemon_start
	wait_count a ready 1
	env VMMALLOC_ON_FULL=dram $(on_pool new) ./hold 40 >said.class &
	pid=$!
	PIDS="$PIDS $pid"
	wait_for grep -qs READY said.class
	"$OLD/build/release/vmmallocctl" --runtime-dir "$RUN" list --json >list || fail "list"
	grep -Eq '"used":[1-9][0-9]{6}' list || fail "no figures: $(cat list)"
	is "$("$(programs_of new)/vmmallocctl" ps -n -o reason $pid | tr -d ' ')" full
}
run_case "why memory is outside is unknown of the library of before, whose daemon reads this one's pools" says_why

# goes_on FROM TO: a daemon of another version takes over, while a program has a pool
goes_on() {
	need_before
	setup
	one_class 'ready = 1' 'max = 2'
	DAEMON_PROGRAM=$(programs_of "$1")/vmmallocd daemon_start
	wait_least a ready 1
	keep_pool "$1"
	wait_least a ready 1
	daemon_end TERM || fail "the end of the first"
	DAEMON_PROGRAM=$(programs_of "$2")/vmmallocd daemon_start
	wait_count a leased 1
	wait_least a ready 1
	env $(on_pool "$1") true || fail "a program of before on the pool that was kept"
	kill -0 "$KEEPER" || fail "the program has ended"
	kill_held "$KEEPER"
	wait_count a leased 0
	wait_least a ready 1
	env $(on_pool "$2") true || fail "a program on the pool that came back"
}
run_case "a daemon of this version takes over from the one of before; what is leased stays so" goes_on old new
run_case "and the other way round" goes_on new old

end_suite
