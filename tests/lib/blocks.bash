# blocks.bash -- what the documents show, as a reader sees it: sourced by the suites that type it.
#
#   block FILE SECTION N      the lines of the Nth example to be typed below that heading, of a page in Markdown (```sh) or
#                             of a manual page; FILE is a path below the source tree, or absolute
#   shown FILE SECTION N      the Nth block there that is to be seen, of a page in Markdown (``` alone)

path_of() { [[ $1 == /* ]] && echo "$1" || echo "$ROOT/$1"; }
fenced() {
	awk -v section="$2" -v n="$3" -v fence='```'"$4" '
		/^##* / && !code { heading = $0; sub(/^#* /, "", heading); inside = heading == section }
		/^```/ { if (!code && inside && $0 == fence) seen++; code = code ? 0 : $0 == fence ? 1 : 2; next }
		inside && code == 1 && seen == n' "$(path_of "$1")"
}
manual() {
	awk -v section=".SH $2" -v n="$3" '
		/^\.SH / { gsub(/"/, ""); inside = $0 == section }
		/^\.nf/ { code = 1; seen += inside; next }
		/^\.fi/ { code = 0 }
		inside && code && seen == n' "$(path_of "$1")" | sed "s/\\\\-/-/g; s/\\\\e/\\\\/g; s/\\\\(aq/'/g; s/^\\.B[RI]* //"
}
block() {
	local lines
	case $1 in
	*.md) lines=$(fenced "$1" "$2" "$3" sh) ;;
	*) lines=$(manual "$1" "$2" "$3") ;;
	esac
	[ "$lines" ] || { echo "no example $3 in $2 of $1" >&2; return 1; }
	printf '%s\n' "$lines"
}
shown() {
	local lines
	lines=$(fenced "$1" "$2" "$3" "")
	[ "$lines" ] || { echo "nothing is shown $3 in $2 of $1" >&2; return 1; }
	printf '%s\n' "$lines"
}
export -f path_of fenced manual block shown
