# container.bash -- for the suites that boot a systemd in a container of the machine's own /usr: sourced first of all. It
# skips the suite where that is not possible.
#
#   $RUN                        a directory of the suite's own, removed at its end; $RUN/out is /out in the container
#   container_install VAR=...   make install into $RUN/root, with these variables
#   container_binds             the options that give it to a container with an empty /etc, but for its configuration
#   container_service SCRIPT NAME=VALUE...   $RUN/vmmalloc-test.service, which runs the script after the system is up
#   container_tree              $TREE, a root with users and a /usr that is still empty
#   container_boots             ... once, and again when it reboots: service.bash has count_boots for it
#   container_run OPTION...     boots; the options are systemd-nspawn's, and the kernel's words. Prints what the script
#                               has said; false unless it has said how many of its cases passed, and none failed

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
ROOT=$PWD BUILD=${BUILD:-$PWD/build}
PATH=$PATH:/usr/sbin:/sbin
SUITE=$(basename "$0")
NAME=vmmalloc-test-$$
REBOOT=133   # systemd-nspawn's status for whoever shall start it again

missing() {
	echo "skip $SUITE: $*"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
[ "$(id -u)" -eq 0 ] || missing "only root may start a container"
command -v systemd-nspawn >/dev/null || missing "no systemd-nspawn on this machine"
[ -x /usr/lib/systemd/systemd ] || missing "no systemd on this machine"

# --- a cgroup of its own, in each hierarchy that systemd uses; for itself nspawn would ask a systemd of this machine ---

RUN=$(mktemp -d) || exit 1
mkdir "$RUN/out"
CGROUPS=()
clean_up() {
	local cgroup
	for cgroup in "${CGROUPS[@]}"; do
		while read -r pid; do kill -KILL "$pid" 2>/dev/null; done < <(cat $(find "$cgroup" -name cgroup.procs) 2>/dev/null)
		until [ -z "$(cat $(find "$cgroup" -name cgroup.procs) 2>/dev/null)" ]; do sleep 0.05; done
		find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
	done
	rm -rf "$RUN"
}
trap clean_up EXIT
for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -w "$hierarchy/cgroup.procs" ] && mkdir "$hierarchy/$NAME" 2>/dev/null && CGROUPS+=("$hierarchy/$NAME")
done
[ ${#CGROUPS[@]} -gt 0 ] || missing "no cgroup can be made for a container"

container_install() {
	make -s install DESTDIR="$RUN/root" "$@" >"$RUN/install.log" 2>&1 || { cat "$RUN/install.log"; exit 1; }
}

container_binds() {
	echo --bind-ro=/etc/alternatives --bind-ro="$RUN/root/opt/vmmalloc:/opt/vmmalloc"
	(cd "$RUN/root" && find etc -type f ! -path 'etc/vmmalloc/*' -printf "--bind-ro=$RUN/root/%p:/%p\n")
}

container_service() {
	local script=$1
	shift
	cat >"$RUN/vmmalloc-test.service" <<-UNIT
		[Unit]
		Description=Tests of vmmallocd
		After=multi-user.target
		SuccessAction=exit
		FailureAction=exit

		[Service]
		Type=oneshot
		Environment=BUILD=$BUILD TERM=dumb LANG=C.UTF-8 $*
		ExecStart=/bin/bash $ROOT/tests/vm/inside/$script
		StandardOutput=append:/out/log
		StandardError=append:/out/log
	UNIT
}

# A small root around the machine's own /usr, and an /etc in which nothing is enabled.
container_tree() {
	TREE=$RUN/tree
	mkdir -p "$TREE"/{etc/systemd/system,usr,var,tmp,run,mnt,srv,home/alice,root,proc,sys,dev}
	chmod 1777 "$TREE/tmp"
	for link in bin sbin lib lib64; do [ -L /$link ] && ln -s usr/$link "$TREE/$link"; done
	cp -L /etc/os-release "$TREE/etc/"
	cp -a /etc/{profile,bash.bashrc,ld.so.conf,ld.so.conf.d,alternatives,login.defs} "$TREE/etc/" 2>/dev/null
	printf '%s\n' root:x:0:0:root:/root:/bin/bash nobody:x:65534:65534::/:/usr/sbin/nologin \
		alice:x:1000:1000::/home/alice:/bin/bash >"$TREE/etc/passwd"
	printf '%s\n' root:x:0: nogroup:x:65534: alice:x:1000: pmem:x:1001: systemd-journal:x:1002: >"$TREE/etc/group"
	printf '%s\n' 'passwd: files' 'group: files' 'shadow: files' >"$TREE/etc/nsswitch.conf"
	# it is known, so that this is no first boot, at which systemd would enable all that the machine has
	tr -d - </proc/sys/kernel/random/uuid >"$TREE/etc/machine-id"
	chown 1000:1000 "$TREE/home/alice"
}

# Several boots: the last one ends the container, and so does a script that fails.
container_boots() { sed -i '/SuccessAction/d' "$RUN/vmmalloc-test.service"; }

container_run() {
	local status=$REBOOT
	touch "$RUN/out/log"
	while [ $status -eq $REBOOT ]; do
		(
			for cgroup in "${CGROUPS[@]}"; do echo $BASHPID >"$cgroup/cgroup.procs"; done
			exec timeout -k 5 "${CONTAINER_SECONDS:-240}" systemd-nspawn -q -b -M "$NAME" --register=no \
				--keep-unit --link-journal=no --console=pipe --private-network --bind-ro="$ROOT" \
				--bind-ro="$BUILD" --bind="$RUN/out:/out" \
				--bind-ro="$RUN/vmmalloc-test.service:/etc/systemd/system/vmmalloc-test.service" "$@" </dev/null
		) >>"$RUN/console" 2>&1
		status=$?
	done
	cat "$RUN/out/log"
	grep -qE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$RUN/out/log" || {
		echo "FAIL $SUITE: the container ended before its tests did (status $status)"
		tail -n 30 "$RUN/console" | sed 's/^/     | /'
		echo "0 passed, 1 failed, 0 skipped"
		return 1
	}
	! grep -q '^FAIL' "$RUN/out/log"
}
