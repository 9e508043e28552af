#!/bin/bash
# extents.bash -- extent_sim replays what the debug library logs as the library did it, and by other rules.
. "$(dirname "$0")/../lib/suite.bash"
BENCH=$BUILD/tests/bench

# recorded COMMAND...: into $WORK/log
recorded() {
	LIBRARY=$BUILD/debug/libvmmalloc.so.1 VMMALLOC_LOG_LEVEL=3 VMMALLOC_LOG_FILE=$WORK/log VMMALLOC_POOL_SIZE=128M \
		preload "$@" >out 2>err || fail "$* ended with $?: $(cat err)"
}
simulated() { "$BENCH/extent_sim" log >figures 2>err || fail "$(cat err)"; }

# figure POLICY COLUMN
figure() { awk -v name="$1" -v column="$2" '$1 == name { print $column }' figures; }
SPAN=2 FILE=3 MOVED=9 POOL=10
expect() {
	[ "$(figure "$1" "$2")" = "$3" ] || { cat figures; fail "$1, column $2: expected $3"; }
}

# A log by hand, of a pool of 64 MiB: what functions of the library say. Addresses are MiB behind the heap's start.
say() { echo "<libvmmalloc>: <$1> [$2] $3"; }
address() { printf '0x7f00%08x' $((4096 + ($1 << 20))); }
begin() {
	say 3 reserve "262144 bytes at $(address 0): done"
	say 2 start_once "pool of 67108864 bytes in /a at 0x7/b at 0x7f0000000000"
}
take() { say 3 vmm_heap_take "$(($2 << 20)) bytes, aligned to 4096, at $(address "$1")${3-}"; }
slab() { take "$1" "$2"; say 3 vmm_seam_map_extent "for a slab: $(address "$1")"; }
give() { say 3 vmm_heap_give "$(($2 << 20)) bytes at $(address "$1")"; }
look() { say 3 vmm_release_idle "all free ranges are looked at"; }
export BENCH SPAN FILE MOVED POOL
export -f recorded simulated figure expect say address begin take slab give look

has_all_as_recorded() {
	[[ $(head -n 1 figures) =~ :\ ([0-9]+)\ of\ ([0-9]+)\ addresses\ and\ ([0-9.]+)\ of\ ([0-9.]+)\ MiB ]] ||
		fail "$(cat figures)"
	[ "${BASH_REMATCH[1]}" -gt 200 ] && [ "${BASH_REMATCH[1]}" -eq "${BASH_REMATCH[2]}" ] || fail "$(cat figures)"
	[ "${BASH_REMATCH[3]}" = "${BASH_REMATCH[4]}" ] || fail "$(cat figures)"
}
export -f has_all_as_recorded

as_recorded() {
	VMMALLOC_HUGE_PAGES=never recorded "$BENCH/size_phases" 20 1
	simulated
	has_all_as_recorded
	cp figures first && simulated && cmp first figures
}
run_case "a replay has every address, and the file's bytes, as recorded; and the same figures again" as_recorded

several_threads() {
	VMMALLOC_HUGE_PAGES=never recorded "$BENCH/workloads" server 4
	simulated
	! grep 'does not fit' figures || fail "what fitted fits no more"
	has_all_as_recorded
}
run_case "what several threads took is replayed in the order in which they had it" several_threads

# In the hole of 8 MiB there is no room for 8 any more when 2 were put there.
shortest_range() {
	{ begin; take 0 8; slab 8 1; take 9 2; slab 11 1; give 0 8; give 9 2; take 0 2; take 20 8; } >log
	simulated
	expect lowest $SPAN 20.0
	expect lowest $POOL 21
	expect best $SPAN 12.0
	expect best-large $SPAN 12.0
	expect best $POOL 13
}
run_case "the shortest free range is taken, and the smallest pool found" shortest_range

grown() {
	{ begin; take 0 4; slab 10 1; take 4 2 ', and nowhere else'; give 0 6; take 0 6; } >log
	simulated
	expect lowest $MOVED 1
	expect ends $MOVED 1
	{
		begin; take 0 4; take 4 2 ', and nowhere else'; slab 6 1; give 0 6
		say 3 vmm_heap_take '4096 bytes, aligned to 4096, at 0x0, and nowhere else'
	} >log
	simulated
	grep -q ': 3 of 3 addresses' figures || fail "what failed, or came after: $(cat figures)"
	expect lowest $MOVED 0
	expect lowest $SPAN 7.0
}
run_case "an extent that cannot grow in its place moves" grown

given_back() {
	{ begin; take 0 8; slab 8 1; give 0 8; look; take 9 10; } >log
	simulated
	expect lowest $FILE 19.2
	{ begin; take 0 8; slab 8 1; give 0 8; look; look; take 9 10; } >log
	simulated
	expect lowest $FILE 11.3
	{ begin; take 0 8; slab 8 1; give 0 8; look; take 0 8; give 0 8; look; take 9 10; } >log
	simulated
	expect lowest $FILE 19.2
}
run_case "what was free for a whole period is not in the file any more" given_back

refusals() {
	refused() { ! "$BENCH/extent_sim" log >out 2>err && grep -q "$1" err || fail "expected '$1': $(cat out err)"; }
	rm -f log; refused 'log:0: No such file'
	echo hello >log; refused 'no pool'
	begin >log; refused 'nothing was taken'
	{ begin; take 0 8; say 2 in_child 'child of 7'; } >log; refused 'log:4: .*no forks'
	{ begin; begin; } >log; refused 'log:4: .*one pool'
	{ begin; take 60 8; } >log; refused 'not whole pages of the pool'
	{ begin; say 3 vmm_heap_give '4096 bytes'; } >log; refused 'log:3:'
}
run_case "a log that cannot be replayed is refused with its line" refusals

end_suite
