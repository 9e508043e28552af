#!/bin/bash
# root.bash RELEASE FILE [PACKAGE...] -- the archive FILE of a Debian of that release that has nothing but its base, make
# and these packages. It is made anew after a week. The Debian archive, and how to reach it, are those of this machine's
# apt.
set -eu -o pipefail
release=$1 file=$2
shift 2
include=$(IFS=,; echo "make${*:+,$*}")
[ -z "$(find "$file" -mtime -7 2>/dev/null)" ] || exit 0

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
[ "$mirror" ] || { echo "root.bash: apt has no archive of Debian here; after apt-get update it may" >&2; exit 1; }
new=$(mktemp -d "$file.XXXXXX")
trap 'rm -rf --one-file-system "$new" "$file.new"' EXIT
proxy() { apt-config dump --format '%v' "Acquire::$1::Proxy"; }
http_proxy=$(proxy http) https_proxy=$(proxy https) \
	timeout -k 10 1200 debootstrap --variant=minbase --include="$include" "$release" "$new" "$mirror" >"$file.log" 2>&1 || {
	echo "root.bash: $release: debootstrap: $(tail -n 1 "$file.log")" >&2
	exit 1
}
# No lists: the project's own files get them. No package starts a service: its ports are the machine's.
rm -rf "$new"/var/lib/apt/lists/* "$new"/var/cache/apt/archives/*.deb
apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-)' >"$new/etc/apt/apt.conf.d/90machine" || :
printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
chmod 755 "$new" "$new/usr/sbin/policy-rc.d"
tar --numeric-owner --xattrs -C "$new" -cf "$file.new" .
mv "$file.new" "$file"
