#!/bin/bash
# inside.bash RESULTS -- in a fresh system that enter.bash has entered, and a fresh copy of this repository: make demo,
# make check and the quick bench. The directory RESULTS gets their logs, and lines of names and values for the table.
set -u
cd "$(dirname "$0")/../.." || exit 1
results=$1
export CI=1    # what this compiler warns of is an error

# step NAME SECONDS TARGET...: says how it ended, and what failed.
step() {
	local name=$1 seconds=$2 began=$SECONDS status
	shift 2
	timeout -k 10 "$seconds" make "$@" >"$results/$name.log" 2>&1 </dev/null
	status=$?
	grep -A 12 '^FAIL' "$results/$name.log"
	if [ $status -eq 0 ]; then
		echo "$name yes" >>"$results/values"
	else
		tail -n 5 "$results/$name.log"
	fi
	echo "make $*: exit status $status after $((SECONDS - began)) s"
}

step demo 900 demo
step check 4500 -j"$(nproc)" check
. /etc/os-release
{
	echo "system Debian ${VERSION_ID:-testing}"
	echo "gcc $(gcc -dumpfullversion)"
	echo "glibc $(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)"
	echo "jemalloc $(dpkg-query -W -f '${Version}' libjemalloc-dev | sed 's/-.*//')"
	echo "kernel $(uname -r | sed 's/-.*//')"
} >>"$results/values"
step bench 900 bench-allocators BENCH_FLAGS="--quick --json $results/bench.json"
