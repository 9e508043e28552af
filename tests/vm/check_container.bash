#!/bin/bash
# check_container.bash -- the daemon as it is installed, under a real systemd: in a container of the machine's own /usr
# with an empty /etc, where tests/vm/inside/systemd.bash runs as a service.
cd "$(dirname "$0")/../.." || exit 1
ROOT=$PWD BUILD=${BUILD:-$PWD/build}
PATH=$PATH:/usr/sbin:/sbin
NAME=vmmalloc-test-$$

missing() {
	echo "skip check_container.bash: $*"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
[ "$(id -u)" -eq 0 ] || missing "only root may start a container"
command -v systemd-nspawn >/dev/null || missing "no systemd-nspawn on this machine"
[ -x /usr/lib/systemd/systemd ] || missing "no systemd on this machine"

# --- a cgroup of its own, in each hierarchy that systemd uses; for itself nspawn would ask a systemd of this machine ---

RUN=$(mktemp -d) || exit 1
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

# --- what is installed ---

make -s install DESTDIR="$RUN/root" PREFIX=/opt/vmmalloc SYSTEMDDIR=/etc/systemd SYSUSERSDIR=/etc/sysusers.d \
	TMPFILESDIR=/etc/tmpfiles.d >"$RUN/install.log" 2>&1 || { cat "$RUN/install.log"; exit 1; }
binds=(--bind-ro=/etc/alternatives --bind-ro="$ROOT" --bind-ro="$BUILD" --bind-ro="$RUN/root/opt/vmmalloc:/opt/vmmalloc" --bind="$RUN/out:/out")
mkdir "$RUN/out"
while read -r file; do
	binds+=(--bind-ro="$RUN/root$file:$file")
done < <(cd "$RUN/root" && find etc -type f ! -path 'etc/vmmalloc/*' -printf '/%p\n')

# The configuration is the container's to change.
cat >"$RUN/vmmalloc-test.service" <<UNIT
[Unit]
Description=Tests of vmmallocd
After=multi-user.target
SuccessAction=exit
FailureAction=exit

[Service]
Type=oneshot
Environment=BUILD=$BUILD TERM=dumb LANG=C.UTF-8 EXAMPLE=/out/vmmallocd.conf
ExecStart=/bin/bash $ROOT/tests/vm/inside/systemd.bash
StandardOutput=append:/out/log
StandardError=append:/out/log
UNIT
cp "$RUN/root/etc/vmmalloc/vmmallocd.conf" "$RUN/out/"
binds+=(--bind-ro="$RUN/vmmalloc-test.service:/etc/systemd/system/vmmalloc-test.service")

touch "$RUN/out/log"
(
	for cgroup in "${CGROUPS[@]}"; do echo $BASHPID >"$cgroup/cgroup.procs"; done
	exec timeout -k 5 "${CONTAINER_SECONDS:-240}" systemd-nspawn -q -D / --volatile=yes -b -M "$NAME" --register=no \
		--keep-unit --link-journal=no --console=pipe --private-network "${binds[@]}" \
		systemd.unit=vmmalloc-test.service systemd.wants=sockets.target </dev/null
) >"$RUN/console" 2>&1
status=$?
cat "$RUN/out/log"
grep -qE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$RUN/out/log" || {
	echo "FAIL check_container.bash: the container ended before its tests did (status $status)"
	tail -n 30 "$RUN/console" | sed 's/^/     | /'
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}
! grep -q '^FAIL' "$RUN/out/log"
