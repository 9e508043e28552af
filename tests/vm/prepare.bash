#!/bin/bash
# prepare.bash -- makes what a guest boots from, in $VM (machine.bash): a kernel of the distribution, unpacked aside and
# never installed, and an initramfs with busybox, kernel modules and init. Says what is missing, with status 1.
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/../.." || exit 1
ROOT=$PWD
. tests/vm/machine.bash
APT_OPTIONS=()

missing() { echo "$*" >&2; exit 1; }

kernel_package() {
	apt-cache "${APT_OPTIONS[@]}" depends "$VM_KERNEL" 2>/dev/null |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }'
}

# Afresh each time there is none: the package's name changes with each update of the distribution.
fetch_kernel() {
	local package
	ls "$VM"/kernel/boot/vmlinuz-* >/dev/null 2>&1 && return
	command -v apt-get >/dev/null && command -v dpkg >/dev/null || missing "no apt-get, to download a kernel with"
	if [ "$VM_KIND" != x86-64 ]; then
		. tests/arm64/apt.bash
		apt_arm64 "$VM/apt" "$VM_KERNEL_RELEASE" || exit 1
	fi
	package=$(kernel_package)
	if [ -z "$package" ] && [ "$(id -u)" -eq 0 ]; then
		apt-get "${APT_OPTIONS[@]}" update >/dev/null 2>&1
		package=$(kernel_package)
	fi
	[ -n "$package" ] || missing "no kernel package $VM_KERNEL (the package lists are empty: apt-get update)"
	rm -rf "$VM/download" && mkdir -p "$VM/download" && cd "$VM/download" || exit 1
	apt-get "${APT_OPTIONS[@]}" download "$package" >log 2>&1 ||
		missing "no kernel: apt-get download $package: $(grep ^E: log)"
	dpkg -x ./*.deb "$VM/kernel.new" || missing "no kernel: cannot unpack $package"
	[ -e "$VM/kernel.new/lib" ] || ln -s usr/lib "$VM/kernel.new/lib"
	rm -rf "$VM/kernel" "$VM/download" && mv "$VM/kernel.new" "$VM/kernel"
}

make_initramfs() {
	local version module root=$VM/initramfs
	[ "$VM/initramfs.cpio" -nt "$HERE/init" ] && [ "$VM/initramfs.cpio" -nt "$HERE/prepare.bash" ] &&
		[ "$VM/initramfs.cpio" -nt "$HERE/machine.bash" ] && return
	version=$(basename "$VM"/kernel/lib/modules/*)
	depmod -b "$VM/kernel" "$version" || missing "depmod does not like the kernel $version"
	rm -rf "$root" && mkdir -p "$root/bin" "$root/modules" || exit 1
	cp "$busybox" "$root/bin/busybox"
	cp "$HERE/init" "$root/init"
	# what this machine has configured for its own modules is not meant
	for module in $VM_MODULES; do
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
busybox=$(PATH=$VM_ROOT/usr/bin:$VM_ROOT/bin command -v busybox) || missing "no busybox"
if [ "$VM_KIND" = x86-64 ]; then
	[ "$(uname -m)" = x86_64 ] || missing "the guest is an x86-64 machine with the programs of this one, which is $(uname -m)"
	"$busybox" --help >/dev/null && ! ldd "$busybox" >/dev/null 2>&1 || missing "no static busybox"
fi
for command in $VM_QEMU cpio depmod modprobe mkfs.xfs mkfs.ext4; do
	command -v "$command" >/dev/null || missing "no $command"
done
mkdir -p "$VM" && fetch_kernel && make_initramfs
