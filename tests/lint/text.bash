#!/bin/bash
# text.bash -- what can be said of files without building them.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
complain() { echo "lint: $*"; failed=1; }

# What a rename leaves behind is looked for in this list, too.
tree=$(mktemp --suffix=.tree)
trap 'rm -f "$tree"' EXIT
tests/lib/source-files.bash >"$tree" || exit 1

grep -vE '^tests/fuzz/corpus/' "$tree" | xargs grep -nE '[[:space:]]+$' && complain "white space at the end of a line"
# A row of a table is one line, however long.
grep -E '\.([ch]|cc|md)$' "$tree" | xargs awk '
	{ line = $0; gsub(/\t/, "        ", line) }
	length(line) > 120 && !(FILENAME ~ /\.md$/ && line ~ /^\|/) { print FILENAME ":" FNR; bad = 1 }
	END { exit bad }' || complain "lines of more than 120 columns"

# The change log speaks of files as they were.
grep -E '\.(c|h|cc|md|bash|mk|awk|[0-9])$|(^|/)Makefile$' "$tree" | grep -vx CHANGELOG.md |
	LC_ALL=C xargs awk -f tests/lint/mentions.awk "$tree" tests/lint/names.txt | sed 's/^/lint: /' | grep . && failed=1

tests/distros/table.bash --lint || failed=1

for page in doc/*.[0-9]; do
	words=$(LC_ALL=C man -l --warnings "$page" 2>&1 >/dev/null)
	[ -z "$words" ] || complain "$page: $words"
done

exit $failed
