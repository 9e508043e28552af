#!/bin/bash
# versions.bash -- the version is that of libvmmalloc.h, wherever else it stands.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
complain() { echo "lint: $*"; failed=1; }
number() { sed -n "s/^#define VMMALLOC_$1_VERSION //p" include/libvmmalloc.h; }
# is PLACE VERSION
is() { [ "$2" = "$version" ] || complain "$1: version: '$2', and libvmmalloc.h has $version"; }

version=$(sed -n 's/^#define VMMALLOC_VERSION "\(.*\)"$/\1/p' include/libvmmalloc.h)
is include/libvmmalloc.h "$(number MAJOR).$(number MINOR).$(number PATCH)"
is CHANGELOG.md "$(sed -n 's/^## \([^ ,]*\).*/\1/p' CHANGELOG.md | head -n 1)"
is "Makefile, SONAME" "$(sed -n 's/^SONAME := libvmmalloc\.so\.//p' Makefile).${version#*.}"
for page in doc/*.[0-9]; do
	is "$page" "$(sed -n 's/^\.TH .* "libvmmalloc \([^"]*\)" .*/\1/p' "$page")"
done

is systemd/packaging/debian-changelog.bash "$(systemd/packaging/debian-changelog.bash CHANGELOG.md "$version" 0 |
	sed -n '1s/^libvmmalloc (\(.*\)-1) unstable; urgency=medium$/\1/p')"
is systemd/packaging/rpm/libvmmalloc.spec "$(sed -n 's/^%global upstream_version //p' systemd/packaging/rpm/libvmmalloc.spec)"
grep -nE '[0-9]+\.[0-9]+\.[0-9]+' systemd/packaging/rpm/libvmmalloc.spec | grep -vE 'jemalloc|:%global upstream_version ' |
	sed 's|^|lint: systemd/packaging/rpm/libvmmalloc.spec: version: one more: |' | grep . && failed=1

# The release before has its list of what others rely on, and is tried beside this one.
lists=$(printf '%s\n' tests/abi/[0-9]*.txt | sort -V)
release_of() { basename "$1" .txt; }
before=$(sed -n 's/^## \([^ ,]*\).*/\1/p' CHANGELOG.md | sed -n 2p)
for place in "tests/abi $(release_of "${lists##*$'\n'}")" "tests/lib/before.bash $(sed -n 's/^BEFORE=.* RELEASE=//p' tests/lib/before.bash)"; do
	[ "${place#* }" = "$before" ] || complain "${place% *}: version: '${place#* }', and CHANGELOG.md has $before before $version"
done

# What needs a symbol wants a package since the first release whose list has it, or this one.
symbols=systemd/packaging/debian/libvmmalloc1.symbols
while read -r symbol since; do
	list=$(grep -lx "symbol $symbol" $lists | head -n 1)
	[ "${since%\~}" = "$(release_of "${list:-$version}")" ] || complain "$symbols: version: $symbol is not there since $since"
done < <(sed -n 's/^ \(.*\)@Base \(.*\)$/\1 \2/p' $symbols)
diff <(tests/abi/list.bash | sed -n 's/^symbol //p' | sort) <(sed -n 's/^ \(.*\)@Base .*/\1/p' $symbols | sort) |
	sed -n "s|^[<>] |lint: $symbols: not as it is exported: |p" | grep . && failed=1

# What was released has its day, which is the packages' too.
sed -n 's/^## //p' CHANGELOG.md | grep -vxE '[0-9.]+, ([0-9]{4}-[0-9]{2}-[0-9]{2}|not released yet)' |
	sed 's/^/lint: CHANGELOG.md: a version without a day: /' | grep . && failed=1
[ "$(grep -c ', not released yet$' CHANGELOG.md)" -le 1 ] || complain "CHANGELOG.md: two versions are not released"

for library in build/{release,debug}/libvmmalloc.so.1; do
	strings -a "$library" | grep -qxF "$version" || complain "$library: version: $version is not in it"
done
for program in vmmallocd vmmallocctl; do
	is $program "$(build/release/$program --version | sed "s/^$program //")"
done

exit $failed
