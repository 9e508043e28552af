#!/bin/bash
# peaks.bash LIBRARY [SECONDS] -- what is left of a peak, beside glibc and jemalloc: memory of the process (VmRSS), and
# what the pool's file has, most of which is part of it. At the peak, right after all is freed, and after so many
# seconds of little work. MiB.
set -u
. "$(dirname "$0")/rows.bash"
library=$(realpath "$1") seconds=${2:-30}
export VMMALLOC_POOL_DIR=${VMMALLOC_POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=1G
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jemalloc=$(of_distribution libjemalloc.so.2)

# measure PID: "RSS BLOCKS"
measure() {
	local fd blocks=0 rss
	rss=$(awk '/^VmRSS:/ { print int($2 / 1024) }' "/proc/$1/status")
	for fd in "/proc/$1/fd"/*; do
		case $(readlink "$fd") in
		"$VMMALLOC_POOL_DIR"/*) blocks=$(($(stat -L -c %b "$fd") / 2048)); break ;;
		esac
	done
	echo "$rss $blocks"
}

# peak_row PROGRAM ALLOCATOR RSS BLOCKS [RSS BLOCKS RSS BLOCKS]
peak_row() {
	printf '%-8s %-12s' "$1" "$2"
	shift 2
	printf ' %8s' "$@"
	printf '\n'
}

redis() {
	local socket=$work/redis.$1 server peak freed
	ask() { redis-cli -s "$socket" "$@"; }
	LD_PRELOAD=$2 timeout $((seconds + 90)) redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no \
		--enable-debug-command yes --dir "$work" >/dev/null 2>&1 &
	for _ in $(seq 100); do ask ping >/dev/null 2>&1 && break; sleep 0.1; done
	server=$(ask info server | tr -d '\r' | sed -n 's/^process_id://p')
	ask debug populate 400000 key 300 >/dev/null
	peak=$(measure "$server")
	ask flushall >/dev/null
	freed=$(measure "$server")
	for _ in $(seq "$seconds"); do
		ask debug populate 1000 key 300 >/dev/null
		ask flushall >/dev/null
		sleep 1
	done
	peak_row redis "$1" $peak $freed $(measure "$server")
	ask shutdown nosave >/dev/null
	wait
}

# Its objects come from malloc; by default most are in mappings of Python's own.
python() {
	LD_PRELOAD=$2 PYTHONMALLOC=malloc timeout $((seconds + 90)) python3 -c '
import glob, os, sys, time
def measure():
    rss = [int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmRSS:")]
    blocks = [os.stat(fd).st_blocks // 2048 for fd in glob.glob("/proc/self/fd/*")
              if os.path.lexists(fd) and os.readlink(fd).startswith(os.environ["VMMALLOC_POOL_DIR"] + "/")]
    return rss + (blocks or [0])[:1]
big = {i: str(i) * 20 for i in range(1000000)}
figures = measure()
del big
figures += measure()
for i in range(int(sys.argv[1]) * 10):
    small = [str(n) * 100 for n in range(1000)]
    time.sleep(0.1)
print(*figures, *measure())' "$seconds" >"$work/python.$1"
	peak_row python "$1" $(tail -n 1 "$work/python.$1")
}

# The most that its processes ever had, the largest of them.
compiler() {
	LD_PRELOAD=$2 timeout $((seconds + 90)) python3 -c '
import os, resource, subprocess, sys
subprocess.run(["gcc", "-O1", "-c", sys.argv[1], "-o", "/dev/null"], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, "-")' "$work/source.c" >"$work/compiler.$1"
	peak_row gcc "$1" $(tail -n 1 "$work/compiler.$1")
}

c_functions 800 >"$work/source.c"

printf '%-8s %-12s %8s %8s %8s %8s %8s %8s\n' '' '' peak file freed file "${seconds} s" file
for what in redis python compiler; do
	for allocator in glibc jemalloc libvmmalloc; do
		preload=''
		[ $allocator != jemalloc ] || preload=$jemalloc
		[ $allocator != libvmmalloc ] || preload=$library
		[ $allocator = jemalloc ] && [ -z "$preload" ] || $what $allocator "$preload" &
	done
	wait
done
