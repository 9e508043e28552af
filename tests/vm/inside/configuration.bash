#!/bin/bash
# configuration.bash -- where systemd is PID 1: the service with a configuration that is wrong, and with starts that fail.
. "$(dirname "$0")/service.bash"

states() { echo "$(show ActiveState) $(show ActiveState vmmallocd.socket) $(show ActiveState vmmallocd-control.socket)"; }
plain_is_served() {
	wait_least plain ready 1
	is "$(client_as $NOBODY take=plain | cut -c1-3)" "ok "
}
good() { printf '[pool plain]\ndirectory = /dev/shm/vmmalloc\nsize = 16M\nready = 2\n'; }
# With that line behind it.
wrong() { { good; printf '%s\n' "$1"; } | configure; }
export -f states plain_is_served good wrong

# What is wrong with it, one at a time; arrays are not handed on to cases.
wrong_lines() {
	local lines=("frobs = 1" "[pool b]" "users = nobody, no-user-of-that-name" $'[daemon]\nworkers = many' nonsense "[daemons]" no-file)
	printf '%s\0' "${lines[@]}"
}
export -f wrong_lines

case_reload_says_it() {
	begin
	local line
	while IFS= read -r -d '' line; do
		good | configure
		systemctl reload-or-restart vmmallocd.service || fail "start"
		plain_is_served
		before=$(main_pid)
		wrong "$line"
		[ "$line" != no-file ] || rm /etc/vmmalloc/vmmallocd.conf
		! systemctl reload vmmallocd.service 2>words || fail "$line: reload says that all is well"
		is "$(states)" "active active active"
		is "$(main_pid)" "$before"
		plain_is_served
		"$CTL" status | grep -qE '^(problem|plain|b) .*/etc/vmmalloc/vmmallocd.conf:' || fail "$line: $("$CTL" status)"
		systemctl status --no-pager vmmallocd.service | grep -q 'Status: .*/etc/vmmalloc/vmmallocd.conf' ||
			fail "$line: $(systemctl status --no-pager vmmallocd.service)"
		journalctl -q --no-pager -o cat -n 20 -u vmmallocd.service | grep -q '^vmmallocctl: /etc/vmmalloc/vmmallocd.conf:' ||
			fail "$line: the journal does not say what is wrong"
		good | configure
		systemctl reload vmmallocd.service || fail "reload after the mend"
		is "$(ask daemon problem)" ""
	done < <(wrong_lines)
}

# After an update; with clients all the time, each of which would start the service again.
case_restart_goes_on() {
	begin
	local line
	while IFS= read -r -d '' line; do
		wrong "$line"
		[ "$line" != no-file ] || rm /etc/vmmalloc/vmmallocd.conf
		systemctl restart vmmallocd.service || fail "$line: restart"
		for _ in {1..20}; do client_as $NOBODY take=plain >/dev/null || fail "$line: no answer"; done
		is "$(states)" "active active active"
		case $line in
		users* | "[pool b]" | \[daemon*) plain_is_served ;;
		esac
		"$CTL" status | grep -q '/etc/vmmalloc/vmmallocd.conf' || fail "$line: $("$CTL" status)"
		good | configure
		systemctl reload vmmallocd.service || fail "$line: reload after the mend"
		plain_is_served
	done < <(wrong_lines)
	is "$(show NRestarts)" 0
}

# Starts that fail for longer than systemd counts them: the sockets stay, and so do clients, and the first start after the
# mend is not refused.
case_failing_starts() {
	begin
	good | configure
	systemctl stop vmmallocd.service
	# what no daemon can lock
	local lock=/run/vmmalloc/vmmallocd.lock
	rm -f $lock && mkdir $lock
	(while :; do client_as $NOBODY take=plain; sleep 0.1; done >/dev/null 2>&1) &
	PIDS=$!
	wait_for eval '[ "$(show NRestarts)" -ge 12 ]'
	is "$(show ActiveState vmmallocd.socket) $(show ActiveState vmmallocd-control.socket)" "active active"
	rmdir $lock
	systemctl start vmmallocd.service || fail "the start after the mend is refused"
	plain_is_served
	is "$(states)" "active active active"
}

case_start_by_hand_after_failures() {
	begin
	systemctl stop vmmallocd.service
	rm -f /run/vmmalloc/vmmallocd.lock && mkdir /run/vmmalloc/vmmallocd.lock
	for _ in {1..8}; do
		! timeout 20 systemctl start vmmallocd.service 2>/dev/null || fail "it starts"
		systemctl stop vmmallocd.service
	done
	rmdir /run/vmmalloc/vmmallocd.lock
	systemctl start vmmallocd.service || fail "the start after the mend is refused"
	plain_is_served
}

good | configure
systemctl start vmmallocd.socket vmmallocd.service
DEADLINE=120
run_case "systemctl reload fails and says why; the service goes on, and shows it" case_reload_says_it
run_case "a restart goes on with what is right, whoever asks meanwhile" case_restart_goes_on
run_case "starts that fail take neither the sockets nor the start after the mend" case_failing_starts
run_case "nor do starts by hand" case_start_by_hand_after_failures
end_suite
