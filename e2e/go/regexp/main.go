// What Go's regexp says of patterns, for the tests of annex-re2 (tests/verdicts.rs); and the tables of Unicode that it reads
// patterns by.
//
//	go run . cases CORPUS SEED COUNT > FILE    the patterns of CORPUS (a JSON list) and COUNT random ones, each with strings
//	go run . tables > src/unicode/tables.rs
package main

import (
	"bufio"
	"encoding/json"
	"math/rand"
	"os"
	"regexp"
	"strconv"
)

// One pattern: what it is refused for, or which of the strings it matches.
type verdict struct {
	Pattern string   `json:"pattern"`
	Error   string   `json:"error,omitempty"`
	Strings []string `json:"strings,omitempty"`
	// A letter for each string: y or n.
	Matches string `json:"matches,omitempty"`
}

func main() {
	switch os.Args[1] {
	case "tables":
		tables()
	case "cases":
		seed, count := must(strconv.ParseInt(os.Args[3], 10, 64)), must(strconv.Atoi(os.Args[4]))
		random = rand.New(rand.NewSource(seed))
		var corpus []string
		check(json.Unmarshal(must(os.ReadFile(os.Args[2])), &corpus))
		out := bufio.NewWriter(os.Stdout)
		out.WriteString("[\n")
		for i := range len(corpus) + count {
			pattern := ""
			if i < len(corpus) {
				pattern = corpus[i]
			} else {
				out.WriteString(",\n")
				pattern = randomPattern()
			}
			if 0 < i && i < len(corpus) {
				out.WriteString(",\n")
			}
			out.Write(must(json.Marshal(judge(pattern))))
		}
		out.WriteString("\n]\n")
		check(out.Flush())
	}
}

func judge(pattern string) verdict {
	v := verdict{Pattern: pattern}
	re, err := regexp.Compile(pattern)
	if err != nil {
		v.Error = err.Error()
		return v
	}
	for range 4 {
		v.Strings = append(v.Strings, randomString(pattern))
	}
	v.Strings = append(v.Strings, likely(pattern)...)
	for _, s := range v.Strings {
		if re.MatchString(s) {
			v.Matches += "y"
		} else {
			v.Matches += "n"
		}
	}
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
