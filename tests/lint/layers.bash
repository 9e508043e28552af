#!/bin/bash
# layers.bash [picture] -- who knows whom, compared with rooms.txt; or the picture of it. It builds what it looks at.
set -u
cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C

make -s -j"$(nproc)" facts >&2 || { echo "lint: the objects that the layers are read from cannot be made"; exit 1; }
sources=build/lint/sources
find . \( -path ./build -o -path ./tests -o -path ./.git \) -prune -o -name '*.[ch]' -print | sed 's|^\./||' | sort >$sources
grep -rhoE '\<[a-z_][A-Za-z0-9_]*' --include='*.[ch]' --include='*.cc' tests | sort -u >build/lint/words
# shellcheck disable=SC2046
complaints=$(awk -v root="$PWD/" -v picture="${1:+1}" -f tests/lint/paths.awk -f tests/lint/layers.awk tests/lint/rooms.txt \
	libvmmalloc/exports/libvmmalloc.map $(cat build/lint/list) build/lint/words $sources)
[ $? -eq 0 ] || { echo "lint: layers.awk failed"; exit 1; }
if [ "${1-}" = picture ]; then
	echo "$complaints"
elif [ -n "$complaints" ]; then
	echo "$complaints" | sed 's/^/lint: /'
	exit 1
fi
