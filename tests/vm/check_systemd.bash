#!/bin/bash
# check_systemd.bash -- as check_container.bash, in a guest: another kernel, and pools on DAX under the hardened unit.
cd "$(dirname "$0")/../.." || exit 1
exec tests/vm/guest.bash --seconds 1800 --memory 1792M --pmem 768 --boot tests/vm/inside/boot_systemd.bash \
	tests/vm/inside/systemd.bash
