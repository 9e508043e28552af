#!/bin/bash
# boot_systemd.bash SCRIPT -- process 1 of a guest: installs the daemon into the guest's own root, makes a DAX mount, and
# becomes a systemd that runs the script as a service, and nothing else that this machine has for itself.
set -u
cd "$(dirname "$0")/../../.." || exit 1
exec >/dev/console 2>&1
[ "$(cat /proc/sys/kernel/hostname)" = guest ] || exit 1
rm -f /.dockerenv
rm -rf /etc/vmmalloc
BUILD=$(sed -n 's/.* BUILD=\([^ ]*\).*/\1/p' "$1")
make -s install BUILD="$BUILD" PREFIX=/opt/vmmalloc SYSTEMDDIR=/etc/systemd SYSUSERSDIR=/etc/sysusers.d TMPFILESDIR=/etc/tmpfiles.d
systemd-sysusers /etc/sysusers.d/vmmalloc.conf
mkdir -p /dax /out
mkfs.xfs -q -f -d su=2m,sw=1 /dev/pmem0 && mount -o dax=always /dev/pmem0 /dax && chmod 755 /dax
cat >/etc/systemd/system/vmmalloc-test.service <<UNIT
[Unit]
Description=Tests of vmmallocd
After=sockets.target
Wants=sockets.target
SuccessAction=poweroff-force
FailureAction=poweroff-force

[Service]
Type=oneshot
TimeoutStartSec=infinity
Environment=DAX=/dax GUEST=1 TERM=dumb LANG=C.UTF-8
ExecStartPre=systemd-tmpfiles --create /etc/tmpfiles.d/vmmalloc.conf
ExecStart=/bin/bash -c '/bin/bash "\$0" >/dev/ttyS1 2>&1; echo "RESULT \$?" >/dev/ttyS1' $1
UNIT
# the machine's files are many, and none of it is for the guest
systemctl mask -q systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service systemd-udevd.service \
	systemd-journal-flush.service systemd-update-utmp.service
exec /lib/systemd/systemd --unit=vmmalloc-test.service </dev/null
