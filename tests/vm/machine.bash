# machine.bash -- what kind of machine a guest is: sourced by vm.bash and prepare.bash. VM_KIND says which:
#
#   x86-64                this machine's kind, with its programs: the guest's root is this machine's
#   arm64, arm64-16k      kernels with pages of 4 and 16 KiB, and the programs and the root that make cross-built:
#                         $BUILD/../root, tests/arm64/arm64.mk
#
# $VM is the folder of what it boots from.

BUILD=${BUILD:-$ROOT/build}
VM_KIND=${VM_KIND:-x86-64}
VM_MODULES="virtio_pci 9p 9pnet_virtio overlay virtio_pmem ext4 xfs loop fuse"
VM_OUT=(-chardev "stdio,id=out,signal=off")
case $VM_KIND in
x86-64)
	VM=$BUILD/vm VM_KERNEL=linux-image-amd64 VM_ROOT=/
	VM_MODULES="$VM_MODULES nd_e820 nd_pmem crc32c_generic"
	VM_QEMU=qemu-system-x86_64 VM_MACHINE=${VM_MACHINE:-pc} VM_CPU=max
	VM_OUT+=(-serial chardev:out)
	VM_LINES="console=ttyS0 out=ttyS1"
	;;
arm64 | arm64-16k)
	VM=$BUILD/vm${VM_KIND#arm64} VM_KERNEL=linux-image-$VM_KIND VM_ROOT=$(cd "$BUILD/.." && pwd)/root
	VM_KERNEL_RELEASE=trixie   # the first that has kernels with 16 KiB
	# not the architecture's own algorithm, which is slow to emulate
	VM_QEMU=qemu-system-aarch64 VM_MACHINE=${VM_MACHINE:-virt,gic-version=3} VM_CPU=max,pauth-impdef=on
	VM_OUT+=(-device "pci-serial,chardev=out")
	VM_LINES="console=ttyAMA0 out=ttyS0 root=$VM_ROOT bind=$ROOT bind=$BUILD"
	;;
*) echo "no kind of machine: $VM_KIND" >&2; exit 2 ;;
esac
