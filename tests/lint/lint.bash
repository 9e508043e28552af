#!/bin/bash
# lint.bash -- what a reader should be able to rely on: layers, exports, imports, style.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
complain() { echo "lint: $*"; failed=1; }

# --- layers: who may include whom (doc/ARCHITECTURE.md) ---
includes() { grep -nE "^#include [\"<]$2" $1 /dev/null; }
lib_sources=$(git ls-files 'libvmmalloc/*.[ch]')
base_sources=$(git ls-files 'common/base/*.[ch]')
for file in $base_sources; do
	includes "$file" '(libvmmalloc|vmmallocd|common/util|include)/' && complain "$file: common/base stands on its own"
	includes "$file" '(stdio|stdlib|malloc|locale)\.h' && complain "$file: common/base may be linked into the library"
done
for file in $lib_sources; do
	includes "$file" '(vmmallocd|common/util)/' && complain "$file: the library knows only common/base"
	case $file in
	libvmmalloc/exports/info.c) ;;  # malloc_info writes to a FILE, which the program gives it
	*) includes "$file" '(stdio|locale|assert)\.h' && complain "$file: no stdio, locale or assert in the library" ;;
	esac
	case $file in
	libvmmalloc/jemalloc/seam.c) ;;
	*) grep -nE '\bje_(arena|base|extent|pages|large|tsd|opt|inspect|narenas)' "$file" &&
		complain "$file: only seam.c knows jemalloc's internals" ;;
	esac
done

for file in $(git ls-files 'common/util/*.[ch]'); do
	includes "$file" '(libvmmalloc|vmmallocd|include)/' && complain "$file: common/util knows only common"
done
for file in $(git ls-files 'vmmallocd/*.[ch]'); do
	includes "$file" 'libvmmalloc/' && complain "$file: the daemon knows nothing of the library's inside"
	case $file in
	vmmallocd/ctl/*) grep -nE '^#include "vmmallocd/' "$file" /dev/null | grep -v '"vmmallocd/ctl/' && complain "$file: the command line is the daemon's client" ;;
	*) includes "$file" 'vmmallocd/ctl/' && complain "$file: the daemon knows nothing of the command line" ;;
	esac
	case $file in
	vmmallocd/state/registry_*|vmmallocd/control/*|vmmallocd/ctl/*) ;;
	*) includes "$file" 'jansson' && complain "$file: only the JSON modules know jansson" ;;
	esac
	case $file in
	vmmallocd/plan/*|vmmallocd/files/*|vmmallocd/config/*|vmmallocd/state/registry_*|\
	vmmallocd/control/methods.*|vmmallocd/control/json.*|vmmallocd/control/interface.*)
		includes "$file" 'uv\.h' && complain "$file: plain data and functions, without libuv" ;;
	esac
done

# --- exports: exactly the map ---
library=build/release/libvmmalloc.so.1
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }' | sort)
mapped=$(sed -e 's|/\*.*\*/||' -e '/local:/,$d' libvmmalloc/exports/libvmmalloc.map | grep -oE '[A-Za-z_][A-Za-z0-9_]*;' | tr -d ';' | sort)
[ "$exported" = "$mapped" ] || complain "exports differ from libvmmalloc.map: $(diff <(echo "$exported") <(echo "$mapped"))"

# valgrind serves these itself, all or, where it does not see some, only the others: it does not see a symbol without size
unsized=$(readelf -W --dyn-syms "$library" | awk '$3 == 0 && $7 != "UND" { print $8 }' |
	grep -wE 'malloc|calloc|realloc|free|cfree|reallocarray|posix_memalign|aligned_alloc|memalign|p?valloc|malloc_usable_size|_Z.*')
[ -z "$unsized" ] || complain "exported, and without a size:" $unsized

# --- imports: only what tests/lint/imports.txt allows ---
imported=$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }' | sort -u)
unknown=$(comm -23 <(echo "$imported") <(grep -v '^#' tests/lint/imports.txt | awk '{ print $1 }' | sort -u))
[ -z "$unknown" ] || complain "the library imports what imports.txt does not allow:" $unknown
readelf -dW "$library" | awk '/NEEDED/ { print $NF }' | tr -d '[]' | grep -vxE '(libc|ld-linux.*)\.so\.[0-9]+' &&
	complain "the library needs another library"

# --- text ---
git ls-files | grep -vE '^tests/fuzz/corpus/' | xargs grep -nE '[[:space:]]+$' && complain "white space at the end of a line"
git ls-files '*.[ch]' '*.cc' | xargs awk '
	{ line = $0; gsub(/\t/, "        ", line) }
	length(line) > 120 { print FILENAME ":" FNR; bad = 1 }
	END { exit bad }' || complain "lines of more than 120 columns"
for page in doc/*.[0-9]; do
	words=$(LC_ALL=C man -l --warnings "$page" 2>&1 >/dev/null)
	[ -z "$words" ] || complain "$page: $words"
done

# --- cppcheck ---
if command -v cppcheck >/dev/null; then
	# A weak symbol is not an uninitialised variable, nor is what the kernel fills through an iovec. Newer ones also say
	# how far they looked, which is no finding. cppcheck.cfg has what they do not know.
	cppcheck --quiet --std=c11 --enable=warning,portability --error-exitcode=1 -I. --library=tests/lint/cppcheck.cfg \
		--suppress=legacyUninitvar:libvmmalloc/exports/operators.c --suppress=uninitvar:libvmmalloc/start/handout_client.c \
		--suppress=uninitvar:vmmallocd/files/header.c --suppress=normalCheckLevelMaxBranches \
		common libvmmalloc vmmallocd || complain "cppcheck"
fi

[ $failed -eq 0 ] && echo "lint: nothing to say"
exit $failed
