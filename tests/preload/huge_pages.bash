#!/bin/bash
# huge_pages.bash -- a heap on tmpfs that is mounted without huge pages makes its own: less page faults, no more memory.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/../lib/fork_modes.bash"

# Linux 6.1 and later, pages of 4 KiB, and an administrator who does not deny them.
need_collapse() {
	[ "$(getconf PAGESIZE)" -eq 4096 ] || skip "pages of $(getconf PAGESIZE) bytes"
	[ "$(printf '%s\n' 6.1 "$(uname -r)" | sort -V | head -n 1)" = 6.1 ] || skip "Linux $(uname -r) has no MADV_COLLAPSE"
	grep -q '\[deny\]' /sys/kernel/mm/transparent_hugepage/shmem_enabled 2>/dev/null && skip "shmem_enabled is deny"
	[ -e /sys/kernel/mm/transparent_hugepage/shmem_enabled ] || skip "a kernel without huge pages on tmpfs"
}
need_small() {
	grep -q '\[force\]' /sys/kernel/mm/transparent_hugepage/shmem_enabled 2>/dev/null && skip "shmem_enabled is force"
	findmnt -no OPTIONS -T "$POOL_DIR" | grep -q huge= && skip "$POOL_DIR is mounted with huge pages"
	return 0
}
# huge_pages ARGUMENT... -- on a pool
huge_pages() { preload "$PROGRAMS/huge_pages" "$@" || fail "$*: status $?"; }
export -f need_collapse need_small huge_pages

# 256 MiB are 65536 small pages, and the first 16 MiB of a heap of small blocks are such. Once in three times: at other
# times others may have all huge pages that there are.
finds() {
	need_collapse
	export VMMALLOC_HUGE_PAGES=always
	preload "$PROGRAMS/huge_pages" touch "$1" "$2" 256 || preload "$PROGRAMS/huge_pages" touch "$1" "$2" 256 ||
		huge_pages touch "$1" "$2" 256
}
export -f finds
run_case "a block of 256 MiB is found with a few hundred faults" finds $((256 << 20)) 1500
run_case "blocks of 1 MB with a tenth of the faults of small pages" finds 1000000 12000
run_case "blocks of 100 bytes likewise" finds 100 16000

finds_all() { VMMALLOC_RESERVE=full VMMALLOC_POOL_SIZE=512M finds 4000 3000; }
run_case "VMMALLOC_RESERVE=full: so is all of the pool" finds_all

never() { need_small; VMMALLOC_HUGE_PAGES=never huge_pages touch 1000000 small 64; }
run_case "VMMALLOC_HUGE_PAGES=never: one for each small page" never
refuses() { need_small; huge_pages refuse 1000000 small 64; }
run_case "so it is in a process that is not to have any (PR_SET_THP_DISABLE)" refuses

space() { VMMALLOC_HUGE_PAGES=$1 preload "$PROGRAMS/huge_pages" space "$2"; }
takes_no_more() {
	local mib always never
	for mib in 1 8 15 17 40 200; do
		always=$(space always $mib) && never=$(space never $mib) || return 1
		[ $((always - never)) -le $((2 << 20)) ] || fail "$mib MiB: $always bytes, and $never without huge pages"
	done
}
export -f space
run_case "no more is reserved, but for one huge page" takes_no_more

export SEED=${SEED:-$RANDOM}
random() { in_mode "$1" huge_pages random $SEED 60 || fail "SEED=$SEED"; }
export VMMALLOC_HUGE_PAGES=always
for mode in auto 1 2 3; do
	run_case "VMMALLOC_FORK=$mode: blocks, peaks, trims and forks" random $mode
done
at_once() { VMMALLOC_RELEASE=0 in_mode auto huge_pages random $SEED 60 || fail "SEED=$SEED"; }
run_case "the same where all that is free goes back at once" at_once
small_pool() { VMMALLOC_POOL_SIZE=400M in_mode auto huge_pages random $SEED 30 || fail "SEED=$SEED"; }
run_case "the same in a pool of 400 MiB" small_pool

adapts() { unset VMMALLOC_HUGE_PAGES; random auto; }
run_case "the same where they may seem slow" adapts

end_suite
