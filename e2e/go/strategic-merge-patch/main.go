// Makes the data of a test of annex-apiserver (apiserver/src/endpoint/patch/strategic/tests/oracle.rs): random objects of the
// type Root, patches of which two in five are hostile, and what k8s.io/apimachinery's strategicpatch makes of them.
//
//	go run . SEED CASES BYTES
//
// There are so many cases, of so many bytes at most each.
// Each line is a fact: `original`, `patch`, and the `outcomes`, of which there are several where they follow Go's order of maps:
// `patched` with what is `left` of the patch (absent: the patch itself), an `error`, or a `panic`.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

type Inner struct {
	X   string   `json:"x,omitempty"`
	Y   string   `json:"y,omitempty"`
	Set []string `json:"set,omitempty" patchStrategy:"merge"`
}

type Port struct {
	Port     int64  `json:"port"`
	Protocol string `json:"protocol,omitempty"`
	Inner    Inner  `json:"inner,omitempty"`
}

type Item struct {
	Name  string   `json:"name"`
	Value int64    `json:"value,omitempty"`
	Tags  []string `json:"tags,omitempty" patchStrategy:"merge"`
	Ports []Port   `json:"ports,omitempty" patchStrategy:"merge" patchMergeKey:"port"`
	Inner Inner    `json:"inner,omitempty"`
}

type Union struct {
	Name string `json:"name"`
	A    Inner  `json:"a,omitempty"`
	B    Inner  `json:"b,omitempty"`
}

type Root struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Text     string            `json:"text,omitempty"`
	Set      []string          `json:"set,omitempty" patchStrategy:"merge"`
	Numbers  []int64           `json:"numbers,omitempty" patchStrategy:"merge"`
	Plain    []string          `json:"plain,omitempty"`
	Items    []Item            `json:"items,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	Keyless  []Item            `json:"keyless,omitempty" patchStrategy:"merge"`
	Listed   []Item            `json:"listed,omitempty"`
	Lists    [][]string        `json:"lists,omitempty" patchStrategy:"merge"`
	Replaced Item              `json:"replaced,omitempty" patchStrategy:"replace"`
	Union    Union             `json:"union,omitempty" patchStrategy:"retainKeys"`
	Unions   []Union           `json:"unions,omitempty" patchStrategy:"merge,retainKeys" patchMergeKey:"name"`
	Wrong    []string          `json:"wrong,omitempty" patchStrategy:"merge,replace"`
	Labels   map[string]string `json:"labels,omitempty"`
	Map      map[string]Item   `json:"map,omitempty"`
	Inner    Inner             `json:"inner,omitempty"`
}

type object = map[string]any

var random *rand.Rand

func main() {
	random = rand.New(rand.NewSource(int64(must(strconv.Atoi(os.Args[1])))))
	out := bufio.NewWriter(os.Stdout)
	for cases := must(strconv.Atoi(os.Args[2])); cases > 0; {
		hostile = often(40)
		original, patch := root(), patchOf("root")
		fact := must(json.Marshal(object{"original": original, "patch": patch, "outcomes": outcomes(original, patch)}))
		if len(fact) < must(strconv.Atoi(os.Args[3])) {
			must(out.Write(append(fact, '\n')))
			cases--
		}
	}
	if err := out.Flush(); err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What Go makes of a patch.

func outcomes(original, patch any) []any {
	was, did := string(must(json.Marshal(original))), string(must(json.Marshal(patch)))
	found := map[string]any{}
	most := 8
	if strings.Contains(did, "$deleteFromPrimitiveList") {
		most = 100
	}
	for runs := 0; runs < most; runs++ {
		outcome := apply(was, did)
		found[string(must(json.Marshal(outcome)))] = outcome
		if len(found) > 1 {
			most = 100
		}
	}
	var texts []string
	for text := range found {
		texts = append(texts, text)
	}
	sort.Strings(texts)
	var all []any
	for _, text := range texts {
		all = append(all, found[text])
	}
	return all
}

func apply(was, did string) (outcome any) {
	defer func() {
		if reason := recover(); reason != nil {
			outcome = object{"panic": fmt.Sprint(reason)}
		}
	}()
	var original, patch object
	if err := utiljson.Unmarshal([]byte(was), &original); err != nil {
		panic(err)
	}
	if err := utiljson.Unmarshal([]byte(did), &patch); err != nil {
		panic(err)
	}
	clip(original)
	patched, err := strategicpatch.StrategicMergeMapPatch(original, patch, Root{})
	if err != nil {
		return object{"error": err.Error()}
	}
	out := object{"patched": must(copied(patched))}
	if left := string(must(json.Marshal(patch))); left != did {
		out["left"] = json.RawMessage(left)
	}
	return out
}

func copied(v any) (any, error) {
	text, err := json.Marshal(v)
	return json.RawMessage(text), err
}

// Takes the room behind the elements of all lists: where there is some, Go's merge writes to it, and the result depends on how
// the object was decoded.
func clip(v any) any {
	switch v := v.(type) {
	case object:
		for key, value := range v {
			v[key] = clip(value)
		}
	case []any:
		for i, value := range v {
			v[i] = clip(value)
		}
		return slices.Clip(v)
	}
	return v
}

// Objects.

var hostile bool

func one[T any](of ...T) T { return of[random.Intn(len(of))] }

func often(percent int) bool { return random.Intn(100) < percent }

func word() any   { return one("a", "b", "c", "d", "e") }
func number() any { return one(1, 2, 3, 80) }

func length() int {
	if often(3) {
		return 15 + random.Intn(35)
	}
	return random.Intn(5)
}

func list(item func() any) any {
	out := []any{}
	for range length() {
		out = append(out, item())
	}
	return out
}

// Of a long list, words of which most are different.
func words() any {
	n := length()
	out := []any{}
	for range n {
		if n > 5 {
			out = append(out, fmt.Sprint("w", random.Intn(2*n)))
		} else {
			out = append(out, word())
		}
	}
	return out
}

func mapOf(item func() any) any {
	out := object{}
	for range random.Intn(3) {
		out[word().(string)] = item()
	}
	return out
}

type fields map[string]func() any

// Some of the fields.
func some(percent int, of fields) object {
	out := object{}
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if often(percent) {
			out[name] = of[name]()
		}
	}
	return out
}

func with(out object, name string, value any) object {
	out[name] = value
	return out
}

func inner() any { return some(50, fields{"x": word, "y": word, "set": words}) }

func port() any {
	return with(some(40, fields{"protocol": word, "inner": inner}), "port", number())
}

func item() any {
	return with(some(35, fields{"value": number, "tags": words, "ports": func() any { return list(port) }, "inner": inner}), "name", word())
}

func union() any { return with(some(50, fields{"a": inner, "b": inner}), "name", word()) }

func owner() any { return some(70, fields{"uid": word, "name": word, "kind": word}) }

func ownerWithUID() any { return with(owner().(object), "uid", word()) }

func items() any { return list(item) }

func metadata() any {
	return some(60, fields{
		"labels": func() any { return mapOf(word) }, "annotations": func() any { return mapOf(word) }, "finalizers": words,
		"ownerReferences": func() any { return list(ownerWithUID) }, "name": word,
	})
}

func root() any {
	out := some(one(20, 45), fields{
		"text": word, "set": words, "numbers": func() any { return list(number) }, "plain": words, "items": items, "keyless": items,
		"listed": items, "replaced": item, "union": union, "unions": func() any { return list(union) }, "wrong": words,
		"labels": func() any { return mapOf(word) }, "map": func() any { return mapOf(item) }, "inner": inner, "metadata": metadata,
	})
	if hostile && often(10) {
		out["lists"] = list(words)
	}
	if hostile && often(10) {
		out[one("items", "set", "unions")] = list(anything)
	}
	return out
}

// Patches.

func anything() any {
	switch random.Intn(12) {
	case 0:
		return nil
	case 1:
		return number()
	case 2:
		return one[any](true, 2.5, -0.25, 1e21, 0.00001)
	case 3:
		return object{}
	case 4:
		return []any{}
	case 5:
		return words()
	case 6:
		return item()
	case 7:
		return object{"name": one[any](nil, object{}, []any{}, 1, true)}
	case 8:
		return list(item)
	case 9:
		return []any{anything(), anything()}
	case 10:
		return object{one("$patch", "$retainKeys", "x", "name"): one[any]("delete", "replace", "merge", "x", nil, 1, words())}
	default:
		return word()
	}
}

// How each field of a type is patched: `values` are merged or replaced, as are `objects` of a type; `type` is an object.
type field struct{ values, objects, key, of string }

var types = map[string]map[string]field{
	"root": {
		"text": {}, "set": {values: "merge"}, "numbers": {values: "numbers"}, "plain": {values: "replace"},
		"items": {objects: "item", key: "name"}, "keyless": {objects: "item"}, "listed": {objects: "item", key: "name"},
		"replaced": {of: "item"}, "union": {of: "union"}, "unions": {objects: "union", key: "name"}, "wrong": {values: "merge"},
		"labels": {of: "labels"}, "map": {of: "map"}, "inner": {of: "inner"}, "metadata": {of: "metadata"},
	},
	"item":     {"name": {}, "value": {}, "tags": {values: "merge"}, "ports": {objects: "port", key: "port"}, "inner": {of: "inner"}},
	"port":     {"port": {}, "protocol": {}, "inner": {of: "inner"}},
	"inner":    {"x": {}, "y": {}, "set": {values: "merge"}},
	"union":    {"name": {}, "a": {of: "inner"}, "b": {of: "inner"}},
	"labels":   {"a": {}, "b": {}, "c": {}},
	"map":      {"a": {of: "item"}, "b": {of: "item"}},
	"metadata": {"name": {}, "labels": {of: "labels"}, "finalizers": {values: "merge"}, "ownerReferences": {objects: "owner", key: "uid"}},
	"owner":    {"uid": {}, "name": {}, "kind": {}},
}

func keyOf(name string) any {
	if name == "port" {
		return number()
	}
	return word()
}

func patchOf(of string) any {
	out := object{}
	names := make([]string, 0)
	for name := range types[of] {
		names = append(names, name)
	}
	sort.Strings(names)
	density := one(15, 40)
	for _, name := range names {
		if !often(density) {
			continue
		}
		field := types[of][name]
		switch {
		case often(8):
			out[name] = nil
		case hostile && often(12):
			out[name] = anything()
		case field.values != "":
			patchValues(out, name, field)
		case field.objects != "":
			patchObjects(out, name, field)
		case field.of != "":
			out[name] = patchOf(field.of)
		case name == "value" || name == "port":
			out[name] = number()
		default:
			out[name] = word()
		}
	}
	if often(4) {
		out["$patch"] = one[any]("replace", "delete")
	}
	if often(5) {
		out["$retainKeys"] = retained(out, names)
	}
	if hostile && often(10) {
		name := one(names...)
		key := one("$patch", "$retainKeys", "$setElementOrder/"+name, "$deleteFromPrimitiveList/"+name, "$setElementOrder",
			"$deleteFromPrimitiveList", "$deleteFromPrimitiveList/", "$setElementOrder/", "$setElementOrder/"+name+"/x", "unknown",
			"$setElementOrder/unknown", "$deleteFromPrimitiveLists/"+name, "$setElementOrder/SET")
		out[key] = one[any](anything(), anything(), words(), list(anything), "replace", "merge", "x")
	}
	return out
}

func retained(patch object, names []string) any {
	out := []any{}
	for _, name := range names {
		if patch[name] != nil && !(hostile && often(10)) {
			out = append(out, name)
		}
	}
	for range random.Intn(3) {
		out = append(out, one(names...))
	}
	return out
}

func patchValues(out object, name string, field field) {
	make := words
	if field.values == "numbers" {
		make = func() any { return list(number) }
	}
	if often(75) {
		out[name] = make()
	}
	if often(30) {
		out["$deleteFromPrimitiveList/"+name] = make()
	}
	if often(35) {
		order(out, name, func(v any) any { return v }, make().([]any))
	}
}

func patchObjects(out object, name string, field field) {
	if often(80) {
		elements := []any{}
		for range length() {
			element := patchOf(field.objects).(object)
			delete(element, "$patch")
			if field.key != "" && !(hostile && often(8)) {
				element[field.key] = keyOf(field.key)
			}
			if often(15) {
				element = object{"$patch": one("delete", "delete", "replace")}
				if field.key != "" && !(hostile && often(10)) {
					element[field.key] = keyOf(field.key)
				}
			}
			if _, ok := element["$retainKeys"]; ok && field.key != "" && !hostile {
				element["$retainKeys"] = append(element["$retainKeys"].([]any), field.key)
			}
			elements = append(elements, element)
		}
		out[name] = elements
	}
	if often(35) {
		key := field.key
		if key == "" {
			key = "name"
		}
		var more []any
		for range random.Intn(4) {
			more = append(more, object{key: keyOf(key)})
		}
		order(out, name, func(v any) any { return object{key: v.(object)[key]} }, more)
	}
}

// Adds a `$setElementOrder` that fits the patch's list: all that it has in its order, and more in between.
func order(out object, name string, of func(any) any, more []any) {
	elements, _ := out[name].([]any)
	wanted := []any{}
	for _, element := range elements {
		if fields, ok := element.(object); ok && fields["$patch"] != nil {
			continue
		}
		for len(more) > 0 && often(40) {
			wanted, more = append(wanted, more[0]), more[1:]
		}
		wanted = append(wanted, of(element))
	}
	wanted = append(wanted, more...)
	if hostile && often(20) {
		random.Shuffle(len(wanted), func(i, j int) { wanted[i], wanted[j] = wanted[j], wanted[i] })
	}
	if hostile && often(20) {
		wanted = append(wanted, anything())
	}
	if often(10) {
		wanted = []any{}
	}
	out["$setElementOrder/"+name] = wanted
}
