#!/bin/bash
# check.bash [TREE] -- what the last release's programs and daemons rely on is there as it was. More may be there, but
# nothing that a call of before would have to say.
set -u
tree=$(cd "${1:-$(dirname "$0")/../..}" && pwd) || exit 1
cd "$(dirname "$0")" || exit 1
last=$(ls [0-9]*.txt | sort -V | tail -n 1)
list=$(./list.bash "$tree") || { echo "lint: the interface cannot be listed"; exit 1; }
{
	grep -vxFf <(echo "$list") "$last" | sed "s/^/lint: tests\/abi\/$last has, and this version has not: /"
	# "varlink METHOD in NAME: TYPE", of a method that was there; what may be left out has a type with a "?"
	grep -vxFf "$last" <<<"$list" | grep -E '^varlink [A-Za-z]+ in [a-z_]+: [^?]' | while read -r fact; do
		method=${fact% in *}
		! grep -qxF "$method" "$last" || echo "lint: tests/abi/$last has not, and this version asks for: $fact"
	done
} | grep . || exit 0
exit 1
