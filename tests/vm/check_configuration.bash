#!/bin/bash
# check_configuration.bash -- a configuration that is wrong, and starts that fail, under a real systemd in a container:
# tests/vm/inside/configuration.bash.
. "$(dirname "$0")/container.bash"

container_install PREFIX=/opt/vmmalloc SYSTEMDDIR=/etc/systemd SYSUSERSDIR=/etc/sysusers.d TMPFILESDIR=/etc/tmpfiles.d
container_service configuration.bash
container_run -D / --volatile=yes $(container_binds) systemd.unit=vmmalloc-test.service systemd.wants=sockets.target
