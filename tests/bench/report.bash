#!/bin/bash
# report.bash FILE -- of bench's JSON: what each run costs besides time, and everything where libvmmalloc loses.
set -u
file=$1
command -v jq >/dev/null || { echo "report.bash: no jq on this machine: expected it, to read $file" >&2; exit 1; }

. "$(dirname "$0")/grid.bash"
cpu='if .user_s == null then null else .user_s + .system_s end'
for section in workloads programs; do
	grid "$file" $section "$cpu" "$section: processor time, user and system, in seconds"
done

# Ours begin with "libvmmalloc": the programs' section has one of a pool of its own, and one of a warm pool.
ours='startswith("libvmmalloc")'
number='def number: if . == null then "-" elif . >= 100 then (round | tostring) else (. * 1000 | round / 1000 | tostring) end;'

echo
echo "costs: medians of user and system time (s), page faults, largest resident memory and the heap's file (MiB)"
for section in workloads programs; do
	jq -r --arg section $section "$number"'
		.[$section] // empty | .results | to_entries[] | .key as $row | .value | to_entries[]
		| [$row, .key, (.value | if .failure then "failed" else .user_s | number end), (.value | .system_s | number),
			(.value.faults | number), (.value.peak_kib | if . then . / 1024 * 10 | round / 10 else . end | number),
			(.value.file_kib | if . then . / 1024 * 10 | round / 10 else . end | if . == 0 then "-" else number end)]
		| @tsv' "$file"
done | awk -F '\t' '
	NR == 1 { printf "\n%-16s%-24s%10s%10s%10s%10s%10s\n", "", "", "user", "system", "faults", "peak", "file" }
	{ printf "%-16s%-24s%10s%10s%10s%10s%10s\n", $1 == last ? "" : $1, $2, $3, $4, $5, $6, $7; last = $1 }'

# losses EXPRESSION WORDS: a line for each figure of ours that is higher than that of another
losses() {
	jq -r "def figure: $1;"'
		["start_up", "instructions", "workloads", "programs"][] as $section | .[$section] // empty
		| .results | to_entries[] | .key as $row | .value as $cells
		| $cells | to_entries[] | select(.key | '"$ours"') | .key as $mine | (.value | figure) as $own
		| $cells | to_entries[] | select(.key | '"$ours"' or . == "other build" | not)
		| (.value | figure) as $other | select($own != null and $other != null and $other > 0 and $own > $other)
		| [$section, $row, $mine, .key, $own / $other] | @tsv' "$file" |
		sort -t "$(printf '\t')" -k 1,1r -k 5,5gr |
		awk -F '\t' -v words="$2" '
			NR == 1 { printf "\n%s\n", words }
			{ key = $1 "\t" $2 "\t" $3; if (!(key in line)) order[++n] = key
				line[key] = line[key] sprintf("%s%s %.2f", line[key] ? ", " : "", $4, $5) }
			END {
				if (!n) printf "\n%s: nowhere\n", words
				for (i = 1; i <= n; i++) {
					split(order[i], word, "\t")
					printf "  %-13s%-16s%-24s%s\n", word[1], word[2], word[3], line[order[i]]
				}
			}'
}

echo
echo "where it loses: its figure, as a ratio to that of each allocator whose figure is lower"
losses .median "elapsed time, or instructions"
losses "$cpu" "processor time"
losses .peak_kib "largest resident memory"
losses .faults "page faults"
