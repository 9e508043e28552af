# mentions.awk -- names of files that comments and documents speak of and that are not in the tree. It reads all names
# of the tree, names.txt, and then the files. Of sources only the comments count.

FILENAME ~ /\.tree$|names\.txt$/ {
	if ($0 !~ /^#/ && NF)
		for (rest = $1; ; ) {
			known[rest] = 1
			if (!sub(/^[^\/]*\//, "", rest))
				break
		}
	next
}
FNR == 1 { inside = 0 }
{
	text = $0
	if (FILENAME ~ /\.(c|h|cc)$/)
		text = comment(text)
	else if (FILENAME ~ /\.(bash|mk|awk)$|Makefile$/)
		text = match(text, /(^|[ \t])#[ !]/) ? substr(text, RSTART) : ""
	else if (FILENAME ~ /\.[0-9]$/)
		gsub(/\\f[BIPR]|\\&/, " ", text)
	while (match(text, /[A-Za-z0-9_*.\/-]*[A-Za-z0-9_*]\.(c|h|cc|bash|mk|awk)($|[^A-Za-z0-9_*-])/)) {
		name = substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
		sub(/[^A-Za-z0-9_]*$/, "", name)
		if (!there(name))
			print FILENAME ":" FNR ": mention: " name ": no such file"
	}
}

function comment(line, text, at) {
	text = ""
	while (line != "") {
		if (!inside) {
			if (match(line, /^([^"'\/]|\/[^*\/]|"([^"\\]|\\.)*"|'([^'\\]|\\.)*')+/))
				line = substr(line, RLENGTH + 1)
			if (line ~ /^\/\//)
				return text " " line
			if (line !~ /^\/\*/)
				return text
			line = substr(line, 3)
			inside = 1
		}
		at = index(line, "*/")
		if (at == 0)
			return text " " line
		text = text " " substr(line, 1, at - 1)
		line = substr(line, at + 2)
		inside = 0
	}
	return text
}

# A name may be written from any folder on, may have a star, and in capitals stands for any.
function there(name, candidate, pattern) {
	sub(/^(\.\.?\/)+/, "", name)
	if (name in known || name ~ /[A-Z][A-Z]+\./)
		return 1
	if (name !~ /\*/)
		return 0
	pattern = name
	gsub(/\./, "\\.", pattern)
	gsub(/\*/, "[^/]*", pattern)
	for (candidate in known)
		if (candidate ~ "^" pattern "$")
			return 1
	return 0
}
