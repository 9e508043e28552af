#!/bin/bash
# settings.bash [NAME...] -- which settings of allocators are best: each beside the same allocator without
# any, over all workloads; the geometric means of the ratios of elapsed time, of processor time and of memory. What is
# best stands in allocators.c. PERCENT of the work (default 25), ROUNDS of it (default 3).
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

settings() {
	case $1 in
	glibc)
		local keep=glibc.malloc.trim_threshold=268435456:glibc.malloc.mmap_threshold=67108864
		local cache=glibc.malloc.tcache_count=127 huge=glibc.malloc.hugetlb=1
		printf 'GLIBC_TUNABLES=%s\n' $cache $huge $keep $huge:$keep $cache:$keep $huge:$cache:$keep
		;;
	jemalloc)
		printf '%s\n' MALLOC_CONF={background_thread:true,percpu_arena:percpu,thp:always,dirty_decay_ms:-1,tcache_max:262144} \
			MALLOC_CONF=percpu_arena:percpu,{dirty_decay_ms:-1,thp:always}
		;;
	mimalloc)
		printf '%s\n' MIMALLOC_{LARGE_OS_PAGES=1,ALLOW_DECOMMIT=0,EAGER_COMMIT_DELAY=0,RESET_DELAY=10000,SEGMENT_DECOMMIT_DELAY=10000}
		;;
	tcmalloc)
		printf '%s\n' TCMALLOC_{MAX_TOTAL_THREAD_CACHE_BYTES=268435456,RELEASE_RATE=0,TRANSFER_NUM_OBJ=512,AGGRESSIVE_DECOMMIT=0}
		;;
	libvmmalloc)
		printf '%s\n' VMMALLOC_{HUGE_PAGES=always,HUGE_PAGES=never,RELEASE=never,ARENAS=2,ARENAS=8}
		;;
	*) echo "settings.bash: no such allocator: '$1': expected libvmmalloc, glibc, jemalloc, mimalloc or tcmalloc" >&2; exit 2 ;;
	esac
}

[ $# -gt 0 ] || set -- glibc jemalloc mimalloc tcmalloc libvmmalloc
printf '%-90s %8s %8s %8s\n' "" elapsed cpu memory
for name; do
	mapfile -t variants < <(settings "$name" | sed "s/^/$name /")
	"$BUILD/tests/bench/bench" --library "$BUILD/release/libvmmalloc.so.1" --sections workloads --only "$name" \
		--baseline "$name" --rounds "${ROUNDS:-3}" --percent "${PERCENT:-25}" --json "$work/json" \
		"${variants[@]/#/--variant=}" >/dev/null || exit 1
	jq -r --arg base "$name" '
		def geomean(f): [.workloads.results[] | .[$base] as $b | to_entries[] | select(.key != $base)
			| { key, ratio: ((.value | f) / ($b | f)) }] | group_by(.key)
			| map({ key: .[0].key, value: (map(.ratio | log) | add / length | exp) }) | from_entries;
		geomean(.median) as $time | geomean(.user_s + .system_s) as $cpu | geomean(.peak_kib) as $peak
		| $time | keys[] | [., $time[.], $cpu[.], $peak[.]] | @tsv' "$work/json" |
		awk -F '\t' '{ printf "%-90s %8.3f %8.3f %8.3f\n", $1, $2, $3, $4 }'
done
