#!/bin/bash
# class_pools.bash -- programs with their heap on a daemon's pool that they asked for by its class.
. "$(dirname "$0")/../lib/suite.bash"
. "$(dirname "$0")/helpers/daemon.bash"
PROGRAMS=$BUILD/tests/preload
export PROGRAMS

# A daemon with pools of that size.
serve() {
	setup
	conf <<-END
		[pool a]
		directory = $POOLS
		size = $1
		ready = 2
	END
	daemon_start
	wait_least a ready 1
}

on_class() { VMMALLOC_SOCKET=$RUN/pool.sock VMMALLOC_POOL=a LD_PRELOAD=$LIBRARY "$@"; }
export -f serve on_class

arenas() {
	local own
	serve "$1"
	own=$(VMMALLOC_POOL_SIZE=$1 preload "$PROGRAMS/arena_count") || return 1
	is "$(on_class "$PROGRAMS/arena_count")" "$own"
	is "$(ask daemon handed_out)" 1
}
run_case "a pool of 256 MiB has as many arenas as one of the program's own" arenas 256M
run_case "so has one of 16 MiB" arenas 16M

end_suite
