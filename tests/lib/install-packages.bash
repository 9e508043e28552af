#!/bin/bash
# install-packages.bash PACKAGE... -- installs what is missing, through apt-get, as root or with sudo; otherwise says
# what to type. A release need not have them all: what needs one that it has not is skipped, or says so.
set -u

# Sets missing to those of its arguments that are not installed, and can be. Without apt's lists nothing can be said.
look() {
	local package plan lists
	lists=$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)
	missing=()
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && continue
		if [ "$lists" ] && ! plan=$(apt-get -s install --no-install-recommends "$package" 2>/dev/null); then
			echo "not in this release: $package"
		elif [ -z "$lists" ] || grep -q '^Inst ' <<<"$plan"; then    # else another package provides it
			missing+=("$package")
		fi
	done
}

look "$@"
[ ${#missing[@]} -eq 0 ] && exit 0

install=(apt-get install -y --no-install-recommends)
if [ "$(id -u)" -eq 0 ]; then
	as_root=()
elif sudo -n true 2>/dev/null; then
	as_root=(sudo)
else
	echo "these packages are missing; as root, type:" >&2
	echo "  apt-get update && ${install[*]} ${missing[*]}" >&2
	exit 1
fi

echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" "${install[@]}" "${missing[@]}" >/dev/null 2>&1 && exit 0
# the package lists may be old, or not there yet
"${as_root[@]}" apt-get update >/dev/null || exit 1
look "$@" >/dev/null
[ ${#missing[@]} -eq 0 ] || "${as_root[@]}" "${install[@]}" "${missing[@]}" >/dev/null
