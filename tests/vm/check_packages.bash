#!/bin/bash
# check_packages.bash -- what `make deb` makes, and the same of the release before, installed, upgraded, removed and purged
# by apt under a real systemd, over several boots: in a container with a root of its own, which has nothing but Debian's
# base and what the packages need. tests/vm/inside/packages.bash.
. "$(dirname "$0")/container.bash"
. tests/lib/before.bash
PACKAGES=$BUILD/packages
BEFORE_PACKAGES=$PACKAGES/$RELEASE

[ -e /etc/debian_version ] || missing "no Debian, whose packages these are"
command -v debootstrap >/dev/null || missing "no debootstrap on this machine"
git cat-file -e "$BEFORE^{commit}" 2>/dev/null || missing "not a clone with the commit of $RELEASE"
mkdir -p "$PACKAGES"
make -s deb BUILD="$BUILD" >"$RUN/log" 2>&1 || { cat "$RUN/log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

# By today's recipe. What is exported since is not in it.
if [ -z "$(find "$BEFORE_PACKAGES" -name '*.deb' -newer systemd/packaging/deb.bash -newer systemd/packaging/debian 2>/dev/null)" ]; then
	git archive --format=tar.gz --prefix="libvmmalloc-$RELEASE/" "$BEFORE" >"$RUN/before.tar.gz"
	DPKG_GENSYMBOLS_CHECK_LEVEL=0 systemd/packaging/deb.bash "$RUN/before.tar.gz" "$RELEASE" \
		"$(git log -1 --format=%ct "$BEFORE")" "$BEFORE_PACKAGES" >"$RUN/log" 2>&1 ||
		missing "$RELEASE does not build on this machine: $(grep -m 1 'error' "$RUN/log")"
fi

# dependencies: of what was made, but for each other
dependencies() {
	local package
	for package in "$BEFORE_PACKAGES"/*.deb "$BUILD"/deb/*.deb; do
		dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g' | grep -v vmmalloc
	done | sort -u
}
codename=$(. /etc/os-release; echo "${VERSION_CODENAME:-testing}")
tests/distros/root.bash "$codename" "$PACKAGES/root.tar" systemd-sysv dbus gcc libc6-dev pkg-config \
	$(dependencies) >"$RUN/log" 2>&1 || missing "no root: $(tail -n 1 "$RUN/log")"

TREE=$RUN/tree
mkdir "$TREE" && tar -xf "$PACKAGES/root.tar" -C "$TREE" || exit 1
rm "$TREE/usr/sbin/policy-rc.d"
chroot "$TREE" useradd -m -u 1000 alice || exit 1
# it is known, so that this is no first boot, at which systemd would enable all that there is
tr -d - </proc/sys/kernel/random/uuid >"$TREE/etc/machine-id"

container_service packages.bash CTL=/usr/bin/vmmallocctl NEW="$BUILD/deb" OLD="$BEFORE_PACKAGES" OLD_VERSION="$RELEASE"
container_boots
CONTAINER_SECONDS=400 container_run -D "$TREE" systemd.wants=vmmalloc-test.service
