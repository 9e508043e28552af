#!/bin/bash
# locks.bash WORKLOADS LIBRARY -- how often threads take locks, counted by callgrind: in a thousand pairs of malloc and
# free, with 1, 8 and 64 threads. Under callgrind threads take turns, so nobody waits for another.
set -u
cd "$(dirname "$0")/../.." || exit 1
workloads=$(realpath "$1") library=$(realpath "$2")
export VMMALLOC_POOL_DIR=${VMMALLOC_POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=1G
command -v valgrind >/dev/null || { echo "locks.bash: valgrind is not installed" >&2; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# calls FILE: of each function, from callgrind's own format, which names a function where it is first
calls() {
	awk '/^c?fn=/ {
		split(substr($0, index($0, "(") + 1), part, ")")
		if (part[2] != "") name[part[1]] = substr(part[2], 2)
		if (/^cfn/) called = part[1]
	} /^calls=/ { sub(/^calls=/, ""); sum[called] += $1 } END { for (id in sum) print sum[id], name[id] }' "$1"
}

# times PATTERN PAIRS: so often in a thousand pairs
times() { awk -v pattern="$1" -v pairs="$2" '$2 ~ pattern { n += $1 } END { printf "%.2f", n * 1000 / pairs }' "$work/calls"; }

printf '%-14s %7s %12s %12s %12s %12s\n' in-1000-pairs threads "all locks" "the heap's" "cache full" "cache empty"
for workload in churn server handoff batches; do
	for threads in 1 8 64; do
		pairs=$(LD_PRELOAD=$library timeout 300 valgrind --tool=callgrind --callgrind-out-file="$work/out" \
			--soname-synonyms=somalloc=nouserintercepts "$workloads" $workload $threads $((4 + threads / 2)) \
			2>/dev/null | awk '{ print $2 }')
		[ "$pairs" ] || { echo "locks.bash: $workload with $threads threads did not end well" >&2; exit 1; }
		calls "$work/out" >"$work/calls"
		printf '%-14s %7d %12s %12s %12s %12s\n' $workload $threads \
			"$(times '^(__wrap_pthread_mutex_(try)?lock|vmm_lock_take|vmm_lock_try)$' "$pairs")" \
			"$(times '^vmm_lock_(take|try)$' "$pairs")" "$(times '^vmm_transfer_flush$' "$pairs")" \
			"$(times '^vmm_transfer_fill$' "$pairs")"
	done
done
