# vm.bash -- boots guests; sourced by what runs on the machine itself.
#
#   vm_need [PACKAGE...]      or the suite ends here as skipped, and says what is missing
#   vm_boot SCRIPT [QEMU OPTION...]
#                             boots a guest, which runs the script, and waits for its end. What the script says is
#                             printed, and then a line "RESULT STATUS"; without that line something went wrong. $VM_RUN
#                             is a directory that the guest sees as well, with what the kernel said in console.
#                             VM_APPEND has words for the kernel's command line, VM_MACHINE the kind of machine.
#
# Never with KVM: where there is a /dev/kvm, it may be slower than none.

ROOT=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
. "$ROOT/tests/vm/machine.bash"
VM_SECONDS=${VM_SECONDS:-900}     # for one boot with all that it does
VM_MEMORY=${VM_MEMORY:-2688M}

vm_need() {
	local missing
	missing=$("$ROOT/tests/vm/prepare.bash" "$@" 2>&1) && return
	echo "skip $(basename "$0"): $(tail -n 1 <<<"$missing")"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}

# Words of the kernel's command line that make memory persistent: /dev/pmem0, /dev/pmem1 ... of so many MiB. Each begins at
# a multiple of 128 MiB, with a gap before it, or they would be one device.
vm_pmem() {
	local size start=640
	for size; do
		printf ' memmap=%dM!%dM' "$size" "$start"
		start=$(((start + size + 128 + 127) / 128 * 128))
	done
}

vm_boot() {
	local script=$1 machine=$VM_MACHINE
	shift
	[ -z "${VM_MEMORY_FILE-}" ] || {
		machine=$machine,memory-backend=ram0
		set -- -object "memory-backend-file,id=ram0,share=on,mem-path=$VM_MEMORY_FILE,size=$VM_MEMORY" "$@"
	}
	timeout -k 5 "$VM_SECONDS" $VM_QEMU -nodefaults -no-user-config -display none -no-reboot \
		-machine $machine -accel tcg,thread=multi -cpu $VM_CPU -smp 2 -m "$VM_MEMORY" \
		-kernel "$VM/vmlinuz" -initrd "$VM/initramfs.cpio" \
		-append "$VM_LINES panic=-1 nokaslr mitigations=off modules=$VM/kernel/lib/modules run=$script ${VM_APPEND-}" \
		-serial "file:$VM_RUN/console" "${VM_OUT[@]}" \
		-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=host,mount_tag=host "$@" </dev/null
}
