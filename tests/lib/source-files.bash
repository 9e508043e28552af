#!/bin/bash
# source-files.bash -- the files of the source tree, sorted: those that git has, or all where the tree is not a clone.
#
# Below another project's clone git would speak of that one.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
export LC_ALL=C
if [ -e .git ]; then
	git ls-files
else
	find . -path ./build -prune -o -type f -printf '%P\n'
fi | sort
