#!/bin/bash
# seccomp.bash -- programs under real filters of system calls: those that sandboxes and services have, the lists in
# libvmmalloc(7), and with each call refused in turn. The heap grows to the full, or does what the manual says.
. "$(dirname "$0")/../lib/suite.bash"
PROGRAM=$BUILD/tests/preload/confined
export PROGRAM

# confined HOW DEFAULT [-fork] NAME[=ANSWER]...
confined() {
	VMMALLOC_POOL_SIZE=${VMMALLOC_POOL_SIZE-48M} preload timeout -k 1 60 "$PROGRAM" "$@" 2>said ||
		fail "confined $1 $2 ... ${*: -1}: status $?: $(tail -n 2 said)"
	[ ! -s said ] || fail "confined $1 $2 ...: said $(head -n 2 said)"
}
export -f confined

# What a libc's malloc needs, and a program to read, write and end.
export MALLOC='read write exit exit_group rt_sigreturn brk mmap munmap mremap mprotect madvise futex'

# What libc's fork needs, and a program that waits for its child.
export FORK='clone set_robust_list rt_sigprocmask wait4'
malloc_and_fork() {
	local mode how
	for mode in auto 1 2 3; do
		for how in -fork -forked; do VMMALLOC_FORK=$mode confined own kill $how $MALLOC $FORK || return 1; done
	done
}
run_case "the same with what fork of libc needs, after a fork and without" malloc_and_fork

# OpenSSH 9, sandbox-seccomp-filter.c: what is allowed, and what is denied rather than deadly.
export OPENSSH='brk clock_gettime close exit exit_group futex geteuid getpgid getpid getrandom gettid gettimeofday getuid
	madvise-of-openssh mmap mprotect mremap munmap nanosleep clock_nanosleep poll ppoll pselect6 read rt_sigprocmask
	select shutdown time write writev lstat=13 open=13 openat=13 newfstatat=13 stat=13 fstat=13 shmget=13 shmat=13
	shmdt=13 ipc=13 statx=13'

# man-db 2.11, lib/sandbox.c
export MAN_DB='clock_getres clock_gettime clock_nanosleep execve exit exit_group futex get_robust_list getegid geteuid
	getgid getgroups getpgid getpgrp getpid getppid getresgid getresuid getrlimit getsid gettid gettimeofday getuid
	membarrier nanosleep pause prlimit64 restart_syscall rseq rt_sigreturn sched_yield set_robust_list
	set_tid_address time close dup dup2 dup3 lseek pread64 preadv pwrite64 pwritev read readv write writev access
	chdir faccessat fchdir fcntl fstat fstatfs getcwd getdents getdents64 lstat mmap munmap newfstatat open openat
	readlink readlinkat stat statfs statx epoll_create epoll_ctl epoll_wait poll ppoll pselect6 select pipe pipe2
	arch_prctl capget clone clone3 execveat fork getrusage prctl vfork wait4 waitid rt_sigaction rt_sigpending
	rt_sigprocmask rt_sigsuspend rt_sigtimedwait sigaltstack alarm fadvise64 getpriority ioctl madvise mprotect mremap
	brk sched_getaffinity sysinfo uname getrandom kill tgkill'

malloc_only() { local answer; for answer in kill trap 1 38 13; do confined own "$answer" $MALLOC; done; }
run_case "a filter with what malloc of libc needs, and nothing else" malloc_only

by_number() { confined number kill $MALLOC; }
run_case "the same by prctl's number" by_number

no_madvise() {
	local answer
	for answer in 1 22 38; do confined own kill ${MALLOC/madvise/} clock_gettime "madvise=$answer"; done
}
run_case "madvise refused: the kernel is made to write to each page" no_madvise

no_clock() { local answer; for answer in 1 22 38; do confined own "$answer" ${MALLOC/madvise/}; done; }
run_case "madvise and the clock refused: the heap goes on" no_clock

openssh() { confined own kill $OPENSSH; confined own trap $OPENSSH; }
run_case "OpenSSH's sandbox" openssh

man_db() {
	local answer
	for answer in kill trap 38; do
		confined own "$answer" $MAN_DB
		confined own "$answer" -fork $MAN_DB
	done
}
run_case "man-db's sandbox, with forks" man_db

# The sets of systemd, as it knows them here.
set_of() {
	local word
	for word in $(systemd-analyze syscall-filter "$1" | sed 's/#.*//' | tail -n +2); do
		case $word in @*) set_of "$word" ;; *) echo "$word" ;; esac
	done
}
export -f set_of
system_service() {
	local names how
	need systemd-analyze
	names=$(set_of @system-service; set_of @default) || skip "no sets of system calls here"
	for how in own exec; do
		confined $how kill $names
		confined $how 1 $names
		for VMMALLOC_FORK in auto 1 2 3; do
			export VMMALLOC_FORK
			confined $how kill -fork $names
		done
		unset VMMALLOC_FORK
	done
}
run_case "systemd's @system-service, before the start and after it, with forks" system_service

# Each call that the library makes, in turn, with answers of all kinds.
export CALLS='openat close newfstatat fstat fstatfs fcntl ioctl unlinkat memfd_create ftruncate fallocate pread64 pwrite64
	getcwd mmap munmap mremap mprotect madvise msync rt_sigprocmask getpid getppid gettid geteuid prlimit64 prctl
	sched_yield sched_getaffinity getrandom clock_gettime getdents64'
each_refused() {
	local how=$1 name answer
	shift
	for name in $CALLS; do
		for answer in 1 38 22 14; do
			confined "$how" allow "$@" "$name=$answer"
		done
	done
}
export -f each_refused
DEADLINE=400
run_case "each call refused in turn, by a filter that was seen" each_refused own
run_case "each call refused in turn, by a filter that nobody saw" each_refused unseen

each_killed() {
	local name
	for name in $CALLS; do
		case $name in
		mmap|munmap|mremap|mprotect|madvise) ;;
		*) confined own allow "$name=kill" ;;
		esac
	done
}
run_case "each call deadly in turn" each_killed

forks() {
	local name VMMALLOC_FORK
	for VMMALLOC_FORK in auto 2 3; do
		export VMMALLOC_FORK
		for name in ${CALLS/mremap/}; do
			confined unseen allow -fork "$name=1"
			confined own allow -fork "$name=38"
		done
	done
}
run_case "each call refused in turn, with forks in every mode" forks

# calls_of HEADING... -- the system calls that the manual lists there
calls_of() {
	local heading
	for heading; do
		sed -n '/^\.SH SYSTEM CALLS/,/^\.SH POOL/p' "$ROOT/doc/libvmmalloc.7" |
			awk -v heading="$heading" '$0 == heading { found = 1; next } found && /^\.fi/ { exit } found && !/^\./'
	done
}

# What the program and its C library call besides: exec, the dynamic linker, threads, fork, alarm and the end.
export RUNTIME='execve brk arch_prctl access openat read pread64 write fstat newfstatat mmap mprotect munmap close
	set_tid_address set_robust_list rseq prlimit64 getrandom alarm rt_sigreturn exit exit_group futex rt_sigaction
	rt_sigprocmask clone clone3 wait4'
listed() {
	local mode names
	names=$(calls_of start growth "a thread's start and end")
	[ "$(wc -w <<<"$names")" -gt 20 ] || fail "the manual lists: $names"
	confined exec kill $RUNTIME $names
	VMMALLOC_RESERVE=full confined exec kill $RUNTIME $names
	confined unseen kill read write exit exit_group alarm rt_sigreturn clone3 clone rseq set_robust_list brk \
		$(calls_of growth "a thread's start and end")
	names+=" $(calls_of fork "return to a pool, and a pool for a child")"
	for mode in auto 1 2 3; do
		VMMALLOC_FORK=$mode confined exec kill -fork $RUNTIME $names
		VMMALLOC_FORK=$mode confined exec 1 -fork $RUNTIME $names
	done
	LIBRARY=$BUILD/debug/libvmmalloc.so.1 VMMALLOC_LOG_LEVEL=4 VMMALLOC_LOG_FILE=$WORK/log- \
		confined exec kill -fork $RUNTIME $names $(calls_of "debug build")
}
export -f calls_of
run_case "the manual's lists are complete, in every mode" listed

returns() {
	local names
	names=$(calls_of start growth fork "return to a pool, and a pool for a child")
	confined exec kill -return $RUNTIME clock_nanosleep nanosleep $names
	confined unseen allow -return sync
}
run_case "a heap returns to its pool under the manual's lists" returns

end_suite
