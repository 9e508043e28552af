#!/bin/bash
# install-packages.bash PACKAGE... -- installs what is missing, through apt-get, as root or with sudo; otherwise says
# what to type.
set -u
missing=()
for package; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -eq 0 ]; then
	as_root=()
elif sudo -n true 2>/dev/null; then
	as_root=(sudo)
else
	echo "these packages are missing; as root, type:" >&2
	echo "  apt-get update && ${install[*]}" >&2
	exit 1
fi

echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" "${install[@]}" >/dev/null 2>&1 && exit 0
# the package lists may be old, or not there yet
"${as_root[@]}" apt-get update >/dev/null && "${as_root[@]}" "${install[@]}" >/dev/null
