#!/bin/bash
# fetch.bash DIR PACKAGE... -- Debian's packages for arm64, with all that they depend on, of the release of this machine,
# unpacked into DIR/root: what cross-built programs are linked with, and what they run on in a guest. No script of a
# package is run; of what they would do, what programs need is done here.
set -eu
DIR=$(mkdir -p "$1" && cd "$1" && pwd)
shift
. "$(dirname "$0")/apt.bash"
NEW=$DIR/root.new

apt_arm64 "$DIR/apt"
apt-get "${APT_OPTIONS[@]}" -q -y --download-only install "$@" >>"$DIR/apt/log" 2>&1 ||
	{ grep ^E: "$DIR/apt/log" >&2; exit 1; }
rm -rf "$NEW"
mkdir -p "$NEW"/{dev,etc,host,mnt,proc,root,run,srv,sys,tmp,usr/{bin,lib,lib64,sbin},var/tmp}
for link in bin lib lib64 sbin; do ln -s "usr/$link" "$NEW/$link"; done
for package in "$DIR"/apt/cache/archives/*.deb; do
	dpkg-deb --fsys-tarfile "$package" | tar -x -C "$NEW" --keep-directory-symlink
done
rm -rf "$DIR"/apt/cache/archives/*.deb "$NEW"/usr/share/{doc,man,locale}
[ -e "$NEW/usr/bin/sh" ] || ln -s dash "$NEW/usr/bin/sh"
[ -e "$NEW/usr/bin/awk" ] || ln -s mawk "$NEW/usr/bin/awk"
cp "$NEW/usr/share/base-passwd/passwd.master" "$NEW/etc/passwd"
cp "$NEW/usr/share/base-passwd/group.master" "$NEW/etc/group"
ln -sf /proc/self/mounts "$NEW/etc/mtab"
rm -rf "$DIR/root"
mv "$NEW" "$DIR/root"
touch "$DIR/root/fetched"
