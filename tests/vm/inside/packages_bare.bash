#!/bin/bash
# packages_bare.bash -- the packages where no systemd runs: in a container, a chroot, or under another init. Run in a clean
# system in which they were built, of which tests/distros/enter.bash makes a container.
. "$(dirname "$0")/../../lib/suite.bash"
[ -e /usr/sbin/policy-rc.d ] && [ ! -d /run/systemd/system ] || { echo "only in the system of tests/vm/check_packages.bash"; exit 1; }
export DEBIAN_FRONTEND=noninteractive DEBS=$BUILD/deb SUITE_TMP CLASS=/etc/vmmalloc/conf.d/small.conf

# of all daemons
pids() { grep -lx vmmallocd /proc/[0-9]*/comm 2>/dev/null | cut -d / -f 3; }
quietly() { "$@" >words 2>&1 || fail "$*: status $?: $(cat words)"; }
is() { [ "$1" = "$2" ] || fail "'$1', expected '$2'"; }
wait_for() {
	local tries=200
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || fail "in vain: $*"
		sleep 0.1
	done
}
come() { quietly dpkg -i "$DEBS"/{libvmmalloc1,vmmallocctl,vmmallocd}_*.deb; }
# Nothing of a case is left for the next one.
begin() {
	trap 'kill $(pids) 2>/dev/null; rm -rf /etc/vmmalloc /opt/vmmallocd {/run,/dev/shm}/of-*; dpkg --purge vmmallocd vmmallocctl libvmmalloc1 >/dev/null 2>&1' EXIT
}
with_class() { printf '[pool small]\ndirectory = /dev/shm/vmmalloc\nsize = 16M\nready = 2\n' >$CLASS; }
# as an init script starts it
start() {
	start-stop-daemon --start --background --chuid "$1" --exec /usr/bin/env -- XDG_RUNTIME_DIR=/run XDG_STATE_HOME=/var/lib "${@:2}"
}
serves() { vmmallocctl "$@" list 2>/dev/null | grep -qw ready; }
allow() { printf '#!/bin/sh\necho "$@" >>/run/asked\nexit %s\n' "$1" >/usr/sbin/policy-rc.d; }
# The package is there, and its daemon serves, as an init script starts it.
begin_serving() {
	begin
	come
	with_class
	start vmmalloc /usr/sbin/vmmallocd
	wait_for serves
}
export -f pids quietly is wait_for come begin with_class start serves allow begin_serving

case_install() {
	begin
	come
	is "$(stat -c '%U %a' /run/vmmalloc /dev/shm/vmmalloc /var/lib/vmmalloc | tr '\n' ' ')" \
		"vmmalloc 755 vmmalloc 755 vmmalloc 700 "
	quietly dpkg --purge vmmallocd
	is "$(find /etc /run /dev/shm /var/lib -name '*vmmalloc*' ! -path '/var/lib/dpkg/*' ! -path '/var/lib/apt/*')" ""
	grep -s vmmalloc /etc/passwd /etc/group && fail "its user is left"
	return 0
}

case_upgrade() {
	begin_serving
	pid=$(pids)
	come
	is "$(pids)" "$pid"
	serves || fail "it no longer serves"
}

# ends COMMAND...: a daemon that is started so ends when the package is removed.
ends() {
	begin
	come
	with_class
	allow 0
	"$@"
	wait_for serves
	quietly ${AS-} dpkg -r vmmallocd
	is "$(pids)" ""
	is "$(find /dev/shm /run -name '*vmmalloc*' ! -path '*/of-root/*')" ""
	quietly dpkg --purge vmmallocd
	! grep vmmalloc /etc/passwd || fail "its user is left"
}
by_root() {
	install -d /dev/shm/of-root
	sed -i 's|= /dev/shm/vmmalloc|= /dev/shm/of-root|' $CLASS
	setsid -f /usr/sbin/vmmallocd --config $CLASS
}
export -f ends by_root

case_others() {
	begin
	come
	with_class
	allow 0
	install -d -o nobody /run/of-nobody /dev/shm/of-nobody
	printf '[pool own]\ndirectory = /dev/shm/of-nobody\nsize = 16M\nready = 1\n' >own.conf && chmod 711 "$SUITE_TMP" . || return 1
	setsid -f setpriv --reuid nobody --regid nogroup --clear-groups /usr/sbin/vmmallocd --config "$PWD/own.conf" \
		--runtime-dir /run/of-nobody --state-dir /run/of-nobody/state
	wait_for serves --runtime-dir /run/of-nobody
	# what is not the package's
	mkdir -p /opt/vmmallocd/pools && cp /usr/sbin/vmmallocd /opt/vmmallocd
	sed 's|/dev/shm/of-nobody|/opt/vmmallocd/pools|' own.conf >/opt/vmmallocd/conf
	setsid -f /opt/vmmallocd/vmmallocd --config /opt/vmmallocd/conf --runtime-dir /opt/vmmallocd/run --state-dir /opt/vmmallocd/state
	wait_for serves --runtime-dir /opt/vmmallocd/run
	is "$(pids | wc -l)" 2
	quietly dpkg -r vmmallocd
	is "$(pids | wc -l)" 2
	serves --runtime-dir /run/of-nobody && serves --runtime-dir /opt/vmmallocd/run || fail "they no longer serve"
}

case_policy() {
	begin_serving
	pid=$(pids)
	rm -f /run/asked && allow 101
	quietly dpkg -r vmmallocd
	is "$(pids)" "$pid"
	is "$(cat /run/asked)" "vmmallocd stop"
}

# A member keeps the group, and then the user comes back to it.
case_group() {
	begin
	come
	quietly useradd -M alice
	quietly usermod -aG vmmalloc alice
	quietly dpkg --purge vmmallocd
	! grep '^vmmalloc:' /etc/passwd || fail "its user is left"
	come
	is "$(id -nG vmmalloc) $(id -nG alice)" "vmmalloc alice vmmalloc"
	userdel alice
	quietly dpkg --purge vmmallocd
	grep -s vmmalloc /etc/passwd /etc/group && fail "its user or group is left"
	return 0
}

# dpkg installs into the system below a directory, and runs the scripts in this one.
case_directory() {
	begin_serving
	mkdir -p other/var/lib/dpkg/{info,updates} other/etc && touch other/var/lib/dpkg/{status,available} || return 1
	cp /etc/{passwd,group,shadow,login.defs} other/etc && sed -i /vmmalloc/d other/etc/{passwd,group,shadow} || return 1
	(cd other && find . ! -path './var/lib/dpkg*' | sort) >before
	other() { quietly dpkg --root="$PWD/other" --force-script-chrootless --force-depends "$@"; }
	other -i "$DEBS"/{libvmmalloc1,vmmallocctl,vmmallocd}_*.deb
	grep -q '^vmmalloc:' other/etc/passwd && [ -d other/var/lib/vmmalloc ] || fail "no user and no directory there: $(cat words)"
	other --purge vmmallocd vmmallocctl libvmmalloc1
	(cd other && find . ! -path './var/lib/dpkg*' ! -path './etc/*-' | sort) | comm -13 before - | grep vmmalloc && fail "left there"
	serves && grep -q '^vmmalloc:' /etc/passwd && [ -e /var/lib/vmmalloc/registry.json ] || fail "it was taken from this system"
}

run_case "where no systemd runs, they come, and go without a trace" case_install
run_case "an upgrade leaves alone what others have started" case_upgrade
run_case "removed, it ends the daemon of an init script" ends start vmmalloc /usr/sbin/vmmallocd
AS="setpriv --bounding-set -sys_ptrace" \
	run_case "removed by a root who may not look into others' processes, too" ends start vmmalloc /usr/sbin/vmmallocd
run_case "removed, it ends the daemon that root has started" ends by_root
run_case "removed, it ends neither another user's daemon nor another program" case_others
run_case "what policy-rc.d forbids is not done" case_policy
run_case "a group with other members stays, and the user comes back to it" case_group
run_case "in a system below a directory, nothing is done to this one" case_directory
end_suite
