# messages.awk -- the messages that sources can print: the text of each call of the functions in `sinks`, with … where a
# value stands, as FILE:LINE TAB TEXT.
#
# A call's first string is its text, with those that follow it at once, and names of macros between them. Where that is
# nothing but a value ("%s"), all strings of the call are texts. What is less than two words is none.
function flush_text(text)
{
	gsub(/%[-+ #0]*([0-9]+|\*)?(\.([0-9]+|\*)?)?(hh|h|ll|l|z|j)?[diouxXscp]/, "…", text)
	gsub(/\\n/, " ", text)
	gsub(/\\"/, "\"", text)
	gsub(/%%/, "%", text)
	if (text ~ /[A-Za-z]+[^A-Za-z]* [^A-Za-z]*[a-zA-Z]+/ && text !~ /=/)
		print FILENAME ":" at "\t" text
	return text ~ /[A-Za-z]/
}
# The call that begins behind `rest`'s first parenthesis.
function read_call(rest,    depth, text, seen, word)
{
	depth = 1
	seen = 0
	text = ""
	while (depth > 0 && rest != "") {
		if (match(rest, /^[ \t\n]+/)) {
			rest = substr(rest, RLENGTH + 1)
		} else if (match(rest, /^"([^"\\]|\\.)*"/)) {
			text = text substr(rest, 2, RLENGTH - 2)
			seen = 1
			rest = substr(rest, RLENGTH + 1)
		} else if (match(rest, /^(PRI|JSON_INTEGER_FORMAT)[A-Za-z0-9]*/)) {
			text = text "d"
			rest = substr(rest, RLENGTH + 1)
		} else if (seen && match(rest, /^[A-Z][A-Z0-9_]+[ \t\n]*("|[,)])/)) {
			text = text "…"
			match(rest, /^[A-Z][A-Z0-9_]+/)
			rest = substr(rest, RLENGTH + 1)
		} else {
			word = substr(rest, 1, 1)
			if (word == "(")
				depth++
			else if (word == ")")
				depth--
			rest = substr(rest, 2)
			if (seen) {
				if (flush_text(text))
					return
				seen = 0
				text = ""
			}
		}
	}
}
function read_file(    all, line, rest)
{
	all = whole
	at = 1
	while (match(all, "(^|[^A-Za-z_0-9])(" sinks ")\\(")) {
		line = substr(all, 1, RSTART + RLENGTH - 1)
		at += gsub(/\n/, "\n", line)
		all = substr(all, RSTART + RLENGTH)
		read_call(all)
	}
}
FNR == 1 && NR > 1 { read_file(); whole = "" }
{ whole = whole $0 "\n"; FILENAME_WAS = FILENAME }
END { read_file() }
