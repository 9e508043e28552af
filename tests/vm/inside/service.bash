# service.bash -- what the suites have in common that run where systemd is PID 1: cases with the daemon as it is installed.
#
#   begin                       at the beginning of a case that changes something: says what the service has said, if it fails
#   configure <<END             /etc/vmmalloc/vmmallocd.conf
#   show PROPERTY [UNIT]        of vmmallocd.service
#   said_nothing_odd            the service was not refused anything
#   count_boots                 sets boot to the number of this boot, and goes on with what was counted at those before
#   boot_again, boot_no_more    ends one
. "$(dirname "${BASH_SOURCE[0]}")/../../lib/suite.bash"
[ "$(cat /proc/1/comm)" = systemd ] && [ -d /out ] || { echo "only in the container or guest of tests/vm"; exit 1; }
. "$(dirname "${BASH_SOURCE[0]}")/../../integration/helpers/daemon.bash"
RUN=/run/vmmalloc
CTL=${CTL:-/opt/vmmalloc/bin/vmmallocctl}
export RUN CTL

show() { systemctl show --value -p "$1" "${2-vmmallocd.service}"; }
main_pid() { show MainPID; }
is_active() { [ "$(show ActiveState)" = active ]; }
is_inactive() { [ "$(show ActiveState)" = inactive ]; }
# The helpers' clean_up, without directories and a daemon of the case's own.
begin() {
	PIDS= DAEMON= MOUNTS= POOLS=$WORK/none
	trap ended EXIT
}
ended() {
	local status=$?
	(exit $status)
	clean_up 2>/dev/null
	[ $status -eq 0 ] || [ $status -eq $SKIPPED ] || { timeout 5 "$CTL" status; timeout 5 "$CTL" list; journalctl -q --no-pager -n 20 -u vmmallocd.service; }
	exit $status
}
configure() {
	mkdir -p /etc/vmmalloc
	cat >/etc/vmmalloc/vmmallocd.conf
}
said_nothing_odd() {
	journalctl -q --no-pager -o cat -u vmmallocd.service | grep -E "Operation not permitted|Permission denied|not implemented" &&
		fail "something is not allowed to the service"
	return 0
}
count_boots() {
	boot=$(($(cat /out/boots 2>/dev/null || echo 0) + 1))
	echo $boot >/out/boots
	[ ! -e /out/counts ] || read -r passed failed skipped </out/counts
}
boot_again() { echo "$passed $failed $skipped" >/out/counts; systemctl reboot; }
boot_no_more() { (end_suite); systemctl exit 0; }
export -f show main_pid is_active is_inactive begin ended configure said_nothing_odd

