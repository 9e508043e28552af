# suite.bash -- what the shell suites share: cases under a deadline, counted, each in a directory of its own.
#
#   . tests/lib/suite.bash
#   case_one() { ...; }            # a case is a function; it fails by returning non-zero
#   run_case "says what it expects" case_one [ARGUMENT...]
#   end_suite                      # prints "N passed, N failed, N skipped"; exit status 1 if any failed
#
# `own_mounts "$@"` before all else lets the cases of a suite that root runs mount what they like: `need_mounts`.
#
# Inside a case: `preload COMMAND...` runs a command on a pool, `take_huge_pages COUNT` sets some aside, `built_tree
# DIRECTORY` copies what was built with its sources, `skip REASON` ends the case as skipped, `fail REASON` ends it as failed,
# $WORK is an empty directory. ONLY=REGEX in the environment
# runs only cases so named.

set -u
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$ROOT/build}
LIBRARY=${LIBRARY:-$BUILD/release/libvmmalloc.so.1}
DEADLINE=${DEADLINE:-120}           # seconds for one case
POOL_DIR=${POOL_DIR:-/dev/shm}
passed=0 failed=0 skipped=0
SUITE=$(basename "$0")
SUITE_TMP=$(mktemp -d)
trap 'rm -rf "$SUITE_TMP"' EXIT
SKIPPED=77
unset MAKEFLAGS MAKELEVEL MFLAGS    # of the make that started us: one that a case starts would warn of its -j
HUGE_PAGES=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

skip() { echo "skipped: $*" >&2; exit $SKIPPED; }
fail() { echo "failed: $*" >&2; exit 1; }

# A command with its heap on a pool; VMMALLOC_* that the case has set go before the defaults.
preload() {
	VMMALLOC_POOL_DIR=${VMMALLOC_POOL_DIR-$POOL_DIR} VMMALLOC_POOL_SIZE=${VMMALLOC_POOL_SIZE-1G} \
		LD_PRELOAD=$LIBRARY "$@"
}

# So many huge pages of 2 MiB more, as long as the case lasts: no other one sets their number then. Traps of the case
# that replace this one's have give_huge_pages among what they do.
take_huge_pages() {
	local more=$1
	[ -w "$HUGE_PAGES" ] || skip "no huge pages of 2 MiB to be had"
	exec 7<"$HUGE_PAGES" && flock 7
	huge_pages_before=$(cat "$HUGE_PAGES")
	trap give_huge_pages EXIT
	echo $((huge_pages_before + more)) 2>/dev/null >"$HUGE_PAGES"
	[ "$(cat "$HUGE_PAGES")" -ge $((huge_pages_before + more)) ] || skip "no memory for $more huge pages"
}
give_huge_pages() { echo "$huge_pages_before" >"$HUGE_PAGES"; }

# Ends the case as skipped unless every command is there.
need() {
	local command
	for command; do
		command -v "$command" >/dev/null || skip "no $command on this machine"
	done
}

# The source tree in a new directory, and in its build/ what was built here, which is younger.
built_tree() {
	mkdir -p "$1/build" && (cd "$ROOT" && tests/lib/source-files.bash | tar -cT -) | tar -x -C "$1" || fail "no tree"
	cp -a "$BUILD"/{release,debug,program,jemalloc,jemalloc.choice,paths} "$1/build" || fail "nothing is built"
}

# The suite begins again in a mount namespace of its own, if it may have one. What is mounted there vanishes with it,
# whatever way the suite ends.
own_mounts() {
	if [ "$(id -u)" -eq 0 ] && [ -z "${OWN_MOUNTS-}" ] && unshare -m --propagation private true 2>/dev/null; then
		rm -rf "$SUITE_TMP"
		OWN_MOUNTS=1 exec unshare -m --propagation private "$0" "$@"
	fi
	export OWN_MOUNTS
}
need_mounts() { [ -n "${OWN_MOUNTS-}" ] || skip "mounting is not allowed here"; }
need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root, to be several users"; }

# The case runs in a subshell and a session of its own; past the deadline all of that session is killed.
run_case() {
	local name=$1 status began=$SECONDS took
	shift
	[[ $name =~ ${ONLY-} ]] || return 0
	WORK=$SUITE_TMP/work
	rm -rf "$WORK"; mkdir -p "$WORK"
	export ROOT BUILD LIBRARY POOL_DIR WORK SKIPPED HUGE_PAGES
	export -f skip fail preload need need_mounts need_root built_tree take_huge_pages give_huge_pages
	export -f "$1"
	setsid timeout -k 5 "$DEADLINE" bash -c 'cd "$WORK" || exit 1; "$@"' case "$@" \
		>"$SUITE_TMP/log" 2>&1 </dev/null
	status=$?
	took=$((SECONDS - began))
	case $status in
	0) passed=$((passed + 1)); echo "ok   $SUITE: $name$([ $took -lt 5 ] || echo " ($took s)")" ;;
	"$SKIPPED") skipped=$((skipped + 1)); echo "skip $SUITE: $name: $(tail -n 1 "$SUITE_TMP/log")" ;;
	*)
		failed=$((failed + 1))
		[ $status -eq 124 ] || [ $status -eq 137 ] &&
			echo "(past its deadline of $DEADLINE s)" >>"$SUITE_TMP/log"
		echo "FAIL $SUITE: $name (status $status)"
		tail -n 40 "$SUITE_TMP/log" | sed 's/^/     | /'
		;;
	esac
}

# What the compiler runs as `as`, as far as the kernel keeps names.
assembler() {
	local program
	program=$(gcc -print-prog-name=as)
	program=${program##*/}
	echo "${program:0:15}"
}
export -f assembler

end_suite() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ]
	exit
}
