#!/bin/bash
# rpm.bash -- what `make rpm` makes: what is in which package, what they need and provide, and that it is the same bytes
# wherever it is made. They are installed and used by tests/vm/check_rpm.bash.
DEADLINE=${DEADLINE:-600}
. "$(dirname "$0")/../lib/suite.bash"
need_rpm() { command -v rpmbuild >/dev/null || skip "no rpmbuild on this machine"; }
export RPMS=$SUITE_TMP/first/rpm
export -f need_rpm

# make_rpm BUILD VARIABLE=...: from the tree as it is
make_rpm() {
	make -s -C "$ROOT" rpm BUILD="$@" >"$WORK/log" 2>&1 || fail "make rpm: $(cat "$WORK/log")"
}
# of PACKAGE QUERY...: that of a package, by its name
of() {
	local name=$1
	shift
	rpm -qp "$@" "$RPMS"/RPMS/*/"$name"-[0-9]*.rpm
}
export -f make_rpm of

builds() {
	need_rpm
	make_rpm "${RPMS%/rpm}"
	[ "$(find "$RPMS" -name '*.rpm' | wc -l)" -eq 6 ] || fail "$(find "$RPMS" -name '*.rpm')"
	[ "$(rpm -qp --qf '%{name}:' "$RPMS"/RPMS/*/*.rpm)" = libvmmalloc:libvmmalloc-debug:libvmmalloc-devel:vmmallocctl:vmmallocd: ] ||
		fail "$(ls "$RPMS"/RPMS/*)"
	find "$RPMS"/BUILD* -mindepth 1 | grep . && fail "left behind"
	return 0
}
run_case "make rpm makes five packages, and their source" builds

# Everything that make install installs is in one package, and nothing else is in any.
contents() {
	need_rpm
	local lib words
	lib=$(rpm -qpl "$RPMS"/RPMS/*/*.rpm | sed -n 's|/libvmmalloc.so.1$||p' | grep -v nvml_debug)
	mkdir build && cp -a "$BUILD"/{release,debug,program,jemalloc,paths} build/ || return 1
	make -s -C "$ROOT" install DESTDIR="$WORK/dest" BUILD="$WORK/build" PREFIX=/usr LIBDIR="$lib" SYSTEMDDIR=/usr/lib/systemd \
		SYSUSERSDIR=/usr/lib/sysusers.d TMPFILESDIR=/usr/lib/tmpfiles.d >log 2>&1 || fail "$(cat log)"
	(cd dest && find . ! -type d -printf '/%P\n') | sed '/\/man\/man/s/$/.gz/' | sort >installed
	words='[%{filenames}\t%{fileflags:fflags}\t%{filemodes:perms}\n]'
	rpm -qp --qf "$words" "$RPMS"/RPMS/*/*.rpm | grep -v '/\.build-id' >files
	awk -F '\t' '$2 !~ /g/ && $3 !~ /^d/ { print $1 }' files | sort >packaged
	cmp installed packaged || fail "$(diff installed packaged)"
	[ -z "$(cut -f 1 files | sort | uniq -d)" ] || fail "in two packages: $(cut -f 1 files | sort | uniq -d)"
	# directories of our own belong to a package, so that they go with it
	for words in "$lib/nvml_debug" /usr/share/doc/libvmmalloc /etc/vmmalloc /etc/vmmalloc/conf.d /var/lib/vmmalloc /run/vmmalloc; do
		grep -q "^$words	.*	d" files || fail "no package has the directory $words"
	done
	# what the package was built of is nowhere
	mkdir all && cd all && for words in "$RPMS"/RPMS/*/*.rpm; do rpm2cpio "$words" | cpio -idmu --quiet || return 1; done
	grep -rlF "${RPMS%/rpm}" . && fail "these name the directory that they were built in"
	return 0
}
run_case "each file that is installed is in exactly one package" contents

needs() {
	need_rpm
	local same package
	same=$(of libvmmalloc --qf '%{version}-%{release}')
	of libvmmalloc --provides | grep -qx 'libvmmalloc.so.1()(64bit)' || fail "$(of libvmmalloc --provides)"
	of libvmmalloc-debug --provides | grep -F '.so' && fail "the debug build is found for who needs the library"
	of libvmmalloc --requires | grep -E 'jemalloc|libstdc|libm\.so|libgcc_s' && fail "the library needs more than libc"
	for package in libvmmalloc-devel:libvmmalloc libvmmalloc-debug:libvmmalloc vmmallocctl:libvmmalloc vmmallocd:vmmallocctl; do
		of ${package%:*} --requires | grep -q "^${package#*:}(.*) = $same$" || fail "$package: $(of ${package%:*} --requires)"
	done
	of vmmallocd --requires | grep -qx systemd || fail "vmmallocd needs no systemd"
	[ "$(of vmmallocd --configfiles)" = /etc/vmmalloc/vmmallocd.conf ] || fail "$(of vmmallocd --configfiles)"
	[ "$(of vmmallocd --qf '[%{filenames} %{fileflags:fflags}\n]' | sed -n 's/.*vmmallocd.conf c/c/p')" = cn ] || fail "noreplace"
	of libvmmalloc --licensefiles | grep -q /LICENSE$ || fail "no license"
}
run_case "packages need what they should, and provide the library once" needs

lints() {
	need_rpm
	need rpmlint
	rpmlint -c "$ROOT/systemd/packaging/rpm/rpmlint.toml" "$RPMS"/RPMS/*/*.rpm "$RPMS"/SRPMS/*.rpm >words 2>&1
	grep -q ' 0 errors, 0 warnings' words || fail "$(cat words)"
}
run_case "rpmlint has nothing to say" lints

# Elsewhere, at another time, by another user's umask, of the archive and not of the clone.
is_reproducible() {
	need_rpm
	local package
	make -s -C "$ROOT" dist BUILD="$WORK/dist" >log 2>&1 || fail "$(cat log)"
	mkdir elsewhere && tar -xzf dist/*.tar.gz -C elsewhere --strip-components=1 || return 1
	# as in a clone whose files are of before its last commit
	touch -d 2001-01-01 elsewhere/systemd/packaging/rpm/libvmmalloc.spec
	(
		umask 077
		export TZ=Asia/Tokyo LC_ALL=C.UTF-8 CFLAGS=-O0 PREFIX=/opt DESTDIR=/nonexistent RPM_BUILD_NCPUS=3
		sleep 1    # their files are of another second
		make -s -C elsewhere rpm BUILD="$WORK/another_place" >log 2>&1
	) || fail "$(cat log elsewhere/log)"
	for package in "$RPMS"/RPMS/*/*.rpm "$RPMS"/SRPMS/*.rpm; do
		cmp "$package" "another_place/rpm/${package#"$RPMS/"}" || fail "two packages"
	done
}
run_case "two builds in two places give the same bytes" is_reproducible

# With no archive and no source it says so, and with a source builds of that.
says_what_is_missing() {
	need_rpm
	JEMALLOC_ARCHIVE=$WORK/none.a make -s -C "$ROOT" rpm BUILD="$WORK/build" >log 2>&1 && fail "it was built of nothing"
	grep -qF "there is no $WORK/none.a, nor a source of jemalloc: say --with bundled_jemalloc" log || fail "$(cat log)"
	mkdir tree
	make -s -C "$ROOT" rpm BUILD="$WORK/build" JEMALLOC_SRC="$WORK/tree" >log 2>&1 && fail "it was built of nothing"
	grep -qx "JEMALLOC_SRC=$WORK/tree: there is no configure.ac of jemalloc in it" log || fail "$(cat log)"
	touch tree/configure.ac
	# also where it lies in a repository that has versions of its own
	git init -q . && git -c user.name=a -c user.email=a commit -q --allow-empty -m a && git -c user.name=a -c user.email=a tag -a -m a 9.1.0
	make -s -C "$ROOT" rpm BUILD="$WORK/build" JEMALLOC_SRC="$WORK/tree" >log 2>&1 && fail "it was built of nothing"
	grep -qx "$WORK/tree does not say its version, like '5.3.0': say JEMALLOC_VERSION=VERSION" log || fail "$(cat log)"
}
run_case "without jemalloc's archive it says what is missing" says_what_is_missing

end_suite
