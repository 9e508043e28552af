#!/bin/bash
# wrappers.bash -- libraries that are preloaded to wrap libc, as distributions have them: a program does beside ours what
# it does beside them alone, in both orders of LD_PRELOAD.
. "$(dirname "$0")/../lib/suite.bash"
SECONDS_EACH=20
export SECONDS_EACH

# Files, identities, time, pipes, processes and a little memory.
cat >"$SUITE_TMP/work.bash" <<'EOF_WORK'
id -u
ls /usr | wc -l
cat /etc/os-release | wc -c
date +%Y | head -c 2
for i in 1 2 3; do sh -c "echo $i"; done | sort -r
seq 1 20000 | sort -n | tail -n 1
mkdir -p scratch && echo word >scratch/file && mv scratch/file scratch/moved && cat scratch/moved && rm -r scratch
[ -x /usr/bin/python3 ] && python3 -c 'import socket; a, b = socket.socketpair(); a.send(b"hello"); print(b.recv(9), len([str(i) for i in range(50000)]))'
EOF_WORK
export PROGRAM=$SUITE_TMP/work.bash

# find_library NAME -- its path; the case is skipped where the distribution has none
find_library() {
	local found
	for found in /usr/lib/*/$1 /usr/lib/$1 /lib/*/$1 /usr/lib/*/${1##*/}; do
		[ -e "$found" ] && { echo "$found"; return; }
	done
	return 1
}

# work PRELOAD -- under a deadline, which no preloaded library keeps
work() {
	timeout -k 1 "$SECONDS_EACH" $FRONT env VMMALLOC_POOL_DIR="$POOL_DIR" VMMALLOC_POOL_SIZE=64M LD_PRELOAD="$1" \
		bash "$PROGRAM" 2>said
}

# beside NAME -- the library alone, then ours behind it and before it
beside() {
	local other alone order
	other=$(find_library "$1") || skip "no $1 on this machine"
	export SOCKET_WRAPPER_DIR=$WORK UID_WRAPPER=1 UID_WRAPPER_ROOT=1
	export NSS_WRAPPER_PASSWD=/etc/passwd NSS_WRAPPER_GROUP=/etc/group FRONT=
	# its processes share memory, which by themselves they leave behind, and sometimes do not find
	case $1 in faketime/*) FRONT="faketime 2020-01-01" ;; esac
	alone=$(work "$other") || skip "it does not work alone: $(head -n 1 said)"
	for order in "$other $LIBRARY" "$LIBRARY $other"; do
		work "$order" >both
		diff <(echo "$alone") both || { tail -n 5 said; fail "LD_PRELOAD='$order'"; }
	done
}
export -f find_library work beside

# What the tests' packages bring.
for library in \
	fakechroot/libfakechroot.so libsocket_wrapper.so libnss_wrapper.so libuid_wrapper.so libpam_wrapper.so \
	libresolv_wrapper.so torsocks/libtorsocks.so libproxychains.so.4 libtsocks.so libeatmydata.so \
	faketime/libfaketime.so.1 faketime/libfaketimeMT.so.1 datefudge/datefudge.so authbind/libauthbind.so.1; do
	run_case "beside $library" beside "$library"
done

# What else a machine may have; to install all of them would bring half a desktop.
for library in \
	libaoss.so libproxychains.so.3 libgtk3-nocsd.so.0 libsnoopy.so pulseaudio/libpulsedsp.so \
	apitrace/wrappers/glxtrace.so \
	libkeepalive.so libumockdev-preload.so libhugetlbfs.so.0 libdsocksd.so.0 checkinstall/installwatch.so \
	fiu/fiu_run_preload.so libv4l/v4l1compat.so libv4l/v4l2convert.so \
	pipewire-0.3/v4l2/libpw-v4l2.so mangohud/libMangoHud.so mangohud/libMangoHud_dlsym.so libgamemodeauto.so.0; do
	! find_library "$library" >/dev/null || run_case "beside $library" beside "$library"
done

# fakeroot's library needs its daemon: so the command, which sets LD_PRELOAD, and ours with it.
in_fakeroot() {
	local command=$1 order said
	need "$command"
	for order in '$LD_PRELOAD $LIBRARY' '$LIBRARY $LD_PRELOAD'; do
		said=$(VMMALLOC_POOL_DIR="$POOL_DIR" VMMALLOC_POOL_SIZE=64M timeout -k 1 "$SECONDS_EACH" "$command" -- \
			bash -c "touch owned; export LD_PRELOAD=\"$order\"; chown 7:8 owned; id -u; stat -c %u:%g owned") ||
			fail "$order"
		[ "$said" = $'0\n7:8' ] || fail "$order: $said"
	done
}
run_case "in fakeroot, by messages" in_fakeroot fakeroot-sysv
run_case "in fakeroot, by sockets" in_fakeroot fakeroot-tcp

in_fakechroot() {
	local said
	need fakechroot
	said=$(VMMALLOC_POOL_DIR="$POOL_DIR" VMMALLOC_POOL_SIZE=64M timeout -k 1 "$SECONDS_EACH" fakechroot -- \
		bash -c 'export LD_PRELOAD="$LD_PRELOAD $LIBRARY"; id -u; ls -d /') || return
	[ "$said" = "$(id -u)"$'\n/' ]
}
run_case "in fakechroot" in_fakechroot

end_suite
