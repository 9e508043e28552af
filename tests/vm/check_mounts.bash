#!/bin/bash
# check_mounts.bash -- file systems of pools that are mounted and unmounted below the running service, under a real systemd
# in a container: tests/vm/inside/mounts.bash. The container has a device of its own, a file of this machine's.
. "$(dirname "$0")/container.bash"

truncate -s 256M "$RUN/disk" && DEVICE=$(losetup -f --show "$RUN/disk") || missing "no loop device on this machine"
trap 'losetup -d "$DEVICE"; clean_up' EXIT
container_install PREFIX=/opt/vmmalloc SYSTEMDDIR=/etc/systemd SYSUSERSDIR=/etc/sysusers.d TMPFILESDIR=/etc/tmpfiles.d
container_service mounts.bash DEVICE="$DEVICE"
container_run -D / --volatile=yes $(container_binds) --bind="$DEVICE" \
	systemd.unit=vmmalloc-test.service systemd.wants=sockets.target
