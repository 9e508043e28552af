#!/bin/bash
# dist.bash -- what `make dist` makes: the same bytes each time, and a tree that builds and works without git.
DEADLINE=${DEADLINE:-600}
. "$(dirname "$0")/../lib/suite.bash"

VERSION=$(sed -n 's/^#define VMMALLOC_VERSION "\(.*\)"/\1/p' "$ROOT/include/libvmmalloc.h")
TREE=libvmmalloc-$VERSION
export TREE

make_dist() { make -s -C "$1" dist BUILD="$2" >"$WORK/log" 2>&1 || fail "make dist: $(cat "$WORK/log")"; }
export -f make_dist

is_reproducible() {
	make_dist "$ROOT" "$WORK/one"
	(umask 077; TZ=Asia/Tokyo LC_ALL=C.UTF-8 make_dist "$ROOT" "$WORK/two") || return 1
	cmp "one/$TREE.tar.gz" "two/$TREE.tar.gz" || fail "two archives"
	SOURCE_DATE_EPOCH=1000000000 make_dist "$ROOT" "$WORK/three"
	tar -tvzf "three/$TREE.tar.gz" --utc --full-time >list || return 1
	grep -vE "^-rw[-x]r-[-x]r-[-x] 0/0 +[0-9]+ 2001-09-09 01:46:40 $TREE/" list && fail "owner, mode or time"
	grep -qE "^-rwxr-xr-x .*/tests/lib/check.bash$" list || fail "a script cannot be run"
	cut -d / -f 3- list | LC_ALL=C sort -c || fail "not sorted"
}
run_case "two archives are the same, with one owner, one time and in order" is_reproducible

# In the middle of somebody else's repository, in a directory with a space in its name, and with a git that only tells that
# it was asked.
builds() {
	local small
	make_dist "$ROOT" "$WORK/built"
	git init -q . 2>/dev/null
	mkdir tools
	printf '#!/bin/sh\necho "git $*" >>"%s/asked"\nexit 127\n' "$WORK" >tools/git
	chmod +x tools/git
	export PATH=$WORK/tools:$PATH
	mkdir "a directory" && tar -xzf "built/$TREE.tar.gz" -C "a directory" && cd "a directory/$TREE" || return 1
	make -s lib daemon ctl build/tests/preload/hello >../log 2>&1 || fail "$(cat ../log)"
	[ "$(build/release/vmmallocd --version)" = "vmmallocd ${TREE#*-}" ] || fail "vmmallocd --version"
	small=$(VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=14M LD_PRELOAD=$PWD/build/release/libvmmalloc.so.1 \
		build/tests/preload/hello) || fail "hello: $small"
	tests/lint/text.bash || fail "the lint"
	make_dist . "$WORK/again"
	cmp "$WORK/built/$TREE.tar.gz" "$WORK/again/$TREE.tar.gz" || fail "the archive of what was unpacked"
	[ ! -e "$WORK/asked" ] || fail "asked: $(cat "$WORK/asked")"
}
run_case "the archive builds and works without git, and makes the same archive" builds

end_suite
