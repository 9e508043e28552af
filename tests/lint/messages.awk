# messages.awk -- the messages that sources can print: the text of each call of the functions in `sinks`, with … where a
# value stands, as FILE:LINE TAB TEXT.
#
# A call's first string is its text, with those that follow it at once, and … for macros between them. Where that is no
# text ("%s", "; "), the next string is it. What is less than two words is none, and neither are JSON and XML, and what
# the log has at the levels info and debug.
function say(text)
{
	gsub(/%[-+ #0]*([0-9]+|\*)?(\.([0-9]+|\*)?)?(hh|h|ll|l|z|j)?[diouxXscp]/, "…", text)
	gsub(/\\n/, " ", text)
	gsub(/\\"/, "\"", text)
	gsub(/%%/, "%", text)
	sub(/^ +/, "", text)
	sub(/ +$/, "", text)
	if (text ~ /[a-z]+[^A-Za-z]* [^A-Za-z]*[a-z]+/ && text !~ /^[{<,]/)
		print name ":" at "\t" text
	return text ~ /[a-z]/
}
# The call, or the statement, of which `rest` is what follows its first parenthesis or its first word.
function read_call(rest, depth,    text, seen, sign, before)
{
	before = ""
	while (rest != "") {
		if (match(rest, /^[ \t\n]+/)) {
			rest = substr(rest, RLENGTH + 1)
		} else if (match(rest, /^"([^"\\]|\\.)*"/)) {
			text = text substr(rest, 2, RLENGTH - 2)
			seen = 1
			rest = substr(rest, RLENGTH + 1)
		} else if (match(rest, /^(PRI|JSON_INTEGER_FORMAT)[A-Za-z0-9]*/)) {
			text = text "d"
			rest = substr(rest, RLENGTH + 1)
		} else if (match(rest, /^[A-Z][A-Z0-9_]+[ \t\n]*"/) || (seen && match(rest, /^[A-Z][A-Z0-9_]+/))) {
			text = text "…"
			match(rest, /^[A-Z][A-Z0-9_]+/)
			rest = substr(rest, RLENGTH + 1)
		} else {
			if (seen && say(text))
				return
			seen = 0
			text = ""
			match(rest, /^([A-Za-z0-9_]+|.)/)
			sign = substr(rest, 1, RLENGTH)
			rest = substr(rest, RLENGTH + 1)
			depth += (sign == "(") - (sign == ")")
			if (sign == ";" || (sign == ")" && depth == 0))
				return
			if (sign ~ /^LOG_(INFO|DEBUG)$/ && before != ":" && before != "?")
				return
			before = sign
		}
	}
}
function read_file()
{
	at = 1
	while (match(whole, "(^|[^A-Za-z_0-9])(" sinks ")[ (]")) {
		at += count_lines(substr(whole, 1, RSTART + RLENGTH - 1))
		is_call = substr(whole, RSTART + RLENGTH - 1, 1) == "("
		whole = substr(whole, RSTART + RLENGTH)
		read_call(whole, is_call ? 1 : -1000)
	}
	whole = ""
}
function count_lines(text) { return gsub(/\n/, "", text) }
FNR == 1 && NR > 1 { read_file() }
{ whole = whole $0 "\n"; name = FILENAME }
END { read_file() }
