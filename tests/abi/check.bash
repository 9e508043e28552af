#!/bin/bash
# check.bash [TREE] -- what the last release's programs and daemons rely on is there as it was. More may be there.
set -u
tree=$(cd "${1:-$(dirname "$0")/../..}" && pwd) || exit 1
cd "$(dirname "$0")" || exit 1
last=$(ls [0-9]*.txt | sort -V | tail -n 1)
list=$(./list.bash "$tree") || { echo "lint: the interface cannot be listed"; exit 1; }
gone=$(grep -vxFf <(echo "$list") "$last") || exit 0
echo "$gone" | sed "s/^/lint: tests\/abi\/$last has, and this version has not: /"
exit 1
