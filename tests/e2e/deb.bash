#!/bin/bash
# deb.bash -- what `make deb` makes: lintian has nothing against it, and it is the same bytes whoever makes it, and where
# and when. What the packages do where they are installed is tried by tests/vm/check_packages.bash.
DEADLINE=${DEADLINE:-600}
. "$(dirname "$0")/../lib/suite.bash"
own_mounts "$@"
if [ ! -e /etc/debian_version ]; then
	run_case "packages for Debian" skip "not made on this machine, which is no Debian"
	end_suite
fi

builds() {
	need dpkg-buildpackage dh
	make -s -C "$ROOT" deb BUILD="$WORK/build" >log 2>&1 || fail "make deb: $(cat log)"
	rm -rf "$SUITE_TMP/deb" && mv build/deb "$SUITE_TMP/deb"
	[ ! -e "$SUITE_TMP/deb/source" ] || fail "what was compiled is still there"
	ls "$SUITE_TMP"/deb/*.deb | sed 's|.*/||; s/_.*//' | grep -v dbgsym | LC_ALL=C sort | tr '\n' ' ' >names
	[ "$(cat names)" = "libvmmalloc-dev libvmmalloc1 libvmmalloc1-debug vmmallocctl vmmallocd " ] || fail "$(cat names)"
}
export SUITE_TMP
run_case "the packages are made" builds

is_clean() {
	need lintian
	[ -e "$SUITE_TMP/deb" ] || fail "there are no packages"
	lintian --allow-root --fail-on error,warning --display-level '>=warning' "$SUITE_TMP"/deb/*.changes >words 2>&1 ||
		fail "$(cat words)"
	[ ! -s words ] || fail "$(cat words)"
}
run_case "lintian has nothing against them" is_clean

# By an ordinary user, of the archive of `make dist`, in another directory, in a later year and another part of the world.
# What a build says of itself (buildinfo, and changes, which has its hash) may differ.
is_reproducible() {
	local as=() when=() tree file
	[ -e "$SUITE_TMP/deb" ] || fail "there are no packages"
	make -s -C "$ROOT" dist BUILD="$WORK/dist" >log 2>&1 || fail "make dist: $(cat log)"
	tree=$WORK/elsewhere/$(basename dist/*.gz .tar.gz)
	mkdir elsewhere && tar -xzf dist/*.gz -C elsewhere || return 1
	if [ "$(id -u)" -eq 0 ]; then
		chmod 711 "$SUITE_TMP" "$WORK" && chown -R nobody elsewhere || return 1
		as=(setpriv --reuid nobody --regid nogroup --clear-groups)
	fi
	# the archive's files keep the time that they have, which is the version's
	! command -v faketime >/dev/null || when=(faketime -f +400d)
	(umask 027; "${as[@]}" env TZ=Asia/Tokyo LC_ALL=C.UTF-8 HOME=/nonexistent NO_FAKE_STAT=1 "${when[@]}" \
		make -s -C "$tree" deb) >log 2>&1 || fail "make deb: $(cat log)"
	for file in "$SUITE_TMP"/deb/*; do
		case $file in
		*.buildinfo | *.changes | */log) continue ;;
		esac
		cmp "$file" "$tree/build/deb/${file##*/}" || fail "two builds differ"
	done
	[ "$(stat -c %u "$tree"/build/deb/libvmmalloc1_*.deb)" != 0 ] || [ "$(id -u)" -ne 0 ] || fail "made by root"
}
run_case "an ordinary user makes the same bytes, elsewhere, in another year" is_reproducible

# The machine's users are copies here.
purges_users() {
	local kind
	need_root
	need_mounts
	need systemd-sysusers useradd userdel
	cp -a /etc etc
	trap 'umount -l /etc; umount -l /var/lib' EXIT
	mount --bind etc /etc && mount -t tmpfs -o size=1M tmpfs /var/lib || fail "mount"
	! getent passwd vmmalloc || userdel vmmalloc || fail "userdel"
	for kind in ours '-d /srv/pools -s /usr/sbin/nologin' '-d /var/lib/vmmalloc -s /bin/sh'; do
		[ "$kind" = ours ] || useradd -M $kind vmmalloc || fail "useradd"
		getent passwd vmmalloc >before
		systemd-sysusers "$ROOT/systemd/vmmalloc.sysusers.conf" || fail "systemd-sysusers"
		getent passwd vmmalloc >there || fail "no user"
		sh "$ROOT/systemd/packaging/debian/vmmallocd.postrm" purge || fail "status $?"
		if [ "$kind" = ours ]; then
			! getent passwd vmmalloc || fail "our user is there still"
		else
			cmp before there && getent passwd vmmalloc | cmp - there || fail "who was there before is not"
			userdel vmmalloc || fail "userdel"
		fi
	done
}
run_case "purged, the package removes its user, and none who was there before it" purges_users

end_suite
