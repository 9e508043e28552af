#!/bin/bash
# install-packages.bash PACKAGE... -- installs what is missing of packages that have Debian's names (package-names.txt
# has those of others), as root or with sudo. Where it cannot, it says what to type. A release need not have them all:
# what needs one that it has not is skipped, or says so.
set -u
cd "$(dirname "$0")" || exit 1

# The machine's own manager: a Fedora may have an apt-get besides, for other people's packages.
find_manager() {
	local ids id
	ids=$(. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null && echo "${ID-} ${ID_LIKE-}")
	for id in $ids; do
		case $id in
		debian | ubuntu) manager=apt-get ;;
		fedora | rhel | centos) manager=dnf ;;
		arch) manager=pacman ;;
		suse | opensuse*) manager=zypper ;;
		alpine) manager=apk ;;
		*) continue ;;
		esac
		command -v "$manager" >/dev/null && return
	done
	for manager in apt-get dnf pacman zypper apk; do
		command -v "$manager" >/dev/null && return
	done
	manager=
}

# How it installs, and how it gets its lists. Arch is only installed to as a whole, which is left to its owner.
describe_manager() {
	refresh=()
	case $manager in
	apt-get) column=1 install=(apt-get install -y --no-install-recommends) refresh=(apt-get update) ;;
	dnf) column=2 install=(dnf install -y --setopt=install_weak_deps=False) refresh=(dnf makecache) ;;
	pacman) column=3 install=(pacman -S --noconfirm --needed) ;;
	zypper)
		column=4 install=(zypper --non-interactive install --no-recommends)
		refresh=(zypper --non-interactive refresh)
		;;
	apk) column=5 install=(apk add) refresh=(apk update) ;;
	esac
}

is_installed() {
	case $manager in
	apt-get) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
	dnf | zypper) rpm -q --whatprovides "$1" >/dev/null 2>&1 ;;
	pacman) pacman -T "$1" >/dev/null 2>&1 ;;
	apk) apk info -e "$1" >/dev/null 2>&1 ;;
	esac
}

# The names that this machine's manager has for them, each once.
names() {
	awk -v column=$column '
		FILENAME == ARGV[1] { if (!/^#/) name[$1] = $column; next }
		{
			count = split($0 in name ? name[$0] : $0, each, ",")
			for (i = 1; i <= count; i++)
				if (each[i] == "-")
					print "not in this release: " $0 >"/dev/stderr"
				else if (!seen[each[i]]++)
					print each[i]
		}' package-names.txt <(printf '%s\n' "$@")
}

# Sets missing to those that are not installed, and can be. Without apt's lists nothing can be said; the others are asked
# by installing.
look() {
	local package plan lists=
	[ $manager = apt-get ] && lists=$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)
	missing=()
	for package; do
		is_installed "$package" && continue
		if [ "$lists" ] && ! plan=$(apt-get -s install --no-install-recommends "$package" 2>/dev/null); then
			echo "not in this release: $package"
		elif [ -z "$lists" ] || grep -q '^Inst ' <<<"$plan"; then    # else another package provides it
			missing+=("$package")
		fi
	done
}

say_what_to_type() {
	local line="${install[*]} ${missing[*]}"
	[ $manager = pacman ] && line="pacman -Syu --needed ${missing[*]}"
	echo "these packages are missing$1; as root, type:" >&2
	echo "  ${refresh[*]}${refresh:+ && }$line" >&2
	exit 1
}

# Whether what could not be installed is not there, rather than out of reach.
lists_are_good() {
	if [ $manager = pacman ]; then
		pacman -Slq 2>/dev/null | grep -q . && ! pacman -Si "$@" 2>/dev/null | grep -q .
	else
		[ "${refreshed-}" ]
	fi
}

# All at once; or one by one, where one that is not there would keep the others out.
install_missing() {
	local package absent=()
	[ ${#missing[@]} -eq 0 ] && return
	"${as_root[@]}" "${install[@]}" "${missing[@]}" >/dev/null 2>&1 && return
	[ $manager = apt-get ] && return 1
	for package in "${missing[@]}"; do
		"${as_root[@]}" "${install[@]}" "$package" >/dev/null 2>&1 || absent+=("$package")
	done
	[ ${#absent[@]} -lt ${#missing[@]} ] || lists_are_good "${absent[@]}" || return 1
	[ ${#absent[@]} -eq 0 ] || printf 'not in this release: %s\n' "${absent[@]}"
}

find_manager
if [ -z "$manager" ]; then
	echo "no package manager here that is known (apt-get, dnf, pacman, zypper, apk); needed are, by Debian's names:" >&2
	echo "  $*" >&2
	exit 0
fi
describe_manager
mapfile -t wanted < <(names "$@")
look "${wanted[@]}"
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root=()
elif sudo -n true 2>/dev/null; then
	as_root=(sudo)
else
	say_what_to_type ""
fi

echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install_missing && exit 0
# the package lists may be old, or not there yet
[ ${#refresh[@]} -eq 0 ] || "${as_root[@]}" "${refresh[@]}" >/dev/null 2>&1 || say_what_to_type ", and cannot be had now"
refreshed=1
look "${wanted[@]}" >/dev/null
install_missing || say_what_to_type ", and cannot be installed"
