# guest.bash -- what the scripts have in common that are process 1 of a guest, and become a systemd there; sourced by them.
#
#   guest_install [PACKAGE...]   the daemon, into the guest's own root, and what prepare.bash has unpacked
#   guest_systemd [LINE...]   runs the script that the guest was started for as a service, with these lines in its unit, and
#                          nothing else that this machine has for itself
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
exec >/dev/console 2>&1
[ "$(cat /proc/sys/kernel/hostname)" = guest ] || exit 1
GUEST_SCRIPT=$1
BUILD=$(sed -n 's/.* BUILD=\([^ ]*\).*/\1/p' "$1")
rm -f /.dockerenv
rm -rf /etc/vmmalloc
mkdir -p /out

# place DIRECTORY: what is in it, in the root, where /bin and /lib may be links
place() {
	local part
	for part in "$1"/*/; do
		part=$(basename "$part")
		mkdir -p "/$part" && cp -a "$1/$part/." "/$part/" || exit 1
	done
}
guest_install() {
	local package
	place "$(dirname "$GUEST_SCRIPT")/root"
	systemd-sysusers /etc/sysusers.d/vmmalloc.conf
	for package; do
		[ ! -d "$BUILD/vm/packages/$package" ] || place "$BUILD/vm/packages/$package"
	done
}

# It ends by a reset: a kernel that has stumbled over a file system waits for that when it is shut down.
guest_systemd() {
	cat >/etc/systemd/system/vmmalloc-test.service <<-UNIT
		[Unit]
		Description=Tests of vmmallocd
		After=sockets.target
		Wants=sockets.target
		SuccessAction=poweroff-force
		FailureAction=poweroff-force

		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		Environment=GUEST=1 TERM=dumb LANG=C.UTF-8 SYSTEMD_BUS_TIMEOUT=300
		$(printf '%s\n' "$@")
		ExecStartPre=systemd-tmpfiles --create /etc/tmpfiles.d/vmmalloc.conf
		ExecStart=/bin/bash -c '/bin/bash "\$0" >/dev/ttyS1 2>&1; echo "RESULT \$?" >/dev/ttyS1; echo b >/proc/sysrq-trigger' $GUEST_SCRIPT
	UNIT
	# the machine's files are many, and none of it is for the guest
	systemctl mask -q systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service systemd-journal-flush.service \
		systemd-update-utmp.service systemd-timesyncd.service
	exec /lib/systemd/systemd --unit=vmmalloc-test.service </dev/null
}
