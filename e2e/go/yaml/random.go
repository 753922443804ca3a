package main

import (
	"math/rand"
	"strconv"
	"strings"
)

var random *rand.Rand

// The documents of the corpus, which are spoiled too.
var known []string

func often(percent int) bool { return random.Intn(100) < percent }

func one(of ...string) string { return of[random.Intn(len(of))] }

// A document of the grammar, a part of a manifest, or one of the corpus; most of them spoiled.
func randomDocument() []byte {
	var text string
	switch {
	case often(45):
		text = stream()
	case often(75):
		text = excerpt(one(manifests...))
	default:
		text = one(known...)
	}
	for often(60) {
		text = spoil(text)
	}
	if often(4) {
		text = strings.ReplaceAll(text, "\n", one("\r\n", "\r", "\u0085", "\u2028"))
	}
	body := []byte(text)
	if often(2) && len(body) > 0 {
		body[random.Intn(len(body))] = byte(random.Intn(256))
	}
	if often(1) {
		body = []byte("\xef\xbb\xbf" + string(body))
	}
	return body
}

// Some lines of a text.
func excerpt(text string) string {
	lines := strings.SplitAfter(text, "\n")
	from := random.Intn(len(lines))
	if often(50) {
		from = 0
	}
	until := min(len(lines), from+1+random.Intn(20))
	return strings.Join(lines[from:until], "")
}

// What means something in YAML, and what only looks so.
var signs = []string{
	" ", " ", "  ", "\n", "\n", "\n\n", "\t", "-", "- ", ":", ": ", ":\n", "?", "? ", ",", "[", "]", "{", "}", "#", " #", "&a ", "*a", "*a ", "!", "!!str ",
	"!!int ", "!!binary ", "!a!b ", "!<tag:yaml.org,2002:float> ", "|", "|\n", ">", ">-\n", "|+\n", "|2\n", "'", "\"", "''", "\\", "%", "%YAML 1.1\n", "%TAG ! !a\n",
	"@", "`", "---", "---\n", "--- ", "...", "...\n", "<<: ", "<<: *a\n", "a: ", "a: 1\n", "b: &a\n", "~", "null", "yes", "no", "on", "0", "0o7", "07", "08", "0x1f",
	"1_0", "1e3", "1.5", ".5", ".inf", ".nan", "-.inf", "2001-01-01", "0b1", "-0b1", "+1", "é", "😀", "\u2028", "\u0085", "\u00a0", "=", "a", "key", ".", "_",
	"\\x41", "\\u0041", "\\n", "\\\n", "\r\n", "\r",
}

// A text with a small change.
func spoil(text string) string {
	lines := strings.SplitAfter(text, "\n")
	at, line := random.Intn(len(text)+1), random.Intn(len(lines))
	switch random.Intn(10) {
	case 0, 1, 2, 3:
		return text[:at] + one(signs...) + text[at:]
	case 4, 5:
		until := min(len(text), at+1+random.Intn(3))
		return text[:at] + text[until:]
	case 6:
		until := min(len(text), at+1)
		return text[:at] + one(signs...) + text[until:]
	case 7:
		lines[line] = one(" ", "  ", "\t", "- ") + lines[line]
	case 8:
		lines[line] = strings.TrimPrefix(lines[line], one(" ", "  ", "- "))
	default:
		other := random.Intn(len(lines))
		lines[line], lines[other] = lines[line]+lines[other], lines[line]
	}
	return strings.Join(lines, "")
}

// One document, and sometimes what stands around it.
func stream() string {
	out := ""
	if often(8) {
		out += one("# a comment\n", "\n", "%YAML 1.1\n---\n", "%TAG !e! tag:yaml.org,2002:\n---\n", "--- ", "---\n", "--- # comment\n", "...\n", "%YAML 1.2\n---\n")
	}
	out += block(0, 4)
	if often(10) {
		out += one("...\n", "---\n", "--- b\n", "...\n---\na: [\n", "# end", "...\n]")
	}
	return out
}

func indentation(depth int) string { return strings.Repeat(" ", depth) }

// A block, from the beginning of its first line.
func block(column, depth int) string {
	if depth == 0 || often(12) {
		return indentation(column) + inline(column, depth) + "\n"
	}
	out := ""
	list := often(35)
	for n := 1 + random.Intn(4); n > 0; n-- {
		if often(4) {
			out += one("\n", "# comment\n", indentation(column)+"# comment\n")
		}
		out += indentation(column)
		if list {
			out += "-"
		} else if often(4) {
			out += "? " + inline(column+2, 1) + "\n" + indentation(column) + ":"
		} else {
			out += properties() + key() + one(":", ":", ":", " :")
		}
		step := 1 + random.Intn(3)
		switch {
		case often(6):
			out += "\n"
		case often(15):
			out += " " + properties() + text(column) + "\n"
		case often(35) && depth > 1:
			out += one("", " "+strings.TrimSpace(properties())) + "\n" + block(column+step, depth-1)
		case often(12) && !list && depth > 1:
			out += "\n" + strings.TrimSuffix(block(column, 1), "\n") + "\n"
		case often(20) && list && depth > 1:
			inner := block(column+2, depth-1)
			out += " " + strings.TrimPrefix(inner, indentation(column+2))
		default:
			out += one(" ", " ", "  ", "\t") + inline(column, depth-1) + one("", "", "", " # comment", " ") + "\n"
		}
	}
	return out
}

func properties() string {
	switch {
	case often(4):
		return "&" + one("a", "b", "c") + " "
	case often(2):
		return one("!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!binary", "!!map", "!!timestamp", "!local", "!e!int", "!<tag:yaml.org,2002:str>", "!!merge") + " "
	case often(1):
		return "&a !!str "
	}
	return ""
}

func key() string {
	if often(10) {
		return one("<<", "on", "yes", "1", "1.5", "~", "0x10", "null", "true", "\"a\"", "'b'", "[a]", "{a: b}", "2001-01-01", "18446744073709551615", "*a", "1e3", ".inf", "")
	}
	return one("a", "b", "c", "name", "spec", "metadata", "app.kubernetes.io/name")
}

// What stands on one line, mostly.
func inline(column, depth int) string {
	out := properties()
	if depth <= 0 || often(55) {
		return out + scalar(column)
	}
	list := often(50)
	end := "}"
	if list {
		out, end = out+"[", "]"
	} else {
		out += "{"
	}
	for n := random.Intn(4); n > 0; n-- {
		if list && !often(15) {
			out += inline(column, depth-1)
		} else {
			out += properties() + one(key(), key(), key(), "? "+key()) + one(": ", ": ", ": ", ":", " ", "") + one("", inline(column, depth-1), inline(column, depth-1))
		}
		if n > 1 || often(10) {
			out += one(",", ", ", ", ", ",\n"+indentation(column+1), " ,")
		}
	}
	return out + end
}

func scalar(column int) string {
	switch {
	case often(8):
		return "*" + one("a", "a", "b", "c")
	case often(12):
		return "\"" + quoted(column, "\\n", "\\x41", "\\u00e9", "\\U0001F600", "\\\"", "\\\n", "\\e", "\\_", "\\/", "\\'", "\\ ", "\\N") + "\""
	case often(12):
		return "'" + quoted(column, "''", "\\") + "'"
	case often(30):
		return number()
	case often(25):
		return one("yes", "No", "on", "OFF", "y", "n", "true", "False", "TRUE", "~", "null", "Null", "", "Yes", "nO", ".inf", "-.Inf", ".NaN", "+.inf", ".nan", "=", "<<")
	case often(10):
		return one("2001-12-14t21:59:43.10-05:00", "2001-12-15 2:59:43.10", "2002-12-14", "12:30:45", "190:20:30", "1,000", "SGVsbG8=", "aGk", "/w==")
	}
	return one("a", "hello", "nginx:1.25", "a b", "a#b", "a: b", "http://a/b?c=d", "-a", "?a", ":a", "a:", "- a", "a, b", "@a", "`a", "%a", "a\n"+indentation(column+1)+"b", "é", "😀", "a\n\n"+indentation(column+1)+"b", "a]", "!a")
}

func quoted(column int, more ...string) string {
	out := ""
	for n := random.Intn(5); n > 0; n-- {
		if often(30) {
			out += one(more...)
		} else {
			out += one("a", "b", " ", ": ", " #", "\n"+indentation(column+1), "\n\n"+indentation(column+1), "é", "-", "\t", "[", "  ")
		}
	}
	return out
}

func number() string {
	if often(40) {
		return one("0", "-0", "+0", "00", "007", "0777", "08", "0o17", "0O7", "0x1F", "0X1f", "-0x1", "0b101", "-0b11", "0b-1", "0b2", "0b", "0x", "1_000", "_1", "1_", "0_7", "0x_f", "+_1",
			"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "0xFFFFFFFFFFFFFFFF",
			"1.", ".5", "-.5", "+.5", "1.5", "1e3", "1E+3", "1e-3", "1.e2", ".1e1", "1e400", "1e-400", "._5", ".5_5", "1_0.5_0", "1e1_0", "0.1e", "1.2.3", "1e", "+", "-", "--1", "+-1", ".", "..", "-.",
			"1152921504606846976.0", "1e20", "1e21", "123456789012345678901234567890", "0.1", "1e-7", "-0.0", "0b"+strings.Repeat("1", 64), "0o0", "-0o7", "1__0", "infinity", "NaN", "+inf", "Inf")
	}
	out := one("", "", "-", "+") + strconv.Itoa(random.Intn(1000))
	if often(40) {
		out += "." + strconv.Itoa(random.Intn(1000))
	}
	if often(20) {
		out += one("e", "E") + one("", "-", "+") + strconv.Itoa(random.Intn(30))
	}
	return out
}

// A scalar of several lines, behind its sign.
func text(column int) string {
	out := one("|", ">") + one("", "", "", "-", "+", "2", "1-", "+1", "-2", "0", "9") + one("", "", " ", " # comment", " a", "#a") + "\n"
	step := 1 + random.Intn(3)
	for n := random.Intn(5); n > 0; n-- {
		out += one("", indentation(column+step), indentation(column+step), indentation(column+step), indentation(column+step+1), indentation(column), "\t") +
			one("a", "b c", "", " ", "- d", "e: f", "# g", "\th", "---", "...", "'i'", "a  ") + "\n"
	}
	return strings.TrimSuffix(out, "\n")
}
