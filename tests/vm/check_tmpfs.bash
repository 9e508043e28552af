#!/bin/bash
# check_tmpfs.bash -- classes with a tmpfs of their own, mounted and unmounted by a real systemd in a container:
# tests/vm/inside/tmpfs.bash.
. "$(dirname "$0")/container.bash"

container_install PREFIX=/opt/vmmalloc SYSTEMDDIR=/etc/systemd SYSUSERSDIR=/etc/sysusers.d TMPFILESDIR=/etc/tmpfiles.d
container_service tmpfs.bash
container_run -D / --volatile=yes $(container_binds) systemd.unit=vmmalloc-test.service systemd.wants=sockets.target
