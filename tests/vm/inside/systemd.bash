#!/bin/bash
# systemd.bash -- where systemd is PID 1: the daemon as `make install` installs it. Run as a service, in a container or
# in a guest, never on a machine that is used for something else.
. "$(dirname "$0")/service.bash"

configure <<'CONF'
[pool plain]
directory = /dev/shm/vmmalloc
size = 16M
ready = 2
CONF

case_user_and_directories() {
	getent passwd vmmalloc | grep -q ':Pools of vmmallocd:/var/lib/vmmalloc:' || fail "no user vmmalloc"
	is "$(stat -c '%U %G %a' /run/vmmalloc /dev/shm/vmmalloc | sort -u)" "vmmalloc vmmalloc 755"
	# without an empty /etc they need not run at boot
	[ -n "${GUEST-}" ] && return
	is "$(show ActiveState systemd-sysusers.service)" active
	is "$(show Result systemd-tmpfiles-setup.service)" success
}

case_units() {
	systemd-analyze verify --man=no vmmallocd.service vmmallocd.socket vmmallocd-control.socket >words 2>&1
	is "$(cat words)" ""
	is "$(show LoadState)" loaded
}

case_first_client() {
	begin
	# enabled as an administrator would
	systemctl enable --now vmmallocd.socket >words 2>&1 || fail "$(cat words)"
	is "$(show ActiveState vmmallocd.socket)$(show ActiveState vmmallocd-control.socket)" activeactive
	is_inactive || fail "it runs before anybody has asked"
	is "$(stat -c '%a %F' $RUN/pool.sock $RUN/control.sock | sort -u)" "666 socket"
	# whoever asks first starts it, and has an answer
	client_as $NOBODY take=plain >words || fail "status $?"
	grep -qE '^(ok 16777216 .* plain|no pool is ready)$' words || fail "$(cat words)"
	wait_for is_active
	is "$(show SubState)" running
	is "$(stat -c %U "/proc/$(main_pid)")" vmmalloc
	wait_least plain ready 2
	client_as $NOBODY take=plain map zero fill=3 | grep -qx zero || fail "no pool, or not a clean one"
	wait_for eval 'show StatusText | grep -qE "^1 classes; pools: [23] ready, 0 leased, 0 at work, 0 quarantined$"'
	said_nothing_odd
}

case_control_starts_it() {
	begin
	systemctl stop vmmallocd.service
	is_inactive || fail "not stopped"
	[ -S $RUN/control.sock ] || fail "the socket went with the service"
	"$CTL" status >words || fail "vmmallocctl: status $?"
	grep -q plain words || fail "$(cat words)"
	wait_for is_active
}

case_command_line() {
	begin
	wait_least plain ready 2
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$CTL" run --class plain -- \
		/bin/bash -c 'grep -q "/dev/shm/vmmalloc/" /proc/self/maps && x=$(echo forked) && [ "$x" = forked ]' || fail "run: status $?"
	setpriv --reuid $NOBODY --regid $NOBODY --clear-groups "$CTL" reload 2>words && fail "nobody may reload"
	"$CTL" reload || fail "reload"
	"$CTL" prune >/dev/null || fail "prune"
	# this client knows no cold pools
	wait_least plain ready 1
	hold_as $NOBODY take=plain map
	# the client's name comes from /proc, which the service has to see
	"$CTL" list | grep -q "leased.*pool_client" || fail "$("$CTL" list)"
	"$CTL" list -J | grep -q '"leased"' || fail "no JSON"
	systemctl reload vmmallocd.service || fail "systemctl reload"
	wait_count plain leased 1
}

# Classes wherever people have directories, for users by name.
case_own_daemon() {
	begin
	local home=/dev/shm/home-of-nobody uid=$NOBODY
	export XDG_RUNTIME_DIR=/run/user/$uid
	install -d -o $uid -m 700 "$XDG_RUNTIME_DIR" $home $home/.config $home/.config/vmmalloc $home/pools
	printf '[pool mine]\ndirectory = %s/pools\nsize = 16M\n' $home >$home/.config/vmmalloc/vmmallocd.conf
	printf '%s\n' '[Service]' "User=$uid" Type=notify Delegate=yes "Environment=HOME=$home XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" \
		'ExecStart=/usr/lib/systemd/systemd --user' >/run/systemd/system/own-manager.service
	systemctl daemon-reload
	systemctl start own-manager.service || fail "no manager: $(systemctl status own-manager.service)"
	of_user() { setpriv --reuid $uid --regid $uid --clear-groups env "HOME=$home" "$@"; }
	of_user systemctl --user enable --now vmmallocd.socket >words 2>&1 || fail "$(cat words)"
	of_user "$CTL" run --class mine -- /bin/grep -q "$home/pools" /proc/self/maps || fail "run: status $?"
	of_user "$CTL" status >words || fail "status"
	grep -q "$XDG_RUNTIME_DIR/vmmalloc" words || fail "$(cat words)"
	of_user systemctl --user reload vmmallocd.service || fail "reload"
	is "$(of_user systemctl --user show --value -p NRestarts vmmallocd.service)" 0
	of_user systemctl --user disable --now vmmallocd.service >words 2>&1 || fail "$(cat words)"
	systemctl stop own-manager.service
	rm -rf $home
}

case_directories() {
	begin
	local directory class=0
	mkdir -p /mnt
	mount -t tmpfs -o huge=never,size=200M,mode=755 tmpfs /mnt || fail "mount"
	MOUNTS=/mnt
	for directory in ${GUEST:+/tmp/pools /home/pools "/srv/a b"}; do
		mkdir -p "$directory" && mount -t tmpfs -o mode=755 tmpfs "$directory" || fail "mount"
	done
	for directory in /mnt/pools /tmp/pools /home/pools "/srv/a b" /dev/shm/more; do
		install -d -o vmmalloc -g vmmalloc "$directory"
		[ $class -ne 0 ] || printf '[daemon]\nlog_level = debug\n'
		printf '[pool c%d]\ndirectory = %s\nsize = 16M\nusers = root, nobody\n' $((class += 1)) "$directory"
	done | configure
	# all of them are there for the service that runs
	systemctl reload vmmallocd.service || fail "reload"
	for class in 1 2 3 5; do
		wait_least c$class ready 1
		is "$(ask problem c$class)" ""
		client_as $NOBODY take=c$class map zero fill=9 | grep -qx zero || fail "class c$class"
		is "$(client_as $SOMEBODY take=c$class)" "the class is not for this user"
		wait_count c$class leased 0
	done
	# madvise is allowed, and a mount with huge=never is no obstacle, where the kernel can do it (6.1)
	local kernel
	IFS=.- read -r -a kernel </proc/sys/kernel/osrelease
	if [ -d /sys/kernel/mm/transparent_hugepage ] && [ $((kernel[0] * 100 + kernel[1])) -ge 601 ]; then
		journalctl -q --no-pager -o cat -u vmmallocd.service | grep -q "class 'c1': ready, 16777216 of 16777216 bytes in huge" ||
			fail "no huge pages"
	fi
	said_nothing_odd
}

case_pinned() {
	begin
	configure <<-'CONF'
		[pool plain]
		directory = /dev/shm/vmmalloc
		size = 16M
		ready = 1
		max = 2
	CONF
	systemctl restart vmmallocd.service || fail "restart"
	wait_for eval '"$CTL" prune >/dev/null && counts plain ready 1'
	hold_as $NOBODY take=plain map fill=7 pin unmap close waitfor=go pinned
	wait_count plain quarantined 1
	is "$(ask list | awk '$3 == "quarantined" { print $7 }')" $NOBODY
	wait_for eval '"$CTL" prune >/dev/null && counts plain ready 1'
	client_as $SOMEBODY take=plain map zero fill=8 | grep -qx zero || fail "not zero"
	chmod 777 .; : >go
	wait_for grep -q pinned "held.$HELD"
	is "$(tail -n 1 "held.$HELD")" "pinned 7"
	wait_count plain quarantined 0
	said_nothing_odd
	# for the cases that follow there is one
	sed -i 's/max = 2/max = 1/' /etc/vmmalloc/vmmallocd.conf
	"$CTL" reload || fail "reload"
	wait_for eval '"$CTL" prune >/dev/null && counts plain ready 1'
	wait_count plain recycling 0
}

# A service is in the groups that its unit gives it.
case_supplementary_groups() {
	begin
	configure <<-'CONF'
		[pool plain]
		directory = /dev/shm/vmmalloc
		size = 16M
		ready = 1
		groups = vmmalloc
	CONF
	systemctl restart vmmallocd.service || fail "restart"
	wait_least plain ready 1
	local groups
	for groups in "" vmmalloc; do
		systemd-run --quiet --wait --pipe --unit="groups$groups" -p User=nobody -p SupplementaryGroups="$groups" \
			"$HELPERS/pool_client" $RUN/pool.sock take=plain >"words$groups" 2>&1 ||
			fail "status $?: $(cat "words$groups"; journalctl -q --no-pager -u "groups$groups.service")"
	done
	is "$(cat words)" "the class is not for this user"
	is "$(cut -c1-3 wordsvmmalloc)" "ok "
	# what is ready beside the one that there should be is in the way of the next case
	wait_for eval '"$CTL" prune >/dev/null && counts plain ready 1 && counts plain recycling 0'
}

# The daemon maps, punches, and interrupts itself.
case_dax() {
	begin
	# as doc/dax.md has it
	install -d -o vmmalloc -g vmmalloc -m 755 "$DAX/pools"
	mkdir -p /etc/vmmalloc/conf.d
	cat >/etc/vmmalloc/conf.d/pmem.conf <<-CONF
		[pool plain]
		directory = $DAX/pools
		size = 16M
		ready = 1
		max = 1
	CONF
	printf '[daemon]\npunch_timeout = 1\nlog_level = debug\n' | configure
	systemctl restart vmmallocd.service || fail "restart"
	wait_for eval '"$CTL" prune >/dev/null && counts plain ready 1'
	is "$(ask problem plain)" ""
	journalctl -q --no-pager -o cat -u vmmallocd.service | grep -q "class 'plain': ready, 16777216 of 16777216 bytes in huge" ||
		fail "no huge pages"
	hold_as $NOBODY take=plain map fill=7 pin unmap close waitfor=go pinned
	wait_count plain quarantined 1
	chmod 777 .; : >go
	wait_for grep -q pinned "held.$HELD"
	is "$(tail -n 1 "held.$HELD")" "pinned 7"
	kill_held "$HELD"
	wait_for eval '"$CTL" prune >/dev/null && counts plain ready 1'
	client_as $SOMEBODY take=plain map zero fill=8 | grep -qx zero || fail "not zero"
	said_nothing_odd
}

# A client holds a pool with a pattern in it; $1 is done to the service; the client has its pool as before, and the
# daemon knows.
keeps_leases() {
	begin
	wait_for eval '"$CTL" prune >/dev/null && counts plain ready 1'
	hold_as $NOBODY take=plain map fill=5 waitfor=look has=5
	# who it is has to be on the disk: nothing else is lost with a daemon that is killed
	wait_for grep -q "\"pid\": $HELD," /var/lib/vmmalloc/registry.json
	local before
	before=$(main_pid)
	"$@" "$before" || fail "$*"
	wait_for is_active
	[ "$(main_pid)" != "$before" ] || fail "it is the same process"
	is "$(ask count plain leased)" 1
	is "$(ask list | awk '$3 == "leased" { print $6, $7, $8 }')" "$HELD $NOBODY pool_client"
	: >look
	wait_for grep -qx same "held.$HELD"
	kill_held "$HELD"
	wait_count plain leased 0
	wait_for eval '"$CTL" prune >/dev/null && counts plain ready 1'
	client take=plain map zero | grep -qx zero || fail "not zero"
}
restart() { systemctl restart vmmallocd.service; }
stop_and_ask() { systemctl stop vmmallocd.service && is_inactive && "$CTL" list >/dev/null; }
stop_sockets() {
	systemctl stop vmmallocd.service vmmallocd.socket vmmallocd-control.socket && [ ! -e $RUN/pool.sock ] &&
		systemctl start vmmallocd.socket && "$CTL" list >/dev/null
}
crash() {
	local restarts
	restarts=$(show NRestarts)
	kill -KILL "$1"
	wait_for eval '[ "$(show NRestarts)" -gt '"$restarts"' ]'
}
hang() {
	local restarts
	restarts=$(show NRestarts)
	kill -STOP "$1"
	wait_for eval '[ "$(show NRestarts)" -gt '"$restarts"' ]'
	journalctl -q --no-pager -u vmmallocd.service | grep -q 'Watchdog timeout' || fail "not by its watchdog"
}
export -f restart stop_and_ask stop_sockets crash hang

case_watchdog() {
	is "$(show WatchdogUSec)" 30s
	# one that hangs is not waited for that long here
	mkdir -p /run/systemd/system/vmmallocd.service.d
	printf '[Service]\nWatchdogSec=2\nTimeoutAbortSec=5\n' >/run/systemd/system/vmmallocd.service.d/test.conf
	systemctl daemon-reload && systemctl restart vmmallocd.service || fail "restart"
	local before
	before=$(main_pid)
	is "$(show WatchdogUSec)" 2s
	# it goes on telling that it is alive
	sleep 5
	is "$(main_pid)" "$before"
	keeps_leases hang
}
export -f keeps_leases

# Not more than a watchdog and a crash were meant to be.
case_no_other_restart() {
	is "$(show Result)" success
	is "$(systemctl is-failed vmmallocd.service)" active
	! journalctl -q --no-pager -o cat -u vmmallocd.service | grep -E 'status=31/SYS|code=dumped' | grep -v SIGABRT ||
		fail "a system call was not allowed"
}

run_case "sysusers and tmpfiles made the user and its directories" case_user_and_directories
run_case "the installed units verify" case_units
run_case "the first client starts the daemon, which says READY and its STATUS" case_first_client
run_case "a question on the control socket starts it as well" case_control_starts_it
run_case "run, list, reload and prune as the service lets them" case_command_line
run_case "a daemon of a user's own, in that user's manager" case_own_daemon
run_case "directories in /mnt, /tmp, /home, /srv and /dev/shm, users by name" case_directories
run_case "groups: those that a unit gives its service count" case_supplementary_groups
run_case "a pinned page shows nothing of the next user" case_pinned
[ -z "${DAX-}" ] || run_case "a class on DAX, and a pinned page there" case_dax
run_case "restart leaves leases alone" keeps_leases restart
run_case "stop leaves leases alone, and the next question starts it" keeps_leases stop_and_ask
run_case "stop of the sockets as well leaves leases alone" keeps_leases stop_sockets
run_case "killed, it is restarted, and leases are alone" keeps_leases crash
run_case "hung, it is restarted by its watchdog, and leases are alone" case_watchdog
run_case "it was never restarted for another reason" case_no_other_restart
end_suite
