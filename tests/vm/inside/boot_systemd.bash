#!/bin/bash
# boot_systemd.bash SCRIPT -- process 1 of a guest: installs the daemon into the guest's own root, makes a DAX mount, and
# becomes a systemd that runs the script.
. "$(dirname "$0")/guest.bash"
guest_install
mkdir -p /dax
mkfs.xfs -q -f -d su=2m,sw=1 /dev/pmem0 && mount -o dax=always /dev/pmem0 /dax && chmod 755 /dax
systemctl mask -q systemd-udevd.service
guest_systemd Environment=DAX=/dax
