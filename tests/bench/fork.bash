#!/bin/bash
# fork.bash WORK LIBRARY [ROUNDS] -- what a fork costs beside glibc's, in one run, interleaved: medians and ratios.
# WORK is the built fork_cost, beside fork_scale; pools of 4 GiB in /dev/shm. Times in microseconds; the shell loop in
# milliseconds. SCALE_ONLY=1 leaves out all but many threads, large heaps and many pools.
set -u
cost=$1 library=$2 rounds=${3:-7}
export VMMALLOC_POOL_DIR=${VMMALLOC_POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=4G
samples=$(mktemp)
trap 'rm -f "$samples"' EXIT

# sample ROW COLUMN MIB PERCENT [MODE]: one run; "fork US again US back US step US"
sample() {
	local row=$1 column=$2 line
	if [ $# -gt 4 ]; then
		line=$(VMMALLOC_FORK=$5 LD_PRELOAD=$library timeout 60 "$cost" "$3" "$4") || return 1
	else
		line=$(timeout 60 "$cost" "$3" "$4") || return 1
	fi
	set -- $line
	echo "$row: fork|$column|$2" >>"$samples"
	[ "$4" = - ] || echo "$row: again|$column|$4" >>"$samples"
	[ "$6" = - ] || echo "$row: back, ${percent} % changed|$column|$6" >>"$samples"
	[ "$8" = - ] || echo "$row: back, ${percent} % changed, a step|$column|$8" >>"$samples"
}

loop() {
	local began=${EPOCHREALTIME/./}
	"$@" bash -c 'for ((i = 0; i < 500; i++)); do /bin/true; done' || return 1
	echo "shell loop of 500 (ms)|$column|$(((${EPOCHREALTIME/./} - began) / 1000))" >>"$samples"
}

# scale ROW COLUMN ARGUMENTS: one run of fork_scale; ROW says which figures: "fork US work US stall US ..."
scale() {
	local row=$1 column=$2 name figure words
	shift 2
	words=$(timeout 120 "${cost%cost}scale" "$@") || return 1
	set -- $words
	while [ $# -gt 1 ]; do
		name=$1 figure=$2
		case $name in
		spawn) name="posix_spawn, the processor's time" ;;
		vfork) name="vfork, the processor's time" ;;
		fork) name="fork, by the clock" ;;
		work) name="fork, the processor's time" ;;
		stall) name="longest step of another thread"; [[ $row == *threads ]] || name= ;;
		p999) name="a malloc on the way back, 99.9 %" ;;
		most) name="a malloc on the way back, longest" ;;
		maps) name="mappings, most" ;;
		*) name= ;;
		esac
		[ -z "$name" ] || echo "$row: $name|$column|$figure" >>"$samples"
		shift 2
	done
}

# A heap of 64 MiB beside threads, and larger ones, half of which changes before the child is gone.
scales() {
	local threads
	for threads in 1 100 1000; do
		scale "$threads threads" glibc $threads 64 50 || return 1
		[ -z "$jemalloc" ] || LD_PRELOAD=$jemalloc scale "$threads threads" jemalloc $threads 64 50 || return 1
		LD_PRELOAD=$library scale "$threads threads" auto $threads 64 50 || return 1
	done
	scale "512 MiB" glibc 0 512 50 || return 1
	[ -z "$jemalloc" ] || LD_PRELOAD=$jemalloc scale "512 MiB" jemalloc 0 512 50 || return 1
	LD_PRELOAD=$library scale "512 MiB" auto 0 512 50 || return 1
	VMMALLOC_POOL_SIZE=100G LD_PRELOAD=$library scale "512 MiB" "of 100 GiB" 0 512 50 || return 1
	VMMALLOC_POOL_SIZE=16M VMMALLOC_ON_FULL=grow LD_PRELOAD=$library scale "1000 MiB" "64 pools" 0 1000 50 || return 1
	scale "1000 MiB" glibc 0 1000 50
}

jemalloc=$(ldconfig -p | awk '/libjemalloc.so.2/ { print $NF; exit }')
for ((round = 0; round < rounds; round++)); do
	scales || exit 1
	[ -z "${SCALE_ONLY-}" ] || continue
	for mib in 1 64 1024; do
		percent=1
		sample "$mib MiB" glibc $mib 1 || exit 1
		sample "$mib MiB" fork=1 $mib 1 1 || exit 1
		[ $mib -gt 64 ] || sample "$mib MiB" fork=2 $mib 1 2 || exit 1
		for percent in 1 10 100; do
			sample "$mib MiB" auto $mib $percent auto || exit 1
		done
	done
	column=glibc; loop env -u LD_PRELOAD || exit 1
	column=jemalloc; [ -z "$jemalloc" ] || loop env LD_PRELOAD="$jemalloc" || exit 1
	column=auto; VMMALLOC_POOL_SIZE=1G loop env LD_PRELOAD="$library" || exit 1
	column=off; VMMALLOC_POOL_SIZE=1G loop env VMMALLOC_CHILDREN=off LD_PRELOAD="$library" || exit 1
done

sort -t'|' -k1,2 -k3,3n "$samples" | awk -F'|' '
	function flush() { if (n) { key[++keys] = row; col[keys] = column; median[row, column] = v[int((n + 1) / 2)] } n = 0 }
	($1 != row || $2 != column) { flush(); row = $1; column = $2 }
	{ v[++n] = $3 }
	END {
		flush()
		for (i = 1; i <= keys; i++) {
			base = median[key[i], "glibc"]
			printf "%-46s %-10s %10.1f", key[i], col[i], median[key[i], col[i]]
			if (base) printf "  %6.2f", median[key[i], col[i]] / base
			printf "\n"
		}
	}'
