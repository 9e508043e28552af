#!/bin/bash
# doctor.bash -- vmmallocctl doctor: directories, limits, programs and configurations that are known for what they are.
# waits: for daemons that hang
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../integration/helpers/daemon.bash"

# Other users cannot reach the build tree. The daemon lies beside vmmallocctl, as it is installed.
cp "$BUILD/${FLAVOUR:-release}/vmmallocctl" "$DAEMON_PROGRAM" "$LIBRARY" "$HELPERS" || exit 1
CTL=$HELPERS/vmmallocctl LIBRARY=$HELPERS/$(basename "$LIBRARY") SEEN=$SUITE_TMP/seen
: >"$SEEN"
export CTL SEEN

# doctor WORD...: what it says is in `out`, its exit status in $status; nothing is on standard error
doctor() {
	"$CTL" --runtime-dir "${RUN:-$WORK/none}" doctor "$@" >out 2>err
	status=$?
	[ ! -s err ] || fail "doctor $*: $(cat err)"
	sed -nE 's/^(ok|note|problem) +[^:]*: ([a-z-]+): .*/\2/p' out >>"$SEEN"
}
# found LEVEL CHECK WORDS [SUBJECT]: there is such a line
found() {
	grep -E "^$1 " out | grep -F "${4-}: $2: " | grep -qF -- "$3" || fail "no $1, $2, '$3' in: $(grep -F ": $2: " out || cat out)"
}
# judged LEVEL CHECK: all of that check are of that level, and there is one
judged() { is "$(grep -F ": $2: " out | cut -d ' ' -f 1 | sort -u)" "$1"; }
no_problem() { [ $status -eq 0 ] && ! grep -q '^problem' out || fail "$(grep '^problem' out; echo "status $status")"; }
problem_only() { is "$status $(grep '^problem' out | sed -E 's/^problem +[^:]*: ([a-z-]+): .*/\1/' | sort -u | tr '\n' ' ')" "1 $* "; }
# mounted NAME TYPE OPTIONS [SOURCE]: on $WORK/NAME
mounted() {
	need_mounts
	mkdir "$1" && mount -t "$2" -o "$3" "${4:-none}" "$WORK/$1" || skip "no $2 with $3 here"
	MOUNTS="$WORK/$1 $MOUNTS"
}
# The same as another user, who may reach $WORK for that.
nobody_has_doctor() {
	chmod 711 "$WORK"
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$CTL" --runtime-dir "$WORK/none" doctor "$@" >out 2>err
	status=$?
	[ ! -s err ] || fail "doctor $*: $(cat err)"
}
compiled() { need gcc; gcc -O0 -w "$@" || skip "cannot be compiled here: $*"; }
export -f doctor found judged no_problem problem_only mounted nobody_has_doctor compiled

usage() {
	refused() {
		"$CTL" doctor "$@" >out 2>err
		is "$? $(cat err) $(cat out)" "2 vmmallocctl: $REFUSAL "
	}
	REFUSAL="which program? vmmallocctl doctor [DIR...] -- PROGRAM" refused --
	REFUSAL="'': expected a directory, and no more than 256" refused ''
	REFUSAL="--json is for what was found: it does not go with --checks" refused --json --checks
	REFUSAL="--json is for what was found: it does not go with --heap" refused --heap -J
	"$CTL" doctor --json "$POOL_DIR" "$WORK" >/dev/full 2>err
	is "$? $(cat err)" "1 vmmallocctl: standard output: No space left on device"
	"$CTL" doctor --checks >/dev/full 2>err
	is "$? $(cat err)" "1 vmmallocctl: standard output: No space left on device"
}
run_case "wrong usage is one line" usage

# The page has a table of all checks, in the order of the program's list.
documented() {
	"$CTL" doctor --checks | cut -d ' ' -f 1 >checks
	sed -n '/^\.SS doctor /,/^\.SS [^d]/p' "$ROOT/doc/vmmallocctl.1" | grep -A 1 '^\.TP 24' | sed -n 's/^\.B //p' >page
	[ -s checks ] && diff checks page
}
run_case "each check is in the manual's table" documented

plain_tmpfs() {
	setup
	mounted t tmpfs size=100M,huge=always,mode=1777
	doctor t
	no_problem
	found ok huge-pages "huge=always" t
	for check in directory file-system mount-options files reserving hole-punching mapping forks reclaim space inodes nodes \
		dax pool; do
		judged ok $check
	done
	found ok pool "libvmmalloc $("$CTL" --version | cut -d ' ' -f 2): the heap is on a pool of 14 MiB, and a child's is" t
	is "$(ls -A t)" ""
	mount -o remount,huge=never t
	doctor t
	found note huge-pages "huge=never" t
	found note huge-pages "mend it: mount -o remount,huge=within_size $WORK/t" t
	# what it advises mends it
	eval "$(sed -n 's/^note .*: huge-pages: .*mend it: \(mount .*\)/\1/p' out)"
	doctor t
	found ok huge-pages "huge=within_size" t
}
run_case "a tmpfs, with and without huge pages" plain_tmpfs

mount_options() {
	setup
	mounted t tmpfs size=50M,noexec,nosuid,mpol=bind:0
	doctor t
	no_problem
	found note mount-options noexec
	found ok nodes "mpol=bind:0"
	mount -o remount,ro,exec t
	doctor t
	found problem mount-options "read-only; mend it: mount -o remount,rw $WORK/t"
	[ $status -eq 1 ] || fail "$status"
	# a bind mount may be what is read-only
	mkdir b && mount --bind "$POOLS" b && mount -o remount,bind,ro b || fail bind
	MOUNTS="$WORK/b $MOUNTS"
	doctor b
	found problem mount-options "read-only"
}
run_case "ro, noexec, nosuid and mpol=" mount_options

no_space() {
	setup
	mounted t tmpfs size=20M
	head -c 15M /dev/zero >t/full
	doctor t
	problem_only space
	found problem space "5M are free of 20M: a pool may need 14M; mend it: mount -o remount,size="
	eval "$(sed -n 's/^problem .*: space: .*mend it: \(mount .*\)/\1/p' out)"
	doctor t
	no_problem
	head -c 100M /dev/zero >t/full 2>/dev/null
	doctor t
	found problem reserving "No space left on device"
	found problem space "0 are free"
	# what is asked for is what the environment asks for
	rm t/full
	VMMALLOC_POOL_SIZE=1G doctor t
	found problem space "a pool may need 1G"
}
run_case "a full file system" no_space

no_inodes() {
	setup
	mounted t tmpfs size=50M,nr_inodes=3
	touch t/1 t/2
	doctor t
	found problem inodes "none is free of 3; mend it: mount -o remount,nr_inodes="
	found problem files "no inode is free"
	eval "$(sed -n 's/^problem .*: inodes: .*mend it: \(mount .*\)/\1/p' out)"
	doctor t
	no_problem
}
run_case "a file system without inodes" no_inodes

on_overlay() {
	setup
	mkdir lower
	mounted u tmpfs size=50M
	mkdir u/upper u/work
	mounted o overlay "lowerdir=lower,upperdir=u/upper,workdir=u/work"
	doctor o
	# a program's own pool works there; a class's does not
	no_problem
	found note file-system overlayfs
	found note reclaim "is granted a write lease"
	printf '[pool a]\ndirectory = %s\nsize = 16M\n' "$WORK/o" >o.conf
	doctor --config o.conf
	found problem reclaim "is granted a write lease" "$WORK/o"
}
run_case "overlayfs" on_overlay

on_disk() {
	local kind=$1
	need "mkfs.$kind"
	setup
	truncate -s "${2:-64M}" image && "mkfs.$kind" -q image || fail "mkfs.$kind"
	mounted m "$kind" loop image
	doctor m
	no_problem
	found ok file-system "$kind, mounted at $WORK/m"
	found note dax "none: the heap is in the page cache"
	for check in files reserving hole-punching mapping forks reclaim pool; do judged ok $check; done
	is "$(find m -name '*vmmalloc*')" ""
}
run_case "ext4" on_disk ext4
run_case "btrfs" on_disk btrfs 128M

# No fallocate, no O_TMPFILE: FUSE's bindfs, say. It is one that waits for a server, too.
on_fuse() {
	need bindfs
	need_mounts
	[ -c /dev/fuse ] || skip "no FUSE here"
	setup
	mkdir f && bindfs "$POOLS" f || skip "bindfs does not mount"
	MOUNTS="$WORK/f $MOUNTS"
	doctor f
	found note file-system "each page that is reserved is sent to its server"
	is "$(ls -A "$POOLS")" ""
	# and one whose server stops
	local server
	server=$(pgrep -f "^bindfs $POOLS f$")
	PIDS="$PIDS $server"
	kill -STOP "$server"
	local start=$SECONDS
	doctor f
	kill -CONT "$server"
	found problem directory "no answer within 8 seconds" f
	[ $((SECONDS - start)) -lt 30 ] || fail "it took $((SECONDS - start)) s"
	# what comes after it was looked at all the same
	judged ok kernel
}
run_case "a FUSE server, and one that hangs" on_fuse

on_hugetlbfs() {
	setup
	take_huge_pages 24
	trap 'give_huge_pages; clean_up' EXIT
	mounted h hugetlbfs pagesize=2M
	doctor h
	no_problem
	found ok huge-pages "pages of 2 MiB, of which"
	found note forks "hugetlbfs: a fork copies"
	judged ok reclaim
	judged ok pool
	VMMALLOC_POOL_SIZE=64G doctor h
	found problem huge-pages "a pool needs 32768; mend it: echo "
}
run_case "hugetlbfs, and too few of its pages" on_hugetlbfs

odd_directories() {
	setup
	doctor "$WORK/no such"
	problem_only directory
	found problem directory "there is none; mend it: install -d -o $(id -u) '$WORK/no such'"
	eval "$(sed -n 's/^problem .*: directory: .*mend it: \(install .*\)/\1/p' out)"
	doctor "$WORK/no such"
	no_problem
	doctor err
	found problem directory "it is no directory"
	mkdir $'a\nproblem b\e[2J'
	doctor $'a\nproblem b\e[2J'
	no_problem
	found ok pool "on a pool" 'a?problem b?[2J'
	mkdir :a:
	VMMALLOC_POOL_DIR=:a: doctor
	found ok pool "on a pool" :a:
	mkdir x y
	VMMALLOC_POOL_DIR=x:y VMMALLOC_POOL_SIZE=16M:32M doctor
	found ok pool "on a pool" x
	found ok pool "on a pool" y
}
run_case "directories that are none, and with odd names" odd_directories

ordinary_user() {
	need_root
	setup
	mkdir -m 700 closed && mkdir -m 755 readable
	nobody_has_doctor closed
	found problem directory "user $NOBODY may not write there; mend it: chown $NOBODY closed"
	nobody_has_doctor closed/in
	found problem directory "user $NOBODY may not see it: nothing more is known of it"
	nobody_has_doctor readable
	problem_only directory
	judged ok file-system
	# where others make pools for it there is no problem
	printf '[pool a]\ndirectory = %s\nsize = 16M\n' "$WORK/readable" >a.conf
	nobody_has_doctor --config a.conf
	no_problem
	found note directory "nothing that needs a file was tried"
	chmod 600 a.conf
	nobody_has_doctor --config a.conf /dev/shm
	no_problem
	found note configuration "user $NOBODY may not read it; mend it: run it as root"
}
run_case "an ordinary user, and what he may not see" ordinary_user

killed() {
	setup
	mounted t tmpfs size=50M
	mkdir t/pools
	local i used
	used=$(df --output=used t | tail -n 1)
	for i in $(seq 40); do
		timeout -s KILL 0.0$((RANDOM % 90 + 10)) "$CTL" --runtime-dir none doctor t/pools >/dev/null 2>&1
	done
	wait_for bash -c "[ \"\$(df --output=used t | tail -n 1)\" = '$used' ]"
	is "$(ls -A t/pools)" ""
	are_gone() { ! pgrep -f "^($CTL .*|/proc/self/exe) doctor" >/dev/null; }
	wait_for are_gone
}
run_case "nothing is left behind, also when it is killed" killed

limited() {
	setup
	(ulimit -v 200000; doctor "$POOLS" >/dev/null; found note limits "RLIMIT_AS is 195.3M, which leaves little beside a pool of 14M"
	VMMALLOC_POOL_SIZE=1G doctor "$POOLS"; found problem limits "RLIMIT_AS is 195.3M, and a pool has 1G: a pool that does not fit") || exit 1
	(ulimit -f 1000; doctor "$POOLS"; problem_only files limits pool reserving
	found problem pool "file size limit (ulimit -f)"
	found problem limits "RLIMIT_FSIZE is 1000K, and a pool has 14M: a larger file cannot be made: no pool; mend it: ulimit -f") || exit 1
	(ulimit -d 10000; doctor "$POOLS"; found note limits "RLIMIT_DATA is 9.8M") || exit 1
	(ulimit -n 32; doctor "$POOLS"; found note limits "RLIMIT_NOFILE is 32") || exit 1
	ulimit -c unlimited
	(echo 0x33 >/proc/self/coredump_filter; doctor "$POOLS"
	found note core-dumps "coredump_filter is 0x33: heaps are missing on hugetlbfs and DAX; mend it: echo 0x1f3 >") || exit 1
	(echo 0x1ff >/proc/self/coredump_filter; doctor "$POOLS"; judged ok core-dumps) || exit 1
}
run_case "limits of the process, and core dumps" limited

in_cgroup() {
	need_root
	setup
	local at=/sys/fs/cgroup limit=memory.max
	if [ ! -e $at/cgroup.controllers ]; then
		at=/sys/fs/cgroup/memory limit=memory.limit_in_bytes
	elif ! grep -qw memory $at/cgroup.subtree_control; then
		skip "groups below the root have no limits of memory here"
	fi
	[ -e $at ] || skip "no control groups of memory here"
	mkdir "$at/doctor-$$" && mkdir "$at/doctor-$$/inner" || skip "no group can be made here"
	trap 'rmdir "$at/doctor-$$/inner" "$at/doctor-$$"; clean_up' EXIT
	echo $((600 << 20)) >"$at/doctor-$$/$limit" || fail limit
	# the limit is that of the group above
	(echo 0 >"$at/doctor-$$/inner/cgroup.procs" && VMMALLOC_POOL_SIZE=1G doctor "$POOLS"
	found note cgroup "this process: at most 600M ($at/doctor-$$/$limit), and pools may have 1G"
	doctor "$POOLS"; found ok cgroup "this process: at most 600M") || exit 1
}
run_case "a control group above that limits memory" in_cgroup

# What a class asks for that gives its pools back while memory is short, with and without a daemon.
pressure() {
	setup
	mkdir disk
	cat >one.conf <<-END
		[pool a]
		directory = $POOLS
		size = 16M
		on_memory_pressure = release
		[pool b]
		directory = $WORK/disk
		size = 16M
		on_memory_pressure = release
	END
	doctor --config one.conf
	! grep -F "$POOLS: file-system: " out | grep "on_memory_pressure" || fail "on a tmpfs it frees none"
	[ "$(stat -f -c %T disk)" = tmpfs ] || found note file-system \
		"a class here has on_memory_pressure = release, which frees no memory on $(findmnt -n -o FSTYPE -T disk)" disk
	[ ! -r /proc/pressure/memory ] || grep -Eq '^(ok|note) .*machine: pressure: tasks waited for memory in [0-9.]*% of' out ||
		fail "$(cat out)"
	need_mounts
	# a kernel that measures none has no such directory
	hide_pressure "$POOLS" &&
		found ok pressure "the kernel does not measure it, and no class asks for it" &&
		hide_pressure --config one.conf && found note pressure "mend it: boot a kernel with CONFIG_PSI, with psi=1" &&
		found note pressure "/proc/pressure/memory: No such file or directory: a class with on_memory_pressure"
	# what is much is what the configuration says
	local words="tasks waited for memory in 7.00% of the last ten seconds"
	PRESSURE=7.00 hide_pressure --config one.conf && found ok pressure "$words"
	printf '[daemon]\nmemory_pressure_limit = 6.99%%\n' >>one.conf
	PRESSURE=7.00 hide_pressure --config one.conf && found note pressure "$words"
}
# doctor, where /proc/pressure is empty, or memory's is $PRESSURE
hide_pressure() {
	unshare -m --propagation private bash -c 'mount -t tmpfs none /proc/pressure &&
		{ [ -z "${PRESSURE-}" ] || echo "some avg10=$PRESSURE avg60=0.00 avg300=0.00 total=0" >/proc/pressure/memory; } &&
		"$CTL" doctor "$@" >out 2>err' doctor "$@"
	[ ! -s err ] || fail "$(cat err)"
}
export -f hide_pressure
run_case "classes that give pools back for want of memory, and a kernel that does not measure that" pressure

machine() {
	setup
	doctor "$POOLS"
	for check in kernel page-size transparent-huge-pages overcommit max-map-count inotify ptrace proc numa limits; do
		grep -q "machine: $check: " out || fail "$check: $(cat out)"
	done
	found ok kernel "Linux $(uname -r)"
	found ok proc "it is there"
	need_mounts
	export POOLS
	unshare -m --propagation private bash -c 'mount -t tmpfs none /proc && "$CTL" doctor "$POOLS" >out 2>err'
	status=$?
	found problem proc "it is not mounted"
	# nor is what vmmallocctl has to start again
	problem_only library proc
}
run_case "the machine, and one without /proc" machine

program() { doctor "$POOLS" -- "$@"; }
export -f program

programs() {
	setup
	printf 'int main(void) { return 0; }\n' >main.c
	printf '#include <stddef.h>\nvoid *malloc(size_t n) { return 0; }\nint main(void) { return malloc(1) != 0; }\n' >own.c
	compiled main.c -o plain
	program ./plain
	no_problem
	found ok allocator "it takes malloc() from a library"
	compiled -static main.c -o static
	program ./static
	problem_only linking
	found problem linking "statically linked"
	# what a compiler for musl names as its dynamic linker
	compiled -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1 main.c -o musl
	program ./musl
	problem_only libc
	compiled own.c -o own
	program ./own
	problem_only allocator
	found problem allocator "a malloc() of its own"
	strip own
	program ./own
	problem_only allocator
	# Rust's, say: under other names, and these are stripped
	local archive
	archive=$(gcc -print-file-name=libjemalloc_pic.a)
	if [ -e "$archive" ]; then
		printf 'extern void *_rjem_malloc(unsigned long);\nint main(void) { return _rjem_malloc(1) == 0; }\n' >rust.c
		nm --defined-only "$archive" | awk '$2 == "T" && !/ (je_|_)/ { print $3, "_rjem_" $3 }' | sort -u >names
		objcopy --redefine-syms=names "$archive" renamed.a
		compiled rust.c renamed.a -lm -lpthread -lstdc++ -o rust
		program ./rust
		no_problem
		found note allocator "Rust's jemalloc is built in"
		strip rust
		program ./rust
		no_problem
		found note allocator "jemalloc is built in: what is taken by its own functions is not in the pool"
	fi
	# vmmallocctl knows the words that it looks for
	program "$CTL"
	no_problem
	judged ok allocator
	# sections are not needed to run
	cp plain sectionless && dd if=/dev/zero of=sectionless bs=1 seek=40 count=8 conv=notrunc status=none &&
		dd if=/dev/zero of=sectionless bs=1 seek=60 count=4 conv=notrunc status=none
	./sectionless || skip "no file without sections can be made here"
	program ./sectionless
	no_problem
	found note allocator "its symbols are not to be seen"
	compiled -fvisibility=hidden -Wl,--exclude-libs,ALL own.c -o hidden
	program ./hidden
	problem_only allocator
	# another machine's: the number in its header
	cp plain other && printf '\x2a\x00' | dd of=other bs=1 seek=18 conv=notrunc status=none
	program ./other
	problem_only architecture
	cp plain bits && printf '\x01' | dd of=bits bs=1 seek=4 conv=notrunc status=none
	program ./bits
	problem_only architecture
	found problem architecture "32 bits"
}
run_case "programs: static, for musl, with a malloc() of their own, for other machines" programs

linked() {
	setup
	printf 'int main(void) { return 0; }\n' >main.c
	local found_one= library
	for library in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
		[ -e /usr/lib/*/$library ] || continue
		found_one=1
		compiled main.c -Wl,--no-as-needed -l:$library -o "with_$library"
		program "./with_$library"
		no_problem
		grep -q ": allocator: linked with" out || fail "$library: $(cat out)"
	done
	[ "$found_one" ] || skip "no other allocator on this machine"
	# of a library that the program needs
	compiled -shared -fPIC main.c -Wl,--no-as-needed -l:libtcmalloc_minimal.so.4 -Wl,-soname,libinner.so -o libinner.so
	compiled main.c -Wl,--no-as-needed -L. -l:libinner.so '-Wl,-rpath,$ORIGIN' -o outer
	program ./outer
	found note allocator "linked with tcmalloc"
}
run_case "programs that are linked with another allocator" linked

sanitized() {
	setup
	printf '#include <stdlib.h>\nint main(void) { free(malloc(1)); return 0; }\n' >main.c
	compiled -fsanitize=address main.c -o asan
	program ./asan
	problem_only sanitizer
	# that is what happens
	preload ./asan >said 2>&1 && fail "it runs"
	grep -q "ASan runtime does not come first" said || fail "$(cat said)"
}
run_case "a program with a sanitizer" sanitized

runtimes() {
	setup
	need python3
	printf 'int main(void) { return 0; }\n' >main.c
	program /usr/bin/python3
	no_problem
	found note runtime "mend it: PYTHONMALLOC=malloc"
	PYTHONMALLOC=malloc program /usr/bin/python3
	found ok runtime "PYTHONMALLOC=malloc"
	# Go's linker leaves such a section
	printf '.section .note.go.buildid,"a"\n.long 4, 8, 4\n.asciz "Go"\n.balign 4\n.asciz "buildid"\n' >note.s
	compiled main.c note.s -o go
	program ./go
	problem_only runtime
	found problem runtime "Go: its heap"
	compiled -shared -fPIC main.c -Wl,-soname,libjli.so -o libjli.so
	compiled main.c -Wl,--no-as-needed -L. -l:libjli.so '-Wl,-rpath,$ORIGIN' -o java
	program ./java
	problem_only runtime
	found problem runtime "-XX:AllocateHeapAt=DIR"
}
run_case "Python, Go and Java" runtimes

scripts() {
	setup
	need python3
	printf '#!/usr/bin/env -S python3 -u\n' >tool && printf '#!./tool x\n' >outer && chmod +x tool outer
	PATH=/usr/bin:/bin program ./outer
	no_problem
	found ok script "of ./tool, whose heap it is"
	found note runtime "Python"
	printf '#!./loop\n' >loop && chmod +x loop
	program ./loop
	problem_only script
	found problem script "more than 5 scripts"
	program no-such-program
	problem_only program
	chmod -x tool
	program ./tool
	found problem program "mend it: chmod +x ./tool"
	program "$POOLS"
	problem_only program
	# a device is not even opened, nor one that a program names as its library
	mkfifo -m 777 fifo
	program ./fifo
	problem_only program
	if command -v gcc >/dev/null; then
		printf 'int main(void) { return 0; }\n' >main.c
		compiled -shared -fPIC main.c -o libfifo.so
		compiled main.c -Wl,--no-as-needed -L. -l:libfifo.so -Wl,-rpath,. -o needs_fifo
		rm libfifo.so && mkfifo libfifo.so
		program ./needs_fifo
		no_problem
	fi
	printf 'words\n' >text && chmod +x text
	program ./text
	no_problem
	found note program "neither an ELF file nor a script"
}
run_case "scripts, and what is no program" scripts

privileges() {
	need_root
	setup
	need_mounts
	mounted t tmpfs size=50M,mode=755
	cp /usr/bin/env t/setuid && chmod 4755 t/setuid
	cp /usr/bin/env t/capable && python3 -c 'import os
os.setxattr("t/capable", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))' || skip "no file capabilities here"
	nobody_has_doctor /dev/shm -- t/setuid
	problem_only privileges
	found problem privileges "set-uid: LD_PRELOAD is not heeded"
	nobody_has_doctor /dev/shm -- t/capable
	problem_only privileges
	# its owner gains nothing, nor does anybody where the mount forbids it
	program t/setuid
	no_problem
	mount -o remount,nosuid t
	nobody_has_doctor /dev/shm -- t/setuid
	no_problem
	ln -s /usr/bin/env t/snap && ln -s t/snap firefox
	program ./firefox
	no_problem
}
run_case "set-uid programs and file capabilities" privileges

neighbours() {
	setup
	local other
	other=$(echo /usr/lib/*/libjemalloc.so.2)
	[ -e "$other" ] || skip "no jemalloc on this machine"
	LD_PRELOAD="$other $LIBRARY" VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=14M doctor "$POOLS"
	problem_only preload
	found problem preload "$other: jemalloc comes first: the heap is its own"
	# so it is
	LD_PRELOAD="$other $LIBRARY" VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=14M "$CTL" doctor --heap >said && fail "$(cat said)"
	# behind the library, and where vmmallocctl run puts it first, it does no harm
	LD_PRELOAD="$LIBRARY:$other" VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=14M doctor "$POOLS"
	no_problem
	LD_PRELOAD="$LIBRARY:$other" VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=14M "$CTL" doctor --heap >said || fail "$(cat said)"
	LD_PRELOAD="$other" doctor "$POOLS"
	no_problem
	# the dynamic linker says itself that these are not there
	LD_PRELOAD=/none/libasan.so.8:/none/libother.so "$CTL" --runtime-dir none doctor "$POOLS" >out 2>err
	found problem preload "/none/libasan.so.8: AddressSanitizer has a malloc() of its own"
	found note preload "/none/libother.so: No such file or directory"
	# a file names libraries for all programs, behind those of LD_PRELOAD
	mounted u tmpfs size=10M
	mkdir u/upper u/work && mount -t overlay -o "lowerdir=/etc,upperdir=$WORK/u/upper,workdir=$WORK/u/work" none /etc ||
		skip "nothing can be mounted over /etc"
	MOUNTS="/etc $MOUNTS"
	echo "$other" >/etc/ld.so.preload
	VMMALLOC_POOL_DIR=$POOLS VMMALLOC_POOL_SIZE=14M LD_PRELOAD=$LIBRARY "$CTL" doctor --heap >said || fail "$(cat said)"
	doctor "$POOLS"
	no_problem
	echo /none/libother.so >/etc/ld.so.preload
	"$CTL" --runtime-dir none doctor "$POOLS" >out 2>err
	found note preload "take it out of /etc/ld.so.preload"
}
run_case "other libraries of LD_PRELOAD" neighbours

audited() {
	setup
	printf 'unsigned la_version(unsigned v) { return v; }\n' >audit.c
	compiled -shared -fPIC audit.c -o audit.so
	LD_AUDIT=$WORK/audit.so doctor "$POOLS"
	found problem audit "no room for the library's thread-local data; mend it: GLIBC_TUNABLES=glibc.rtld.optional_static_tls=8192"
	LD_AUDIT=$WORK/audit.so GLIBC_TUNABLES=glibc.rtld.optional_static_tls=8192 doctor "$POOLS"
	judged ok audit
}
run_case "LD_AUDIT" audited

filtered() {
	setup
	need python3
	# a filter that lets all calls pass
	python3 -c 'import ctypes, os, sys
libc = ctypes.CDLL(None)
class Filter(ctypes.Structure): _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
class Program(ctypes.Structure): _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]
allow = Filter(0x06, 0, 0, 0x7fff0000)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(1, ctypes.pointer(allow)))) == 0
os.execv(sys.argv[1], sys.argv[1:])' "$CTL" doctor "$POOLS" >out 2>err || fail "$(cat out err)"
	found note confinement "a filter of system calls"
}
run_case "a filter of system calls" filtered

configured() {
	setup
	mkdir d
	cat >new.conf <<-END
		[daemon]
		workers = many
		[pool a]
		directory = $WORK/d
		size = 16M
		frobs = 1
		[pool b]
		directory = $WORK/gone
		size = 32M
		users = nobody-of-that-name
	END
	doctor --config new.conf
	# all that is wrong, and not the first alone; the directories of all classes
	is "$(grep -c '^problem .*: configuration: ' out)" 3
	found problem configuration "new.conf:2: workers (many)" new.conf
	found problem configuration "frobs (1)"
	found problem configuration "there is no user nobody-of-that-name"
	found problem directory "there is none" "$WORK/gone"
	judged ok pool
	found note daemon "no daemon answers"
	doctor --config no-such.conf "$POOLS"
	found problem configuration "no-such.conf: cannot be read: No such file or directory"
	chmod 777 d
	doctor --config new.conf
	found problem directory "mode 0777: others may remove pools of the daemon; mend it: chmod go-w $WORK/d"
}
run_case "a configuration with many mistakes" configured

with_daemon() {
	setup
	mounted t tmpfs size=100M,mode=755
	conf <<-END
		[pool a]
		directory = $POOLS
		size = 16M
		max = 2
		[pool b]
		directory = $WORK/t
		size = 16M
		ready = 2
		max = 100
	END
	daemon_start
	wait_count a ready 1; wait_count b ready 2
	doctor
	no_problem
	found ok configuration "2 classes, no mistake" "$WORK/vmmallocd.conf"
	found ok daemon "process $DAEMON"
	found ok class "1 ready of 1" "class a"
	found ok pool "on a pool" "$POOLS"
	found note space "68M are free, and pools have 32M: all that there may be need 1.6G" "$WORK/t"
	found ok cgroup "the daemon: "
	# what the daemon says of a class is a problem
	mount -o remount,size=33M t
	hold take=b map
	hold take=b map
	is_short() { ctl status --json | grep -q '"problem":"'; }
	wait_for is_short
	doctor
	[ $status -eq 1 ] && found problem class "" "class b"
	# a daemon that hangs is not waited for long
	kill -STOP "$DAEMON"
	doctor "$POOLS"
	kill -CONT "$DAEMON"
	problem_only daemon
	found problem daemon "process $DAEMON at $RUN/control.sock is stopped; mend it: kill -CONT $DAEMON"
	# a socket that one has left
	daemon_end KILL
	doctor "$POOLS"
	no_problem
	found note daemon "no daemon answers at $RUN/control.sock: Connection refused; mend it: vmmallocd --runtime-dir $RUN"
	# one that does not answer, and that no service manager has started
	need python3
	rm "$RUN/control.sock"
	(cd "$RUN" && exec python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("control.sock"); s.listen(); time.sleep(60)') &
	PIDS="$PIDS $!"
	wait_for test -S "$RUN/control.sock"
	local listener=$! contained
	# meanwhile, as each takes five seconds: process 1 of a container is no systemd, and is not to be killed
	(cd "$WORK" && exec unshare -pf --mount-proc --kill-child python3 -c 'import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX)
s.bind("control.sock")
s.listen()
subprocess.run([os.environ["CTL"], "--runtime-dir", ".", "doctor", sys.argv[1]])' "$POOLS") >inner 2>&1 &
	contained=$!
	PIDS="$PIDS $contained"
	doctor "$POOLS"
	found problem daemon "no answer within 5 seconds at $RUN/control.sock; mend it: kill -KILL $listener, and start it again"
	wait $contained
	unshare -pf --mount-proc true 2>/dev/null || return 0
	grep -q 'no answer within 5 seconds at ./control.sock; mend it: restart it, or the container whose process 1 it is' inner ||
		fail "$(grep daemon inner || cat inner)"
}
run_case "a daemon, its classes, and one that hangs" with_daemon

# lonely DIRECTORY: a vmmallocctl that finds what is beside it
library() {
	setup
	mkdir lonely && cp "$HELPERS/vmmallocctl" lonely
	CTL=$WORK/lonely/vmmallocctl
	echo junk >lonely/libvmmalloc.so.1
	doctor "$POOLS"
	problem_only library pool
	found problem library "lonely/libvmmalloc.so.1 is not loaded: ERROR: ld.so: object"
	# another version of it
	printf 'const char *vmmalloc_version(void) { return "9.9.9"; }
int vmmalloc_contains(const void *p) { return 1; }
int vmmalloc_stats(void *s, unsigned long n) { return 0; }\n' >other.c
	rm lonely/libvmmalloc.so.1
	compiled -shared -fPIC other.c -o lonely/libvmmalloc.so.1
	doctor "$POOLS"
	no_problem
	found note library "is of version 9.9.9, and vmmallocctl of"
	mkdir 'with space' && cp "$HELPERS/vmmallocctl" "$LIBRARY" 'with space'
	CTL="$WORK/with space/vmmallocctl"
	doctor "$POOLS"
	problem_only library
	found problem library "LD_PRELOAD cannot name a path with a space"
}
run_case "a library that cannot be loaded, and another version" library

as_json() {
	setup
	need python3
	doctor "$POOLS" "$WORK/none" -- /usr/bin/python3
	"$CTL" --runtime-dir "$RUN" doctor --json "$POOLS" "$WORK/none" -- /usr/bin/python3 >json
	is $? 1
	python3 - <<-'END' || fail "$(cat json)"
		import json
		said = json.load(open("json"))
		assert said["version"] == 1
		lines = []
		for f in said["findings"]:
		    assert list(f) == ["level", "subject", "check", "found", "mend"]
		    assert f["level"] != "problem" or f["mend"]
		    lines.append("%-8s %s: %s: %s" % (f["level"], f["subject"], f["check"], f["found"]) +
		                 ("; mend it: " + f["mend"] if f["mend"] else ""))
		steady = lambda lines: [l for l in lines if ": space: " not in l and ": inodes: " not in l and ": inotify: " not in l]
		for mine, other in zip(steady(lines), steady(open("out").read().splitlines()), strict=True):
		    assert mine == other, mine + "\n" + other
		for level in ("problem", "note"):
		    assert said[level + "s"] == sum(f["level"] == level for f in said["findings"])
		assert said["problems"] == 1
	END
	"$CTL" --runtime-dir "$WORK/none" doctor --json --quiet "$POOLS" >json || fail "$(cat json)"
	! grep -q '"level":"ok"' json || fail "$(cat json)"
	"$CTL" doctor "$POOLS" >/dev/full 2>err
	is "$? $(cat err)" "1 vmmallocctl: standard output: No space left on device"
}
run_case "JSON says what the lines say" as_json

# What these cases have not seen: what this machine, or any test, cannot have.
all_seen() {
	[ -z "${ONLY-}" ] || skip "not all cases ran"
	sort -u "$SEEN" >seen
	"$CTL" doctor --checks | cut -d ' ' -f 1 | sort | comm -23 - seen | grep -vx -e quota -e sandbox >missing
	[ "$(id -u)" -ne 0 ] || [ ! -s missing ] || fail "checks that no case has seen: $(cat missing)"
}
run_case "each check was seen" all_seen

end_suite
