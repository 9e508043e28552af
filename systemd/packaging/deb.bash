#!/bin/bash
# deb.bash ARCHIVE VERSION TIME DIRECTORY -- makes Debian's packages of a source archive, in that directory, which is made
# anew. TIME is when that version was made, in seconds. Whoever runs it need not be root.
set -eu
umask 022    # modes are in the packages
HERE=$(cd "$(dirname "$0")" && pwd)
archive=$(realpath "$1") version=$2 time=$3 directory=$(realpath -m "$4")

rm -rf "$directory" && mkdir -p "$directory" && cd "$directory"
cp "$archive" "libvmmalloc_$version.orig.tar.gz"
mkdir source
# what was compiled there has no place beside what make compiles
trap 'rm -rf "$directory/source"' EXIT
tar -xzf "$archive" -C source --strip-components=1
cp -R "$HERE/debian" source/debian
"$HERE/debian-changelog.bash" source/CHANGELOG.md "$version" "$time" >source/debian/changelog

# Nothing of the make that calls this, or of its caller's environment, is meant for the one within.
if ! (cd source && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BUILD -u CI -u SOURCE_DATE_EPOCH dpkg-buildpackage -us -uc) >log 2>&1; then
	tail -n 40 log >&2
	echo "deb.bash: dpkg-buildpackage failed; all that it said is in $directory/log" >&2
	exit 1
fi
for package in *.deb; do
	echo "  DEB      $4/$package"
done
