#!/bin/bash
# packages.bash -- the installer of what is needed, with package managers that only write down what they are told.
. "$(dirname "$0")/../lib/suite.bash"

# machine ID UID MANAGER...: a machine of that system and user, where nothing is installed. What is in `installed` is, and
# what is in `absent` is nowhere; with a file `offline` nothing can be had.
machine() {
	local tool manager
	mkdir -p bin && : >calls
	for tool in bash sh awk cat dirname find grep head mktemp printf sed; do
		ln -sf "$(command -v "$tool")" bin/
	done
	printf '#!/bin/sh\necho %s\n' "$2" >bin/id
	printf 'ID=%s\n' "$1" >os-release
	shift 2
	for manager; do
		cat >"bin/$manager" <<-'END'
			#!/bin/bash
			cd "$WORK"
			is() { grep -qxF -- "${@: -1}" "$1" 2>/dev/null; }
			case "${0##*/} $*" in
			'dpkg-query '*) is installed "$@" && echo 'install ok installed'; exit ;;
			'rpm -q '* | 'pacman -T '* | 'apk info '*) is installed "$@"; exit ;;
			'pacman -Slq') [ -e offline ] || echo something; exit ;;
			'pacman -Si '*) exit 1 ;;
			'apt-get -s '*) is absent "$@" && exit 100; echo 'Inst it'; exit ;;
			esac
			echo "${0##*/} $*" >>calls
			[ ! -e offline ] || exit 1
			for word; do
				! grep -qxF -- "$word" absent 2>/dev/null || exit 1
			done
		END
		chmod +x "bin/$manager"
	done
	chmod +x bin/id
}
# installer STATUS PACKAGE...: its words are in `said`
installer() {
	local status=$1 got
	shift
	PATH=$WORK/bin OS_RELEASE=$WORK/os-release "$ROOT/tests/lib/install-packages.bash" "$@" >said 2>&1
	got=$?
	[ $got -eq "$status" ] || fail "status $got: $(cat said calls)"
}
same() { diff -u - "$1" >difference || fail "$1: $(cat difference)"; }
export -f machine installer same
NEEDED="gcc g++ libuv1-dev libsystemd-dev redis-server redis-tools"
export NEEDED

# installs ID COMMAND NAMES MANAGER...
installs() {
	local command=$2 names=$3
	machine "$1" 0 "${@:4}"
	installer 0 $NEEDED
	grep -qx "installing: $names" said || fail "$(cat said)"
	same calls <<<"$command $names"
	# once they are there, nobody is asked
	tr ' ' '\n' <<<"$names" >installed
	: >calls
	installer 0 $NEEDED
	[ ! -s calls ] || fail "$(cat calls)"
}
APT="apt-get install -y --no-install-recommends" DNF="dnf install -y --setopt=install_weak_deps=False"
ZYPPER="zypper --non-interactive install --no-recommends"
export APT DNF ZYPPER
FEDORA="gcc gcc-c++ libuv-devel systemd-devel redis"
run_case "apt-get installs by Debian's names" installs debian "$APT" "$NEEDED" apt-get dpkg-query
run_case "dnf by Fedora's" installs fedora "$DNF" "$FEDORA" dnf rpm
run_case "dnf also where there is an apt-get besides" installs fedora "$DNF" "$FEDORA" apt-get dnf dpkg-query rpm
run_case "pacman by Arch's" installs arch "pacman -S --noconfirm --needed" "gcc libuv systemd valkey" pacman
run_case "zypper by openSUSE's" installs opensuse-leap "$ZYPPER" "gcc gcc-c++ libuv-devel systemd-devel redis" zypper rpm
run_case "apk by Alpine's, which has no systemd" installs alpine "apk add" "gcc g++ libuv-dev redis" apk
run_case "a system that nobody has heard of has what its manager is" installs other "$DNF" "$FEDORA" dnf rpm

# Not root, and no sudo.
types() {
	machine "$1" 1000 "${@:3}"
	installer 1 $NEEDED
	same said < <(echo "these packages are missing; as root, type:"; echo "  $2")
	[ ! -s calls ] || fail "$(cat calls)"
}
run_case "who is not root is told what to type: apt-get" types debian "apt-get update && $APT $NEEDED" apt-get dpkg-query
run_case "the same: dnf" types fedora "dnf makecache && $DNF $FEDORA" dnf rpm
run_case "the same: pacman, with all of the system" types arch "pacman -Syu --needed gcc libuv systemd valkey" pacman
run_case "the same: zypper" types opensuse-leap "zypper --non-interactive refresh && $ZYPPER $FEDORA" zypper rpm

uses_sudo() {
	machine fedora 1000 dnf rpm
	printf '#!/bin/sh\n[ "$1 $2" = "-n true" ] && exit\necho sudo >>"%s/calls"\nexec "$@"\n' "$WORK" >bin/sudo
	chmod +x bin/sudo
	installer 0 gcc
	same calls < <(echo sudo; echo "$DNF gcc")
}
run_case "with sudo it installs" uses_sudo

offline() {
	local what=$2
	machine "$1" 0 "${@:3}"
	: >offline
	installer 1 gcc
	grep -q "^these packages are missing, and cannot be .*; as root, type:$" said && grep -qxF "  $what" said ||
		fail "$(cat said)"
}
run_case "without a network: apt-get" offline debian "apt-get update && $APT gcc" apt-get dpkg-query
run_case "without a network: dnf" offline fedora "dnf makecache && $DNF gcc" dnf rpm
run_case "without a network: pacman" offline arch "pacman -Syu --needed gcc" pacman
run_case "without a network: apk" offline alpine "apk update && apk add gcc" apk

absent() {
	machine "$1" 0 "${@:2}"
	echo tcl >absent
	installer 0 gcc tcl strace
	grep -qx "not in this release: tcl" said || fail "$(cat said)"
	grep -qE '(install|add|-S) .*strace$' calls || fail "$(cat calls)"
	printf 'gcc\nstrace\n' >installed
	# and when nothing else is missing
	installer 0 gcc tcl strace
	grep -qx "not in this release: tcl" said || fail "$(cat said)"
}
run_case "one that a release has not keeps the others out of nothing: dnf" absent fedora dnf rpm
run_case "the same with pacman" absent arch pacman
run_case "the same with zypper" absent opensuse-tumbleweed zypper rpm
run_case "the same with apk" absent alpine apk

no_manager() {
	machine gentoo 0
	installer 0 gcc libuv1-dev
	grep -q "no package manager here that is known" said && grep -qx "  gcc libuv1-dev" said || fail "$(cat said)"
}
run_case "where no manager is known it says so, and the build goes on" no_manager

names_are_used() {
	local wanted
	wanted=$(make -s -C "$ROOT" -p -q help 2>/dev/null | sed -n 's/^[A-Z]*_PACKAGES := //p' | tr ' ' '\n' | sort -u)
	awk '!/^#/ && NF != 5' "$ROOT/tests/lib/package-names.txt" | grep . && fail "not five names"
	awk '!/^#/ { print $1 }' "$ROOT/tests/lib/package-names.txt" | sort | uniq -d | grep . && fail "twice"
	comm -13 <(echo "$wanted") <(awk '!/^#/ { print $1 }' "$ROOT/tests/lib/package-names.txt" | sort) | grep . &&
		fail "nobody wants these"
	return 0
}
run_case "the names of others are of packages that are wanted" names_are_used

end_suite
