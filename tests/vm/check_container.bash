#!/bin/bash
# check_container.bash -- the daemon as it is installed, under a real systemd: in a container of the machine's own /usr
# with an empty /etc, where tests/vm/inside/systemd.bash runs as a service.
. "$(dirname "$0")/container.bash"

container_install PREFIX=/opt/vmmalloc SYSTEMDDIR=/etc/systemd SYSUSERSDIR=/etc/sysusers.d TMPFILESDIR=/etc/tmpfiles.d
container_service systemd.bash
container_run -D / --volatile=yes $(container_binds) systemd.unit=vmmalloc-test.service systemd.wants=sockets.target
