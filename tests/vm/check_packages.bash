#!/bin/bash
# check_packages.bash [RELEASE] -- what `make deb` makes in a clean system of this release of Debian, or of the machine's,
# and the same of the version before, installed, upgraded, removed and purged by apt under a real systemd, over several
# boots: in a container of another such system, which has nothing but the base and what the packages need
# (tests/vm/inside/packages.bash). Before that, where they were built, in one without systemd (packages_bare.bash there).
. "$(dirname "$0")/container.bash"
. tests/lib/before.bash
release=${1:-$(. /etc/os-release; echo "${VERSION_CODENAME:-testing}")}
SUITE="$SUITE $release"

[ -e /etc/debian_version ] || missing "no Debian, whose packages these are"
command -v debootstrap >/dev/null || missing "no debootstrap on this machine"
git cat-file -e "$BEFORE^{commit}" 2>/dev/null || missing "not a clone with the commit of $RELEASE"
DISTROS=$ROOT/build/distros
mkdir -p "$DISTROS"
SYSTEMS=$(mktemp -d "$DISTROS/run.$$.XXXXXX") || exit 1
running=
leave() {
	[ -z "$running" ] || { kill "$running"; wait "$running"; } 2>/dev/null
	rm -rf --one-file-system "$SYSTEMS"
	clean_up
}
trap leave EXIT
trap 'exit 1' INT TERM HUP

failed() {
	tail -n 40 "$RUN/log"
	echo "FAIL $SUITE: $*"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}
# in_system DIRECTORY COMMAND...: as root in the system there, for so long. A trap waits for what runs in the foreground.
in_system() {
	local status
	timeout -k 10 1800 tests/distros/enter.bash "$@" >"$RUN/log" 2>&1 </dev/null &
	running=$!
	wait $running
	status=$? running=
	return $status
}
# builder RELEASE: a system in which this version's packages have been made, of what `make dist` packs
builder() {
	BUILDER=$SYSTEMS/$1-builder
	tests/distros/fresh.bash "$1" "$BUILDER" >"$RUN/log" 2>&1 || missing "no system: $(tail -n 1 "$RUN/log")"
	mkdir "$BUILDER/source" && tar -xzf "$RUN"/dist/*.tar.gz -C "$BUILDER/source" --strip-components=1 || exit 1
	in_system "$BUILDER" make -s -C /source deb build/tests/integration/daemon_ask || failed "make deb in $1"
	tests/distros/fresh.bash --keep "$1" "$BUILDER"
}
# before RELEASE: $OLD has the packages of the version before, by today's recipe; what is exported since is not in it.
before() {
	OLD=$DISTROS/$1.packages/$RELEASE
	[ -z "$(find "$OLD" -name '*.deb' -newer systemd/packaging/deb.bash -newer systemd/packaging/debian 2>/dev/null)" ] || return
	[ -d "$SYSTEMS/$1-builder" ] || builder "$1"
	git archive --format=tar.gz --prefix="libvmmalloc-$RELEASE/" -o "$BUILDER/before.tar.gz" "$BEFORE"
	in_system "$BUILDER" apt-get install -y --no-install-recommends libinih-dev || failed "no libinih-dev, which $RELEASE needs"
	in_system "$BUILDER" env DPKG_GENSYMBOLS_CHECK_LEVEL=0 /source/systemd/packaging/deb.bash /before.tar.gz "$RELEASE" \
		"$(git log -1 --format=%ct "$BEFORE")" /before || failed "$RELEASE does not build in $1"
	rm -rf "$OLD" && mkdir -p "$OLD" && cp "$BUILDER"/before/*.deb "$OLD" || exit 1
}
# dependencies: of what was made, but for each other
dependencies() {
	local package
	for package in "$OLD"/*.deb "$BUILD"/deb/*.deb; do
		dpkg-deb -f "$package" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g' | grep -v vmmalloc
	done | sort -u
}

make -s dist BUILD="$RUN/dist" >"$RUN/log" 2>&1 || failed "make dist"
builder "$release"
# What the container sees of a build is this.
BUILD=$DISTROS/$release.packages
rm -rf "$BUILD"/{deb,tests} && mkdir -p "$BUILD" && cp -r "$BUILDER"/source/build/{deb,tests} "$BUILD" || exit 1
# The cases without systemd are counted with those of the first boot.
in_system "$BUILDER" /source/tests/vm/inside/packages_bare.bash
grep -qE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$RUN/log" || failed "where no systemd runs"
sed '$d' "$RUN/log" >"$RUN/out/log"
tail -n 1 "$RUN/log" | sed 's/[^0-9 ]//g' >"$RUN/out/counts"

# It does not build with the jemalloc of testing, whose users have got it with the release before.
case $release in
testing) before trixie ;;
*) before "$release" ;;
esac

TREE=$SYSTEMS/tree
tests/distros/fresh.bash "$release" "$TREE" >"$RUN/log" 2>&1 || missing "no system: $(tail -n 1 "$RUN/log")"
in_system "$TREE" env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update && apt-get install -y --no-install-recommends "$@"' \
	sh systemd-sysv dbus gcc libc6-dev pkg-config $(dependencies) || failed "what the packages need is not in $release"
tests/distros/fresh.bash --keep "$release" "$TREE"
rm "$TREE/usr/sbin/policy-rc.d"
chroot "$TREE" useradd -m -u 1000 alice || exit 1
# it is known, so that this is no first boot, at which systemd would enable all that there is
tr -d - </proc/sys/kernel/random/uuid >"$TREE/etc/machine-id"

container_service packages.bash CTL=/usr/bin/vmmallocctl NEW="$BUILD/deb" OLD="$OLD" OLD_VERSION="$RELEASE"
container_boots
# newer systemds know no other hierarchy of cgroups, whatever the machine has
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
CONTAINER_SECONDS=600 container_run -D "$TREE" systemd.wants=vmmalloc-test.service
