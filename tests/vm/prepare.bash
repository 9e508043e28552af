#!/bin/bash
# prepare.bash -- makes what a guest boots from, in build/vm: a kernel of the distribution, unpacked aside and never
# installed, and an initramfs with busybox, kernel modules and init. Says what is missing, with status 1.
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/../.." || exit 1
VM=${BUILD:-$PWD/build}/vm
MODULES="virtio_pci 9p 9pnet_virtio overlay nd_e820 nd_pmem virtio_pmem crc32c_generic ext4 xfs loop fuse"

missing() { echo "$*" >&2; exit 1; }

kernel_package() {
	apt-cache depends linux-image-amd64 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }'
}

# Afresh each time there is none: the package's name changes with each update of the distribution.
fetch_kernel() {
	local package
	ls "$VM"/kernel/boot/vmlinuz-* >/dev/null 2>&1 && return
	command -v apt-get >/dev/null && command -v dpkg >/dev/null || missing "no apt-get, to download a kernel with"
	package=$(kernel_package)
	if [ -z "$package" ] && [ "$(id -u)" -eq 0 ]; then
		apt-get update >/dev/null 2>&1
		package=$(kernel_package)
	fi
	[ -n "$package" ] || missing "no kernel package linux-image-amd64 (the package lists are empty: apt-get update)"
	rm -rf "$VM/download" && mkdir -p "$VM/download" && cd "$VM/download" || exit 1
	apt-get download "$package" >log 2>&1 || missing "no kernel: apt-get download $package: $(grep ^E: log)"
	dpkg -x ./*.deb "$VM/kernel.new" || missing "no kernel: cannot unpack $package"
	rm -rf "$VM/kernel" "$VM/download" && mv "$VM/kernel.new" "$VM/kernel"
}

make_initramfs() {
	local version module root=$VM/initramfs
	[ "$VM/initramfs.cpio" -nt "$HERE/init" ] && [ "$VM/initramfs.cpio" -nt "$HERE/prepare.bash" ] && return
	version=$(basename "$VM"/kernel/lib/modules/*)
	depmod -b "$VM/kernel" "$version" || missing "depmod does not like the kernel $version"
	rm -rf "$root" && mkdir -p "$root/bin" "$root/modules" || exit 1
	cp "$(command -v busybox)" "$root/bin/busybox"
	cp "$HERE/init" "$root/init"
	# what this machine has configured for its own modules is not meant
	for module in $MODULES; do
		modprobe -C /dev/null -d "$VM/kernel" -S "$version" --show-depends "$module" ||
			missing "the kernel $version has no module $module"
	done >"$VM/modules" || exit 1
	# in the order in which they can be loaded
	awk '$1 == "insmod" && !seen[$2]++ { print $2 }' "$VM/modules" | while read -r module; do
		cp "$module" "$root/modules/" && basename "$module" >>"$root/modules/order"
	done
	(cd "$root" && find . | cpio -o -H newc --quiet >"$VM/initramfs.new") || missing "no initramfs: cpio failed"
	ln -sf "$(ls "$VM"/kernel/boot/vmlinuz-*)" "$VM/vmlinuz"
	mv "$VM/initramfs.new" "$VM/initramfs.cpio"
}

PATH=$PATH:/usr/sbin:/sbin
[ "$(uname -m)" = x86_64 ] || missing "the guest is an x86-64 machine with the programs of this one, which is $(uname -m)"
for command in qemu-system-x86_64 busybox cpio depmod modprobe mkfs.xfs mkfs.ext4; do
	command -v $command >/dev/null || missing "no $command"
done
busybox --help >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1 || missing "no static busybox"
mkdir -p "$VM" && fetch_kernel && make_initramfs
