#!/bin/bash
# check-sanitized.bash FLAVOUR... -- the suites of the daemon and its command line with programs of build/FLAVOUR. Any
# report of a sanitizer is a failure, also that of a process which the suite did not look at.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
# daemons of other users write there, too
chmod 1777 "$reports"
# the command line is itself run with something preloaded
export ASAN_OPTIONS=log_path=$reports/asan:verify_asan_link_order=0 UBSAN_OPTIONS=log_path=$reports/ubsan:print_stacktrace=1
export TSAN_OPTIONS=log_path=$reports/tsan:second_deadlock_stack=1

for FLAVOUR; do
	export FLAVOUR
	# "run" preloads the one that lies beside it
	ln -sf ../release/libvmmalloc.so.1 "build/$FLAVOUR/"
	echo "=== $FLAVOUR"
	tests/lib/check.bash tests/integration/{daemon,waiting,hostile}.bash tests/e2e/{ctl,ps}.bash tests/storm/storm.bash || failed=1
done
for report in "$reports"/*; do
	[ -e "$report" ] || continue
	failed=1
	echo "FAIL ${report##*/}"
	cat "$report"
done
[ $failed -eq 0 ]
