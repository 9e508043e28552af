#!/bin/sh
# take-apart.sh ARCHIVE DIRECTORY [VERSION] -- makes DIRECTORY/libjemalloc_private.a of a jemalloc: private names, and
# the references of references.txt led to the seam. DIRECTORY/traits has the flags for seam.c.
#
# NM, OBJCOPY, AR, and CALLS, names of libc that are led to libc.c, come from the environment.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
archive=$1 directory=$2 version=${3:-}

rm -rf "$directory/objects" "$directory/libjemalloc_private.a" && mkdir -p "$directory/objects"
cd "$directory/objects"
$AR x "$archive"
[ -n "$(find . -name 'ctl.*' -print -quit)" ] || {
	echo "$archive: expected jemalloc's objects, and ctl is not among them" >&2
	exit 1
}
rm -f jemalloc_cpp.*

# Compiled with -flto, an object has the compiler's own representation, which the linker would prefer: our names are not
# in it. Often it has machine code besides.
for object in *.o; do
	$OBJCOPY --remove-section='.gnu.lto_*' "$object" 2>/dev/null || break
done
$NM --defined-only "$object" 2>/dev/null | grep -qv __gnu_lto_slim || {
	echo "$archive: $object has no machine code. Compiled with -flto it needs -ffat-lto-objects, too" >&2
	exit 1
}
[ -n "$version" ] ||
	version=$(LC_ALL=C grep -aohE '[0-9]+\.[0-9]+\.[0-9]+-[0-9]+-g[0-9a-z_]+' ctl.*o | sed '1!d; s/-g.*//')

for object in *.o; do
	$NM -u "$object" | awk -v object="${object%%.*}" '{ print object, $2 }'
done >../references
awk -f "$here/references.awk" version="$version" ../references "$here/references.txt" >../plan

# Its public names have a prefix if it was configured so.
prefix=$($NM -g --defined-only ./*.o | sed -n 's/^[0-9a-f]* T \(.*\)mallctl$/\1/p')
{
	$NM -g --defined-only ./*.o | awk -v prefix="$prefix" 'NF == 3 && $3 !~ /^je_/ {
		print $3, "je_" (index($3, prefix) == 1 ? substr($3, length(prefix) + 1) : $3)
	}' | sort -u
	for name in $CALLS; do echo "$name vmm_libc_$name"; done
} >../private.syms
for object in *.o; do
	# one by one: it wants no two names that become the same
	for lead in $(awk -v object="${object%%.*}" '$1 == "lead" && $2 == object { print $3 }' ../plan); do
		$OBJCOPY --redefine-sym "$lead" "$object"
	done
	$OBJCOPY --redefine-syms=../private.syms "$object"
done

# The size of page that it was built for, as a power of two. It tells that to nobody before it runs. But it has a table
# of eight bytes for each size class of whole pages: four classes for each power of two from the page up to 2^60, and
# eight more.
table=$($NM -S ./*.o 2>/dev/null | sed -n 's/^[0-9a-f]* \([0-9a-f]*\) [A-Z] je_sz_pind2sz_tab$/\1/p')
lg_page=$((62 - 0x${table:-0} / 32))
[ $lg_page -ge 12 ] && [ $lg_page -le 16 ] || {
	echo "this jemalloc does not tell its page: je_sz_pind2sz_tab has 0x$table bytes, expected 0x5c0 to 0x640" >&2
	exit 1
}
{
	awk '$1 == "trait" { print $2 }' ../plan
	echo "-DJEMALLOC_LG_PAGE=$lg_page"
} >../traits
$AR rcs ../libjemalloc_private.a ./*.o
