#!/bin/bash
# guest.bash [OPTION...] SUITE... -- boots a guest, runs the suites in it one after the other, and adds up what they
# counted. A suite may have arguments: 'tests/preload/fork.bash x'.
#
#   --pmem MIB             one more device /dev/pmemN of that size, by memmap=
#   --virtio-pmem MIB      one by virtio-pmem: DAX without MAP_SYNC
#   --nvdimm MIB           an NVDIMM, without labels: module nfit
#   --cxl MIB              a CXL device with persistent memory, without a region: modules cxl_*
#   --set NAME=VALUE       in the environment of the suites
#   --memory-file FILE     the guest's memory, which outlives it
#   --nodes 2              a second node, with 512 MiB and no processor
#   --boot SCRIPT          process 1, which sees to it that the suites are run; it finds the daemon installed beside the
#                          script that it is given (inside/guest.bash)
#   --package NAME         one of systemd's, unpacked for SCRIPT to have it in the guest alone (prepare.bash)
#   --append WORD          on the kernel's command line
#   --memory SIZE, --seconds N
#
# A guest that does not come to its end is a failure.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/vm/vm.bash

nodes=1 boot= nvdimm= cxl= pmem=() virtio=() settings=() devices=() packages=()
while [ $# -gt 0 ]; do
	case $1 in
	--pmem) pmem+=("$2") ;;
	--virtio-pmem) virtio+=("$2") ;;
	--nvdimm) nvdimm=$2 ;;
	--cxl) cxl=$2 ;;
	--set) settings+=("$2") ;;
	--append) VM_APPEND="${VM_APPEND-} $2" ;;
	--memory-file) VM_MEMORY_FILE=$2 ;;
	--boot) boot=$PWD/$2 ;;
	--package) packages+=("$2") ;;
	--nodes) nodes=$2 ;;
	--memory) VM_MEMORY=$2 ;;
	--seconds) VM_SECONDS=$2 ;;
	-*) echo "guest.bash: $1?" >&2; exit 2 ;;
	*) break ;;
	esac
	shift 2
done
vm_need "${packages[@]}"

VM_RUN=$(mktemp -d "$VM/run.XXXXXX") || exit 1
trap 'rm -rf "$VM_RUN"' EXIT
for i in "${!virtio[@]}"; do
	truncate -s "${virtio[i]}M" "$VM_RUN/pmem$i"
	devices+=(-object "memory-backend-file,id=v$i,share=on,mem-path=$VM_RUN/pmem$i,size=${virtio[i]}M"
		-device "virtio-pmem-pci,id=vp$i,memdev=v$i")
done
if [ "$nodes" = 2 ]; then
	# the first node is all that there would be without the second
	devices+=(-object "memory-backend-ram,id=n0,size=$VM_MEMORY" -object memory-backend-ram,id=n1,size=512M
		-numa node,nodeid=0,cpus=0-1,memdev=n0 -numa node,nodeid=1,memdev=n1)
	VM_MEMORY=$((${VM_MEMORY%M} + 512))M
fi
if [ "$nvdimm" ]; then
	VM_MACHINE=$VM_MACHINE,nvdimm=on
	truncate -s $((nvdimm + 2))M "$VM_RUN/nvdimm"
	devices+=(-object "memory-backend-file,id=nv0,share=on,mem-path=$VM_RUN/nvdimm,size=$((nvdimm + 2))M"
		-device nvdimm,id=nvdimm0,memdev=nv0,label-size=2M)
fi
# QEMU before 7.1 has none; what needs it says so, and is skipped
if [ "$cxl" ] && qemu-system-x86_64 -device help 2>/dev/null | grep -q cxl-type3; then
	VM_MACHINE=q35,cxl=on${VM_MACHINE#pc}
	truncate -s "${cxl}M" "$VM_RUN/cxl"
	truncate -s 256M "$VM_RUN/labels"
	# with one port alone Linux does not program the bridge, and QEMU before 8.0 wants that
	devices+=(-object "memory-backend-file,id=cxl0,share=on,mem-path=$VM_RUN/cxl,size=${cxl}M"
		-object "memory-backend-file,id=labels0,share=on,mem-path=$VM_RUN/labels,size=256M"
		-device pxb-cxl,bus_nr=12,bus=pcie.0,id=bridge0 -M cxl-fmw.0.targets.0=bridge0,cxl-fmw.0.size=4G
		-device cxl-rp,port=0,bus=bridge0,id=port0,chassis=0,slot=2
		-device cxl-rp,port=1,bus=bridge0,id=port1,chassis=0,slot=3
		-device cxl-type3,bus=port0,memdev=cxl0,lsa=labels0,id=cxlmem0)
fi
[ -z "$nvdimm$cxl" ] && [ ${#virtio[@]} -eq 0 ] || VM_MEMORY=$VM_MEMORY,slots=4,maxmem=16G
VM_APPEND="${VM_APPEND-}$(vm_pmem "${pmem[@]}")"

{
	echo "cd $ROOT; export BUILD=$BUILD DEADLINE=\${DEADLINE:-300} DAEMON_DEADLINE=\${DAEMON_DEADLINE:-300} WAIT_SECONDS=120"
	[ ${#settings[@]} -eq 0 ] || printf 'export %q\n' "${settings[@]}"
	for suite; do
		printf 'echo %q; %s || status=1\n' "== guest: ${suite#"$ROOT"/}" "$suite"
	done
	echo 'exit ${status:-0}'
} >"$VM_RUN/script"
if [ "$boot" ]; then
	VM_APPEND="$VM_APPEND boot=$boot"
	make -s install DESTDIR="$VM_RUN/root" BUILD="$BUILD" PREFIX=/opt/vmmalloc SYSTEMDDIR=/etc/systemd \
		SYSUSERSDIR=/etc/sysusers.d TMPFILESDIR=/etc/tmpfiles.d UDEVRULESDIR=/etc/udev/rules.d >&2 || exit 1
fi

started=$SECONDS
vm_boot "$VM_RUN/script" "${devices[@]}" | tee "$VM_RUN/out" | grep --line-buffered -vE '^(RESULT|[0-9]+ passed, )'
ended=$(sed -n 's/^RESULT //p' "$VM_RUN/out")
sums=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$VM_RUN/out" |
	awk '{ p += $1; f += $3; s += $5; n++ } END { print p + 0, f + 0, s + 0, n + 0 }')
read -r passed failed skipped counted <<<"$sums"
if [ -z "$ended" ] || [ "$counted" -lt $# ] || { [ "$ended" != 0 ] && [ "$failed" -eq 0 ]; }; then
	failed=$((failed + 1))
	echo "FAIL guest: $counted of $# suites came to their end; RESULT ${ended:-missing}; the guest's last words:"
	tail -n 20 "$VM_RUN/console" | sed 's/^/     | /'
fi
echo "     (guest: $((SECONDS - started)) s)"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
