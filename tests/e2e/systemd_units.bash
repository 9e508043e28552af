#!/bin/bash
# systemd_units.bash -- the files in systemd/: they verify, they are hardened, and the generator writes what it should.
. "$(dirname "$0")/../lib/suite.bash"

# The units as `make install` makes them, with a program that exists.
units_here() {
	mkdir -p units
	cp "$ROOT"/systemd/*.service "$ROOT"/systemd/*.socket units/ || return 1
	sed -i 's|@SBINDIR@/vmmallocd|/bin/true|' units/*.service
	export SYSTEMD_UNIT_PATH=$WORK/units:
}
export -f units_here

verifies() {
	need systemd-analyze
	units_here || return 1
	"$ROOT/systemd/vmmalloc-generator" units x y "$ROOT/systemd/vmmallocd.conf" || return 1
	systemd-analyze verify --man=no vmmallocd.service vmmallocd.socket vmmallocd-control.socket >words 2>&1 ||
		fail "$(cat words)"
	[ ! -s words ] || fail "$(cat words)"
}
run_case "the units verify" verifies

# 20 is 2.0
is_hardened() {
	need systemd-analyze
	units_here || return 1
	systemd-analyze security --offline=yes --no-pager --threshold=20 units/vmmallocd.service >words 2>&1 ||
		fail "$(cat words)"
}
run_case "the service is exposed by at most 2.0" is_hardened

makes_user_and_directories() {
	need systemd-sysusers systemd-tmpfiles
	[ "$(id -u)" = 0 ] || skip "only root can give files away"
	mkdir -p root/etc root/run root/dev/shm
	systemd-sysusers --root="$WORK/root" "$ROOT/systemd/vmmalloc.sysusers.conf" 2>words || fail "$(cat words)"
	grep -q '^vmmalloc:x:[0-9]*:[0-9]*:Pools of vmmallocd:/var/lib/vmmalloc:.*nologin$' root/etc/passwd ||
		fail "$(cat root/etc/passwd)"
	grep -q '^vmmalloc:' root/etc/group || fail "$(cat root/etc/group)"
	systemd-tmpfiles --root="$WORK/root" --create "$ROOT/systemd/vmmalloc.tmpfiles.conf" 2>words || fail "$(cat words)"
	local uid
	uid=$(sed -n 's/^vmmalloc:x:\([0-9]*\):.*/\1/p' root/etc/passwd)
	for directory in run/vmmalloc dev/shm/vmmalloc; do
		[ "$(stat -c '%u %a' "root/$directory")" = "$uid 755" ] || fail "$(stat "root/$directory")"
	done
}
run_case "sysusers and tmpfiles make the user and its directories" makes_user_and_directories

# generate SHELL: the drop-in for ./etc/vmmallocd.conf in ./out, messages in ./words
generate() {
	rm -rf out
	mkdir out
	"$1" "$ROOT/systemd/vmmalloc-generator" out out out etc/vmmallocd.conf 2>words || fail "status $?: $(cat words)"
	dropin=out/vmmallocd.service.d/50-directories.conf
}
expect() {
	diff -u - "$1" >difference || fail "$(cat difference)"
}
shells() {
	for shell in dash bash sh; do
		command -v "$shell"
	done
}
export -f generate expect shells

generates_a_dropin() {
	need systemd-escape
	mkdir -p etc/conf.d/directory.conf
	printf '%s\n' '[daemon]' 'state_dir = /srv/state' '[pool a]' 'directory = /mnt/pmem0' 'size = 1G' \
		'[pool b]' 'directory = /mnt/pmem0' >etc/vmmallocd.conf
	printf '[pool c]\ndirectory=/tmp/my pools/100%%' >etc/conf.d/c.conf
	printf '[pool d]\ndirectory=/not\n' >etc/conf.d/c.conf~
	for shell in $(shells); do
		generate "$shell"
		expect "$dropin" <<'END'
# Made by vmmalloc-generator from etc/vmmallocd.conf.
[Unit]
Wants=mnt-pmem0.mount mnt.mount srv-state.mount srv.mount tmp-my\x20pools-100\x25.mount tmp-my\x20pools.mount
After=mnt-pmem0.mount mnt.mount srv-state.mount srv.mount tmp-my\x20pools-100\x25.mount tmp-my\x20pools.mount

[Service]
BindPaths="-/mnt/pmem0"
BindPaths="-/srv/state"
BindPaths="-/tmp/my pools/100%%"
END
		[ ! -s words ] || fail "$(cat words)"
	done
}
run_case "the generator gives the service the directories of the configuration" generates_a_dropin

reads_as_the_daemon_does() {
	need systemd-escape
	mkdir etc
	printf '\357\273\277[ pool \t a ] ; one\r\n\t directory\t=  /a ; no\r\n#directory=/no1\r\n;directory=/no2\r\n' \
		>etc/vmmallocd.conf
	printf '%s\n' 'directory2 = /no3' '[other]' 'directory = /no4' '[daemon]' 'directory = /no5' 'words' '' \
		'[pool b]' 'directory : /b;c' 'runtime_dir = /no6' '[poolc]' 'directory = /no7' '[pool d' \
		'directory=/d=e' >>etc/vmmallocd.conf
	for shell in $(shells); do
		generate "$shell"
		sed -n '/^BindPaths/p' "$dropin" >paths
		printf 'BindPaths="-/%s"\n' a 'b;c' 'd=e' | expect paths
	done
}
run_case "the generator reads lines as the daemon does" reads_as_the_daemon_does

leaves_out() {
	need systemd-escape
	mkdir etc
	printf '%s\n' '[pool a]' 'directory =' '[pool b]' 'directory = relative' '[pool c]' 'directory = /' \
		'[pool d]' 'directory = /mnt/../etc' '[pool e]' 'directory = /a"b' '[pool f]' 'directory = /a:b' \
		'[pool g]' 'directory = /a\b' '[pool h]' 'directory = /.' '[daemon]' 'state_dir = /var/lib/vmmalloc' \
		'runtime_dir = /run/vmmalloc/' >etc/vmmallocd.conf
	printf '[pool i]\ndirectory = /a\001b\n' >>etc/vmmallocd.conf
	for shell in $(shells); do
		generate "$shell"
		[ -z "$(ls out)" ] || fail "$(cat "$dropin")"
		[ "$(grep -c "^vmmalloc-generator: '.*' cannot be made writable for vmmallocd.service$" words)" = 9 ] ||
			fail "$(cat words)"
	done
}
run_case "the generator leaves out what no unit can say, and says so" leaves_out

does_nothing() {
	mkdir etc
	for shell in $(shells); do
		generate "$shell"
		[ -z "$(ls out)" ] && [ ! -s words ] || fail "without a file: $(ls -R out; cat words)"
	done
	cp "$ROOT/systemd/vmmallocd.conf" etc/
	for shell in $(shells); do
		generate "$shell"
		[ -z "$(ls out)" ] && [ ! -s words ] || fail "with the example: $(ls -R out; cat words)"
	done
	rm etc/vmmallocd.conf
	mkdir etc/vmmallocd.conf
	generate sh
	[ -z "$(ls out)" ] && [ ! -s words ] || fail "with a directory: $(ls -R out; cat words)"
}
run_case "the generator does nothing without directories" does_nothing

# A hostile name is data: not run, and no second line of the unit.
runs_nothing() {
	need systemd-escape
	mkdir etc
	# shellcheck disable=SC2016  # not for this shell either
	printf '%s\n' '[pool a]' 'directory = /a/$(touch ran)/`touch ran`/*/[x]/$HOME' >etc/vmmallocd.conf
	for shell in $(shells); do
		generate "$shell"
		# shellcheck disable=SC2016
		grep -qxF 'BindPaths="-/a/$(touch ran)/`touch ran`/*/[x]/$HOME"' "$dropin" || fail "$(cat "$dropin")"
		[ ! -e ran ] && [ "$(grep -c = "$dropin")" = 3 ] || fail "$(ls; cat "$dropin")"
	done
}
run_case "the generator takes names as they are" runs_nothing

end_suite
