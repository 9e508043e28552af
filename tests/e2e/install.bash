#!/bin/bash
# install.bash -- what `make install` puts in place works from there, and `make uninstall` takes all of it back.
# alone: it changes what is built here
. "$(dirname "$0")/../lib/suite.bash"

# A build of its own, begun with what is built already.
copy_build() {
	mkdir build && cp -a "$BUILD"/{release,debug,program,jemalloc,jemalloc.choice,paths} build/
}
export -f copy_build

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
	[ ! -e dest/opt/vmm ] && [ ! -e dest/etc/vmmalloc ] || fail "empty directories are left: $(find dest)"
}
run_case "install, use, uninstall" installs

# What others have there stays, and so do directories that a system has by itself.
leaves_others() {
	local directory
	make -s -C "$ROOT" install DESTDIR="$WORK/dest" >log 2>&1 || { cat log; return 1; }
	touch dest/usr/local/share/bash-completion/completions/another dest/usr/local/lib/systemd/system/another.service
	make -s -C "$ROOT" uninstall DESTDIR="$WORK/dest" >log 2>&1 && [ ! -s log ] || { cat log; return 1; }
	for directory in bin sbin lib include share/man; do
		[ -d dest/usr/local/$directory ] || fail "there is no $directory any more"
	done
	[ "$(find dest -type f | sort | tr '\n' ' ')" = "dest/usr/local/lib/systemd/system/another.service \
dest/usr/local/share/bash-completion/completions/another " ] || fail "$(find dest -type f)"
	[ ! -e dest/usr/local/lib/sysusers.d ] && [ ! -e dest/usr/local/lib/systemd/user ] || fail "empty directories are left"
}
run_case "uninstall leaves what is others', and the directories of a system" leaves_others

# A word of make that is no path puts nothing anywhere, and takes nothing away.
no_path() {
	local word files
	mkdir "a b"
	for word in PREFIX=opt "PREFIX=$WORK/a b" "SYSCONFDIR=/it's" "LIBDIR=~/lib" 'STATEDIR=/x$$y' 'TMPFILESDIR=/%h' RUNSTATEDIR=run; do
		! make -s -C "$ROOT" install DESTDIR="$WORK/dest" "$word" >log 2>&1 || fail "$word was taken"
		grep -qF "*** ${word/\$\$/\$}: expected an absolute path, without spaces or special characters." log && [ "$(wc -l <log)" -eq 1 ] ||
			fail "$(cat log)"
	done
	for word in "DESTDIR=$WORK/a b" "BUILD=$WORK/a b"; do
		! make -s -C "$ROOT" uninstall clean DESTDIR="$WORK/dest" "$word" >log 2>&1 || fail "$word was taken"
		grep -qF "*** $word: expected a path without spaces or special characters." log && [ "$(wc -l <log)" -eq 1 ] || fail "$(cat log)"
	done
	files=$(find . ! -name log) && [ "$files" = $'.\n./a b' ] || fail "$files"
}
run_case "a path that make was told and that is none is refused, and nothing done" no_path

# Of another libc no header defines __GLIBC__.
other_libc() {
	mkdir include && : >include/features.h
	! make -s -C "$ROOT" lib BUILD="$WORK/build" CC="${CC:-cc} -isystem $WORK/include" >log 2>&1 || fail "it was built"
	[ "$(head -n 1 log)" = "the library needs glibc, and CC=${CC:-cc} -isystem $WORK/include does not compile for it" ] ||
		fail "$(cat log)"
}
run_case "another libc than glibc is refused in one line" other_libc

# A slash at the end says nothing: the same files, with the same words in them.
slashes() {
	copy_build || return 1
	local make=(make -s -C "$ROOT" BUILD="$WORK/build") words
	"${make[@]}" install DESTDIR="$WORK/one" PREFIX=/opt LIBDIR=/opt/lib SYSCONFDIR=/etc RUNSTATEDIR=/run STATEDIR=/var/lib >log 2>&1 &&
		"${make[@]}" install DESTDIR="$WORK/two/" PREFIX=/opt/ LIBDIR=/opt/lib/ SYSCONFDIR=/etc/ RUNSTATEDIR=/run/ STATEDIR=/var/lib/ \
			>log 2>&1 || { cat log; return 1; }
	diff -r one two || fail "other files"
	for words in $(grep -ho '](doc/[a-zA-Z]*[.][a-z]*' one/opt/share/doc/libvmmalloc/README.md); do
		[ -e "one/opt/share/doc/libvmmalloc/${words##*/}" ] || fail "README.md names $words, which is not installed"
	done
}
run_case "a slash at the end of a path says nothing" slashes

# A program of one's own: pkg-config says how to build it, and it needs no LD_PRELOAD.
links() {
	need pkg-config
	copy_build && make -s -C "$ROOT" BUILD="$WORK/build" install PREFIX="$WORK/prefix" SYSCONFDIR="$WORK/etc" >log 2>&1 ||
		{ cat log; return 1; }
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

# The paths that make was told reach the programs, and all that is installed: nothing names the usual ones. What was compiled
# with other paths is made again.
other_paths() {
	copy_build || return 1
	local make=(make -s -C "$ROOT" BUILD="$WORK/build" PREFIX="$WORK/opt" SYSCONFDIR="$WORK/conf" RUNSTATEDIR="$WORK/live"
		STATEDIR="$WORK/kept" BINDIR="$WORK/opt/tools" LIBDIR="$WORK/opt/libraries/here" SBINDIR="$WORK/opt/daemons"
		SYSTEMDDIR="$WORK/units" MANDIR="$WORK/pages" DOCDIR="$WORK/words")
	"${make[@]}" install >log 2>&1 || { cat log; return 1; }
	grep -rlE '/etc/vmmalloc|/run/vmmalloc|/var/lib/vmmalloc|/usr/local/(s?bin|lib)|@[A-Z]+DIR@' opt conf units pages words &&
		fail "these name the usual paths, and not those of the installation"

	# with no word on where its files are
	mkdir -p live kept pools
	chmod 700 pools
	printf '[pool small]\ndirectory = %s\nsize = 14M\nwarm = no\nready = 2\n' "$WORK/pools" >conf/vmmalloc/conf.d/small.conf
	export XDG_RUNTIME_DIR=$WORK/live XDG_STATE_HOME=$WORK/kept    # as in the unit: for a daemon that is not root
	local deadline=$((SECONDS + 30))
	opt/daemons/vmmallocd >daemon.log 2>&1 &
	local daemon=$!
	trap "kill $daemon 2>/dev/null" EXIT
	until [ -e kept/vmmalloc/registry.json ] && [ "$(opt/tools/vmmallocctl list 2>&1 | grep -cw ready)" -ge 2 ]; do
		[ $SECONDS -lt $deadline ] || fail "no pool is ready: $(cat daemon.log; find live kept)"
		sleep 0.05
	done
	opt/tools/vmmallocctl run --class small -- cat /proc/self/maps >maps || fail "run: $(cat daemon.log)"
	grep -q "$WORK/opt/libraries/here/libvmmalloc.so.1" maps && grep -q "$WORK/pools/" maps || fail "$(cat maps)"
	[ -S live/vmmalloc/pool.sock ] || fail "$(find live)"
	# the library's own word, without vmmallocctl
	VMMALLOC_POOL=small LD_PRELOAD=$WORK/opt/libraries/here/libvmmalloc.so.1 cat /proc/self/maps >maps || fail "library"
	grep -q "$WORK/pools/" maps || fail "the library has no pool: $(cat maps)"
	kill $daemon && wait $daemon

	"${make[@]}" uninstall >log 2>&1 || { cat log; return 1; }
	rm conf/vmmalloc/conf.d/small.conf
	[ -z "$(find opt units pages words conf -type f)" ] || fail "left behind: $(find opt units pages words conf -type f)"
}
run_case "paths that make was told reach the programs, the units and the manual" other_paths

paths_change() {
	local words
	copy_build || return 1
	for words in /x /y/z; do
		make -s -C "$ROOT" install BUILD="$WORK/build" DESTDIR="$WORK/dest" PREFIX=/opt/y SYSCONFDIR=$words STATEDIR=$words/s \
			RUNSTATEDIR=$words/r >log 2>&1 || { cat log; return 1; }
		dest/opt/y/sbin/vmmallocd --help | grep -q " instead of $words/vmmalloc/vmmallocd.conf$" || fail "the daemon with $words"
		grep -q "^config=.*:-$words/vmmalloc/vmmallocd.conf}$" dest/opt/y/lib/systemd/system-generators/vmmalloc-generator ||
			fail "the generator with $words"
		grep -q "^daemon=.*:-/opt/y/sbin/vmmallocd}$" dest/opt/y/lib/systemd/system-generators/vmmalloc-generator ||
			fail "the generator has another daemon"
		grep -q "^Environment=XDG_RUNTIME_DIR=$words/r XDG_STATE_HOME=$words/s$" dest/opt/y/lib/systemd/system/vmmallocd.service ||
			fail "the unit with $words"
		grep -E '^(State|Runtime)Directory' dest/opt/y/lib/systemd/system/vmmallocd.service && fail "the unit's directories"
		[ -e "dest$words/vmmalloc/vmmallocd.conf" ] || fail "no configuration in $words"
	done
	# what depends on no path is not made again
	make -C "$ROOT" lib daemon ctl BUILD="$WORK/build" PREFIX=/opt/y SYSCONFDIR=/x STATEDIR=/y/z/s RUNSTATEDIR=/y/z/r >log 2>&1
	[ "$(grep -c '  CC ' log)" -gt 0 ] && [ "$(grep -c '  CC ' log)" -lt 12 ] || fail "made again: $(cat log)"
}
run_case "a path that changes between two makes reaches all that depends on it, and nothing else" paths_change

end_suite
