#!/bin/bash
# rpm.bash ARCHIVE VERSION TIME DIRECTORY [JEMALLOC] -- makes packages for rpm of a source archive, in that directory, which
# is made anew. TIME is when that version was made, in seconds. JEMALLOC is a source tree of jemalloc, which goes along.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
archive=$1 version=$2 time=$3 directory=$(realpath -m "$4") jemalloc=${5:-}
options=(--define "package_version $version" --define "package_time $time")
# The same source gives the same packages, wherever they are made.
options+=(--define '_buildhost localhost' --define 'use_source_date_epoch_as_buildtime 1')
if [ "$(rpm --eval '%{?clamp_mtime_to_source_date_epoch}')" ]; then
	options+=(--define 'clamp_mtime_to_source_date_epoch 1')
else
	# its name from rpm 4.20 on
	options+=(--define 'build_mtime_policy clamp_to_source_date_epoch')
fi
export SOURCE_DATE_EPOCH=$time
# On Debian rpm knows neither what is installed nor where libraries are.
rpm -q --quiet --whatprovides gcc 2>/dev/null || options+=(--nodeps)
multiarch=$(${CC:-gcc} -print-multiarch)
[ -z "$multiarch" ] || options+=(--define "_libdir /usr/lib/$multiarch")

# A source package has the times of its files, and later ones alone are set to the version's.
rm -rf "$directory" && mkdir -p "$directory/SOURCES" "$directory/SPECS"
install -m 644 "$archive" "$directory/SOURCES"
install -m 644 "$HERE/rpm/libvmmalloc.spec" "$directory/SPECS"
touch -d "@$time" "$directory"/S*/*

# Packs the tree under its version: of its file VERSION, of git, or as JEMALLOC_VERSION says.
pack_jemalloc() {
	local long short tree
	[ -f "$jemalloc/configure.ac" ] || { echo "JEMALLOC_SRC=$jemalloc: there is no configure.ac of jemalloc in it" >&2; exit 1; }
	# a plain copy within another repository has no version of that
	long=$(cat "$jemalloc/VERSION" 2>/dev/null || GIT_CEILING_DIRECTORIES=$(realpath "$jemalloc/..") \
		git -C "$jemalloc" describe --long --abbrev=40 2>/dev/null) ||
		long=${JEMALLOC_VERSION:+$JEMALLOC_VERSION-0-g0}
	short=$(sed -n 's/-g[0-9a-z]*$//; s/-0$//; /^[0-9]*\.[0-9]*\.[0-9]*\(-[0-9]*\)*$/p' <<<"$long")
	[ "$short" ] || { echo "$jemalloc does not say its version, like '5.3.0': say JEMALLOC_VERSION=VERSION" >&2; exit 1; }
	tree=$directory/SOURCES/jemalloc-$short
	cp -R "$jemalloc" "$tree"
	rm -rf "$tree/.git"
	echo "$long" >"$tree/VERSION"
	tar --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --sort=name --mtime="@$time" \
		-C "$directory/SOURCES" -cf "$tree.tar" "jemalloc-$short"
	rm -rf "$tree"
	bzip2 -9 "$tree.tar"
	chmod 644 "$tree.tar.bz2"
	options+=(--with bundled_jemalloc --define "jemalloc_version $short")
}
[ -z "$jemalloc" ] || pack_jemalloc

# Nothing of the make that calls this, or of its caller's environment, is meant for the one within. The source package
# has the words of the spec with all that is defined, so for it that is the same everywhere.
make_packages() {
	local rpmbuild=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BUILD -u CI -u JEMALLOC_SRC rpmbuild "${options[@]}")
	cd "$directory"
	"${rpmbuild[@]}" -bs --define '_topdir .' --define '_smp_mflags -j1' SPECS/libvmmalloc.spec &&
		"${rpmbuild[@]}" -bb --define "_topdir $directory" SPECS/libvmmalloc.spec
}
if ! (make_packages) >"$directory/log" 2>&1; then
	tail -n 40 "$directory/log" >&2
	echo "rpm.bash: rpmbuild failed; all that it said is in $directory/log" >&2
	exit 1
fi
(cd "$directory" && find . -name '*.rpm' -printf '%P\n' | LC_ALL=C sort) | sed "s|^|  RPM      $4/|"
