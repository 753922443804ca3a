// Makes the data of the tests of annex-schema (tests/cases/oracle.rs): what k8s.io/apiextensions-apiserver says of definitions and makes of
// objects.
//
//	go run . CORPUS SEED COUNT [RULES] > FILE    the cases of CORPUS, COUNT random ones, and RULES with rules
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand"
	"os"
	"strconv"
)

type object = map[string]any

var random *rand.Rand

func main() {
	seed, count := must(strconv.ParseInt(os.Args[2], 10, 64)), must(strconv.Atoi(os.Args[3]))
	random = rand.New(rand.NewSource(seed))
	var cases []Case
	decoder := json.NewDecoder(bytes.NewReader(must(os.ReadFile(os.Args[1]))))
	check(decoder.Decode(&cases))
	for range count {
		cases = append(cases, randomCase())
	}
	if len(os.Args) > 4 {
		cases = append(cases, casesWithRules(must(strconv.Atoi(os.Args[4])))...)
	}
	out := bufio.NewWriter(os.Stdout)
	written := 0
	for _, c := range cases {
		c.judge()
		if c.Errors.varies {
			continue
		}
		out.WriteString([]string{"[\n", ",\n"}[min(written, 1)])
		written++
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		check(encoder.Encode(c))
	}
	out.WriteString("]\n")
	check(out.Flush())
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

func often(percent int) bool { return random.Intn(100) < percent }

func one[T any](of ...T) T { return of[random.Intn(len(of))] }
