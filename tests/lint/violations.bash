#!/bin/bash
# violations.bash -- the lint sees what it is there to see. Each case breaks a rule in a copy of the tree, by a way round
# of its own, and the lint must name the file and the rule.
. "$(dirname "$0")/../lib/suite.bash"

# What the cases add would not pass with warnings as errors.
unset CI
# The objects come along, so that only what a case changes is compiled again, and comes back from BASE after it.
export BASE=$SUITE_TMP/base COPY=$SUITE_TMP/copy
mkdir -p "$BASE/build"
cd "$ROOT" || exit 1
for entry in *; do
	[ "$entry" = build ] || cp -a "$entry" "$BASE"
done
(cd "$BUILD" && find release debug program lint paths \( -name paths -o -name '*.[od]' -o -name '*.facts' -o -name packages \) -print0 |
	xargs -0 cp -a --parents -t "$BASE/build")
(cd "$BASE" && git init -q . && git add -A . ':!build') || exit 1
make -s -C "$BASE" facts && cp -a "$BASE" "$COPY" || exit 1
# It has to be younger than all that was copied: the clock of files is coarse.
sleep 0.1 && touch "$COPY.begun"

restore() {
	local file
	(cd "$COPY" && find . -type f -newer "$COPY.begun") | while read -r file; do
		if [ -e "$BASE/$file" ]; then
			cp -a "$BASE/$file" "$COPY/$file"
		else
			rm "$COPY/$file"
		fi
	done
}
# After COMMANDS a part of the lint says LINE of the copy.
refuses() {
	local part=$1 line=$2 said
	cd "$COPY" && eval "$3" || fail "the copy could not be changed"
	said=$(tests/lint/"$part".bash 2>&1)
	echo "$said"
	grep -qF "lint: $line" <<<"$said" || fail "the lint does not say: $line"
}
accepts() {
	cd "$COPY" && tests/lint/layers.bash && tests/lint/picture.bash
}
# A case: what it tries, what the lint is to say, and the commands.
refused() {
	run_case "$1 is refused" refuses "${PART:-layers}" "$2" "$3"
	restore
}

add() {  # FILE LINE...
	local file=$1
	shift
	mkdir -p "$(dirname "$file")"
	printf '%s\n' "$@" >>"$file"
}
export -f add

run_case "the tree as it is has nothing against it" accepts

accepts_a_system() {
	mkdir -p "$COPY/build/root/etc/apt/apt.conf.d" "$COPY/build/packages/root.tar.new/usr/lib/sysusers.d" || return 1
	accepts
}
export -f accepts
run_case "directories of a system below build/ are not looked at" accepts_a_system
rm -rf "$COPY"/build/root "$COPY"/build/packages

# --- includes ---
heap=libvmmalloc/heap/dump.c base=libvmmalloc/base/path.c
says="$base: include: libvmmalloc/heap/bits.h"
refused "a room above" "$heap: include: libvmmalloc/fork/copy.h" 'add '$heap' "#include \"libvmmalloc/fork/copy.h\""'
refused "a room above by .." "$says" 'add '$base' "#include \"../heap/bits.h\""'
refused "a room above in angle brackets" "$says" 'add '$base' "#include <libvmmalloc/heap/bits.h>"'
refused "a room above by an absolute path" "$says" 'add '$base' "#include \"$PWD/libvmmalloc/heap/bits.h\""'
refused "a room above by a macro" "$says" 'add '$base' "#define WHERE \"libvmmalloc/heap/bits.h\"" "#include WHERE"'
refused "a room above in the debug build" "$says" \
	'add '$base' "#ifdef VMM_DEBUG" "#include \"libvmmalloc/heap/bits.h\"" "#endif"'
refused "a room above where no build goes" "$says" \
	'add '$base' "#ifdef __APPLE__" "#include \"libvmmalloc/heap/bits.h\"" "#endif"'
refused "a room above in a broken line" "$says" 'add '$base' "#inc\\" "lude \"libvmmalloc/heap/bits.h\""'
refused "a room above by a digraph" "$says" 'add '$base' "%:include \"libvmmalloc/heap/bits.h\""'
refused "a room above after a comment" "$says" 'add '$base' "/**/ # /**/ include /**/ \"libvmmalloc/heap/bits.h\""'
refused "a room above by #import" "$says" 'add '$base' "#import \"libvmmalloc/heap/bits.h\""'
refused "a room above through a header" "libvmmalloc/base/between.h: include: libvmmalloc/heap/bits.h" \
	'add libvmmalloc/base/between.h "#include \"libvmmalloc/heap/bits.h\""
	add '$base' "#include \"libvmmalloc/base/between.h\""'
refused "our own header by .." "$base: spelling: libvmmalloc/base/report.h" 'add '$base' "#include \"../base/report.h\""'
refused "a source as a header" "$base: include: libvmmalloc/base/report.c" 'add '$base' "#include \"libvmmalloc/base/report.c\""'
refused "the daemon in the library" "$base: include: vmmallocd/base/log.h" 'add '$base' "#include \"vmmallocd/base/log.h\""'
refused "the library in the daemon" "vmmallocd/base/shortage.c: include: libvmmalloc/base/clock.h" \
	'add vmmallocd/base/shortage.c "#include \"libvmmalloc/base/clock.h\""'
refused "the daemon in vmmallocctl" "vmmallocd/ctl/format.c: include: vmmallocd/base/log.h" \
	'add vmmallocd/ctl/format.c "#include \"vmmallocd/base/log.h\""'
refused "vmmallocctl in the daemon" "vmmallocd/base/shortage.c: include: vmmallocd/ctl/format.h" \
	'add vmmallocd/base/shortage.c "#include \"vmmallocd/ctl/format.h\""'
refused "common/util in the library" "$base: include: common/util/cleanup.h" 'add '$base' "#include \"common/util/cleanup.h\""'
refused "common/util in common/base" "common/base/size.c: include: common/util/cleanup.h" \
	'add common/base/size.c "#include \"common/util/cleanup.h\""'
refused "the daemon in common/util" "common/util/runtime_dir.c: include: vmmallocd/base/log.h" \
	'add common/util/runtime_dir.c "#include \"vmmallocd/base/log.h\""'
refused "the public header in common/base" "common/base/size.c: include: include/libvmmalloc.h" \
	'add common/base/size.c "#include \"include/libvmmalloc.h\""'
refused "a test in the library" "$base: include: tests/unit/scratch.h" 'add '$base' "#include \"tests/unit/scratch.h\""'
refused "one of two rooms side by side in the other" "vmmallocd/control/prune.c: include: vmmallocd/pools/watch.h" \
	'add vmmallocd/control/prune.c "#include \"vmmallocd/pools/watch.h\""'
refused "files in what is pure" "vmmallocd/plan/request.c: include: vmmallocd/files/probe.h" \
	'add vmmallocd/files/probe.h "struct probe;"
	add vmmallocd/plan/request.c "#include \"vmmallocd/files/probe.h\""'
refused "the daemon in one of its rooms" "vmmallocd/pools/watch.c: include: vmmallocd/notify.h" \
	'add vmmallocd/pools/watch.c "#include \"vmmallocd/notify.h\""'

# --- headers of others ---
refused "jansson in what is pure" "vmmallocd/plan/request.c: header: jansson.h" 'add vmmallocd/plan/request.c "#include <jansson.h>"'
refused "jansson by its path" "vmmallocd/plan/request.c: spelling: /usr/include/jansson.h" \
	'add vmmallocd/plan/request.c "#include \"/usr/include/jansson.h\""'
refused "libuv among the files" "vmmallocd/files/warm.c: header: uv.h" 'add vmmallocd/files/warm.c "#include <uv.h>"'
refused "libuv in quotes" "vmmallocd/files/warm.c: header: uv.h" 'add vmmallocd/files/warm.c "#include \"uv.h\""'
refused "libuv through a header" "vmmallocd/plan/request.c: header: uv.h" \
	'add vmmallocd/plan/request.c "#include \"vmmallocd/base/work.h\""'
refused "libsystemd in a room" "vmmallocd/pools/watch.c: header: systemd/*" \
	'add vmmallocd/pools/watch.c "#include <systemd/sd-daemon.h>"'
refused "libsmartcols in the daemon" "vmmallocd/base/shortage.c: header: libsmartcols/*" \
	'add vmmallocd/base/shortage.c "#include <libsmartcols/libsmartcols.h>"'
refused "stdio in the library" "$base: header: stdio.h" 'add '$base' "#include <stdio.h>"'
refused "stdio through a header" "libvmmalloc/base/between.h: header: stdio.h" \
	'add libvmmalloc/base/between.h "#include <stdio.h>"
	add '$base' "#include \"libvmmalloc/base/between.h\""'
refused "assert in the library" "$base: header: assert.h" 'add '$base' "#include <assert.h>"'
refused "locale in common/base" "common/base/size.c: header: locale.h" 'add common/base/size.c "#include <locale.h>"'
refused "stdlib in common/base" "common/base/size.c: header: stdlib.h" 'add common/base/size.c "#include <stdlib.h>"'
refused "the loader in the heap" "$heap: header: dlfcn.h" 'add '$heap' "#include <dlfcn.h>"'

# --- calls ---
calls="$base: call: vmm_copy_make"
refused "a call of a room above" "$calls" \
	'add '$base' "int vmm_copy_make();" "int vmm_path_x(void);" "int vmm_path_x(void) { return vmm_copy_make(); }"'
refused "a pointer to a function of a room above" "$calls" \
	'add '$base' "int vmm_copy_make();" "int (*const vmm_path_x)() = vmm_copy_make;"'
refused "a function of a room above under another name" "$calls" \
	'add '$base' "int x(void) __asm__(\"vmm_copy_make\");" "int vmm_path_x(void);" "int vmm_path_x(void) { return x(); }"'
refused "a call in assembler code" "$calls" 'add '$base' "__asm__(\"call vmm_copy_make\");"'
refused "a variable of a room above" "$base: call: vmm_copy_x" \
	'add libvmmalloc/fork/copy.c "extern const int vmm_copy_x;" "const int vmm_copy_x = 1;"
	add '$base' "extern const int vmm_copy_x;" "int vmm_path_x(void);" "int vmm_path_x(void) { return vmm_copy_x; }"'
refused "a declaration by hand of a room below" "$heap: extern: vmm_lock_try" \
	'add '$heap' "int vmm_lock_try();" "int vmm_dump_x(void);" "int vmm_dump_x(void) { return vmm_lock_try(); }"'
refused "the inside of jemalloc elsewhere" "libvmmalloc/exports/loader.c: call: je_arena_reset" \
	'add libvmmalloc/exports/loader.c "void je_arena_reset();" "void vmm_loader_x(void);" \
		"void vmm_loader_x(void) { je_arena_reset(); }"'
refused "jemalloc below the seam" "$heap: call: je_malloc" \
	'add '$heap' "void *je_malloc();" "void *vmm_dump_x(void);" "void *vmm_dump_x(void) { return je_malloc(1); }"'
refused "a clock in what is pure" "vmmallocd/plan/request.c: call: time" \
	'add vmmallocd/plan/request.c "long time(long *);" "long request_x(void);" "long request_x(void) { return time(0); }"'
refused "malloc in common/base" "common/base/size.c: call: malloc" \
	'add common/base/size.c "void *size_x(void);" "void *size_x(void) { return __builtin_malloc(9); }"'

# --- variables ---
export x='int size_x(void);'
refused "a variable in common/base" "common/base/size.c: variable: n" \
	'add common/base/size.c "$x" "static int n;" "int size_x(void) { return ++n; }"'
refused "a variable in a function" "common/base/size.c: variable: n" \
	'add common/base/size.c "$x" "int size_x(void) { static int n; return ++n; }"'
refused "a variable of a thread" "common/base/size.c: variable: n" \
	'add common/base/size.c "$x" "int size_x(void) { static __thread int n; return ++n; }"'
refused "a variable for others" "common/base/size.c: variable: size_n" 'add common/base/size.c "extern int size_n;" "int size_n;"'
refused "a common variable" "common/base/size.c: variable: size_n" \
	'add common/base/size.c "int size_n __attribute__((common));"'
refused "a variable in a section of its own" "common/base/size.c: variable: size_n" \
	'add common/base/size.c "int size_n __attribute__((section(\"mine\"))) = 1;"'
refused "a variable in assembler code" "common/base/size.c: variable: size_n" \
	'add common/base/size.c "__asm__(\".data; size_n: .long 1; .text\");"'
refused "a table that can change" "common/base/size.c: variable: size_names" \
	'add common/base/size.c "const char *size_names[] = { \"a\", \"b\" };"'
refused "a variable in the library" "$base: variable: vmm_path_n" 'add '$base' "int vmm_path_n = 1;"'
refused "a variable of the library's threads" "$heap: variable: vmm_dump_n" 'add '$heap' "__thread int vmm_dump_n;"'
refused "a variable in the debug build" "$base: variable: vmm_path_n" \
	'add '$base' "#ifdef VMM_DEBUG" "int vmm_path_n;" "#endif"'
refused "a variable in what is pure" "vmmallocd/plan/request.c: variable: request_n" \
	'add vmmallocd/plan/request.c "int request_n;"'

# --- files, names, the table ---
refused "a circle of two headers" "libvmmalloc/base/one.h: circle: libvmmalloc/base/two.h" \
	'add libvmmalloc/base/one.h "#pragma once" "#include \"libvmmalloc/base/two.h\""
	add libvmmalloc/base/two.h "#pragma once" "#include \"libvmmalloc/base/one.h\""
	add '$base' "#include \"libvmmalloc/base/one.h\""'
refused "a circle of three headers" "common/base/one.h: circle: common/base/two.h" \
	'add common/base/one.h "#pragma once" "#include \"common/base/two.h\""
	add common/base/two.h "#pragma once" "#include \"common/base/three.h\""
	add common/base/three.h "#pragma once" "#include \"common/base/one.h\""
	add '$base' "#include \"common/base/three.h\""'
refused "a circle of two sources" "$base: circle: libvmmalloc/base/report.c" \
	'add '$base' "int vmm_report_x(void);" "int vmm_path_x(void);" "int vmm_path_x(void) { return vmm_report_x(); }"
	add libvmmalloc/base/report.c "int vmm_path_x(void);" "int vmm_report_x(void);" \
		"int vmm_report_x(void) { return vmm_path_x(); }"'
refused "a static name that occurs twice" "$base: static: same_name" \
	'for file in '$base' vmmallocd/base/shortage.c; do
		add $file "__attribute__((used)) static int same_name(void) { return 0; }"
	done'
refused "a function that no header declares" "$base: public: vmm_path_x" \
	'add '$base' "void vmm_path_x(void);" "void vmm_path_x(void) {}"'
refused "a function that nobody else needs" "libvmmalloc/base/path.c: alone: vmm_path_x" \
	'add '$base' "void vmm_path_x(void) {}"; add libvmmalloc/base/path.h "void vmm_path_x(void);"'
refused "a prototype without a function" "libvmmalloc/base/path.h: body: vmm_path_x" \
	'add libvmmalloc/base/path.h "void vmm_path_x(void);"'
refused "a folder that the table does not know" "vmmallocd/misc/misc.h: room: vmmallocd/misc" 'add vmmallocd/misc/misc.h "struct x;"'
refused "a folder beside the others" "util/misc.h: room: util" 'add util/misc.h "struct x;"'
refused "a file beside the library's state" "libvmmalloc/misc.c: room: misc.c" 'add libvmmalloc/misc.c ""'
refused "a source that no build compiles" "libvmmalloc/heap/deep/misc.c: unused: misc.c" \
	'add libvmmalloc/heap/deep/misc.c ""'
refused "a header that nobody includes" "common/base/misc.h: unused: misc.h" 'add common/base/misc.h "struct x;"'
refused "a table that goes in a circle" "tests/lint/rooms.txt: table: libvmmalloc/base" \
	'sed -i "/^room libvmmalloc.base /s/$/ libvmmalloc\/heap/" tests/lint/rooms.txt'
refused "an exception that nothing needs" "tests/lint/rooms.txt: mended: common/base/size.c include uv.h" \
	'add tests/lint/rooms.txt "mend common/base/size.c include uv.h"'
PART=picture refused "another picture than the real one" "doc/ARCHITECTURE.md: picture" 'sed -i "/^   vmmallocd.files /d" doc/ARCHITECTURE.md'

# --- text ---
PART=text
refused "a long line in a document" "lines of more than 120 columns" 'add README.md "$(printf %0121d 1)"'
refused "a file in a comment that is not there" "$base:1: mention: roads.c" 'sed -i "1s|^|/* as in roads.c */|" '$base
refused "a file in a document that is not there" "doc/fork.md:1: mention: heap/roads.h" 'sed -i "1s|$| heap/roads.h|" doc/fork.md'
refused "a table of tests with another head" "doc/tested.md: table of what is tested: not as" \
	'sed -i "s/^| System | gcc /| System | clang /" doc/tested.md'
refused "a table of tests with a run that failed" "doc/tested.md: table of what is tested: not the row" \
	'sed -i "/^<!-- the end of what is made/i | Debian 1 | 1 | 1 | 1 | 1 | yes | 2 passed, 1 failed | 1 | 1 | 1 | 1 | 1 | \`make check-distros DISTROS=x\` |" doc/tested.md'
# --- messages ---
PART=messages
refused "a message that no document has" "vmmallocd/dirs.c:1: doc/messages.md does not have: no roof over it" \
	'sed -i "1s|^|void f(void) { log_line(log, LOG_ERR, \"no roof over it\"); } |" vmmallocd/dirs.c'
refused "a message in a document that nothing prints" "doc/messages.md: nothing prints this: there is no such pond" \
	'sed -i "s/^| .no pool is ready./| \`there is no such pond\`, \`no pool is ready\`/" doc/messages.md'
# --- versions ---
PART=versions
version=$(sed -n 's/^#define VMMALLOC_VERSION "\(.*\)"/\1/p' include/libvmmalloc.h)
before=$(sed -n 's/^BEFORE=.* RELEASE=//p' tests/lib/before.bash)
refused "a page of another version" "doc/vmmallocd.8: version: '1.0.9', and libvmmalloc.h has $version" \
	"sed -i 's/libvmmalloc $version/libvmmalloc 1.0.9/' doc/vmmallocd.8"
refused "a change log of another version" "CHANGELOG.md: version: '9.0.0', and libvmmalloc.h has $version" \
	"sed -i '0,/^## [^,]*/s//## 9.0.0/' CHANGELOG.md"
refused "a release without a day" "CHANGELOG.md: a version without a day: 1.2.0" \
	"sed -i 's/^## 1.2.0, .*/## 1.2.0/' CHANGELOG.md"
refused "packages of another version" "systemd/packaging/debian-changelog.bash: version: '$version.9'" \
	"sed -i 's/newest=.\$version/&.9/' systemd/packaging/debian-changelog.bash"
refused "packages for rpm of another version" \
	"systemd/packaging/rpm/libvmmalloc.spec: version: '1.0.9', and libvmmalloc.h has $version" \
	"sed -i 's/upstream_version $version/upstream_version 1.0.9/' systemd/packaging/rpm/libvmmalloc.spec"
refused "a version elsewhere in the packages for rpm" "systemd/packaging/rpm/libvmmalloc.spec: version: one more:" \
	"sed -i 's/^Version:.*/Version: $version/' systemd/packaging/rpm/libvmmalloc.spec"
refused "a symbol since another version" "systemd/packaging/debian/libvmmalloc1.symbols: version: _Fork is not there since 1.9.0" \
	"sed -i 's/^ _Fork@Base .*/ _Fork@Base 1.9.0/' systemd/packaging/debian/libvmmalloc1.symbols"
refused "a symbol that packages do not know" "systemd/packaging/debian/libvmmalloc1.symbols: not as it is exported: mallctl" \
	"sed -i '/^ mallctl@/d' systemd/packaging/debian/libvmmalloc1.symbols"
refused "a release that nobody tries any more" "tests/lib/before.bash: version: '1.1.0', and CHANGELOG.md has $before before $version" \
	"sed -i 's/ RELEASE=.*/ RELEASE=1.1.0/' tests/lib/before.bash"
refused "a list of a release that never was" "tests/abi: version: '$before.9', and CHANGELOG.md has $before before $version" \
	"cp tests/abi/$before.txt tests/abi/$before.9.txt"
refused "a header with two versions" "include/libvmmalloc.h: version: '${version%.*}.77', and libvmmalloc.h has $version" \
	"sed -i 's/^\(#define VMMALLOC_PATCH_VERSION\) .*/\1 77/' include/libvmmalloc.h"
refused "a name of the library with another version" "Makefile, SONAME: version: '7.${version#*.}'" \
	"sed -i 's/^\(SONAME := libvmmalloc.so\).*/\1.7/' Makefile"

end_suite
