# paths.awk -- the names of files, as the lint writes them: from the top of the tree, without "." and "..".

function plain(path, root) {
	if (root != "" && substr(path, 1, length(root)) == root)
		path = substr(path, length(root) + 1)
	sub(/^\.\//, "", path)
	while (sub(/\/\.?\//, "/", path))
		;
	while (match(path, /[^\/]+\/\.\.\//) && substr(path, RSTART, 3) != "../")
		path = substr(path, 1, RSTART - 1) substr(path, RSTART + RLENGTH)
	return path
}

function exists(path, line) {
	if (!(path in existing)) {
		existing[path] = (getline line <path) >= 0
		close(path)
	}
	return existing[path]
}

function folder(path) { return sub(/\/[^\/]*$/, "", path) ? path : "." }

# What a directive in `file` names: a file of ours from the top of the tree, or any other as it is written.
function named(directive, file, root, name, quoted, here) {
	match(directive, /["<].*[">]/)
	quoted = substr(directive, RSTART, 1) == "\""
	name = substr(directive, RSTART + 1, RLENGTH - 2)
	here = plain(folder(file) "/" name, root)
	if (quoted && name !~ /^\// && exists(here))
		return here
	here = plain(name, root)
	return here !~ /^\// && exists(here) ? here : name
}
