#!/bin/bash
# exports.bash -- what libvmmalloc.so.1 exports is its map, and what it imports is in imports.txt.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
complain() { echo "lint: $*"; failed=1; }

# --- exports: exactly the map ---
library=build/release/libvmmalloc.so.1
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }' | sort)
mapped=$(sed -e 's|/\*.*\*/||' -e '/local:/,$d' libvmmalloc/exports/libvmmalloc.map | grep -oE '[A-Za-z_][A-Za-z0-9_]*;' | tr -d ';' | sort)
[ "$exported" = "$mapped" ] || complain "exports differ from libvmmalloc.map: $(diff <(echo "$exported") <(echo "$mapped"))"

# valgrind serves these itself, all or, where it does not see some, only the others: it does not see a symbol without size
unsized=$(readelf -W --dyn-syms "$library" | awk '$3 == 0 && $7 != "UND" { print $8 }' |
	grep -wE 'malloc|calloc|realloc|free|cfree|free_sized|free_aligned_sized|reallocarray|posix_memalign|aligned_alloc|memalign|p?valloc|malloc_usable_size|_Z.*')
[ -z "$unsized" ] || complain "exported, and without a size:" $unsized

# --- imports: only what tests/lint/imports.txt allows ---
imported=$(nm -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }' | sort -u)
unknown=$(comm -23 <(echo "$imported") <(grep -v '^#' tests/lint/imports.txt | awk '{ print $1 }' | sort -u))
[ -z "$unknown" ] || complain "the library imports what imports.txt does not allow:" $unknown
readelf -dW "$library" | awk '/NEEDED/ { print $NF }' | tr -d '[]' | grep -vxE '(libc|ld-linux.*)\.so\.[0-9]+' &&
	complain "the library needs another library"

# Where the kernel or glibc allow no stack that is executable, such a library is not loaded.
readelf -lW "$library" | grep -q 'GNU_STACK.* RW *0x' || complain "the library wants an executable stack"

exit $failed
