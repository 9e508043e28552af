#!/bin/bash
# debian-changelog.bash CHANGELOG.md VERSION TIME -- Debian's changelog, made of ours. VERSION and TIME are those of the
# package's newest entry; an older one is of the day that its heading has.
set -eu
changes=$1 version=$2 time=$3
maintainer=$(sed -n 's/^Maintainer: //p' "$(dirname "$0")/debian/control")

# Each paragraph is an entry, and each item of a list; a line that ends in a colon is a heading.
awk -v newest="$version" -v time="$time" -v maintainer="$maintainer" '
function wrapped(words, first, next_lines,    n, word, i, line) {
	n = split(words, word, " ")
	line = first word[1]
	for (i = 2; i <= n; i++)
		if (length(line " " word[i]) > 78) {
			print line
			line = next_lines word[i]
		} else
			line = line " " word[i]
	print line
}
function paragraph_end() {
	if (paragraph ~ /^[^.]*:$/)
		print "\n  [ " substr(paragraph, 1, length(paragraph) - 1) " ]"
	else if (paragraph != "")
		wrapped(paragraph, "  * ", "    ")
	paragraph = ""
}
function entry_end(    date, command) {
	paragraph_end()
	if (!entries)
		return
	command = "LC_ALL=C date -u -R -d \"" (day == "" ? "@" time : day) "\""
	command | getline date
	close(command)
	print "\n -- " maintainer "  " date "\n"
}
/^## / {
	entry_end()
	day = $3 ~ /^[0-9-]+$/ && entries ? $3 : ""
	sub(/,$/, "", $2)
	print "libvmmalloc (" (entries++ ? $2 : newest) "-1) unstable; urgency=medium\n"
	next
}
!entries || /^#/ { next }
/^$/ { paragraph_end(); next }
/^- / { paragraph_end(); paragraph = substr($0, 3); next }
{ paragraph = paragraph (paragraph == "" ? "" : " ") $0; sub(/ +/, " ", paragraph) }
END { entry_end() }' "$changes" | cat -s
