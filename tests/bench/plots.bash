#!/bin/bash
# plots.bash FILE DIR -- draws bench's JSON: in DIR a SVG and a PNG for each figure of a section. A row is a workload or
# a program, those where libvmmalloc does best on top; a mark is an allocator, where its ratio to the baseline is.
# Without gnuplot or jq it says so and exits with 77.
set -u
file=$1 dir=$2
for program in gnuplot jq; do
	command -v $program >/dev/null && continue
	echo "no plots: no $program on this machine" >&2
	exit 77
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$dir" || exit 1

# rows SECTION EXPRESSION: lines of row, allocator and the ratio of that expression of a cell to the baseline's
rows() {
	jq -r --arg section "$1" '
		def figure: '"$2"';
		.[$section] // empty | .baseline as $baseline | .results | to_entries[] | .key as $row
		| (.value[$baseline] | select(. and .failure == null) | figure) as $base | select($base != null and $base > 0)
		| .value | to_entries[] | select(.value.failure == null) | (.value | figure) as $own
		| select($own != null and $own > 0) | [$row, .key, $own / $base] | @tsv' "$file"
}

# Lines of "row TAB allocator TAB ratio" become a block an allocator of "ratio place", and the names of the places; the
# last place, below a line, is the geometric mean of those that have a figure in every row.
arrange() {
	awk -F '\t' -v OFS='\t' -v names="$work/names" -v places="$work/places" -v blocks="$work/blocks" '
		function sort_rows(   i, j, swap) {
			for (i = 1; i <= rows; i++)
				for (j = i + 1; j <= rows; j++)
					if (key(row[j]) < key(row[i])) { swap = row[i]; row[i] = row[j]; row[j] = swap }
		}
		function key(name) { return (name, ours) in ratio ? ratio[name, ours] : 1e9 }
		!($1 in is_row) { is_row[$1] = 1; row[++rows] = $1 }
		!($2 in is_allocator) { is_allocator[$2] = 1; allocator[++allocators] = $2 }
		!ours && $2 ~ /^libvmmalloc/ { ours = $2 }
		{ ratio[$1, $2] = $3; count[$2]++; logs[$2] += log($3) }
		END {
			sort_rows()
			for (i = 1; i <= rows; i++)
				print row[i], rows - i + 2 >places
			print "geometric mean", 0 >places
			for (i = 1; i <= allocators; i++) {
				print allocator[i] >names
				for (j = 1; j <= rows; j++)
					if ((row[j], allocator[i]) in ratio)
						print ratio[row[j], allocator[i]], rows - j + 2 >blocks
				if (count[allocator[i]] == rows)
					print exp(logs[allocator[i]] / rows), 0 >blocks
				printf "\n\n" >blocks
			}
		}'
}

# The same colour and shape for an allocator in all plots, filled, and hollow for what is made of it: 7 and 6 are discs,
# 5 and 4 squares, 9 and 8 triangles, 11 and 10 those on their tips, 13 and 12 diamonds.
style_of() {
	case $1 in
	libvmmalloc | "libvmmalloc own") echo "pt 7 ps 1.9 lc rgb '#d55e00'" ;;
	"libvmmalloc warm") echo "pt 6 ps 1.9 lw 2.5 lc rgb '#d55e00'" ;;
	"other build") echo "pt 6 ps 1.9 lw 2.5 lc rgb '#8c3b00'" ;;
	glibc) echo "pt 5 ps 1.2 lc rgb '#000000'" ;;
	"glibc tuned") echo "pt 4 ps 1.2 lw 2 lc rgb '#000000'" ;;
	"jemalloc tuned") echo "pt 8 ps 1.4 lw 2 lc rgb '#0072b2'" ;;
	"mimalloc tuned") echo "pt 10 ps 1.4 lw 2 lc rgb '#009e73'" ;;
	jemalloc) echo "pt 9 ps 1.4 lc rgb '#0072b2'" ;;
	mimalloc) echo "pt 11 ps 1.4 lc rgb '#009e73'" ;;
	tbbmalloc) echo "pt 13 ps 1.4 lc rgb '#e6a700'" ;;
	tcmalloc) echo "pt 5 ps 1.2 lc rgb '#cc79a7'" ;;
	"tcmalloc memfs") echo "pt 4 ps 1.2 lw 2 lc rgb '#cc79a7'" ;;
	memtier) echo "pt 12 ps 1.4 lw 2 lc rgb '#56b4e9'" ;;
	*) echo "pt 2 ps 1.2 lw 2 lc rgb '#777777'" ;;
	esac
}

# series: what gnuplot is to draw; ours last, on top of the others
series() {
	local index=0 name ours= others=
	while read -r name; do
		line="'$work/blocks' index $index using 1:2 with points $(style_of "$name") title '$name', "
		case $name in
		libvmmalloc*) ours+=$line ;;
		*) others+=$line ;;
		esac
		index=$((index + 1))
	done <"$work/names"
	echo "$others$ours"
}

places() { awk -F '\t' '{ printf "%s\"%s\" %d", (NR > 1 ? ", " : ""), $1, $2 }' "$work/places"; }

# draw NAME TITLE LABEL: of what was arranged
draw() {
	local terminal rows height margin width
	rows=$(wc -l <"$work/places")
	height=$((170 + 30 * rows))
	margin=$((6 + $(wc -L <"$work/names")))        # in letters, for the names
	width=$((720 + 9 * margin))
	for terminal in svg png; do
		gnuplot <<-END || return 1
			set terminal $([ $terminal = svg ] && echo "svg size $width,$height dynamic font 'sans-serif,14' background 'white'" ||
				echo "pngcairo size $width,$height font 'Sans,11' background 'white'")
			set output '$dir/$1.$terminal'
			set title "$2" offset 0,0.3
			set xlabel "$3"
			set logscale x 2
			set format x '%g'
			set yrange [-0.8:$rows.6]
			set ytics ($(places)) scale 0
			set grid ytics xtics lc rgb '#dddddd' lt 1
			set border 1 lc rgb '#666666'
			set tics nomirror
			set key outside right center vertical reverse Left samplen 0.5 spacing 1.25 noenhanced
			set arrow from first 1, graph 0 to first 1, graph 1 nohead lc rgb '#666666' lw 1.5 back
			set arrow from graph 0, first 1 to graph 1, first 1 nohead lc rgb '#666666' dt 2 back
			set rmargin $margin
			set offsets graph 0.02, graph 0.02, 0, 0
			plot $(series)
		END
	done
	echo "$dir/$1.svg"
}

# plot NAME SECTION EXPRESSION WHAT: nothing where the section, or the figure, is not there
plot() {
	local name=$1 section=$2 base
	rm -f "$work"/*
	rows "$section" "$3" | arrange
	[ -s "$work/names" ] || return 0
	base=$(jq -r --arg section "$section" '.[$section].baseline' "$file")
	draw "$name" "$4" "ratio to $base (logarithmic; left is better)" || failed=1
}

failed=0
plot workloads-time workloads .median "workloads: elapsed time"
plot workloads-cpu workloads 'if .user_s then .user_s + .system_s else null end' "workloads: processor time, user and system"
plot workloads-memory workloads .peak_kib "workloads: largest resident memory, the pool's pages included"
plot workloads-faults workloads .faults "workloads: page faults"
plot instructions instructions .median "instructions of a pair of malloc and free"
plot programs-time programs .median "programs: elapsed time"
plot programs-cpu programs 'if .user_s then .user_s + .system_s else null end' "programs: processor time, user and system"
plot programs-memory programs .peak_kib "programs: largest resident memory, the pool's pages included"
exit $failed
