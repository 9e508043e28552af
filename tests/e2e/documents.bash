#!/bin/bash
# documents.bash -- the commands in doc/recipes.md and doc/limits.md, typed as they stand, by an ordinary user.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../lib/blocks.bash"

# Everything that it starts ends with it.
typed() {
	local status
	block "doc/$1" "$2" "$3" >script
	[ -s script ] || fail "no such block"
	chmod 711 "$WORK/.." && chmod 755 . && cp -r "$BUILD/${FLAVOUR:-release}" built && mkdir -p as_user && chmod 777 as_user
	make -s -C "$ROOT" BUILD="$WORK/made" "$WORK/made/libvmmalloc.pc" || fail "no libvmmalloc.pc"
	ln -sf libvmmalloc.so.1 built/libvmmalloc.so
	cp "$ROOT/include/libvmmalloc.h" built
	sed "s|^libdir=.*|libdir=$PWD/built|; s|^includedir=.*|includedir=$PWD/built|" made/libvmmalloc.pc >built/libvmmalloc.pc
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid nobody --regid "$(id -gn nobody)" --clear-groups)
	(cd as_user && PATH=$PWD/../built:$PATH LD_LIBRARY_PATH=$PWD/../built PKG_CONFIG_PATH=$PWD/../built HOME=$PWD \
		timeout -k 5 60 "${as[@]}" bash -e ../script >../out 2>../err </dev/null)
	status=$?
	[ $status -eq 0 ] && ! grep -q "command not found" err || fail "status $status: $(cat out err)"
}
export -f typed

is_seen() { need python3; typed recipes.md "Is the heap really there?" 1; grep -qE '^python3 +[0-9.]+M +pool +/dev/shm' out || fail "$(cat out)"; }
run_case "is the heap really there" is_seen
redis() { need redis-server; typed recipes.md Redis 1; grep -qE '^redis-server +[2-9][0-9.]*M +1$' out || fail "$(cat out)"; }
run_case "Redis" redis
python() { need python3; typed recipes.md Python 1; [ "$(cat out)" = 1000000 ] || fail "$(cat out)"; }
run_case "Python" python
postgresql() {
	ls -d /usr/lib/postgresql/*/bin >/dev/null 2>&1 || skip "no postgresql on this machine"
	typed recipes.md PostgreSQL 1
	[ "$(cat out)" = 1000 ] || fail "$(cat out)"
}
run_case "PostgreSQL" postgresql
own_program() { need g++ pkg-config; typed recipes.md "A program of your own" 1; [ "$(cat out)" = "on the pool" ] || fail "$(cat out)"; }
run_case "a program of your own" own_program
short_programs() { typed recipes.md "Many short programs" 1; [ "$(sort out | tr '\n' ' ')" = "a b c d " ] || fail "$(cat out)"; }
run_case "many short programs" short_programs
memory() { need python3; typed recipes.md "Memory limits" 1; [ "$(cat out)" = "True True" ] || fail "$(cat out)"; }
run_case "memory limits" memory
questions() { typed limits.md "What does not work, and how to see it" 1; [ -s out ] || fail "nothing was said"; }
run_case "what does not work: the first questions" questions

# says WORDS COMMAND...: the command says them, and so does the page
says() {
	local words=$1
	shift
	"$@" 2>err >out
	grep -qF -- "$words" err || fail "$*: $(cat out err)"
	grep -qF -- "$words" "$ROOT/doc/limits.md" || fail "the page has another message than: $words"
}
export -f says
messages() {
	unset VMMALLOC_POOL_DIR VMMALLOC_POOL_SIZE VMMALLOC_POOL VMMALLOC_RUNTIME_DIR XDG_RUNTIME_DIR
	local pool=(env LD_PRELOAD="$LIBRARY") sized=(env LD_PRELOAD="$LIBRARY" VMMALLOC_POOL_SIZE=64M)
	says "environment variable VMMALLOC_POOL_DIR not specified" "${pool[@]}" /bin/true
	says "VMMALLOC_POOL_DIR (/mnt/pmem0): No such file or directory" "${sized[@]}" VMMALLOC_POOL_DIR=/mnt/pmem0 /bin/true
	says "no pool of class small: " "${pool[@]}" VMMALLOC_SOCKET="$WORK/none" VMMALLOC_POOL=small /bin/true
	says "; the program runs on ordinary memory" "${sized[@]}" VMMALLOC_ON_FAIL=dram VMMALLOC_POOL_DIR=/mnt/pmem0 /bin/true
	says "vmmallocctl: no daemon answers at " "$BUILD/${FLAVOUR:-release}/vmmallocctl" --runtime-dir "$WORK" list
}
run_case "what does not work: messages" messages

end_suite
