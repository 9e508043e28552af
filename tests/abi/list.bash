#!/bin/bash
# list.bash [TREE] -- what programs, libraries and daemons of other versions rely on, a line a fact:
#
#   symbol NAME                       the library exports it
#   function DECLARATION              of libvmmalloc.h
#   define NAME VALUE                 a constant of the public header, the pool header or the hand-out protocol
#   value NAME NUMBER                 the same, of an enumeration
#   field STRUCT.FIELD OFFSET SIZE TYPE   of the statistics, the pool header, a request and a reply
#   size STRUCT SIZE                  of a packet, which has no others
#   varlink NAME FIELD                of the control interface: a type's, a method's (in or out) or an error's
#
# A release keeps its list in RELEASE.txt beside this file. check.bash compares.
set -eu -o pipefail
cd "${1:-$(dirname "$0")/../..}"
export LC_ALL=C
headers='include/libvmmalloc.h common/base/pool_header.h common/base/handout.h'
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# comments go first: what is left is one declaration a line, or one field
without_comments() { sed -e 's|/\*.*\*/||' -e '/^\/\*/,/\*\//d' -e 's/[ \t]*$//' "$@"; }

{
	printf '#include <stdio.h>\n'
	printf '#include "%s"\n' $headers
	echo 'int main(void)' && echo '{'
	# shellcheck disable=SC2086
	without_comments $headers | awk '
		/^struct [a-z_]+ \{$/ { within = $2 }
		/^enum [a-z_]+ \{$/ { within = "enum" }
		/^\};?$/ { within = "" }
		within == "enum" && $2 == "=" { printf "printf(\"value %s %%d\\n\", (int)%s);\n", $1, $1 }
		within && within != "enum" && /^\t.*;$/ {
			sub(/(\[.*)?;$/, "")
			name = $NF
			sub(/ *[^ ]*$/, "")
			sub(/^\t/, "")
			printf "printf(\"field %s.%s %%zu %%zu %s\\n\", offsetof(struct %s, %s), sizeof(((struct %s *)0)->%s));\n",
				within, name, $0, within, name, within, name
		}
		/^struct handout_[a-z_]+ \{$/ { printf "printf(\"size %s %%zu\\n\", sizeof(struct %s));\n", $2, $2 }'
	echo 'return 0;' && echo '}'
} >"$scratch/list.c"
"${CC:-cc}" -std=gnu11 -I. -o "$scratch/list" "$scratch/list.c"

{
	"$scratch/list"
	# shellcheck disable=SC2086
	without_comments $headers | awk '
		/^#define (HANDOUT|POOL_HEADER|POOL_OUTSIDE|VMMALLOC)_[A-Z_]+ / && !/_(MAJOR|MINOR|PATCH)_VERSION|VMMALLOC_VERSION|RUNTIME_DIR/ {
			sub(/^#/, "")
			print
		}'
	without_comments include/libvmmalloc.h | grep -E '^[a-z].*\(.*\);$' | sed 's/^/function /'
	without_comments "$(find libvmmalloc -name libvmmalloc.map)" | sed '/local:/,$d' | grep -oE '[A-Za-z_][A-Za-z0-9_]*;' |
		sed 's/^\(.*\);$/symbol \1/'
	# a declaration is cut at the commas of its own parentheses, not at those of an enumeration in them
	grep -v '^#' "$(find vmmallocd -name org.vmmalloc.varlink)" | tr '\n' ' ' | sed 's/ \(type\|method\|error\) /\n\1 /g' | awk '
		/^(type|method|error) / {
			name = $2
			sub(/\(.*/, "", name)
			side = $1 == "method" ? " in" : ""
			depth = 0
			field = ""
			for (i = index($0, "("); i <= length($0); i++) {
				c = substr($0, i, 1)
				if (c == "(" && depth++ == 0)
					continue
				if (c == ")")
					depth--
				if ((c == "," && depth == 1) || (c == ")" && depth == 0)) {
					gsub(/^ +| +$/, "", field)
					if (field)
						print "varlink " name side " " field
					field = ""
					side = c == ")" ? " out" : side
				} else if (depth > 0) {
					field = field c
				}
			}
			print "varlink " name
		}'
} | sed 's/  */ /g' | sort -u
