#!/bin/bash
# picture.bash [--write] -- the picture of the rooms in doc/ARCHITECTURE.md is what the compiler includes; --write makes
# it so.
set -u
cd "$(dirname "$0")/../.." || exit 1
page=doc/ARCHITECTURE.md
begin='<!-- made by tests/lint/picture.bash --write -->'
end='<!-- the end of what is made -->'

picture=$(tests/lint/layers.bash picture) || { echo "$picture"; exit 1; }
with_picture=$(mktemp)
trap 'rm -f "$with_picture"' EXIT
PICTURE=$picture awk -v begin="$begin" -v end="$end" '
	$0 == begin { print; print "```"; print ENVIRON["PICTURE"]; print "```"; inside = 1; found++ }
	$0 == end { inside = 0; found++ }
	!inside { print }
	END { exit found != 2 }' $page >"$with_picture" || {
	echo "lint: $page: picture: the lines that enclose it are not there"
	exit 1
}
if [ "${1-}" = --write ]; then
	cmp -s "$with_picture" $page || cat "$with_picture" >$page
elif ! cmp -s "$with_picture" $page; then
	echo "lint: $page: picture: is not what is included; tests/lint/picture.bash --write makes it so:"
	diff $page "$with_picture"
	exit 1
fi
