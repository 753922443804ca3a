package main

import (
	"math/rand"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

var random *rand.Rand

func often(percent int) bool { return random.Intn(100) < percent }

func one(of ...string) string { return of[random.Intn(len(of))] }

// A pattern of the grammar, and some of them spoiled.
func randomPattern() string {
	p := alternation(4)
	switch {
	case often(15):
		p = "^" + p
	case often(15):
		p = "^(?:" + p + ")$"
	case often(8):
		p = "(?" + one("i", "s", "m", "U", "im", "is", "i-s", "-i", "ims") + ")" + p
	}
	for often(25) {
		p = spoil(p)
	}
	// Text that is no UTF-8 cannot stand in JSON.
	return strings.ToValidUTF8(p, "\uFFFD")
}

func alternation(depth int) string {
	parts := []string{concatenation(depth)}
	for often(25) {
		parts = append(parts, concatenation(depth))
	}
	return strings.Join(parts, "|")
}

func concatenation(depth int) string {
	out := ""
	for n := random.Intn(5); n >= 0; n-- {
		out += atom(depth)
		if often(30) {
			out += repetition()
		}
	}
	return out
}

func repetition() string {
	r := one("*", "+", "?", "{2}", "{3}", "{0}", "{1}", "{0,2}", "{2,}", "{0,}", "{1,3}", "{30}")
	if often(12) {
		r = one("{,2}", "{2,1}", "{1000}", "{1001}", "{07}", "{2", "{2,", "{a}", "{}", "{,}", "{ 2}", "{999999999999}", "{500}")
	}
	if often(25) {
		r += "?"
	}
	if often(2) {
		r += one("*", "+", "?", "{2}")
	}
	return r
}

func atom(depth int) string {
	if depth > 0 && often(22) {
		inside := alternation(depth - 1)
		if often(4) {
			return one("(?P<a b>", "(?<>", "(?=", "(?!", "(?<=", "(?x:", "(?-:", "(?ii:", "(?i--s:", "(?P=", "(?P>", "(?#", "(?>", "(?|") + inside + ")"
		}
		return one("(", "(", "(?:", "(?:", "(?i:", "(?s:", "(?m:", "(?i-s:", "(?-i:", "(?P<name>", "(?<n_1>", "(?U:") + inside + ")"
	}
	switch {
	case often(40):
		return one("a", "b", "c", "ab", "A", "k", "s", "S", "K", "0", "1", "-", "_", " ", "/", "é", "ß", "ſ", "\u212a", "σ", "Σ", "ς", "日", "😀", "\u0130", "ǆ", "µ", "\n", "θ", "\u1e9e", "\uA7DC", "\u019B", "}", "]", "&", "~", "#")
	case often(25):
		return class()
	case often(20):
		return unicodeClass()
	case often(30):
		return one(`\d`, `\D`, `\w`, `\W`, `\s`, `\S`)
	case often(40):
		return one("^", "$", ".", `\b`, `\B`, `\A`, `\z`, ".")
	default:
		return escape()
	}
}

func escape() string {
	if often(12) {
		return one(`\1`, `\8`, `\18`, `\x4`, `\x{}`, `\x{110000}`, `\x{g}`, `\xé`, `\u0061`, `\u{61}`, `\C`, `\Z`, `\G`, `\e`, `\h`, `\R`, `\X`, `\é`, `\E`, `\k<n>`, `\cA`)
	}
	return one(`\.`, `\-`, `\_`, `\/`, `\\`, `\n`, `\t`, `\r`, `\f`, `\v`, `\a`, `\x41`, `\x{41}`, `\x{1F600}`, `\x{e9}`, `\012`, `\101`, `\0`, `\07`, `\x{0000000041}`, `\<`, `\>`, `\"`, `\ `, `\#`,
		`\Qa.b\E`, `\Q*`, `\Q\E`, `\x{10FFFF}`, `\]`, `\}`, `\{`, `\[`, `\(`, `\)`, `\|`, `\^`, `\$`, `\&`, `\~`, `\'`)
}

func unicodeClass() string {
	if often(10) {
		return one(`\p`, `\P`) + one("{Old_Italic}", "{OldItalic}", "{SignWriting}", "{Lowercase}", "{Alphabetic}", "{White_Space}", "{Script=Greek}", "{}", "{Garay}", "{Sunuwar}", "X", "é", "^", "{", "}", "", "{L", "{^")
	}
	if often(70) {
		return one(`\p`, `\P`) + "{" + one("L", "Lu", "Ll", "N", "Nd", "P", "S", "Z", "C", "Cc", "Cn", "Co", "Cs", "Cf", "LC", "Lc", "lu", "LU", "l", "Greek", "greek", "GREEK", "Latin", "Cyrillic", "Han", "Common", "Inherited", "Nko", "Any", "any", "Assigned", "ASCII", "ascii", "Letter", "Uppercase_Letter", "upper case letter", "punct", "Punctuation", "digit", "^Lu", "^Greek", "Kawi", "M", "Mn", "Sm", "^Any") + "}"
	}
	return one(`\p`, `\P`) + one("L", "N", "Z", "P", "S", "M", "C", "l")
}

func class() string {
	out := "[" + one("", "", "", "^", "^", "]", "^]", "-", "^-")
	for n := random.Intn(4); n >= 0; n-- {
		switch {
		case often(35):
			out += one("a", "b", "-", "_", "é", "k", "s", ".", "*", "[", "&", "&&", "--", "~~", "^", "$", "|", "(", ")", "{", "σ", " ", "\n", "😀")
		case often(40):
			out += one("a-z", "A-Z", "0-9", "a-z", "A-Z", "0-9", "a-a", "!-~", "é-ü", "α-ω", " -~", "\u0000-\U0010FFFF", "-a", "a-", "+--", "[-a", "a-c-e", "[a-c]", "\u0100-\u0200", "\u1e00-\u1fff", "\U00010400-\U0001044f")
		case often(5):
			out += one("a-Z", "z-a", "a-\\d", "\\d-a", "[:foo:]", "[:alpha", "[:", "[:alpha:", `\b`, `\B`, `\A`, `\Q`, `\E`)
		case often(30):
			out += one("[:alpha:]", "[:^alpha:]", "[:word:]", "[:space:]", "[:digit:]", "[:^digit:]", "[:punct:]", "[=a=]", "[.a.]", "[:ascii:]", "[:upper:]", "[:xdigit:]", "[:graph:]", "[:print:]", "[:blank:]", "[:cntrl:]", "[:alnum:]", "[:lower:]")
		case often(40):
			out += one(`\d`, `\w`, `\s`, `\D`, `\W`, `\S`)
		case often(40):
			out += unicodeClass()
		default:
			out += escape()
		}
	}
	if often(98) {
		out += "]"
	}
	return out
}

// Takes a byte away, doubles, moves or inserts one.
func spoil(p string) string {
	if p == "" {
		return one("*", "(", ")", "[", "\\", "|")
	}
	at := random.Intn(len(p) + 1)
	switch random.Intn(4) {
	case 0:
		if at < len(p) {
			return p[:at] + p[at+1:]
		}
	case 1:
		return p[:at] + one("(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "\\", "^", "$", ".", "-", ",", ":", "(?", "(?:", "\\p", "\\x", "\\Q", "\\E", "[^", "{2}", "é", "(?i)") + p[at:]
	case 2:
		to := at + random.Intn(len(p)+1-at)
		return p[:to] + p[at:]
	case 3:
		return p[:at] + p[random.Intn(len(p)):]
	}
	return p
}

// Of the characters of the pattern, their cases and neighbours.
func randomString(pattern string) string {
	others := []rune("abcABCksSK019-_ ./éßſKσΣς日😀\n\v\tİǆǅµμΜ\u0345\u1e9e\u200b\U0001e943\uA7DC\u019B\uFFFD\x00\x7f\u2028٣\u0085\u1c8a\U00010d50")
	from := []rune(pattern)
	out := ""
	for n := random.Intn(7); n > 0; n-- {
		r := others[random.Intn(len(others))]
		if len(from) > 0 && often(55) {
			r = from[random.Intn(len(from))]
		}
		for often(30) {
			r = unicode.SimpleFold(r)
		}
		if often(5) {
			r = rune(random.Intn(0x20000))
		}
		if utf8.ValidRune(r) {
			out += string(r)
		}
	}
	return out
}

// Strings that were made by walking through the pattern, so that many match, and their neighbours.
func likely(pattern string) []string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	var out []string
	for range 4 {
		s := walk(re.Simplify())
		if len(s) > 200 {
			s = strings.ToValidUTF8(s[:200], "")
		}
		if often(30) {
			s = strings.ToValidUTF8(spoil(s), "")
		}
		out = append(out, s)
	}
	return out
}

func walk(re *syntax.Regexp) string {
	out := ""
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			for re.Flags&syntax.FoldCase != 0 && often(50) {
				r = unicode.SimpleFold(r)
			}
			out += string(r)
		}
	case syntax.OpCharClass:
		if len(re.Rune) > 0 {
			i := random.Intn(len(re.Rune)/2) * 2
			r := re.Rune[i] + rune(random.Intn(int(re.Rune[i+1]-re.Rune[i])+1))
			if often(60) {
				r = re.Rune[i+random.Intn(2)]
			}
			if utf8.ValidRune(r) {
				out += string(r)
			}
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		out = one("a", "é", "\n", "😀", "\u2028")
	case syntax.OpBeginLine, syntax.OpEndLine:
		out = one("", "", "\n", "\r\n")
	case syntax.OpWordBoundary:
		out = one("", "", " ", "é", "-")
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		n := random.Intn(3)
		if re.Op == syntax.OpQuest {
			n = min(n, 1)
		} else if re.Op == syntax.OpPlus {
			n++
		}
		for range n {
			out += walk(re.Sub[0])
		}
	case syntax.OpAlternate:
		out = walk(re.Sub[random.Intn(len(re.Sub))])
	default:
		for _, sub := range re.Sub {
			out += walk(sub)
			if len(out) > 400 {
				break
			}
		}
	}
	return out
}
