#!/bin/bash
# fork_limits.bash -- fork under limits: what glibc's malloc gets through, a heap on a pool gets through.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/fork_modes.bash"

# By chance, but the same each time: how much there is besides what is used.
random_limits() {
	local mode=$1 what=$2 threads n spare
	RANDOM=7
	for threads in single threads; do
		for n in {1..12}; do
			spare=$((RANDOM * RANDOM % (1 << (n * 2 + 5))))
			in_mode $mode fork_limits $threads $what $spare || fail "$threads, $spare more"
		done
	done
}
export -f random_limits

for mode in auto 1 2 3; do
	for threads in single threads; do
		for what in as data; do
			run_case "VMMALLOC_FORK=$mode: no more than is used by limit of $what, $threads" \
				in_mode $mode fork_limits $threads $what 0
		done
		for left in 0 1 2 3 4 6; do
			run_case "VMMALLOC_FORK=$mode: $left mappings left, $threads" \
				in_mode $mode fork_limits $threads maps $left
		done
	done
	for what in as data; do
		run_case "VMMALLOC_FORK=$mode: a little more, by limit of $what" random_limits $mode $what
	done
done
for mode in auto 1 2 3; do
	for what in single threads current fault; do
		run_case "VMMALLOC_FORK=$mode: mlockall, $what" in_mode $mode fork_mlockall $what
	done
done
for mode in auto 1 3; do
	for what in single threads; do
		run_case "VMMALLOC_FORK=$mode: mlockall under a small limit of locked memory, $what" \
			in_mode $mode fork_mlockall $what user
	done
done

end_suite
