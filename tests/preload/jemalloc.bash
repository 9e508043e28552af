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

names_new() {
	need_archive
	without je_emitter_none ehooks
	objcopy --redefine-sym je_extent_alloc_mmap=je_base_alloc other/ehooks.*o && ar rcs other.a other/*.o || return 1
	! apart || return 1
	said "ehooks does not refer to je_extent_alloc_mmap" && said "ehooks refers to je_base_alloc"
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
