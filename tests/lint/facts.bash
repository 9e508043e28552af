#!/bin/bash
# facts.bash OBJECT SOURCE GCC FLAGS... -- what the compiler makes of one source, for layers.awk, a line a fact:
#
#   include FROM TO       FROM, a file of ours, includes TO, another of ours
#   header FROM NAME      FROM includes a header that is not ours
#   declares FILE NAME    FILE declares a function of external linkage
#   defines FILE NAME     FILE has its body
#   static FILE NAME      FILE has the body of a static function
#   foreign FILE NAME     FILE has the body of a function that a header which is not ours declares
#   needs NAME            the object refers to it
#   gives NAME            the object has it for others
#   keeps NAME            the object has a variable that can change, for each thread or for all
set -eu -o pipefail
object=$1 source=$2
shift 2
LC_ALL=C
export LC_ALL

# -dI leaves the directives in what the preprocessor puts out, also those of headers that it need not read again, and
# with macros expanded. The numbered lines tell in which file they stand.
"$@" -w -E -dI "$source" | awk -v root="$PWD/" "$(cat tests/lint/paths.awk)"'
	/^# [0-9]+ "/ {
		match($0, /".*"/)
		file = plain(substr($0, RSTART + 1, RLENGTH - 2), root)
	}
	/^#(include|include_next|import) / && file !~ /^[\/<]/ {
		name = named($0, file, root)
		print name !~ /^\// && exists(name) ? "include" : "header", file, name
	}' | sort -u

functions=$(mktemp)
trap 'rm -f "$functions"' EXIT
"$@" -w -fsyntax-only -aux-info "$functions" "$source"
awk "$(cat tests/lint/paths.awk)"'
	match($0, /^\/\* [^ ]*:[0-9]+:[NOI][CF] \*\/ /) {
		rest = substr($0, RSTART + RLENGTH)
		body = $2 ~ /F$/
		split($2, place, ":")
		file = plain(place[1], "")
		sub(/ \/\* .*/, "", rest)
		# the name stands before the first parenthesis that is not that of a pointer
		if (!match(rest, /[A-Za-z_][A-Za-z0-9_]* \(/))
			next
		name = substr(rest, RSTART, RLENGTH - 2)
		if (file ~ /^\//)
			foreign[name] = 1
		else if (rest ~ /^static /) {
			if (body)
				print "static", file, name
		} else if (body)
			own[name] = file
		else
			print "declares", file, name
	}
	END {
		for (name in own)
			print name in foreign ? "foreign" : "defines", own[name], name
	}' "$functions" | sort -u

# Constants lie in .rodata, or in .data.rel.ro where the loader has to write addresses into them first.
objdump -t "$object" | awk '
	NF < 3 || $1 !~ /^[0-9a-f]+$/ { next }
	{
		flags = substr($0, 18, 7)
		split(substr($0, 26), field, /[ \t]+/)
		section = field[1]
		name = $NF
	}
	flags ~ /[df]/ && flags !~ /O|F/ { next }
	section == "*UND*" { print "needs", name; next }
	flags ~ /[gu]/ || section == "*COM*" || substr(flags, 2, 1) == "w" { print "gives", name }
	section ~ /^\.(rodata|data\.rel\.ro|text)/ { next }
	flags ~ /O/ || section == "*COM*" || section ~ /^\.t?(bss|data)/ { print "keeps", name }
	' | sort -u
