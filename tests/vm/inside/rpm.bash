#!/bin/bash
# rpm.bash -- where systemd is PID 1 and rpm has no package yet: those of `make rpm` are installed, upgraded, removed and
# installed again. /out/old and /out/new have them. Run at each boot.
. "$(dirname "$0")/service.bash"
[ -d /out/new ] || { echo "only in the container of tests/vm/check_rpm.bash"; exit 1; }
count_boots
CONFIGURATION=/etc/vmmalloc/vmmallocd.conf
UNITS="vmmallocd.service vmmallocd.socket vmmallocd-control.socket"
export CONFIGURATION UNITS

# rpm's database knows of nothing else here
packages() { rpm "$@" --nodeps >words 2>&1 || fail "rpm $*: $(cat words)"; }
as_alice() { setpriv --reuid alice --regid alice --clear-groups "$@"; }
ready() { "$CTL" list 2>/dev/null | grep -qw ready; }
# a program of alice's on a pool of the daemon's; once it is told to, it uses more of it, forks, and says so
program_starts() {
	mkfifo tell && chmod 666 tell
	setpriv --reuid alice --regid alice --clear-groups "$CTL" run --class small -- python3 -c 'if True:
		import os, sys
		open("/proc/self/comm").read()
		print(*(line for line in open("/proc/self/maps") if "/vmmalloc-" in line), flush=True)
		told = open("tell").read()
		heap = [str(number) * 10 for number in range(20000)]
		child = os.fork()
		if child == 0: os._exit(len(heap) % 251)
		print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told)' >said 2>&1 &
	PROGRAM=$! PIDS="$PIDS $!"
	wait_for grep -q /vmmalloc- said
}
program_ends() {
	echo on >tell
	wait "$PROGRAM" || fail "the program: $(cat said)"
	is "$(tail -n 2 said | head -n 1)" "171 on"
}
# what is installed and made, of names; the files of accounts are systemd's
everything() {
	find /usr /etc /var /srv /run/vmmalloc /dev/shm -xdev \( -path '/var/log*' -o -path '/var/tmp*' -o -path '/var/cache*' \
		-o -path '/var/lib/systemd' \) -prune -o ! -path '/etc/*-' ! -name .pwd.lock -print 2>/dev/null | sort
}
export -f packages as_alice ready program_starts program_ends everything

case_install() {
	begin
	echo 'disable *' >/etc/systemd/system-preset/00-nothing.preset
	ldconfig
	everything >/out/before
	packages -i /out/old/*.rpm
	grep -vE 'should not be used|assuming you know|^Creating (user|group) ' words && fail "it said something"
	is "$(getent passwd vmmalloc | cut -d : -f 5,6)" "Pools of vmmallocd:/var/lib/vmmalloc"
	is "$(stat -c '%U %a' /run/vmmalloc /dev/shm/vmmalloc | sort -u)" "vmmalloc 755"
	is "$(stat -c '%U %a' /var/lib/vmmalloc)" "vmmalloc 700"
	# enabled is what this machine's presets say
	is "$(systemctl is-enabled $UNITS | sort -u)" disabled
	is_inactive || fail "it runs, though nobody has asked for it"
	is "$(rpm -Va --nodeps)" ""
}

case_library() {
	begin
	local words
	# found by its name
	words=$(VMMALLOC_POOL_DIR=/dev/shm VMMALLOC_POOL_SIZE=14M LD_PRELOAD=libvmmalloc.so.1 as_alice grep -c libvmmalloc /proc/self/maps) ||
		fail "preloaded"
	[ "$words" -gt 0 ] || fail "$words"
	VMMALLOC_POOL_DIR=/dev/shm VMMALLOC_POOL_SIZE=14M VMMALLOC_LOG_LEVEL=2 LD_PRELOAD=libvmmalloc.so.1 \
		LD_LIBRARY_PATH=$(dirname "$(rpm -ql libvmmalloc-debug | grep 'so.1$' | tail -n 1)") ls / 2>&1 >/dev/null |
		grep -q 'pool of 14680064 bytes' || fail "the debug build"
	echo 'int main(void) { return !*vmmalloc_version(); }' >own.c
	cc -include libvmmalloc.h own.c $(pkg-config --cflags --libs libvmmalloc) -o own || fail "cc"
	VMMALLOC_POOL_DIR=/dev/shm VMMALLOC_POOL_SIZE=14M ./own || fail "a program linked with it: status $?"
}

case_service() {
	begin
	printf '[pool small]\ndirectory = /dev/shm/vmmalloc\nsize = 16M\n' >>$CONFIGURATION
	systemctl enable --now vmmallocd.service >words 2>&1 || fail "$(cat words)"
	wait_for ready
	program_starts
	program_ends
	said_nothing_odd
}

case_booted() {
	begin
	wait_for is_active
	wait_for ready
	is "$(systemctl is-enabled $UNITS | sort -u)" enabled
	program_starts
	program_ends
}

case_upgrade() {
	begin
	local before
	wait_for ready
	program_starts
	before=$(main_pid)
	sha256sum $CONFIGURATION >configuration
	packages -U /out/new/*.rpm
	is "$("$CTL" --version) $(vmmallocd --version)" "vmmallocctl $(sed 's/.* //' <<<"$(vmmallocd --version)") $(vmmallocd --version)"
	wait_for is_active
	[ "$(main_pid)" != "$before" ] || fail "the daemon of before still runs"
	is "$(systemctl is-enabled $UNITS | sort -u)" enabled
	sha256sum -c configuration >words 2>&1 || fail "the configuration was changed: $(cat words)"
	grep -q 'of the version before' $CONFIGURATION || fail "it is not that of before"
	[ -e $CONFIGURATION.rpmnew ] || fail "no $CONFIGURATION.rpmnew"
	is "$(rpm -Va --nodeps | tr -s ' ')" "S.5....T. c $CONFIGURATION"
	wait_for ready
	"$CTL" list | grep -w leased | grep -qw "$PROGRAM" || fail "its pool is not leased: $("$CTL" list)"
	program_ends
	wait_for eval '! "$CTL" list | grep -qw leased'
	# once more, the same: nothing changes
	packages -U --force /out/new/*.rpm
	sha256sum -c configuration >words 2>&1 || fail "the configuration was changed: $(cat words)"
	wait_for ready
}

case_erase() {
	begin
	local own='/srv/50% "own"'
	# what a user makes: a directory of pools, a class, a file among the pools
	mkdir "$own" && chown vmmalloc "$own" && chmod 755 "$own" && echo mine >"$own/vmmalloc-mine.ready"
	printf '[pool own]\ndirectory = %s\nsize = 16M\nwarm = no\n' "$own" >/etc/vmmalloc/conf.d/own.conf
	systemctl reload vmmallocd.service || fail "reload"
	program_starts
	packages -e vmmallocd vmmallocctl libvmmalloc-debug libvmmalloc-devel libvmmalloc
	program_ends
	is "$(systemctl list-unit-files 'vmmallocd*' --no-legend; ps -o pid= -C vmmallocd)" ""
	everything | comm -13 /out/before - >left
	printf '%s\n' /etc/vmmalloc /etc/vmmalloc/conf.d /etc/vmmalloc/conf.d/own.conf $CONFIGURATION.rpmnew $CONFIGURATION.rpmsave \
		"$own" "$own/vmmalloc-mine.ready" | sort >expected
	cmp left expected || fail "$(diff left expected)"
	everything | comm -23 /out/before - >gone
	is "$(cat gone)" ""
}

case_again() {
	begin
	rm -r /etc/vmmalloc /srv/50*
	packages -i /out/new/*.rpm
	cmp $CONFIGURATION "$ROOT/systemd/vmmallocd.conf" || fail "the configuration"
	echo '[pool small]
directory = /dev/shm/vmmalloc
size = 16M' >/etc/vmmalloc/conf.d/small.conf
	systemctl enable --now vmmallocd.service >words 2>&1 || fail "$(cat words)"
	wait_for ready
	rm /etc/vmmalloc/conf.d/small.conf
	packages -e vmmallocd vmmallocctl libvmmalloc-debug libvmmalloc-devel libvmmalloc
	everything | comm -3 /out/before - >left
	is "$(cat left)" ""
}

case $boot in
1)
	mkdir -p /etc/systemd/system-preset
	run_case "installed, nothing is started, and what it needs is there" case_install
	run_case "the library, its debug build, and a program that is linked with it" case_library
	run_case "the service, and a program of an ordinary user on its pool" case_service
	boot_again
	;;
*)
	run_case "after a reboot the service is there" case_booted
	run_case "an upgrade keeps the configuration, and a program its pool" case_upgrade
	run_case "erased, nothing is left but what a user made; a program goes on" case_erase
	run_case "installed again, and erased: nothing is left" case_again
	boot_no_more
	;;
esac
