// Makes the data of the tests of annex-yaml (tests/cases/oracle.rs): what sigs.k8s.io/yaml makes of documents, or says of them.
//
//	go run . CORPUS SEED COUNT > FILE    the documents of CORPUS, and COUNT random ones
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// One document: as text, as bytes where it is no text, or as pieces that are repeated; what becomes of it, or what is said of it.
type fact struct {
	Topic  string  `json:"topic,omitempty"`
	Text   string  `json:"text,omitempty"`
	Bytes  []byte  `json:"bytes,omitempty"`
	Pieces []piece `json:"pieces,omitempty"`
	// Why annex-yaml reads it otherwise.
	Differs string          `json:"differs,omitempty"`
	JSON    json.RawMessage `json:"json,omitempty"`
	Error   string          `json:"error,omitempty"`
	// What YAMLToJSONStrict says of a document that YAMLToJSON takes.
	Strict string `json:"strict,omitempty"`
}

type piece struct {
	Text  string `json:"text"`
	Times int    `json:"times"`
}

func (f *fact) body() []byte {
	if f.Pieces == nil {
		return append([]byte(f.Text), f.Bytes...)
	}
	var body bytes.Buffer
	for _, p := range f.Pieces {
		for range p.Times {
			body.WriteString(p.Text)
		}
	}
	return body.Bytes()
}

func main() {
	seed, count := must(strconv.ParseInt(os.Args[2], 10, 64)), must(strconv.Atoi(os.Args[3]))
	random = rand.New(rand.NewSource(seed))
	var facts []fact
	check(json.Unmarshal(must(os.ReadFile(os.Args[1])), &facts))
	for _, f := range facts {
		if f.Pieces == nil && f.Differs == "" && len(f.Text) < 1000 && f.Topic != "depth" {
			known = append(known, string(f.body()))
		}
	}
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	write := func(f fact) {
		if f.judge() {
			check(encoder.Encode(f))
		}
	}
	for _, f := range facts {
		write(f)
	}
	for range count {
		body := randomDocument()
		if utf8.Valid(body) {
			write(fact{Text: string(body)})
		} else {
			write(fact{Bytes: body})
		}
	}
	check(out.Flush())
}

// Go walks through maps in no order: what it says of one of several faults may be of any.
func attempts(body []byte) int {
	if len(body) > 2000 {
		return 2
	}
	return 64
}

// Whether Go has one answer, and does not panic.
func (f *fact) judge() (has bool) {
	defer func() {
		if fault := recover(); fault != nil {
			fmt.Fprintf(os.Stderr, "left out, since Go panics: %q: %v\n", f.body(), fault)
			has = false
		}
	}()
	body := f.body()
	for attempt := range attempts(body) {
		made, err := yaml.YAMLToJSON(body)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if attempt > 0 && (text != f.Error || !bytes.Equal(made, f.JSON)) {
			fmt.Fprintf(os.Stderr, "left out, since Go has several answers: %q\n", body)
			return false
		}
		f.JSON, f.Error = made, text
	}
	if f.Error == "" {
		if _, err := yaml.YAMLToJSONStrict(body); err != nil {
			f.Strict = err.Error()
		}
	}
	if f.Error == "" {
		f.JSON = normalized(f.JSON)
	}
	// What is large or deep is not kept.
	if f.Topic == "depth" || f.Pieces != nil && len(f.JSON) > 2000 {
		f.JSON = nil
	}
	return true
}

// JSON with each float in one form, since serde_json rounds it by the way in which it is written.
func normalized(text []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	check(decoder.Decode(&value))
	return must(json.Marshal(inOneForm(value)))
}

func inOneForm(value any) any {
	switch value := value.(type) {
	case json.Number:
		if _, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return value
		}
		if _, err := strconv.ParseUint(string(value), 10, 64); err == nil {
			return value
		}
		return json.Number(strconv.FormatFloat(must(value.Float64()), 'e', -1, 64))
	case []any:
		for i, element := range value {
			value[i] = inOneForm(element)
		}
	case map[string]any:
		for name, field := range value {
			value[name] = inOneForm(field)
		}
	}
	return value
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
