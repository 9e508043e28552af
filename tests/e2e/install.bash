#!/bin/bash
# install.bash -- what `make install` puts in place works from there, and `make uninstall` takes all of it back.
. "$(dirname "$0")/../lib/suite.bash"

installs() {
	local lib=$WORK/dest/opt/vmm/lib
	make -s -C "$ROOT" install DESTDIR="$WORK/dest" PREFIX=/opt/vmm >log 2>&1 || { cat log; return 1; }

	[ "$(readlink "$lib/libvmmalloc.so")" = libvmmalloc.so.1 ] || fail "no development link"
	readelf -d "$lib/libvmmalloc.so.1" | grep -q 'soname: \[libvmmalloc.so.1\]' || fail "soname"
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M LD_PRELOAD=$lib/libvmmalloc.so.1 /bin/ls / >/dev/null || return 1
	VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=64M VMMALLOC_LOG_LEVEL=2 LD_LIBRARY_PATH=$lib/nvml_debug \
		LD_PRELOAD=libvmmalloc.so.1 /bin/ls / 2>&1 >/dev/null | grep -q 'pool of 67108864 bytes' || fail "debug build"

	for page in man1/vmmallocctl.1 man3/libvmmalloc.3 man5/vmmallocd.conf.5 man7/libvmmalloc.7 man8/vmmallocd.8; do
		LC_ALL=C man -l --warnings "$WORK/dest/opt/vmm/share/man/$page" 2>words >page || return 1
		[ ! -s words ] && grep -q vmmalloc page || fail "$page: $(cat words)"
	done

	# the daemon with the configuration as it is installed, and the library that the command line finds beside itself
	dest/opt/vmm/sbin/vmmallocd --check --config dest/etc/vmmalloc/vmmallocd.conf || fail "vmmallocd --check"
	dest/opt/vmm/bin/vmmallocctl run --dir "$POOL_DIR" --size 64M -- grep -c libvmmalloc /proc/self/maps >count || fail "run"
	[ "$(cat count)" -gt 0 ] || fail "vmmallocctl run does not find the library"
	grep -q '^ExecStart=/opt/vmm/sbin/vmmallocd$' dest/opt/vmm/lib/systemd/system/vmmallocd.service || fail "the unit"

	make -s -C "$ROOT" uninstall DESTDIR="$WORK/dest" PREFIX=/opt/vmm >log 2>&1 || { cat log; return 1; }
	[ -z "$(find dest -type f -o -type l)" ] || fail "left behind: $(find dest -type f -o -type l)"
}
run_case "install, use, uninstall" installs

# A program of one's own: pkg-config says how to build it, and it needs no LD_PRELOAD.
links() {
	need pkg-config
	make -s -C "$ROOT" install PREFIX="$WORK/prefix" SYSCONFDIR="$WORK/etc" >log 2>&1 || { cat log; return 1; }
	cat >own.c <<'C'
#include <libvmmalloc.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct vmmalloc_stats stats;
	void *block = malloc(VMMALLOC_MIN_POOL / 4);

	if (vmmalloc_stats(&stats, sizeof(stats)) || !vmmalloc_contains(block) || vmmalloc_contains(&stats))
		return 1;
	printf("%d.%d %s %lu\n", VMMALLOC_MAJOR_VERSION, VMMALLOC_MINOR_VERSION, vmmalloc_version(), stats.pool_bytes);
	cfree(block);
	return strcmp(vmmalloc_version(), VMMALLOC_VERSION);
}
C
	local version compiler
	export PKG_CONFIG_PATH=$WORK/prefix/lib/pkgconfig
	version=$(pkg-config --modversion libvmmalloc)
	for compiler in "gcc -std=c11" "g++ -x c++"; do
		$compiler -Wall -Werror own.c $(pkg-config --cflags --libs libvmmalloc) -o own || return 1
		readelf -d own | grep -q 'NEEDED.*libvmmalloc.so.1' || fail "not linked"
		VMMALLOC_POOL_DIR=$POOL_DIR VMMALLOC_POOL_SIZE=14M LD_LIBRARY_PATH=$WORK/prefix/lib ./own >out || return 1
		grep -qx "${version%.*} $version 14680064" out || fail "$(cat out)"
	done
}
run_case "a program linked with -lvmmalloc, found with pkg-config, in C and in C++" links

end_suite
