#!/bin/bash
# check_rpm.bash -- the packages of `make rpm`, installed, upgraded and removed by rpm where systemd is PID 1: in a container
# with a root of its own, and a /usr that is this machine's with what is installed above it. tests/vm/inside/rpm.bash.
. "$(dirname "$0")/container.bash"
command -v rpmbuild >/dev/null || missing "no rpmbuild on this machine"

# make_rpm TREE DIRECTORY VARIABLE=...: into out/DIRECTORY
make_rpm() {
	local tree=$1 directory=$2
	shift 2
	make -s -C "$tree" rpm BUILD="$RUN/$directory" "$@" >"$RUN/rpm.log" 2>&1 || { cat "$RUN/rpm.log"; exit 1; }
	mkdir "$RUN/out/$directory" && mv "$RUN/$directory"/rpm/RPMS/*/*.rpm "$RUN/out/$directory" && rm -r "${RUN:?}/$directory"/rpm
}
make_rpm "$ROOT" new
# an older one, with another configuration
mkdir "$RUN/tree-of-old" && tar -xzf "$RUN"/new/*.tar.gz -C "$RUN/tree-of-old" --strip-components=1 || exit 1
echo '# of the version before' >>"$RUN/tree-of-old/systemd/vmmallocd.conf"
make_rpm "$RUN/tree-of-old" old PACKAGE_VERSION=1.2.9

container_tree
mkdir "$RUN/usr" "$RUN/usr-work"
mount -t overlay overlay -o "lowerdir=/usr,upperdir=$RUN/usr,workdir=$RUN/usr-work" "$TREE/usr" 2>/dev/null ||
	missing "no overlay can be mounted here"
trap 'umount -l "$TREE/usr"; clean_up' EXIT
container_service rpm.bash CTL=/usr/bin/vmmallocctl
container_boots
CONTAINER_SECONDS=400 container_run -D "$TREE" systemd.wants=vmmalloc-test.service
