#!/bin/bash
# text.bash -- what can be said of files without building them.
set -u
cd "$(dirname "$0")/../.." || exit 1
failed=0
complain() { echo "lint: $*"; failed=1; }

git ls-files | grep -vE '^tests/fuzz/corpus/' | xargs grep -nE '[[:space:]]+$' && complain "white space at the end of a line"
git ls-files '*.[ch]' '*.cc' | xargs awk '
	{ line = $0; gsub(/\t/, "        ", line) }
	length(line) > 120 { print FILENAME ":" FNR; bad = 1 }
	END { exit bad }' || complain "lines of more than 120 columns"
for page in doc/*.[0-9]; do
	words=$(LC_ALL=C man -l --warnings "$page" 2>&1 >/dev/null)
	[ -z "$words" ] || complain "$page: $words"
done

exit $failed
