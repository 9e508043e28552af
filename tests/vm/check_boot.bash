#!/bin/bash
# check_boot.bash -- README.md and the manual pages, typed line by line where systemd is PID 1, reboots included: in a
# container with a root of its own, on which the daemon is installed as `make install` does it. tests/vm/inside/boot.bash.
. "$(dirname "$0")/container.bash"

# A small root around the machine's own /usr, and an /etc in which nothing is enabled.
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

container_install
mkdir "$RUN/local"
cp "$ROOT/README.md" "$RUN/out/"
container_service boot.bash CTL=/usr/local/bin/vmmallocctl
# several boots: the last one ends the container, and so does a script that fails
sed -i '/SuccessAction/d' "$RUN/vmmalloc-test.service"
CONTAINER_SECONDS=400 container_run -D "$TREE" --bind-ro=/usr --bind="$RUN/local:/usr/local" --bind-ro="$RUN/root:/stage" \
	systemd.wants=vmmalloc-test.service
