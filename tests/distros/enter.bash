#!/bin/bash
# enter.bash ROOT COMMAND... -- runs a command as root in the system below the directory ROOT, as a container: mounts,
# processes and System V IPC of its own, /dev/shm and /run too. It has the machine's network, devices and kernel.
# It cannot change the kernel's settings in /proc/sys. All that it mounts and starts ends with it, and it ends with whoever runs this.
#
# The root is changed by pivot_root: below a chroot nobody may have a user namespace.
set -eu
if [ "${INSIDE-}" = "" ]; then
	INSIDE=1 exec unshare --mount --ipc --pid --fork --kill-child --propagation private "$0" "$@"
fi
root=$1
shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
# The sysctls are the machine's: a package that is installed there must not set them.
mount --bind -o ro "$root/proc/sys" "$root/proc/sys"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t tmpfs -o mode=755 run "$root/run"
mkdir "$root/run/lock" "$root/run/proc"
# In a user namespace a proc may be mounted where one is seen as a whole.
mount -t proc proc "$root/run/proc"
cd "$root"
pivot_root . mnt
exec chroot . /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	LANG=C.UTF-8 TERM=dumb /bin/bash -c 'umount -l /mnt && "$@"; exit' inside "$@"
