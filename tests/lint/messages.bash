#!/bin/bash
# messages.bash -- every message that the library, the daemon and vmmallocctl can print is on doc/messages.md, and the page
# has none that they cannot print. tests/lint/messages.txt has what is printed and is no such message.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
sinks='vmm_report_warning|vmm_report_fatal|text_add|log_line|tell|parser_mistake|class_mistake|name_mistake|mistakes_add'
sinks+='|ctl_complain|asprintf|snprintf|fprintf|shortage_begin|return|fputs|ret_what'
sources=$(tests/lib/source-files.bash | grep -E '^(libvmmalloc|vmmallocd)/.*\.c$' | grep -v '^vmmallocd/doctor/') || exit 1

# The first column's words in `` of each table; … there stands for anything, if what else there is has eight letters.
page() { sed -n 's/^| \(`.*`\) |.*|$/\1/p' doc/messages.md | grep -o '`[^`]*`' | tr -d '`'; }

LC_ALL=C.UTF-8 awk -v sinks="$sinks" -f tests/lint/messages.awk $sources common/base/handout.c common/util/lease_trial.c |
	LC_ALL=C.UTF-8 awk -F '\t' '
	function pattern(words) {
		gsub(/[][\\.*+?(){}|^$]/, "\\\\&", words)
		gsub(/…/, ".*", words)
		return "^" words "$"
	}
	function note(words,    letters) {
		letters = words
		gsub(/[^A-Za-z]/, "", letters)
		if (length(letters) < 8)
			exact[words] = 1
		else
			glob[words] = pattern(words)
		used[words] = 0
	}
	FILENAME == ARGV[1] { if (!/^(#|$)/) { note($0); place[$0] = FILENAME } next }
	FILENAME == ARGV[2] { note($0); place[$0] = "doc/messages.md"; next }
	{
		found = 0
		if ($2 in exact)
			used[$2] = found = 1
		for (words in glob)
			if ($2 ~ glob[words])
				used[words] = found = 1
		if (!found) {
			print "lint: " $1 ": doc/messages.md does not have: " $2
			failed = 1
		}
	}
	END {
		for (words in used)
			if (!used[words]) {
				print "lint: " place[words] ": nothing prints this: " words
				failed = 1
			}
		exit failed
	}' tests/lint/messages.txt <(page) -
