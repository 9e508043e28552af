#!/bin/bash
# check_udev.bash -- persistent memory that comes and goes, under a real systemd with its udev in a guest: udev's rule,
# vmmalloc-dax@.service, and the classes of the daemon.
cd "$(dirname "$0")/../.." || exit 1
exec tests/vm/guest.bash --seconds 1200 --memory 2048M --pmem 160 --pmem 704 --pmem 128 --nodes 2 --package udev \
	--boot tests/vm/inside/boot_udev.bash tests/vm/inside/udev.bash
