#!/bin/bash
# jemalloc.bash -- the jemalloc that the library is built of: what the build takes, what it refuses, in which words.
. "$(dirname "$0")/../lib/suite.bash"
APART=$ROOT/libvmmalloc/jemalloc/take-apart.sh
ARCHIVE=${JEMALLOC_ARCHIVE:-$(${CC:-cc} -print-file-name=libjemalloc_pic.a)}
[ ! -f "$BUILD/jemalloc/src/lib/libjemalloc_pic.a" ] || ARCHIVE=$BUILD/jemalloc/src/lib/libjemalloc_pic.a
export APART ARCHIVE AR=ar NM=nm OBJCOPY=objcopy CALLS=mmap

need_archive() { [ -f "$ARCHIVE" ] || skip "no libjemalloc_pic.a on this machine"; }
apart() { "$APART" "$ARCHIVE" "$WORK/apart" "$@" >stdout 2>stderr; }
said() { grep -qF "$1" stderr || { cat stderr; return 1; }; }
export -f need_archive apart said

takes_known() { need_archive; apart && [ ! -s stderr ] && [ -s apart/libjemalloc_private.a ]; }
run_case "a jemalloc of a known version is taken" takes_known

refuses_unknown() {
	need_archive
	! apart 9.1.0-3 || return 1
	said "this jemalloc is 9.1.0-3, and known are 5.3.0, 5.3.1" && said "its names are those of 5.3."
	[ ! -e apart/libjemalloc_private.a ] || fail "made an archive"
}
run_case "an unknown version is refused, and the known ones are named" refuses_unknown

# without REFERENCE OBJECT -- the archive, with one reference of an object gone by another name.
without() {
	mkdir other && cd other && ar x "$ARCHIVE" && objcopy --redefine-sym "$1=je_renamed" "$2".*o || return 1
	ar rcs ../other.a ./*.o
	cd .. && ARCHIVE=$WORK/other.a
}
export -f without

names_missing() {
	need_archive
	without je_base_alloc_edata edata_cache
	! apart || return 1
	said "but not as it is known: edata_cache does not refer to je_base_alloc_edata"
}
run_case "a reference that is missing is named" names_missing

# What is inline in jemalloc's headers is called by other objects with another compiler, or without optimization.
any_object() {
	need_archive
	echo 'void je_arena_choose_hard(void); void (*const choose)(void) = je_arena_choose_hard;' >choose.c
	mkdir other && cd other && ar x "$ARCHIVE" && ${CC:-cc} -fPIC -c ../choose.c -o more.o && ld -r more.o ticker.*o \
		-o both.o && mv both.o ticker.*o && rm more.o && ar rcs ../other.a ./*.o && cd .. || return 1
	ARCHIVE=$WORK/other.a apart && [ ! -s stderr ] || { cat stderr; return 1; }
	nm -u apart/objects/ticker.*o | grep -q vmm_seam_choose_arena && ! nm -u apart/objects/*.o | grep -q je_arena_choose_hard
}
run_case "a reference that any object may make is led in all" any_object

names_new() {
	need_archive
	without je_emitter_none ehooks
	objcopy --redefine-sym je_extent_alloc_mmap=je_base_alloc other/ehooks.*o && ar rcs other.a other/*.o || return 1
	! apart || return 1
	said "ehooks does not refer to je_extent_alloc_mmap" && said "ehooks refers to je_base_alloc"
	# nor is it advised to call it a version that it is not like
	! apart 9.1.0-3 && said "and known are 5.3.0" || return 1
	! said JEMALLOC_VERSION= 2>&1 || fail "$(cat stderr)"
}
run_case "a reference that nobody knows of is named" names_new

wants_page() {
	need_archive
	without je_sz_pind2sz_tab sz
	! apart || return 1
	said "this jemalloc does not tell its page: je_sz_pind2sz_tab has 0x bytes, expected 0x5c0 to 0x640"
}
run_case "one that does not tell for which pages it was built is refused" wants_page

kernel_of_larger_pages() {
	local own=$((1 << $(sed -n 's/^-DJEMALLOC_LG_PAGE=//p' "$BUILD/jemalloc/traits")))
	export LD_PRELOAD=$BUILD/tests/preload/libraries/large_page.so:$LIBRARY
	export VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M
	PAGE=$own "$BUILD/tests/preload/hello" || return 1
	! PAGE=$((2 * own)) "$BUILD/tests/preload/hello" >stdout 2>stderr || return 1
	unset LD_PRELOAD
	[ ! -s stdout ] && [ "$(wc -l <stderr)" -eq 1 ] || fail "said: $(cat stdout stderr)"
	said "Error (libvmmalloc): this kernel has pages of $((2 * own)) bytes, and the library was built with a jemalloc" &&
		said "for pages of $own: expected one configured with --with-lg-page="
}
run_case "a kernel with larger pages than jemalloc was built for is refused in one line" kernel_of_larger_pages

version_of_archive() {
	need_archive
	mkdir other && cd other && ar x "$ARCHIVE" && sed -i -E 's/5\.3\.[0-9]+-([0-9]+-g[0-9a-f])/9.3.7-\1/g' ctl.*o || return 1
	ar rcs ../other.a ./*.o && cd .. && ARCHIVE=$WORK/other.a
	! apart || return 1
	said "this jemalloc is 9.3.7-" && said "and known are 5.3.0, 5.3.1" && said "JEMALLOC_VERSION=5.3."
}
run_case "the version that an archive has is the one that is refused" version_of_archive

without_code() {
	need_archive
	echo 'int ctl;' >ctl.c && ${CC:-cc} -flto -fno-fat-lto-objects -c ctl.c 2>/dev/null || skip "the compiler has no -flto"
	ar rcs lto.a ctl.o && ARCHIVE=$WORK/lto.a
	! apart 5.3.0 || return 1
	said "lto.a: ctl.o has no machine code. Compiled with -flto it needs -ffat-lto-objects, too"
}
run_case "an archive of what the compiler alone understands is refused" without_code

not_jemalloc() {
	echo 'int nothing;' >nothing.c && ${CC:-cc} -c nothing.c && ar rcs other.a nothing.o && ARCHIVE=$WORK/other.a
	! apart || return 1
	[ "$(cat stderr)" = "$WORK/other.a: expected jemalloc's objects, and ctl is not among them" ] || fail "$(cat stderr)"
}
run_case "an archive of something else is refused in one line" not_jemalloc

with_prefix() {
	need_archive
	mkdir other && cd other && ar x "$ARCHIVE" || return 1
	nm -g --defined-only ./*.o | awk 'NF == 3 && $3 !~ /^_?je_/ { print $3, "jem_" $3 }' | sort -u >../syms
	for object in *.o; do objcopy --redefine-syms=../syms "$object" || return 1; done
	ar rcs ../other.a ./*.o && cd .. || return 1
	apart && nm -g --defined-only apart/libjemalloc_private.a | awk 'NF == 3 { print $3 }' | sort >usual
	ARCHIVE=$WORK/other.a apart && nm -g --defined-only apart/libjemalloc_private.a | awk 'NF == 3 { print $3 }' | sort |
		diff usual - && grep -qx je_malloc usual
}
run_case "public names that have a prefix are the same without" with_prefix

# built WORD... -- make of the private archive, with these words, in a directory of its own.
built() { make -C "$ROOT" -s BUILD="$WORK/build" "$@" "$WORK/build/jemalloc/libjemalloc_private.a" >stdout 2>stderr; }
export -f built

no_archive() {
	! built JEMALLOC_ARCHIVE=libjemalloc_pic.a || return 1
	said "there is no libjemalloc_pic.a: install libjemalloc-dev" && said "make JEMALLOC_SRC=DIR"
}
run_case "where there is no archive both ways to one are named" no_archive

no_tree() {
	local tree
	mkdir "some where" && touch file
	for tree in "$WORK/nothing" "$WORK/some where" "$WORK/file"; do
		! built JEMALLOC_SRC="$tree" || return 1
		[ "$(head -n 1 stderr)" = "JEMALLOC_SRC=$tree: expected a source tree of jemalloc" ] || fail "$(cat stderr)"
	done
}
run_case "what is no tree of jemalloc is refused" no_tree

# Its configure asks git for the version, and would take that of the repository around.
own_version() {
	need git
	mkdir -p "some where/include/jemalloc" && touch "some where/configure.ac" && git init -q .
	printf '#!/bin/sh\necho "repository: $(git rev-parse --show-toplevel 2>/dev/null)"; exit 1\n' >"some where/configure"
	chmod +x "some where/configure"
	! built JEMALLOC_SRC="$WORK/some where" || return 1
	[ "$(head -n 1 stderr)" = "repository: " ] || fail "$(cat stderr)"
	git init -q "some where"
	! built JEMALLOC_SRC="$WORK/some where" || return 1
	said "repository: $WORK/build/jemalloc/src"
}
run_case "a tree that lies in another repository has none of that one's versions" own_version

another_choice() {
	need_archive
	built JEMALLOC_ARCHIVE="$ARCHIVE" && built JEMALLOC_ARCHIVE="$ARCHIVE" && [ ! -s stdout ] || return 1
	! built JEMALLOC_ARCHIVE="$ARCHIVE" JEMALLOC_VERSION=9.1.0-3 || return 1
	said "this jemalloc is 9.1.0-3"
}
run_case "another choice of jemalloc is built, though what was built is newer" another_choice

relied_on() {
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M VMMALLOC_ARENAS=3 "$BUILD/debug/seam" 2>stderr
	[ $? -eq 0 ] && [ ! -s stderr ] || { cat stderr; return 1; }
}
run_case "sizes, options and places are what the seam relies on" relied_on

not_as_relied_on() {
	! VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M VMMALLOC_ARENAS=2 "$BUILD/debug/seam" 2>stderr || return 1
	said 'not true: figure("opt.narenas") == 3'
}
run_case "and it is seen where they are not" not_as_relied_on

end_suite
