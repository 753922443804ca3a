package main

import (
	"math/rand"
	"regexp"
	"strings"
	"unicode/utf8"
)

var word = regexp.MustCompile(`[A-Za-z_]\w*|[0-9.]+u?|"[^"]*"|'[^']*'|\s+|&&|\|\||[=!<>]=|.`)

// Expressions of which something was taken away, doubled, moved or put in between: most of them are wrong.
func spoiled(expressions []string, each int) []string {
	random := rand.New(rand.NewSource(7))
	others := []string{"(", ")", "[", "]", "{", "}", ",", ":", "?", ".", ".?", "[?", "!", "-", "+", "*", "%", "&&", "||", "==", "<", "in", "null", "true",
		"x", "self", "1", "1u", "1.5", "'s'", "\"", "'", "b'", "@", "&", "|", "=", "`a`", "a.b", ".a", "if", "has(", ".map(x, x)", ".all(1, x)", "é", "\n", "$"}
	var all []string
	for _, expr := range expressions {
		for range each {
			words := word.FindAllString(expr, -1)
			for n := 1 + random.Intn(2); n > 0 && len(words) > 0; n-- {
				at := random.Intn(len(words))
				switch random.Intn(4) {
				case 0:
					words = append(words[:at], words[at+1:]...)
				case 1:
					words = append(words[:at+1], words[at:]...)
				case 2:
					words[at] = others[random.Intn(len(others))]
				case 3:
					words = append(words[:at], append([]string{others[random.Intn(len(others))]}, words[at:]...)...)
				}
			}
			if expr := strings.Join(words, ""); utf8.ValidString(expr) && len(expr) < 300 && !message.MatchString(expr) {
				all = append(all, expr)
			}
		}
	}
	return all
}
