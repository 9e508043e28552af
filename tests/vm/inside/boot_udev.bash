#!/bin/bash
# boot_udev.bash SCRIPT -- process 1 of a guest: as boot_systemd.bash, with a systemd-udevd, and a file system with a label
# of ours on /dev/pmem0. /dev/pmem1 is not there yet.
. "$(dirname "$0")/guest.bash"
guest_install udev
# drivers for all that QEMU has are not meant
: >/etc/udev/rules.d/80-drivers.rules
mkfs.ext4 -qF -L vmm_cold -b 4096 -E stride=512,stripe_width=512 /dev/pmem0
echo namespace1.0 >/sys/bus/nd/drivers/nd_pmem/unbind
cat >/etc/vmmalloc/vmmallocd.conf <<CONF
[pool cold]
directory = /mnt/vmm_cold
size = 16M
ready = 2
max = 4

[pool late]
directory = /mnt/vmm_late
size = 16M
ready = 1
max = 4
CONF
mkdir -p /etc/systemd/system/vmmalloc-test.service.d
printf '[Unit]\nWants=vmmallocd.service\nAfter=vmmallocd.service\n' >/etc/systemd/system/vmmalloc-test.service.d/daemon.conf
guest_systemd
