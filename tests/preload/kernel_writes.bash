#!/bin/bash
# kernel_writes.bash -- what the kernel does with pages of the heap around a fork, as the manual page says it.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/fork_modes.bash"

registered() {
	in_mode "$@"
	case $? in
	0) ;;
	*) [ ! -s stderr ] && skip "no io_uring here"; return 1 ;;
	esac
}
export -f registered

for mode in 0 2; do
	run_case "VMMALLOC_FORK=$mode: what is read into a registered buffer arrives" registered $mode registered stays
done
run_case "VMMALLOC_FORK=auto: it arrives when the heap has returned" registered auto registered returns
run_case "VMMALLOC_FORK=0: MADV_DONTNEED leaves pages on the file as they are" in_mode 0 advice
run_case "VMMALLOC_FORK=auto: and shows private ones as they were at the fork" in_mode auto advice private

end_suite
