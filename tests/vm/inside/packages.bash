#!/bin/bash
# packages.bash -- where systemd is PID 1 and nothing of the project is installed: its packages come, are upgraded, and
# go, and leave what they should. Run at each boot; service.bash counts them.
. "$(dirname "$0")/service.bash"
[ -n "${NEW-}" ] || { echo "only in the container of tests/vm/check_packages.bash"; exit 1; }
count_boots
export DEBIAN_FRONTEND=noninteractive
VERSION=$(dpkg-deb -f "$(ls "$NEW"/vmmallocd_*.deb)" Version | sed 's/[-~].*//')
export NEW OLD OLD_VERSION VERSION CTL

# apt OPTION... WORD...: a word that names no file is an option or a package
apt_get() { apt-get -y "$@" >apt.log 2>&1 || fail "apt-get $*: $(cat apt.log)"; }
# come DIRECTORY NAME...: packages of ours, with OPTIONS
come() {
	local directory=$1 name files=()
	shift
	for name; do files+=("$(ls "$directory/${name}"_*.deb)"); done
	apt_get install ${OPTIONS-} "${files[@]}"
}
# what is installed, or has left its configuration
all_ours() {
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'libvmmalloc*' 'vmmalloc*' 2>/dev/null |
		awk '$1 != "not-installed" { printf "%s ", $2 }'
}
purge_all() { apt_get purge $(all_ours); }
AS_ALICE="setpriv --reuid alice --regid alice --init-groups"
export AS_ALICE

# What is on the machine: paths with their types, owners and modes, what is in /etc, users, units. But for what dpkg, apt,
# systemd and passwd(5) keep for themselves, whatever is installed.
machine() {
	find /etc /home /opt /root /srv /usr /var -xdev \
		'(' -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path '/var/lib/dpkg/*-old' \
		-o -path /var/lib/systemd/timers -o -name '*.lock' -o -path '/etc/*-' -o -path /var/tmp ')' -prune -o \
		-printf '%p %y %m %u %g %l\n'
	find /etc -type f ! -path '/etc/*-' ! -path /etc/ld.so.cache -exec md5sum {} +
	find /run /dev/shm /tmp /var/tmp -name '*vmmalloc*' ! -name '*vmmalloc-test*'
	getent passwd
	getent group
	systemctl list-unit-files --no-legend --no-pager | grep vmmalloc | grep -v vmmalloc-test
}
same_machine() {
	machine | LC_ALL=C sort >after
	diff /out/machine after >difference || fail "not as it was: $(cat difference)"
}

# keep: a program of alice's has a pool, gets more of it when it is told to (`grow`), and ends (`leave`). $KEEPER
keep() {
	chmod 777 . && rm -f grow leave
	$AS_ALICE "$CTL" run --class small -- /usr/bin/perl -e '
		open my $ready, ">", "kept"; close $ready;
		until (-e "leave") {
			if (-e "grow") {
				push @heap, chr(65 + @heap) x 4000000;
				unlink "grow" if join("", map { substr $_, -1 } @heap) eq join("", map { chr(64 + $_) } 1 .. @heap);
			}
			select undef, undef, undef, 0.05;
		}' &
	KEEPER=$!
	PIDS="$PIDS $KEEPER"
	wait_for test -e kept
}
grow() {
	: >grow && chmod 666 grow
	wait_for test ! -e grow
	kill -0 "$KEEPER" || fail "the program has ended"
}
leave() {
	: >leave
	wait "$KEEPER" || fail "the program ended with status $?"
}
pool_of() { awk '/rw-s/ && /vmmalloc-/ { print $5; exit }' "/proc/$1/maps"; }
export -f apt_get come all_ours purge_all machine same_machine keep grow leave pool_of

# --- the first boot ---

case_library_alone() {
	machine | LC_ALL=C sort >/out/machine
	come "$NEW" libvmmalloc1
	is "$(all_ours)" "libvmmalloc1 "
	$AS_ALICE env VMMALLOC_POOL_DIR=/dev/shm VMMALLOC_POOL_SIZE=64M LD_PRELOAD=libvmmalloc.so.1 cat /proc/self/maps >maps ||
		fail "status $?"
	grep -q 'rw-s.* /dev/shm/' maps && grep -q '/usr/lib/.*/libvmmalloc.so.1' maps || fail "$(cat maps)"
	getent passwd vmmalloc && fail "a user for the library alone"
	purge_all
	same_machine
}

case_development() {
	come "$NEW" libvmmalloc1 libvmmalloc-dev libvmmalloc1-debug vmmallocctl
	$AS_ALICE sh "$ROOT/systemd/packaging/debian/tests/library" >words 2>&1 || fail "$(cat words)"
	is "$("$CTL" --version)" "vmmallocctl $VERSION"
	purge_all
	same_machine
}

case_before() {
	come "$OLD" libvmmalloc1 vmmallocctl vmmallocd
	is "$("$CTL" --version)" "vmmallocctl $OLD_VERSION"
	# an administrator's
	printf '[pool small]\ndirectory = /dev/shm/vmmalloc\nsize = 64M\nready = 1\nmax = 3\n' >/etc/vmmalloc/conf.d/small.conf
	systemctl reload-or-restart vmmallocd.service || fail "reload"
	wait_least small ready 1
}

# Who asks while the daemon is away waits, and is answered by the new one. Whom the old one had accepted when it ended asks
# again.
asks_on() {
	until [ -e upgraded ]; do
		ask daemon version >>answers 2>words || grep -qE 'no reply|Broken pipe|Connection reset' words || cat words >>answers
	done
}
export -f asks_on

case_upgrade() {
	begin
	local daemon=$(main_pid) pool socket=$(stat -c %i $RUN/pool.sock)
	is "$(ask daemon version)" "$OLD_VERSION"
	keep
	grow
	pool=$(pool_of "$KEEPER")
	[ "$pool" ] || fail "no pool: $(cat /proc/$KEEPER/maps)"
	asks_on &
	PIDS="$PIDS $!"
	come "$NEW" libvmmalloc1 vmmallocctl vmmallocd
	wait_for is_active
	[ "$(main_pid)" != "$daemon" ] || fail "the daemon of before goes on"
	is "$(ask daemon version)" "$VERSION"
	: >upgraded
	is "$(uniq answers | tr '\n' ' ')" "$OLD_VERSION $VERSION "
	is "$(stat -c %i $RUN/pool.sock)" "$socket"
	wait_count small leased 1
	is "$(pool_of "$KEEPER")" "$pool"
	"$CTL" list -n -o STATE,COMMAND | grep -q '^leased *perl' || fail "$("$CTL" list)"
	grow
	leave
	wait_count small leased 0
	wait_least small ready 1
	$AS_ALICE "$CTL" run --class small -- grep -q /dev/shm/vmmalloc/ /proc/self/maps || fail "the new daemon's pool"
	said_nothing_odd
}

# --- the second ---

case_booted() {
	begin
	local unit
	wait_for is_active
	for unit in vmmallocd.service vmmallocd.socket vmmallocd-control.socket; do
		is "$(systemctl is-enabled $unit) $(show ActiveState $unit)" "enabled active"
	done
	wait_least small ready 1
	$AS_ALICE "$CTL" run --class small -- grep -q /dev/shm/vmmalloc/ /proc/self/maps || fail "run"
}

case_reinstall() {
	begin
	local daemon=$(main_pid)
	echo '# changed here' >>/etc/vmmalloc/vmmallocd.conf
	OPTIONS=--reinstall come "$NEW" libvmmalloc1 vmmallocctl vmmallocd
	wait_for is_active
	[ "$(main_pid)" != "$daemon" ] || fail "not started again"
	wait_least small ready 1
	grep -qx '# changed here' /etc/vmmalloc/vmmallocd.conf || fail "the configuration is another"
}

case_remove() {
	begin
	local inode
	keep
	inode=$(pool_of "$KEEPER")
	apt_get remove vmmallocd
	grow
	is "$(pool_of "$KEEPER")" "$inode"
	is "$(find /dev/shm /run -name '*vmmalloc*' ! -name '*vmmalloc-test*')" ""
	leave
	is "$(systemctl list-units --all --no-legend --no-pager 'vmmallocd*' | grep -v not-found)" ""
	grep -qx '# changed here' /etc/vmmalloc/vmmallocd.conf || fail "the configuration is gone"
	come "$NEW" vmmallocd
	wait_for is_active
	wait_least small ready 1
}

case_purge() {
	purge_all
	machine | LC_ALL=C sort >after
	diff /out/machine after | grep '^[<>]' >difference
	grep -vE '^> (/etc/vmmalloc|/etc/vmmalloc/conf.d|/etc/vmmalloc/conf.d/small.conf) |^> [0-9a-f]{32}  /etc/vmmalloc/conf.d/small.conf$' \
		difference && fail "more than the administrator's file is left, or less: $(cat difference)"
	[ -e /etc/vmmalloc/conf.d/small.conf ] || fail "the administrator's file is gone"
	rm -r /etc/vmmalloc
	same_machine
}

# A directory for pools that somebody has made stays, and so does the user that it belongs to; its pools do not.
case_directory() {
	begin
	local directory='/mnt/pools/50% "of" them'
	come "$NEW" libvmmalloc1 vmmallocctl vmmallocd
	mkdir -p /mnt/pools && mount -t tmpfs -o size=100M tmpfs /mnt/pools && MOUNTS=/mnt/pools || fail "mount"
	install -d -o vmmalloc -g vmmalloc "$directory"
	echo kept >"$directory/vmmalloc-notes"
	printf '[pool small]\ndirectory = %s\nsize = 16M\nready = 2\n' "$directory" >/etc/vmmalloc/conf.d/small.conf
	systemctl reload vmmallocd.service || fail "reload"
	wait_least small ready 2
	purge_all
	is "$(ls -A "$directory")" vmmalloc-notes
	is "$(stat -c %U "$directory")" vmmalloc
	[ ! -e /var/lib/vmmalloc ] || fail "the registry is left"
}

case $boot in
1)
	run_case "the library alone is preloaded by its name, and goes without a trace" case_library_alone
	run_case "a program is linked with it, and its other build is where the manual says" case_development
	run_case "the release before serves" case_before
	run_case "an upgrade starts the new daemon, and a program keeps its pool until it ends" case_upgrade
	boot_again
	;;
*)
	run_case "after a reboot the service and its sockets are there, for an ordinary user" case_booted
	run_case "installed again, it serves, and what was changed stays so" case_reinstall
	run_case "removed, it takes its pools along, but not from a program; and it can come back" case_remove
	run_case "purged, all is as it was but for what an administrator made" case_purge
	run_case "a directory of somebody's stays, with its owner, and without pools" case_directory
	boot_no_more
	;;
esac
