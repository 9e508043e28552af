# rows.bash -- figures of a benchmark: programs print words and numbers, of which medians become rows with ratios.

# A library of the distribution, by the beginning of its name.
of_distribution() { ldconfig -p | awk -v name="$1" '$1 ~ "^" name { print $NF; exit }'; }

# median FILE KEY: of the words behind that word; highest FILE KEY
words_behind() { awk -v key="$2" '{ for (i = 1; i < NF; i++) if ($i == key) print $(i + 1) }' "$1" | sort -n; }
median() { words_behind "$@" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
highest() { words_behind "$@" | tail -n 1; }

# row NAME FIGURE UNIT [BASE]
row() {
	awk -v name="$1" -v figure="$2" -v unit="$3" -v base="${4-}" 'BEGIN {
		printf "  %-50s %11.1f %-4s", name, figure, unit
		if (base + 0) printf " %8.3f", figure / base
		print ""
	}'
}
