#!/bin/bash
# table.bash [--write | --lint] -- the table of what was tested where: prints that of build/distros/results, which `make
# check-distros` has left; --write puts it into doc/tested.md; --lint says whether the one there is such a table, and of runs
# that were good.
set -u
cd "$(dirname "$0")/../.." || exit 1
page=doc/tested.md
begin='<!-- made by tests/distros/table.bash --write -->'
end='<!-- the end of what is made -->'
head='| System | gcc | glibc | jemalloc | Kernel | `make demo` | `make check` | glibc to jemalloc | This to jemalloc | Minutes | When | Commit | By |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'

table() {
	echo "$head"
	sort -t "$(printf '\t')" -k 2,2 build/distros/results | awk -F '\t' '{
		checked = $8 == "-" ? "no result" : $8 " passed" ($9 ? ", " $9 " failed" : "") ($10 ? ", " $10 " skipped" : "")
		print "| " $2 " | " $3 " | " $4 " | " $5 " | " $6 " | " $7 " | " checked " | " $11 " | " $12 " | " $13 " | " $14 \
			" | " $15 " | `make check-distros DISTROS=" $1 "` |"
	}'
}

complain() { echo "lint: $page: table of what is tested: $*"; exit 1; }

if [ "${1-}" = --lint ]; then
	lines=$(awk -v begin="$begin" -v end="$end" '$0 == end { inside = 0 } inside { print } $0 == begin { inside = 1 }' $page)
	good='^\| Debian [0-9a-z]+ (\| [0-9.]+ ){4}\| yes \| [0-9]+ passed(, [0-9]+ skipped)? (\| [0-9.]+ ){3}'
	good+='\| [-0-9]+ \| [0-9a-f.]+ \| `make check-distros DISTROS=[a-z]+` \|$'
	[ "$(head -n 2 <<<"$lines")" = "$head" ] || complain "not as table.bash makes it"
	bad=$(tail -n +3 <<<"$lines" | grep -vE "$good" | head -n 1)
	[ -z "$bad" ] || complain "not the row of a good run: $bad"
	exit 0
fi

[ -s build/distros/results ] || { echo "table.bash: no build/distros/results; make check-distros leaves them" >&2; exit 1; }
if [ "${1-}" != --write ]; then
	table
	exit
fi
with_table=$(mktemp)
trap 'rm -f "$with_table"' EXIT
TABLE=$(table) awk -v begin="$begin" -v end="$end" '
	$0 == begin { print; print ENVIRON["TABLE"]; inside = 1; found++ }
	$0 == end { inside = 0; found++ }
	!inside && $0 != begin { print }
	END { exit found != 2 }' $page >"$with_table" || {
	echo "table.bash: $page: the lines that enclose the table are not there" >&2
	exit 1
}
cat "$with_table" >$page
