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
trap 'kill $program 2>/dev/null' EXIT

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
