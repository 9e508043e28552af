#!/bin/bash
# check.bash SUITE... -- runs every suite, cmocka programs and scripts alike, and adds up what they counted.
set -u
total_passed=0 total_failed=0 total_skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

count() { grep -oE "$1" "$log" | grep -oE '[0-9]+' | awk '{ n += $1 } END { print n + 0 }'; }

for suite; do
	echo "== ${suite#"$PWD"/}"
	timeout -k 10 "${SUITE_DEADLINE:-900}" "$suite" 2>&1 | tee "$log" | grep --line-buffered -vE '^\[ (RUN|      OK) '
	status=${PIPESTATUS[0]}
	if grep -qE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log"; then
		last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
		read -r p _ f _ s _ <<<"${last//,/}"
	else
		p=$(count '^\[  PASSED  \] [0-9]+')
		f=$(count '^\[  FAILED  \] [0-9]+ test')
		s=$(count '^\[  SKIPPED \] [0-9]+ test')
	fi
	[ "$status" -ne 0 ] && [ "$f" -eq 0 ] && { echo "FAIL $suite: exit status $status"; f=1; }
	[ "$status" -eq 0 ] && [ $((p + f + s)) -eq 0 ] && { echo "FAIL $suite: ran no test"; f=1; }
	total_passed=$((total_passed + p)) total_failed=$((total_failed + f)) total_skipped=$((total_skipped + s))
done
echo
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
[ "$total_failed" -eq 0 ]
