#!/bin/bash
# prepare.bash [PACKAGE...] -- makes what a guest boots from, in $VM (machine.bash): a kernel of the distribution, unpacked
# aside and never installed, and an initramfs with busybox, kernel modules and init. The packages are unpacked aside as
# well, in $VM/packages, unless this machine has them. Says what is missing, with status 1.
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

# download PACKAGE DIRECTORY: what is in it, in DIRECTORY.new
download() {
	rm -rf "$VM/download" "$2.new" && mkdir -p "$VM/download" "$2.new" && cd "$VM/download" || exit 1
	apt-get "${APT_OPTIONS[@]}" download "$1" >log 2>&1 || missing "apt-get download $1: $(grep ^E: log)"
	dpkg -x ./*.deb "$2.new" || missing "cannot unpack $1"
	rm -rf "$VM/download"
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
	download "$package" "$VM/kernel"
	[ -e "$VM/kernel.new/lib" ] || ln -s usr/lib "$VM/kernel.new/lib"
	rm -rf "$VM/kernel" && mv "$VM/kernel.new" "$VM/kernel"
}

# Of the version that this machine's other packages of the same source have: they belong together.
fetch_package() {
	local package=$1 beside=$2 version
	version=$(dpkg-query -W -f '${Version}' "$beside" 2>/dev/null) || missing "no $beside, to which $package belongs"
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ] || return 0
	[ "$(cat "$VM/packages/$package/version" 2>/dev/null)" != "$version" ] || return 0
	mkdir -p "$VM/packages"
	download "$package=$version" "$VM/packages/$package"
	echo "$version" >"$VM/packages/$package.new/version"
	rm -rf "$VM/packages/$package" && mv "$VM/packages/$package.new" "$VM/packages/$package"
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
mkdir -p "$VM" && fetch_kernel && make_initramfs || exit
for package; do fetch_package "$package" systemd; done
