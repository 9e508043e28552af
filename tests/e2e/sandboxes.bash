#!/bin/bash
# sandboxes.bash -- sandboxes: those that fork by a raw system call (bubblewrap, vsftpd, crun), and those that
# leave what they start no way to a pool (man, bubblewrap, systemd).
. "$(dirname "$0")/../lib/suite.bash"

bwraps() {
	need bwrap
	bwrap --bind / / true 2>/dev/null || skip "no namespaces for bwrap here"
	for i in 1 2 3; do
		preload bwrap --bind / / --dev /dev --proc /proc --unshare-all --die-with-parent \
			sh -c 'echo "inside $$"; exit 3' >out 2>err
		[ $? -eq 3 ] && grep -qE '^inside [0-9]+$' out && [ ! -s err ] || fail "$(cat out err)"
	done
}
run_case "bwrap: new namespaces, its own init, and the exit status" bwraps

bwraps_as_pid_1() {
	need bwrap
	bwrap --bind / / true 2>/dev/null || skip "no namespaces for bwrap here"
	preload bwrap --bind / / --dev /dev --proc /proc --unshare-pid --as-pid-1 sh -c 'echo $$' >out 2>err
	[ "$(cat out)" = 1 ] && [ ! -s err ]
}
run_case "bwrap --as-pid-1" bwraps_as_pid_1

# man-db starts col, nroff and others under a filter that refuses to open any file for writing.
man_pages() {
	local page
	need man nroff
	for page in libvmmalloc.7 vmmallocctl.1; do
		man -P cat "$ROOT/doc/$page" >plain 2>err || skip "man shows nothing here: $(cat err)"
		VMMALLOC_ON_FAIL=dram preload man -P cat "$ROOT/doc/$page" >out 2>err || fail "status $?: $(cat err)"
		[ -s out ] && cmp plain out || fail "$page is another: $(head -n 3 err)"
		! grep -vE '^Warning \(libvmmalloc\): .*; the program runs on ordinary memory$' err || fail "said more"
	done
}
run_case "man, whose helpers may not open a pool" man_pages

# A sandbox like systemd's ProtectSystem=strict, and one without the directory: /dev/shm is in neither.
bwraps_without_pools() {
	need bwrap python3
	bwrap --bind / / true 2>/dev/null || skip "no namespaces for bwrap here"
	mkdir pools
	local place
	for place in "--ro-bind / /" "--ro-bind / / --tmpfs $WORK/pools --remount-ro $WORK/pools" \
			"--ro-bind / / --tmpfs $WORK"; do
		VMMALLOC_ON_FAIL=dram VMMALLOC_POOL_DIR=$WORK/pools preload bwrap $place --ro-bind "$LIBRARY" "$LIBRARY" \
			--dev /dev --proc /proc --unshare-all --die-with-parent sh -c 'seq 100000 | sort -rn | tail -n 1; exit 3' \
			>out 2>err
		[ $? -eq 3 ] && [ "$(cat out)" = 1 ] || fail "$place: $(cat out err)"
		# the shell, seq, sort and tail; bwrap itself has its pool
		[ "$(grep -cE '^Warning .*; the program runs on ordinary memory$' err)" -ge 4 ] || fail "$place: $(cat err)"
		[ "$(grep -cv '^Warning' err)" -eq 0 ] || fail "$place: $(cat err)"
	done
}
run_case "bwrap, with the directory of pools read-only or away" bwraps_without_pools

# What make check-distros installs in may set nothing of the machine's, and has user namespaces all the same.
fresh_system() {
	need_root
	unshare -m bash -s "$ROOT" >out 2>err <<-'END' || skip "no overlay here: $(cat err)"
		mkdir tree && mount -t tmpfs tree tree && mkdir tree/up tree/work tree/root &&
			mount -t overlay tree -o lowerdir=/,upperdir=tree/up,workdir=tree/work tree/root || exit 1
		"$1/tests/distros/enter.bash" tree/root bash -c '
			now=$(cat /proc/sys/vm/max_map_count)
			[ -w /proc/sys/vm/max_map_count ] || echo read-only
			{ echo "$now" >/proc/sys/vm/max_map_count; } 2>/dev/null || echo refused
			unshare -pf --mount-proc true && echo proc
			unshare -Urpf --mount-proc true && echo proc of a user namespace' || :
	END
	[ "$(tr '\n' ',' <out)" = "read-only,refused,proc,proc of a user namespace," ] || fail "$(cat out err)"
}
run_case "a fresh system for tests cannot set the machine's sysctls" fresh_system

system_service() {
	need systemd-run
	[ -d /run/systemd/system ] || skip "no systemd runs here"
	mkdir pools
	systemd-run --quiet --wait --pipe --collect -p ProtectSystem=strict -p PrivateTmp=yes -p "SystemCallFilter=@system-service" \
		--setenv=VMMALLOC_ON_FAIL=dram --setenv=VMMALLOC_POOL_DIR=/usr --setenv=VMMALLOC_POOL_SIZE=64M \
		--setenv=LD_PRELOAD="$LIBRARY" sh -c 'seq 1000 | tail -n 1' >out 2>err || fail "$(cat err)"
	[ "$(cat out)" = 1000 ] || fail "$(cat out err)"
}
run_case "a service of systemd with ProtectSystem=strict" system_service

ftp_server() {
	need vsftpd python3
	[ "$(id -u)" -eq 0 ] || skip "vsftpd must be started by root"
	mkdir -p root/pub empty
	chmod 755 "$WORK" root root/pub empty
	seq 100000 >root/pub/numbers
	port=$((20000 + $$ % 20000))
	cat >vsftpd.conf <<-C
	listen=YES
	listen_address=127.0.0.1
	listen_port=$port
	background=NO
	anonymous_enable=YES
	anon_root=$PWD/root
	secure_chroot_dir=$PWD/empty
	ftp_username=daemon
	nopriv_user=nobody
	isolate=YES
	isolate_network=YES
	seccomp_sandbox=NO
	C
	chown root: vsftpd.conf
	# it limits its address space to 200 MiB
	VMMALLOC_POOL_SIZE=32M preload vsftpd "$PWD/vsftpd.conf" >out 2>&1 &
	server=$!
	cat >client.py <<-'P'
	import ftplib, hashlib, sys, time
	expected = hashlib.sha256(open("root/pub/numbers", "rb").read()).digest()
	for i in range(12):
	    for attempt in range(100):
	        try:
	            ftp = ftplib.FTP()
	            ftp.connect("127.0.0.1", int(sys.argv[1]), timeout=20)
	            break
	        except OSError:
	            time.sleep(0.1)
	    ftp.login()
	    digest = hashlib.sha256()
	    ftp.retrbinary("RETR pub/numbers", digest.update)
	    assert digest.digest() == expected
	    assert any("numbers" in line for line in ftp.nlst("pub"))
	    ftp.quit()
	P
	timeout 60 python3 client.py $port 2>client.err
	status=$?
	kill $server
	wait $server 2>/dev/null
	[ $status -eq 0 ] || fail "$(cat out client.err)"
}
run_case "vsftpd: sessions in namespaces of their own" ftp_server

runs_container() {
	need crun
	[ "$(id -u)" -eq 0 ] || skip "crun must be started by root"
	mkdir -p bundle/rootfs/bin
	cp /bin/busybox bundle/rootfs/bin/ 2>/dev/null || skip "no busybox"
	ln -s busybox bundle/rootfs/bin/sh
	(cd bundle && crun spec) || skip "crun makes no configuration here"
	sed -i -e 's/"terminal": true/"terminal": false/' -e 's|"sh"|"sh", "-c", "echo inside"|' bundle/config.json
	crun --root "$PWD/state" run -b bundle plain >/dev/null 2>&1 || skip "crun cannot run here"
	preload crun --root "$PWD/state" run -b bundle preloaded >out 2>err
	[ $? -eq 0 ] && [ "$(cat out)" = inside ] || fail "$(cat out err)"
}
run_case "crun: a container" runs_container

end_suite
