#!/bin/bash
# fork_waiters.bash -- threads that sleep on objects in the heap while another forks, in every mode of VMMALLOC_FORK.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/fork_modes.bash"

for mode in auto 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: waiters of every kind are woken after a fork" in_mode $mode waiters
	run_case "VMMALLOC_FORK=$mode: the same with a larger heap" in_mode $mode waiters large
	run_case "VMMALLOC_FORK=$mode: who waits for a future is woken" in_mode $mode waiters_future
	run_case "VMMALLOC_FORK=$mode: a process-shared semaphore, a fork and exec" in_mode $mode pshared
done
run_case "VMMALLOC_FORK=0: who waits for a future is woken" in_mode 0 waiters_future
run_case "VMMALLOC_FORK=0: a process-shared semaphore, a fork and exec" in_mode 0 pshared
for mode in auto 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: threads that fall asleep and wake each other all the time" \
		in_mode $mode waiters_stress 500
done
for mode in auto 2 3; do
	run_case "VMMALLOC_FORK=$mode: waiters on memory that has returned" in_mode $mode waiters returned
done

end_suite
