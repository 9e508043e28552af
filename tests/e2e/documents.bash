#!/bin/bash
# documents.bash -- the commands in doc/recipes.md and doc/limits.md, typed as they stand, by an ordinary user.
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
. "$(dirname "$0")/../lib/blocks.bash"

# Everything that it starts ends with it.
typed() {
	local status
	{
		echo 'trap "kill \$(jobs -p) 2>/dev/null || :" EXIT'
		block "doc/$1" "$2" "$3" | sed "s/3633/${OTHER_PORT-3633}/"
	} >script
	[ "$(wc -l <script)" -gt 1 ] || fail "no such block"
	chmod 711 "$WORK/.." && chmod 755 . && cp -r "$BUILD/${FLAVOUR:-release}" built && mkdir -p as_user && chmod 777 as_user
	make -s -C "$ROOT" BUILD="$WORK/made" "$WORK/made/libvmmalloc.pc" || fail "no libvmmalloc.pc"
	ln -sf libvmmalloc.so.1 built/libvmmalloc.so
	cp "$ROOT/include/libvmmalloc.h" built
	sed "s|^libdir=.*|libdir=$PWD/built|; s|^includedir=.*|includedir=$PWD/built|" made/libvmmalloc.pc >built/libvmmalloc.pc
	[ "$(id -u)" != 0 ] || as=(setpriv --reuid nobody --regid "$(id -gn nobody)" --clear-groups)
	(cd as_user && PATH=$PWD/../built:$PATH LD_LIBRARY_PATH=$PWD/../built PKG_CONFIG_PATH=$PWD/../built HOME=$PWD \
		timeout -k 5 "${TYPED_SECONDS:-60}" "${as[@]}" bash -e ../script >../out 2>../err </dev/null)
	status=$?
	[ $status -eq 0 ] && ! grep -q "command not found" err || fail "status $status: $(cat out err)"
}
export -f typed

is_seen() { need python3; typed recipes.md "Is the heap really there?" 1; grep -qE '^python3 +[0-9.]+M +pool +/dev/shm' out || fail "$(cat out)"; }
run_case "is the heap really there" is_seen
redis() { need redis-server; typed recipes.md Redis 1; grep -qE '^redis-server +(1[5-9]|[2-9][0-9])[0-9.]*M +1$' out || fail "$(cat out)"; }
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
cpp_server() {
	need g++ curl
	typed recipes.md "A C++ server" 1
	[ "$(sed -n 1,2p out)" = $'map pool, pmr pool, pmr on the stack elsewhere\n200001' ] && grep -qE '^server +[3-5][0-9.]*M pool$' out || fail "$(cat out)"
	grep -qF '`map pool, pmr pool, pmr on the stack elsewhere`' "$ROOT/doc/recipes.md" || fail "the page says something else"
	# what libstdc++ has before main is the first block of the pool
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M VMMALLOC_LOG_LEVEL=4 LD_PRELOAD=$BUILD/debug/libvmmalloc.so.1 as_user/server \
		/nowhere/socket 2>&1 | grep -q '\[malloc\] size 72704 = ' || fail "libstdc++ has other blocks before main"
}
run_case "a C++ server" cpp_server
farm() {
	need g++ make distcc distccd
	need_mounts
	mount -t tmpfs -o mode=1777,size=500m tmpfs /dev/shm || fail "mount"
	TYPED_SECONDS=110 OTHER_PORT=$((20000 + RANDOM % 10000)) typed recipes.md "A compile farm" 1
	[ "$(grep -x '[0-9]*' out | tr '\n' ' ')" = "3 6 " ] || fail "$(cat out err)"
	[ -z "$(ls /dev/shm)" ] || fail "left: $(ls /dev/shm)"
}
run_case "a compile farm, with make and with distcc" farm
memory() { need python3; typed recipes.md "Memory limits" 1; [ "$(cat out)" = "True True" ] || fail "$(cat out)"; }
run_case "memory limits" memory
shown_as() {
	need python3
	typed recipes.md "Memory limits" 2
	[ "$(sed -n 's/^RssShmem:\t *\([0-9]*\)[0-9][0-9][0-9] kB/\1/p' out)" -ge 100 ] && grep -q '^RssAnon' out && grep -q '^RssFile' out || fail "$(cat out)"
}
run_case "memory limits: what tools show of a heap" shown_as
cores() {
	typed recipes.md "Core dumps" 1
	(($((16#$(cat out))) & 1 << 1 && $((16#$(cat out))) & 1 << 3 && $((16#$(cat out))) & 7 << 6)) || fail "$(cat out)"
}
run_case "core dumps" cores
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

# Here it is not installed, and the loader says what the page says that it says.
loader() {
	local words="cannot open shared object file"
	env -u LD_LIBRARY_PATH LD_PRELOAD=libvmmalloc-not-here.so.1 /bin/true 2>err || fail "it does not run"
	grep -qF "from LD_PRELOAD cannot be preloaded ($words): ignored." err || fail "$(cat err)"
	grep -qF "from LD_PRELOAD cannot be preloaded (...): ignored." "$ROOT/doc/messages.md" && grep -qF "\"$words\"" "$ROOT/doc/messages.md" ||
		fail "the page has another message"
}
run_case "what the loader says without the library" loader

end_suite
