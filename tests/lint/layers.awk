# layers.awk -- judges what facts.bash found by rooms.txt. It reads rooms.txt, the exceptions, the facts of all objects
# and the names of all sources, and prints a line "FILE: RULE: WORD: why" for each complaint; with -v picture=1 the
# picture of the rooms instead.

function complain(file, rule, word, why) {
	if ((file, rule, word) in mend)
		mended[file, rule, word] = 1
	else if (("*", rule, word) in mend)
		mended["*", rule, word] = 1
	else if (!picture)
		print file ": " rule ": " word ": " why | "sort -u"
}

function room(file) { return folder(file) }

# Whether a file is one of these rooms or files.
function among(file, places, place, count, i, start) {
	count = split(places, place, " ")
	for (i = 1; i <= count; i++) {
		start = place[i]
		if (sub(/\*$/, "", start) ? index(file, start) == 1 : room(file) == start)
			return 1
		if (file == start ".c" || file == start ".h")
			return 1
	}
	return 0
}

function may_include(from, to) { return from == to || (from, to) in allowed }

# --- what is read ---

FILENAME ~ /rooms\.txt$/ {
	if ($1 == "room") {
		if ($2 in layer)
			complain(FILENAME, "table", $2, "twice")
		layer[$2] = ++rooms
		room_name[rooms] = $2
		for (i = 4; i <= NF; i++)
			lower[$2] = lower[$2] " " $i
	} else if ($1 == "mend") {
		for (i = 4; i <= NF; i++)
			mend[$2, $3, $i] = 1
	} else if ($1 == "only" || $1 == "header" || $1 == "calls" || $1 == "up") {
		words = $0
		sub(/^[a-z]+ +[^ ]+ */, "", words)
		table[$1, $2] = table[$1, $2] words " "
		if ($1 == "header" && table[$1, $2] == words " ")
			header_rule[++header_rules] = $2
		if ($1 == "calls")
			pure[$2] = pure[$2] words " "
	} else if ($1 == "prefix") {
		prefix[$2] = $3
	} else if ($1 == "linked") {
		for (i = 2; i <= NF; i++)
			link[++links] = $i
	} else if ($1 == "variables") {
		variables = $2
	} else if ($1 == "no-variables") {
		stateless = $0
	} else if (NF && $1 !~ /^#/)
		complain(FILENAME, "table", $1, "no such rule")
	next
}

# What the library exports is declared by libc's or C++'s headers, or by nobody.
FILENAME ~ /\.map$/ {
	for (i = 1; i <= NF; i++)
		if ($i ~ /^[A-Za-z_][A-Za-z0-9_]*;$/)
			link[++links] = substr($i, 1, length($i) - 1)
	next
}

FILENAME ~ /\.facts$/ && FNR == 1 {
	source = FILENAME
	sub(/^build\/lint\//, "", source)
	program = source ~ /^program\// ? "program" : "library"
	sub(/^[^\/]*\//, "", source)
	sub(/\.facts$/, ".c", source)
	built[source] = 1
}
FILENAME ~ /\.facts$/ {
	if ($1 == "include")
		note_include($2, $3)
	else if ($1 == "header")
		note_header($2, $3)
	else if ($1 == "declares" && $2 ~ /\.h$/)
		declared[$3] = add(declared[$3], $2)
	else if ($1 == "declares")
		claimed[$3] = add(claimed[$3], $2)
	else if ($1 == "defines")
		defined[$3] = add(defined[$3], $2)
	else if ($1 == "static")
		static[$3] = add(static[$3], $2)
	else if ($1 == "gives")
		given[program, $2] = add(given[program, $2], source)
	else if ($1 == "needs") {
		needed[program, source, $2] = 1
		is_needed[$2] = 1
	}
	else if ($1 == "keeps")
		kept[source, $2] = 1
	next
}

# All words of the tests.
FILENAME ~ /\/words$/ {
	in_tests[$0] = 1
	next
}

# The rest are names of sources. What their text includes counts as well, even where no build of ours does.
{
	sources[++source_count] = $0
	is_source[$0] = 1
}

function add(list, file) { return index(" " list " ", " " file " ") ? list : list == "" ? file : list " " file }
function note_include(from, to) {
	if (!((from, to) in includes)) {
		includes[from, to] = 1
		included[to] = 1
		included_by[from] = add(included_by[from], to)
	}
}
function note_header(from, name) { headers[from] = add(headers[from], name) }

function read_text(file, line, name, count, i) {
	while ((getline line <file) > 0) {
		if (line ~ /^[ \t]*#[ \t]*(include|include_next|import)[ \t]*["<]/) {
			name = named(line, file, root)
			if (name ~ /^\// || !exists(name))
				note_header(file, name)
			else {
				note_include(file, name)
				if (index(line, "\"" name "\"") == 0)
					complain(file, "spelling", name, "is to be included as \"" name "\"")
			}
		} else if (line ~ /^extern / && file ~ /\.h$/ && line ~ /;/) {
			name = line
			sub(/ *(\[.*|;.*|__attribute__.*|=.*)$/, "", name)
			sub(/.*[ *]/, "", name)
			if (line !~ /\(/ || line ~ /__attribute__/)
				declared[name] = add(declared[name], file)
		} else if (line ~ /^[ \t]*extern[ \t]/ && file ~ /\.c$/ && line !~ /extern "C"/)
			claimed[last_name(line)] = add(claimed[last_name(line)], file)
	}
	close(file)
}
function last_name(line) {
	sub(/ *[\[(;=].*/, "", line)
	sub(/.*[ *]/, "", line)
	return line
}

# --- the picture ---

# The rooms of one program, from the top, and what each really includes, each room in a column of its own. An arrow up
# would stand left of its line's own column, and so does a circle's.
function draw_program(of, shared, count, i, j, list, line, column, at) {
	for (i = 1; i <= rooms; i++)
		if (among(room_name[i] "/x", of) || among(room_name[i] "/x", shared))
			list[++count] = room_name[i]
	at = 28
	for (i = 2; i <= count; i++) {
		column[i] = at
		for (j = 1; j < i; j++)
			if ((list[j], list[i]) in room_includes) {
				at += length(short_name(list[i])) + 2
				break
			}
	}
	for (i = 1; i <= count; i++) {
		if (!among(list[i] "/x", of))
			continue
		line = sprintf("   %-20s ->", list[i])
		for (j = 1; j <= count; j++)
			if ((list[i], list[j]) in room_includes)
				line = sprintf("%-" column[j] "s%s", line, short_name(list[j]))
		print line
	}
}
function short_name(name) { return sub(/^(libvmmalloc|vmmallocd)\//, "", name) ? name : name }
function draw(i, file, j, list, count) {
	for (i = 1; i <= source_count; i++) {
		file = sources[i]
		count = split(included_by[file], list, " ")
		for (j = 1; j <= count; j++)
			if (room(file) != room(list[j]))
				room_includes[room(file), room(list[j])] = 1
	}
	draw_program("libvmmalloc*", "common/base include")
	print ""
	draw_program("vmmallocd* common/util", "common/base include")
}

# --- what is judged ---

function judge_table(i, j, k, count, list) {
	for (i = rooms; i >= 1; i--) {
		count = split(lower[room_name[i]], list, " ")
		for (j = 1; j <= count; j++) {
			if (!(list[j] in layer))
				complain("tests/lint/rooms.txt", "table", list[j], "there is no such room")
			else if (layer[list[j]] <= i)
				complain("tests/lint/rooms.txt", "table", room_name[i], list[j] " does not stand below it")
			allowed[room_name[i], list[j]] = 1
			for (k = 1; k <= rooms; k++)
				if ((list[j], room_name[k]) in allowed)
					allowed[room_name[i], room_name[k]] = 1
		}
	}
}

function judge_place(file, name) {
	name = file
	sub(/.*\//, "", name)
	if (!(room(file) in layer))
		complain(file, "room", room(file), "tests/lint/rooms.txt knows no such room")
	else if (("only", room(file)) in table && index(" " table["only", room(file)], " " name " ") == 0)
		complain(file, "room", name, "tests/lint/rooms.txt does not name it")
	if (file ~ /\.c$/ && !(file in built))
		complain(file, "unused", name, "no build compiles it")
	if (file ~ /\.h$/ && !(file in included) && room(file) != "include")
		complain(file, "unused", name, "nobody includes it")
}

function judge_includes(file, list, count, i) {
	count = split(included_by[file], list, " ")
	for (i = 1; i <= count; i++) {
		if (list[i] !~ /\.h$/)
			complain(file, "include", list[i], "is no header")
		else if (!may_include(room(file), room(list[i])))
			complain(file, "include", list[i], room(file) " may not know " room(list[i]))
	}
	count = split(headers[file], list, " ")
	for (i = 1; i <= count; i++)
		if (list[i] ~ /^\/|\.\./)
			complain(file, "spelling", list[i], "no header is included by its place on this machine")
}

# The headers of others that a file sees, itself or through ours. What its own headers may not see is said of them.
function sees(file, rule, name, list, count, i) {
	if ((file, rule) in seen)
		return seen[file, rule]
	seen[file, rule] = ""
	name = rule
	if (!sub(/\*$/, "", name))
		name = name " "
	if (index(" " headers[file] " ", " " name))
		return seen[file, rule] = file
	count = split(included_by[file], list, " ")
	for (i = 1; i <= count; i++)
		if (sees(list[i], rule) != "" && among(list[i], table["header", rule]))
			return seen[file, rule] = list[i]
	return ""
}
function judge_headers(file, i, rule, through) {
	for (i = 1; i <= header_rules; i++) {
		rule = header_rule[i]
		through = sees(file, rule)
		if (through != "" && !among(file, table["header", rule]))
			complain(file, "header", rule, "belongs to others" (through == file ? "" : "; it comes by " through))
	}
}

# Files that include each other in the end, or sources that call each other. The first file of a circle names it, so
# that each is said once.
function judge_circles(file, graph, why, queue, head, tail, list, count, i, from, way) {
	queue[tail = 1] = file
	for (head = 1; head <= tail; head++) {
		count = split(graph[queue[head]], list, " ")
		for (i = 1; i <= count; i++) {
			if (list[i] == file) {
				complain_of_circle(file, queue[head], from, why)
				return
			}
			if (!(list[i] in from)) {
				from[list[i]] = queue[head]
				queue[++tail] = list[i]
			}
		}
	}
}
function complain_of_circle(file, last, from, why, way, next_one) {
	for (way = last; way != file; way = from[way]) {
		if (way < file)
			return
		next_one = way
	}
	complain(file, "circle", next_one, why)
}

# One of the files that declare or define a name must be one that this file may include.
function may_know(file, files, list, count, i) {
	count = split(files, list, " ")
	for (i = 1; i <= count; i++)
		if (may_include(room(file), room(list[i])))
			return 1
	return 0
}
function judge_need(program, file, name, givers, start) {
	givers = (program, name) in given ? given[program, name] : ""
	if (("up", name) in table && among(file, table["up", name]))
		return
	if (givers == variables && name in declared)
		givers = declared[name]
	if (givers != "") {
		if (!may_know(file, givers) || (name in declared && !may_know(file, declared[name])))
			complain(file, "call", name, room(file) " may not know " room(givers))
		if (givers !~ / / && givers != file && givers ~ /\.c$/)
			calls[file] = add(calls[file], givers)
		return
	}
	start = has_prefix(name)
	if (start != "") {
		if (room(file) != prefix[start] && !(name in declared && may_know(file, declared[name])))
			complain(file, "call", name, "is known in " prefix[start] " alone")
		return
	}
	if (room(file) in pure && name !~ /^_/ && index(" " pure[room(file)], " " name " ") == 0)
		complain(file, "call", name, "is not among what " room(file) " may call")
}

function judge_variable(file, name) {
	sub(/\.[0-9]+$/, "", name)
	if (file != variables && among(file, stateless))
		complain(file, "variable", name, room(file) ~ /^libvmmalloc/ ? "the library's state is in " variables : \
			room(file) " has no state")
}

function judge_function(name, list, count, i, j, other) {
	count = split(static[name], list, " ")
	for (i = 1; i <= count; i++)
		for (j = 1; j <= count; j++)
			if (i != j)
				complain(list[i], "static", name, "is also in " list[j])
	count = split(declared[name], list, " ")
	for (i = 1; i <= count; i++)
		if (!is_given(name) && room(list[i]) != "include" && has_prefix(name) == "")
			complain(list[i], "body", name, "is declared, and nobody defines it")
	count = split(claimed[name], list, " ")
	for (i = 1; i <= count; i++)
		if (is_given_by_others(name, list[i]))
			complain(list[i], "extern", name, "what other files define is declared by their headers")
	count = split(defined[name], list, " ")
	for (i = 1; i <= count; i++) {
		other = name == "main" || ("up", name) in table || is_linked(name)
		split("", files)
		j = split(declared[name], files, " ")
		for (; j >= 1; j--)
			if (files[j] ~ /\.h$/ && (room(files[j]) == room(list[i]) || room(files[j]) == "include"))
				other = other ? other : 2
		if (other != 1 && !(name in is_needed) && !(name in in_tests))
			complain(list[i], "alone", name, "nobody else needs it: it can be static, or go")
		if (!other)
			complain(list[i], "public", name, "no header of its room declares it, and it is not static")
	}
}
function is_given_by_others(name, file) {
	return (("library", name) in given && given["library", name] != file) ||
		(("program", name) in given && given["program", name] != file)
}
function is_given(name) { return name in defined || ("library", name) in given || ("program", name) in given }
function has_prefix(name, start) {
	for (start in prefix)
		if (index(name, start) == 1)
			return start
	return ""
}
function is_linked(name, i, start) {
	for (i = 1; i <= links; i++) {
		start = link[i]
		if (sub(/\*$/, "", start) ? index(name, start) == 1 : name == start)
			return 1
	}
	return 0
}

END {
	judge_table()
	for (i = 1; i <= source_count; i++)
		read_text(sources[i])
	if (picture) {
		draw()
		exit
	}
	for (i = 1; i <= source_count; i++) {
		judge_place(sources[i])
		judge_includes(sources[i])
		judge_headers(sources[i])
		judge_circles(sources[i], included_by, "each includes the other in the end")
	}
	for (key in needed) {
		split(key, part, SUBSEP)
		judge_need(part[1], part[2], part[3])
	}
	for (file in built)
		judge_circles(file, calls, "each calls the other in the end")
	for (key in kept) {
		split(key, part, SUBSEP)
		judge_variable(part[1], part[2])
	}
	for (name in declared)
		all_names[name] = 1
	for (name in claimed)
		all_names[name] = 1
	for (name in defined)
		all_names[name] = 1
	for (name in static)
		all_names[name] = 1
	for (name in all_names)
		judge_function(name)
	for (key in mend)
		if (!(key in mended)) {
			split(key, part, SUBSEP)
			line = part[1] " " part[2] " " part[3]
			print "tests/lint/rooms.txt: mended: " line ": the exception can go" | "sort -u"
		}
}
