#!/bin/bash
# check_crash.bash -- a machine dies while pools are leased, warmed and recycled, and another boots on the same persistent
# memory: a guest whose memory is a file, killed at some moment, and a second one.
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/vm.bash
vm_need
PMEM="512 768"
VM_RUN=$(mktemp -d "$VM/run.XXXXXX") || exit 1
trap 'rm -rf "$VM_RUN"' EXIT
passed=0 failed=0

# At a moment that is another each time; so the test shows more, the more often it runs.
crash() {
	local end=$((SECONDS + 600)) moment=$((RANDOM % 20))
	printf 'export BUILD=%q WAIT_SECONDS=120\n%q/tests/vm/guest/crash_churn.bash %s\n' "$BUILD" "$ROOT" "$1" >"$VM_RUN/script"
	: >"$VM_RUN/out"
	rm -f "$VM_RUN/pid"
	VM_MEMORY_FILE=$VM_RUN/memory VM_APPEND=$(vm_pmem $PMEM) vm_boot "$VM_RUN/script" -pidfile "$VM_RUN/pid" \
		>"$VM_RUN/out" 2>"$VM_RUN/errors" &
	until grep -q CHURNING "$VM_RUN/out"; do
		kill -0 $! 2>/dev/null && [ $SECONDS -lt $end ] || break
		sleep 0.1
	done
	sleep "$((moment / 10)).$((moment % 10))"
	[ ! -s "$VM_RUN/pid" ] || kill -KILL "$(cat "$VM_RUN/pid")"
	wait $!
	grep -q CHURNING "$VM_RUN/out" && ! grep -q RESULT "$VM_RUN/out" && return
	sed 's/^/     | /' "$VM_RUN/out" "$VM_RUN/errors"
	return 1
}

truncate -s "$VM_MEMORY" "$VM_RUN/memory"
for round in mkfs again; do
	if crash "$([ $round = mkfs ] && echo mkfs)"; then
		echo "ok   check_crash.bash: killed with pools at work"
		passed=$((passed + 1))
	else
		echo "FAIL check_crash.bash: the guest did not come to the point where it is killed"
		failed=$((failed + 1))
		break
	fi
	tests/vm/guest.bash --memory-file "$VM_RUN/memory" $(printf -- '--pmem %s ' $PMEM) \
		tests/vm/guest/crash_after.bash >"$VM_RUN/after"
	grep -v ' passed, ' "$VM_RUN/after"
	read -r p _ f _ <<<"$(tail -n 1 "$VM_RUN/after")"
	passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
