#!/bin/bash
# fresh.bash [--keep] RELEASE DIRECTORY -- a system of that Debian release, in the directory, which is made: it has only its
# base and make, and the machine's names of hosts. With --keep, what apt has fetched there since is kept for the next one.
#
# Below build/distros are RELEASE.tar (root.bash) and RELEASE.debs, those packages.
set -eu
cd "$(dirname "$0")/../.."
keep=
[ "$1" != --keep ] || { keep=1; shift; }
place=$PWD/build/distros archives=$2/var/cache/apt/archives

mkdir -p "$place/$1.debs"
if [ "$keep" ]; then
	cp -an "$archives"/*.deb "$place/$1.debs" 2>/dev/null || :
	exit
fi
mkdir -p "$2"
tests/distros/root.bash "$1" "$place/$1.tar"
tar --xattrs -xf "$place/$1.tar" -C "$2"
cp -L /etc/resolv.conf /etc/hosts "$2/etc"
# by links, where both are in one file system
cp -al "$place/$1.debs/." "$archives" 2>/dev/null || cp -a "$place/$1.debs/." "$archives"
