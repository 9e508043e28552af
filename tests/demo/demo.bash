#!/bin/bash
# demo.bash -- a real, unmodified program with its heap on a pool file, watched from outside.
set -u
cd "$(dirname "$0")/../.." || exit 1
LIBRARY=$PWD/build/release/libvmmalloc.so.1
FIGURES=build/tests/demo/pool_figures
export VMMALLOC_POOL_DIR=${VMMALLOC_POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=${VMMALLOC_POOL_SIZE:-1G}

echo "1. An unmodified Perl, its heap on a pool of $VMMALLOC_POOL_SIZE in $VMMALLOC_POOL_DIR:"
echo
echo "   VMMALLOC_POOL_DIR=$VMMALLOC_POOL_DIR VMMALLOC_POOL_SIZE=$VMMALLOC_POOL_SIZE LD_PRELOAD=libvmmalloc.so.1 perl ..."
echo
LD_PRELOAD=$LIBRARY perl -e '
for my $step (1 .. 10) {
	$words{"$step-$_"} = "a value for the key $_" for 1 .. 300000;
	select undef, undef, undef, 0.1;
}
%words = ();
select undef, undef, undef, 0.7;
' &
program=$!
daemon= clients=
place=$(mktemp -d /dev/shm/vmmalloc-demo.XXXXXX) || exit 1
end() {
	kill $program $clients 2>/dev/null
	[ -z "$daemon" ] || { kill $daemon; wait $daemon; } 2>/dev/null
	rm -rf "$place"
}
trap end EXIT

until $FIGURES $program >/dev/null 2>&1 || ! kill -0 $program 2>/dev/null; do :; done
echo "2. Where its heap is, in /proc/$program/maps (a file without a name: its space goes when the process does):"
echo
grep -E "$VMMALLOC_POOL_DIR" /proc/$program/maps | sed 's/^/   /'
echo
echo "3. How full the pool gets, read from the first page of that file by another process:"
echo
failed=1
while kill -0 $program 2>/dev/null; do
	line=$($FIGURES $program 2>/dev/null) && { echo "   $line"; failed=0; }
	sleep 0.3
done
wait $program || failed=1
echo
echo "4. The same for any command: here ls, which was asked to show this directory."
echo
LD_PRELOAD=$LIBRARY ls -C || failed=1
[ $failed -eq 0 ] || { echo "the demo did not go well" >&2; exit 1; }

# --- the daemon, in a directory of its own ---

PATH=$PWD/build/release:$PATH
export VMMALLOC_RUNTIME_DIR=$place/run
unset VMMALLOC_POOL_DIR VMMALLOC_POOL_SIZE
# Polls, for 20 s at most, until a line of the table says so; then shows the table.
table() {
	for ((i = 0; i < 400; i++)); do
		vmmallocctl list 2>/dev/null | grep -cE "$2" | grep -qx "$1" && break
		sleep 0.05
	done
	vmmallocctl list | sed 's/^/   /'
	vmmallocctl list | grep -cE "$2" | grep -qx "$1" || { echo "the demo did not go well" >&2; exit 1; }
	echo
}

echo
echo "5. A daemon that keeps pools of 128 MiB ready, filled with huge pages. Its configuration:"
echo
mkdir -m 755 "$place/pools"
printf '%s\n' '[pool demo]' "directory = $place/pools" 'size = 128M' 'ready = 2' 'max = 4' >"$place/vmmallocd.conf"
sed 's/^/   /' "$place/vmmallocd.conf"
echo
vmmallocd --config "$place/vmmallocd.conf" --runtime-dir "$place/run" --state-dir "$place/state" 2>"$place/log" &
daemon=$!
table 2 ' ready '

echo "6. Two programs on warm pools (vmmallocctl run --class demo -- perl ...):"
echo
for n in 1 2; do
	vmmallocctl run --class demo -- perl -e '$words{$_} = "a value for the key $_" for 1 .. 200000; sleep 60' &
	clients="$clients $!"
done
table 2 ' leased +warm +128M +[1-9][0-9.]*M .* perl '

echo "7. One of them is killed (kill -9). Its pool comes back, and goes, as two others are ready:"
echo
set -- $clients
{ kill -KILL "$1"; wait "$1"; } 2>/dev/null
table 3 '^demo '
vmmallocctl status | sed 's/^/   /'
