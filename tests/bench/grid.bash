# grid.bash -- tables of bench's JSON.

# grid FILE SECTION EXPRESSION TITLE: that of each cell, with its ratio to the baseline's, and the geometric means
grid() {
	jq -r --arg section "$2" '
		def figure: '"$3"';
		.[$section] // empty | .baseline as $baseline | .results as $results
		| ([$results[] | keys_unsorted] | add | reduce .[] as $name ([]; if index([$name]) then . else . + [$name] end)) as $columns
		| ["", $columns[]],
			($results | to_entries[] | (.value[$baseline] // {} | figure) as $base
				| [.key, (.value[$columns[]] // {} | if .failure then "failed" else figure | if . == null then "-"
					else "\(.) \(if $base != null and $base > 0 then . / $base else "-" end)" end end)])
		| @tsv' "$1" | awk -F '\t' -v title="$4" -v baseline="$(jq -r --arg section "$2" '.[$section].baseline' "$1")" '
		function print_cell(text, column,   word) {
			if (NR == 1 || split(text, word, " ") < 2) {
				printf "%18s", text
				return
			}
			printf "%11.3f", word[1]
			if (word[2] == "-" || word[2] <= 0) {
				printf "%7s", "-"
				return
			}
			printf "%7.2f", word[2]
			logs[column] += log(word[2])
			rows[column]++
		}
		NR == 1 { printf "\n%s, ratio to %s\n\n", title, baseline }
		{
			printf "%-14s", $1
			for (i = 2; i <= NF; i++)
				print_cell($i, i)
			print ""
			columns = NF
		}
		END {
			if (!NR)
				exit
			printf "%-14s", "geomean"
			for (i = 2; i <= columns; i++)
				printf "%18s", rows[i] ? sprintf("%.2f", exp(logs[i] / rows[i])) : "-"
			printf "\n%-14s", "  of"
			for (i = 2; i <= columns; i++)
				printf "%18d", rows[i]
			print ""
		}'
}
