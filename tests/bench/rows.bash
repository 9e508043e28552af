# rows.bash -- what benchmarks share: programs print words and numbers, of which medians become rows with ratios.

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

# c_functions COUNT: a source file of so many, for a compiler to work on
c_functions() {
	local n
	for n in $(seq "$1"); do
		echo "int f$n(int a, int *b) { for (int i = 0; i < a; i++) b[i] = b[i] * $n + a; return a > $n ? b[a / 2] : $n; }"
	done
}

# run_parts "PART..." [PART...]: part_PART of those that are named, or of all that there are; each in a directory, WORK,
# and a shell of its own. For what includes suite.bash: sets `failed`.
run_parts() {
	local all=$1 part
	shift
	[ $# -gt 0 ] || set -- $all
	for part; do
		[[ " $all " == *" $part "* ]] || fail "no such part: $part"
		( WORK=$SUITE_TMP/$part; mkdir "$WORK" && cd "$WORK" && "part_$part" ) || failed=1
	done
}
