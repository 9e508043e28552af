# references.awk -- holds a jemalloc against references.txt.
#
# awk -f references.awk version=FOUND REFERENCES references.txt
# REFERENCES has a line "OBJECT NAME" for each undefined name of an object. Prints what to do: "lead OBJECT NAME=OURS"
# and "trait FLAG". Where the version is not known, or something is missing, a line on standard error says so.

FNR == NR {
	refers[$1 ":" $2] = 1
	callers[$2] = callers[$2] " " $1
	next
}
/^#/ || NF == 0 { next }
$1 == "versions" {
	for (i = 2; i <= NF; i++)
		known[++columns] = $i
	next
}
$1 == "trait" { for (i = 1; i <= columns; i++) if ($(i + 2) == "+") traits[i] = traits[i] "trait " $2 "\n"; next }
$1 == "lead" {
	lead[++rows] = $2
	ours[rows] = $3
	for (i = 1; i <= columns; i++)
		cell[rows, i] = $(i + 3)
	next
}
$1 == "left" { left[$2] = 1; for (i = 3; i <= NF; i++) may[$2, $i] = 1; next }

function words(reference, verb, parts) {
	split(reference, parts, ":")
	return (parts[1] == "*" ? "nothing refers to" : parts[1] " " verb) " " parts[2]
}

# The objects that make such a reference, " "-separated.
function referring(reference, parts) {
	split(reference, parts, ":")
	return parts[1] == "*" ? callers[parts[2]] : (reference in refers) ? parts[1] : ""
}

# What is wrong with this jemalloc if it is the version of a column: "; "-separated, and how many.
function complaints(column, row, name, list, n, i, led, text) {
	wrong = 0
	for (row = 1; row <= rows; row++) {
		if (cell[row, column] == "+" && referring(lead[row]) == "")
			text = text (wrong++ ? "; " : "") words(lead[row], "does not refer to")
		if (cell[row, column] == "-" && referring(lead[row]) != "")
			text = text (wrong++ ? "; " : "") words(lead[row], "refers to")
		led[lead[row]] = 1
	}
	for (name in left) {
		n = split(callers[name], list, " ")
		for (i = 1; i <= n; i++)
			if (!((list[i] ":" name) in led) && !((name, list[i]) in may))
				text = text (wrong++ ? "; " : "") words(list[i] ":" name, "refers to")
	}
	return text
}

END {
	for (i = 1; i <= columns; i++) {
		short = known[i]
		sub(/-0$/, "", short)
		names = names (i > 1 ? ", " : "") short
		text = complaints(i)
		if (known[i] == version || short == version) {
			found = i
			missing = text
		}
		if (!nearest || wrong < least) {
			nearest = i
			nearest_name = short
			nearest_text = text
			least = wrong
		}
	}
	if (!found)
		missing = least ? "unlike " nearest_name ", " nearest_text : "its names are those of " nearest_name
	if (!found || missing != "") {
		print "this jemalloc is " (version == "" ? "of no version" : version) ", " \
			(found ? "but not as it is known" : "and known are " names) ": " missing >"/dev/stderr"
		if (!found && !least)
			print "`make JEMALLOC_VERSION=" nearest_name "` builds with it as if it were that" >"/dev/stderr"
		exit 1
	}
	printf "%s", traits[found]
	for (row = 1; row <= rows; row++) {
		split(lead[row], parts, ":")
		n = split(referring(lead[row]), objects, " ")
		for (i = 1; i <= n; i++)
			print "lead", objects[i], parts[2] "=" ours[row]
	}
}
