#!/bin/bash
# engines.bash DIRECTORY -- the library with each jemalloc of ARCHIVES (.a, or .deb that has one) and TREES, these in
# each of VARIANTS: built in a directory of its own in DIRECTORY, the self-check, a smoke test, and SUITES; then one
# table. What is built is taken again the next time, as far as make finds it up to date. See seam.mk.
set -u
cd "$(dirname "$0")/../.." || exit 1
directory=$1
mkdir -p "$directory"
rows=$directory/table.txt
failed=0
printf '%-28s %-10s %-9s %-6s %-6s %-6s %7s %6s %7s %7s\n' jemalloc variant version build check smoke passed failed \
	skipped seconds >"$rows"

# What distributions do, by name: words for make.
fedora='-O2 -g -fexceptions -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3 -Wp,-D_GLIBCXX_ASSERTIONS -fstack-protector-strong
	-fasynchronous-unwind-tables -fstack-clash-protection -fcf-protection -flto=auto -ffat-lto-objects'
variant_words() {
	words=()
	case $1 in
	plain) ;;
	prof) words=(JEMALLOC_CONFIGURE=--enable-prof) ;;
	prefix) words=(JEMALLOC_CONFIGURE=--with-jemalloc-prefix=jem_) ;;
	cxx) words=(JEMALLOC_CONFIGURE=--enable-cxx) ;;
	page64) words=(JEMALLOC_CONFIGURE=--with-lg-page=16) ;;
	vaddr57) words=(JEMALLOC_CONFIGURE=--with-lg-vaddr=57) ;;
	debug) words=(JEMALLOC_CONFIGURE=--enable-debug) ;;
	nostats) words=(JEMALLOC_CONFIGURE=--disable-stats) ;;
	nofill) words=(JEMALLOC_CONFIGURE=--disable-fill) ;;
	lto) words=(CFLAGS='-O2 -g -flto=auto') ;;
	fedora) words=(CFLAGS="$(echo $fedora)" LDFLAGS='-Wl,-z,relro -Wl,--as-needed -Wl,-z,now') ;;
	clang) words=(CC=clang) ;;
	*) echo "no variant is named '$1': $all_variants, or all" >&2; exit 1 ;;
	esac
}
all_variants="plain prof prefix cxx page64 vaddr57 debug nostats nofill lto fedora clang"
[ "$VARIANTS" != all ] || VARIANTS=$all_variants

# An unmodified program, a child of it, and threads, on a pool.
smoke() {
	VMMALLOC_POOL_DIR=${POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=256M LD_PRELOAD=$PWD/$1/release/libvmmalloc.so.1 \
		timeout 60 perl -e '
		sub fill { my %words; $words{"$_[0]-$_"} = "a value for the key $_" for 1 .. 100000; scalar keys %words }
		fill(1) == 100000 or die;
		defined(my $child = fork) or die;
		exit(fill(2) == 100000 ? 7 : 1) unless $child;
		waitpid($child, 0) == $child && $? >> 8 == 7 && fill(3) == 100000 or die;
		open(my $self, "<", "/proc/self/maps"); grep { m|/dev/shm/| } <$self> or die "not on a pool"' &&
		VMMALLOC_POOL_DIR=${POOL_DIR:-/dev/shm} VMMALLOC_POOL_SIZE=256M LD_PRELOAD=$PWD/$1/release/libvmmalloc.so.1 \
			ls / >/dev/null
}

# try NAME VARIANT WORD... -- a row of the table.
try() {
	local name=$1 variant=$2 build check=- smoke=- version=- passed=- failures=- skipped=- began=$SECONDS
	build=$directory/$name-$variant
	shift 2
	mkdir -p "$build"
	echo "== $name, $variant"
	if make -s BUILD="$build" lib "$build/debug/seam" "$@" >"$build/build.log" 2>&1; then
		version=$(LC_ALL=C grep -aohE '[0-9]+\.[0-9]+\.[0-9]+-[0-9]+-g[0-9a-z_]+' "$build"/jemalloc/objects/ctl.*o |
			sed '1!d; s/-g.*//; s/-0$//')
		make -s BUILD="$build" debug preload-programs "$@" >"$build/check.log" 2>&1 && check=ok || check=FAILED
		smoke "$build" >"$build/smoke.log" 2>&1 && smoke=ok || smoke=FAILED
		set -- ok
		env BUILD="$PWD/$build" tests/lib/check.bash $SUITES >"$build/suites.log" 2>&1
		read -r passed _ failures _ skipped _ < <(tail -n 1 "$build/suites.log" | tr -d ,)
		grep -hE '^(FAIL|skip)|^     \|' "$build/suites.log"
	else
		set -- FAILED
		tail -n 3 "$build/build.log"
	fi
	[ "$1 $check $smoke $failures" = "ok ok ok 0" ] || failed=1
	[ "$check" != FAILED ] || tail -n 3 "$build/check.log"
	[ "$smoke" != FAILED ] || tail -n 3 "$build/smoke.log"
	printf '%-28s %-10s %-9s %-6s %-6s %-6s %7s %6s %7s %7s\n' "$name" "$variant" "$version" "$1" "$check" "$smoke" \
		"$passed" "$failures" "$skipped" $((SECONDS - began)) | tee -a "$rows"
}

for archive in $ARCHIVES; do
	name=$(basename "$archive")
	if [ "${archive%.deb}" != "$archive" ]; then
		rm -rf "$directory/$name.root"
		dpkg-deb -x "$archive" "$directory/$name.root" || exit 1
		archive=$(find "$directory/$name.root" -name libjemalloc_pic.a)
		[ -n "$archive" ] || { echo "$name: no libjemalloc_pic.a in it" >&2; exit 1; }
	fi
	try "$name" archive JEMALLOC_ARCHIVE="$(realpath "$archive")"
done
for tree in ${TREES-}; do
	for variant in $VARIANTS; do
		variant_words "$variant"
		try "$(basename "$tree")" "$variant" JEMALLOC_SRC="$(realpath "$tree")" "${words[@]}"
	done
done
echo
cat "$rows"
[ $failed -eq 0 ]
