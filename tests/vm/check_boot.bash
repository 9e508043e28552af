#!/bin/bash
# check_boot.bash -- README.md and the manual pages, typed line by line where systemd is PID 1, reboots included: in a
# container with a root of its own, on which the daemon is installed as `make install` does it. tests/vm/inside/boot.bash.
. "$(dirname "$0")/container.bash"

container_tree
container_install
mkdir "$RUN/local"
cp "$ROOT/README.md" "$RUN/out/"
container_service boot.bash CTL=/usr/local/bin/vmmallocctl
container_boots
CONTAINER_SECONDS=400 container_run -D "$TREE" --bind-ro=/usr --bind="$RUN/local:/usr/local" --bind-ro="$RUN/root:/stage" \
	systemd.wants=vmmalloc-test.service
