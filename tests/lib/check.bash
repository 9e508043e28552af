#!/bin/bash
# check.bash SUITE... -- runs every suite, cmocka programs and scripts alike, and adds up what they counted. LANES of
# them run at the same time: two, where there are two processors. Those with a line "# waits: ..." mostly sleep, and run
# one by one beside the others, where there is more than one lane; those with "# alone: ..." come last, one by one. What
# a suite says is shown when it has ended, with the seconds that it took.
set -u
lanes=${LANES:-$(($(nproc) < 2 ? 1 : 2))}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'kill $(jobs -p); wait; exit 1' INT TERM HUP

# run SUITE LOG: leaves the log, and "PASSED FAILED SKIPPED" in LOG.counts
run() {
	local passed failed skipped status last began=$SECONDS
	timeout -k 10 "${SUITE_DEADLINE:-900}" "$1" >"$2" 2>&1 </dev/null &
	trap "kill $!; wait $!; exit 1" TERM
	wait $!
	status=$?
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$2" | tail -n 1)
	if [ "$last" ]; then
		read -r passed _ failed _ skipped _ <<<"${last//,/}"
	else
		passed=$(count "$2" '^\[  PASSED  \] [0-9]+')
		failed=$(count "$2" '^\[  FAILED  \] [0-9]+ test')
		skipped=$(count "$2" '^\[  SKIPPED \] [0-9]+ test')
	fi
	[ $status -ne 0 ] && [ "$failed" -eq 0 ] && { echo "FAIL $1: exit status $status" >>"$2"; failed=1; }
	[ $status -eq 0 ] && [ $((passed + failed + skipped)) -eq 0 ] && { echo "FAIL $1: ran no test" >>"$2"; failed=1; }
	{
		flock 9
		echo "== ${1#"$PWD"/} ($((SECONDS - began)) s)"
		grep -vE '^\[ (RUN|      OK) ' "$2"
	} 9>"$logs/shown"
	echo "$passed $failed $skipped" >"$2.counts"
}
count() { grep -oE "$2" "$1" | grep -oE '[0-9]+' | awk '{ n += $1 } END { print n + 0 }'; }

# start SUITE LANES [PID]: when fewer than so many run, of which that one is none
start() {
	while [ "$(jobs -rp | grep -cvx "${3-}")" -ge "$2" ]; do
		wait -n
	done
	started=$((started + 1))
	run "$1" "$logs/$started" &
}

has_line() { grep -qsI "^# $1: " "$2"; }

started=0 beside="" alone=() waiting=() others=()
for suite; do
	if has_line alone "$suite"; then
		alone+=("$suite")
	elif [ "$lanes" -gt 1 ] && has_line waits "$suite"; then
		waiting+=("$suite")
	else
		others+=("$suite")
	fi
done
if [ ${#waiting[@]} -gt 0 ]; then
	for suite in "${waiting[@]}"; do run "$suite" "$logs/waiting.${suite//\//.}"; done &
	beside=$!
	started=${#waiting[@]}
fi
for suite in "${others[@]}"; do
	start "$suite" "$lanes" "$beside"
done
for suite in "${alone[@]}"; do
	start "$suite" 1
done
wait
echo
awk -v started=$started '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		failed += started - NR
		print passed + 0 " passed, " failed + 0 " failed, " skipped + 0 " skipped"
		exit failed > 0
	}' "$logs"/*.counts /dev/null
