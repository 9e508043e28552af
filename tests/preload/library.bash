#!/bin/bash
# library.bash -- the library under small programs, one behaviour each; and its own words, to the letter.
. "$(dirname "$0")/../lib/suite.bash"
PROGRAMS=$BUILD/tests/preload
LIBRARIES=$PROGRAMS/libraries
export PROGRAMS LIBRARIES

# runs_quietly PROGRAM [ARGUMENT...] -- exits 0 on a pool and says nothing on standard error.
runs_quietly() {
	local program=$1
	shift
	preload "$PROGRAMS/$program" "$@" 2>stderr || { cat stderr; return 1; }
	[ ! -s stderr ] || { cat stderr; return 1; }
}

# refuses LINE COMMAND... -- the command ends with a status other than 0, before main, with that one line.
refuses() {
	local line=$1 status
	shift
	"$@" >stdout 2>stderr
	status=$?
	[ "$(cat stderr)" = "Error (libvmmalloc): $line" ] || { echo "said: $(cat stderr)"; return 1; }
	[ ! -s stdout ] || fail "got to main"
	[ $status -eq 1 ] || fail "exit status $status"
}
export -f runs_quietly refuses

with_pool_size() { VMMALLOC_POOL_SIZE=$1; export VMMALLOC_POOL_SIZE; shift; "$@"; }
export -f with_pool_size

run_case "every entry point serves every size from the pool, in every thread" runs_quietly entry_points
run_case "C and POSIX semantics at the edges" runs_quietly edges
run_case "errno is 0 in main, and stays what it is for a thread's first block" runs_quietly errno_kept
run_case "programs linked to libjemalloc may mix mallocx and free" runs_quietly jemalloc_names
run_case "C++ operators new and delete in all forms" runs_quietly operators
run_case "replaced operators get all other forms" runs_quietly replaced_new
run_case "C++ plugins, RTLD_DEEPBIND and RUNPATH" runs_quietly dlopen "$LIBRARIES"
run_case "blocks from before the constructor" runs_quietly early
run_case "closed and reused descriptors" runs_quietly descriptors
run_case "no threads and no brk, whatever a program asks jemalloc for" runs_quietly no_threads
run_case "a pool's header is readable by another process" runs_quietly header
run_case "fork with threads that allocate" runs_quietly forks
run_case "fork after all descriptors were closed" runs_quietly fork_without_fd
run_case "fork after all descriptors were reused" runs_quietly fork_without_fd reuse
run_case "a destroyed arena's memory is zeroed for calloc" with_pool_size 64M runs_quietly arena_destroy
run_case "a full pool of 14 MiB, the least there is" with_pool_size 14M runs_quietly full
run_case "a full pool of 64 MiB" with_pool_size 64M runs_quietly full
run_case "blocks shorter than their size class" with_pool_size 64M runs_quietly large
run_case "a block of half of the pool grows to nearly all of it" with_pool_size 64M runs_quietly grow_in_place
run_case "98 % of a pool in objects of 1 KiB; then 90 % of it in one" runs_quietly pack 1024 97
run_case "98 % of a pool in objects of 64 KiB; then 90 % of it in one" runs_quietly pack 65536 97.5

spills() { VMMALLOC_ON_FULL=dram VMMALLOC_POOL_SIZE=32M runs_quietly spill; }
run_case "VMMALLOC_ON_FULL=dram spills into ordinary memory" spills

# The blocks of 512 bytes that the pool file of a process has.
pool_blocks() {
	local fd
	for fd in /proc/"$1"/fd/*; do
		case $(readlink "$fd") in "$POOL_DIR"/*deleted*) stat -L -c %b "$fd"; return ;; esac
	done
	echo 0
}
export -f pool_blocks

reserves_all() {
	VMMALLOC_RESERVE=full VMMALLOC_POOL_SIZE=96M preload exec sleep 30 &
	sleeper=$!
	trap 'kill $sleeper' EXIT
	for _ in $(seq 200); do
		[ "$(pool_blocks $sleeper)" -ge $((96 << 11)) ] && return 0
		read -rt 0.05 <> <(:)
	done
	fail "only $(pool_blocks $sleeper) blocks are reserved"
}
run_case "VMMALLOC_RESERVE=full takes all of the space at the start" reserves_all

trims() { preload "$PROGRAMS/info" 2>stderr || { cat stderr; return 1; }; grep -q '^pool: *1073741824 bytes' stderr; }
run_case "mallinfo, malloc_info, malloc_stats, malloc_trim" trims

many_arenas() { VMMALLOC_ARENAS=256 runs_quietly entry_points; }
run_case "256 arenas" many_arenas

# --- nobody's options ---

hostile_options() {
	MALLOC_CONF='junk:true,abort:true,background_thread:true,dss:primary,retain:true,stats_print:true,nonsense:1' \
		runs_quietly no_threads
}
run_case "MALLOC_CONF changes nothing and prints nothing" hostile_options

no_foreign_memory() {
	need strace
	preload strace -f -e trace=brk,mmap -o trace "$PROGRAMS/entry_points" || return 1
	! grep 'brk(0x' trace || fail "brk was moved"
}
run_case "nothing goes to brk" no_foreign_memory

# --- words for bad input ---

DIR=VMMALLOC_POOL_DIR SIZE=VMMALLOC_POOL_SIZE
hello() { env LD_PRELOAD="$LIBRARY" "$@" "$PROGRAMS/hello"; }
export -f hello

says() { run_case "says: $1" refuses "$@"; }
says "environment variable $DIR not specified" hello $SIZE=64M
says "environment variable $SIZE not specified" hello $DIR=/dev/shm
says "$DIR is empty, expected the path of a writable directory" hello $DIR= $SIZE=64M
says "$SIZE value is less than minimum (1048576 < 14680064)" hello $DIR=/dev/shm $SIZE=1048576
says "$SIZE value is less than minimum (1048576 < 14680064)" hello $DIR=/dev/shm $SIZE=1M
says "$SIZE value is less than minimum (14680063 < 14680064)" hello $DIR=/dev/shm $SIZE=14680063
says "negative $SIZE value (-1)" hello $DIR=/dev/shm $SIZE=-1
says "$SIZE value is too large (99999999999999999999)" hello $DIR=/dev/shm $SIZE=99999999999999999999
says "$SIZE value is not a size (64MB), expected a number of bytes or one with K, M, G or T" \
	hello $DIR=/dev/shm $SIZE=64MB
says "$SIZE value is not a size (), expected a number of bytes or one with K, M, G or T" hello $DIR=/dev/shm $SIZE=
says "incorrect VMMALLOC_RESERVE value (some), expected grow or full" \
	hello $DIR=/dev/shm $SIZE=64M VMMALLOC_RESERVE=some
says "incorrect VMMALLOC_HUGE_PAGES value (some), expected auto, always or never" \
	hello $DIR=/dev/shm $SIZE=64M VMMALLOC_HUGE_PAGES=some
says "incorrect VMMALLOC_RELEASE value (soon), expected a number of seconds up to 1000000, or never" \
	hello $DIR=/dev/shm $SIZE=64M VMMALLOC_RELEASE=soon
says "incorrect VMMALLOC_ON_FULL value (swap), expected fail, dram or grow" \
	hello $DIR=/dev/shm $SIZE=64M VMMALLOC_ON_FULL=swap
says "incorrect VMMALLOC_ARENAS value (0), expected a number from 1 to 4094" \
	hello $DIR=/dev/shm $SIZE=64M VMMALLOC_ARENAS=0
WANTED=", expected an existing, writable directory"
says "pool creation failed: $DIR (/no/such/place): No such file or directory$WANTED" \
	hello $DIR=/no/such/place $SIZE=64M
says "pool creation failed: $DIR (/etc/passwd): Not a directory$WANTED" hello $DIR=/etc/passwd $SIZE=64M

not_writable() {
	[ "$(id -u)" -eq 0 ] || skip "must be root to become another user"
	# the user cannot read what is in a home directory
	chmod 711 .. && chmod 755 . && cp "$LIBRARY" . || return 1
	refuses "pool creation failed: VMMALLOC_POOL_DIR ($WORK): Permission denied$WANTED" \
		setpriv --reuid 65534 --clear-groups env LD_PRELOAD="$WORK/${LIBRARY##*/}" VMMALLOC_POOL_DIR="$WORK" \
		VMMALLOC_POOL_SIZE=64M /bin/true
}
export WANTED
run_case "says: a directory that is not writable" not_writable

file_size_limit() {
	ulimit -f 1000
	refuses "pool creation failed: file size limit (ulimit -f) in /dev/shm: File too large" \
		hello VMMALLOC_POOL_DIR=/dev/shm VMMALLOC_POOL_SIZE=64M
}
run_case "says: a file size limit that is too low" file_size_limit

address_space_limit() {
	ulimit -v 1000000
	refuses "pool creation failed: address space in /dev/shm: Cannot allocate memory" \
		hello VMMALLOC_POOL_DIR=/dev/shm VMMALLOC_POOL_SIZE=64G
}
run_case "says: an address space limit that is too low" address_space_limit

# --- who may load it, and how ---

# jemalloc's thread-local state needs more room than glibc keeps for late libraries: glibc must be told, or says no.
late() {
	VMMALLOC_POOL_DIR=$POOL_DIR GLIBC_TUNABLES=glibc.rtld.optional_static_tls=8192 "$PROGRAMS/late" "$LIBRARY" ||
		return 1
	VMMALLOC_POOL_DIR=$POOL_DIR "$PROGRAMS/late" "$LIBRARY" 2>stderr
	[ $? -eq 1 ] && grep -q 'static TLS block' stderr
}
run_case "the library may be loaded late, where glibc keeps room for it" late

linked_only() { VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=1G "$PROGRAMS/edges"; }
run_case "a program linked with -lvmmalloc needs no LD_PRELOAD" linked_only

other_identity() {
	[ "$(id -u)" -eq 0 ] || skip "must be root to change root directory and user"
	mkdir empty
	runs_quietly other_identity "$WORK/empty"
}
run_case "chroot and setuid" other_identity

set_uid() {
	[ "$(id -u)" -eq 0 ] || skip "must be root to make a set-uid program"
	setpriv --reuid 65534 --clear-groups test -r "$LIBRARY" || skip "other users cannot read $LIBRARY"
	cp "$PROGRAMS/secure" . && chown 65534 secure && chmod 4755 . secure
	VMMALLOC_POOL_DIR=/no/such/place ./secure
}
run_case "a set-uid program keeps ordinary memory" set_uid

tcmalloc() {
	local tc
	tc=$(ldconfig -p | awk '/libtcmalloc_minimal.so.4/ { print $NF; exit }')
	[ -n "$tc" ] || skip "no libtcmalloc_minimal on this machine"
	LIBRARY="$LIBRARY $tc" runs_quietly entry_points && LIBRARY="$LIBRARY $tc" runs_quietly operators
}
run_case "a program linked to libtcmalloc" tcmalloc

end_suite
