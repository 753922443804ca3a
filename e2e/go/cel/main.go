// Makes the data of the tests of annex-cel (tests/facts): what cel-go 0.26 and Kubernetes 0.36 say of expressions and rules.
//
//	go run . expressions > FILE   the expressions of Kubernetes' library tests and of cel-spec's conformance suite
//	go run . rules > FILE         the rules of the tests of schemas, with objects: whether they compile, what they cost and give,
//	                              and what becomes of objects that are varied (the module's own test that counts messages fails of that)
//
// Tests of the modules are run for it, from copies in which what they call also writes down what it was called with. Nothing of them is
// kept but facts: inputs, verdicts, messages and costs, a line of JSON each.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	switch os.Args[1] {
	case "expressions":
		lines := map[string]bool{}
		for _, expr := range libraryExpressions() {
			lines[string(must(json.Marshal(judge(expr, "library"))))] = true
		}
		for _, expr := range conformanceExpressions() {
			lines[string(must(json.Marshal(judge(expr, "conformance"))))] = true
		}
		for _, expr := range spoiled(append(libraryExpressions(), conformanceExpressions()...), 3) {
			lines[string(must(json.Marshal(judge(expr, "spoiled"))))] = true
		}
		write(out, lines)
	case "rules":
		lines := map[string]bool{}
		for _, line := range recordedRules() {
			lines[line] = true
		}
		write(out, lines)
	}
	check(out.Flush())
}

func write(out *bufio.Writer, lines map[string]bool) {
	sorted := make([]string, 0, len(lines))
	for line := range lines {
		sorted = append(sorted, line)
	}
	sort.Strings(sorted)
	for _, line := range sorted {
		out.WriteString(line)
		out.WriteByte('\n')
	}
}

// The directory of a module in the cache.
func module(name string) string {
	return strings.TrimSpace(string(must(exec.Command("go", "list", "-m", "-f", "{{.Dir}}", name).Output())))
}

// Runs the tests of a package of a module, in a copy of it with changed and added files, and returns the lines that they wrote.
func record(name, pkg string, replace map[string]string) []string {
	dir := must(os.MkdirTemp("", "cel"))
	defer os.RemoveAll(dir)
	from, copied := module(name), filepath.Join(dir, "module")
	check(os.CopyFS(copied, os.DirFS(from)))
	for path, text := range replace {
		path = filepath.Join(copied, pkg, path)
		os.Remove(path)
		check(os.WriteFile(path, []byte(text), 0o644))
	}
	modfile := filepath.Join(dir, "go.mod")
	check(os.WriteFile(modfile, append(must(os.ReadFile("go.mod")), fmt.Sprintf("\nreplace %s => %s\n", name, copied)...), 0o644))
	check(os.WriteFile(filepath.Join(dir, "go.sum"), must(os.ReadFile("go.sum")), 0o644))
	facts := filepath.Join(dir, "facts")
	cmd := exec.Command("go", "test", "-vet=off", "-count=1", "-mod=mod", "-modfile", modfile, name+"/"+pkg)
	cmd.Env = append(os.Environ(), "CEL_FACTS="+facts)
	output, err := cmd.CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s\n", pkg, err, tail(output))
	}
	content := must(os.ReadFile(facts))
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

func tail(output []byte) []byte {
	return output[max(0, len(output)-3000):]
}

const recorder = `
import (
	"encoding/json"
	"os"
	"sync"
)

var factsLock sync.Mutex

func recordFact(fact any) {
	line, err := json.Marshal(fact)
	if err != nil {
		return
	}
	factsLock.Lock()
	defer factsLock.Unlock()
	file, err := os.OpenFile(os.Getenv("CEL_FACTS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	file.Write(append(line, '\n'))
	file.Close()
}
`

var helper = regexp.MustCompile(`(?m)^func test(Quantity|IP|CIDR|Semver|Cost)\(t \*testing\.T, expr string,.*\{$`)

// The expressions of the tests of k8s.io/apiserver/pkg/cel/library.
func libraryExpressions() []string {
	const pkg = "pkg/cel/library"
	dir := filepath.Join(module("k8s.io/apiserver"), pkg)
	replace := map[string]string{}
	for _, name := range []string{"cidr", "cost", "format", "ip", "quantity", "semver"} {
		name += "_test.go"
		text := string(must(os.ReadFile(filepath.Join(dir, name))))
		replace[name] = helper.ReplaceAllString(text, "$0\n\trecordFact(expr)")
	}
	replace["zz_facts_test.go"] = "package library_test\n" + recorder
	replace["zz_facts_inner_test.go"] = "package library\n" + recorder
	seen := map[string]bool{}
	var all []string
	for _, line := range record("k8s.io/apiserver", pkg, replace) {
		var expr string
		check(json.Unmarshal([]byte(line), &expr))
		if !seen[expr] {
			seen[expr] = true
			all = append(all, expr)
		}
	}
	return all
}

// The expressions of cel-spec's conformance suite, as far as they need no variables.
func conformanceExpressions() []string {
	dir := filepath.Join(module("cel.dev/expr"), "tests/simple/testdata")
	var all []string
	for _, path := range must(filepath.Glob(filepath.Join(dir, "*.textproto"))) {
		all = append(all, expressions(must(os.ReadFile(path)))...)
	}
	return all
}

var (
	exprField = regexp.MustCompile(`(?m)^\s*expr:\s*`)
	// Messages of protobuf, of which a schema has none.
	message   = regexp.MustCompile(`google\.protobuf\.\w+\{`)
	container = regexp.MustCompile(`(?m)^\s*(container|type_env|bindings|disable_check|disable_macros)\b`)
)

// The values of the fields "expr" of a text of protobuf, of tests without variables.
func expressions(text []byte) []string {
	var all []string
	for _, test := range bytes.Split(text, []byte("\n  test")) {
		at := exprField.FindIndex(test)
		if at == nil || container.Match(test) {
			continue
		}
		if expr, ok := unquote(test[at[1]:]); ok && !message.MatchString(expr) {
			all = append(all, expr)
		}
	}
	return all
}

// A string of protobuf's text, several one behind the other being one.
func unquote(text []byte) (string, bool) {
	var out []byte
	any := false
	for {
		text = bytes.TrimLeft(text, " \t\n\r")
		if len(text) == 0 || (text[0] != '"' && text[0] != '\'') {
			return string(out), any
		}
		any = true
		quote := text[0]
		i := 1
		for i < len(text) && text[i] != quote {
			if text[i] != '\\' {
				out = append(out, text[i])
				i++
				continue
			}
			i++
			switch c := text[i]; c {
			case 'n':
				out = append(out, '\n')
			case 't':
				out = append(out, '\t')
			case 'r':
				out = append(out, '\r')
			case 'a':
				out = append(out, 7)
			case 'b':
				out = append(out, 8)
			case 'f':
				out = append(out, 12)
			case 'v':
				out = append(out, 11)
			case 'x':
				var n int
				fmt.Sscanf(string(text[i+1:i+3]), "%x", &n)
				out = append(out, byte(n))
				i += 2
			case '0', '1', '2', '3':
				var n int
				fmt.Sscanf(string(text[i:i+3]), "%o", &n)
				out = append(out, byte(n))
				i += 2
			case 'u', 'U':
				digits := 4
				if c == 'U' {
					digits = 8
				}
				var n int
				fmt.Sscanf(string(text[i+1:i+1+digits]), "%x", &n)
				out = append(out, string(rune(n))...)
				i += digits
			default:
				out = append(out, c)
			}
			i++
		}
		if i >= len(text) {
			return "", false
		}
		text = text[i+1:]
	}
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
