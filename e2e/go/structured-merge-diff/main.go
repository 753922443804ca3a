// Makes the data of the tests of annex-structured-merge-diff (tests/cases/oracle.rs): random objects of the types in SCHEMA, and what
// sigs.k8s.io/structured-merge-diff makes of them.
//
//	go run . SCHEMA SEED PAIRS SEQUENCES
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

type object = map[string]any

var (
	random *rand.Rand
	parser *typed.Parser
)

func main() {
	numbers := make([]int, 3)
	for i := range numbers {
		numbers[i] = must(strconv.Atoi(os.Args[i+2]))
	}
	random = rand.New(rand.NewSource(int64(numbers[0])))
	parser = must(typed.NewParser(typed.YAMLObject(must(os.ReadFile(os.Args[1])))))
	var pairs, sequences, invalid, keys, fields []any
	for range numbers[1] {
		pairs = append(pairs, pair())
		invalid = append(invalid, invalidObject())
	}
	for range 10 * numbers[1] {
		keys = append(keys, key())
		fields = append(fields, fieldsV1())
	}
	for range numbers[2] {
		sequences = append(sequences, sequence())
	}
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(object{
		"pairs": pairs, "invalid": invalid, "sequences": sequences, "keys": keys, "fields": fields,
	}); err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func one[T any](of ...T) T { return of[random.Intn(len(of))] }

func often(percent int) bool { return random.Intn(100) < percent }

// Values.

func text() any   { return one("a", "b", "c", "d<", "é\"\\") }
func number() any { return one[any](int64(1), int64(2), 2.5, int64(80), int64(9007199254740993), 1e21) }

func list(item func() any) any {
	if often(5) {
		return nil
	}
	out := []any{}
	for range random.Intn(5) {
		out = append(out, item())
	}
	return out
}

func mapOf(item func() any) any {
	if often(5) {
		return nil
	}
	out := object{}
	for range random.Intn(4) {
		out[text().(string)] = item()
	}
	return out
}

func item() any {
	out := object{"name": text()}
	add := func(name string, make func() any) {
		if often(35) {
			out[name] = make()
		}
	}
	add("value", number)
	add("tags", func() any { return list(text) })
	add("labels", func() any { return mapOf(text) })
	add("inner", func() any {
		inner := object{}
		if often(60) {
			inner["x"] = text()
		}
		if often(60) {
			inner["y"] = text()
		}
		return inner
	})
	return out
}

func port() any {
	out := object{"port": one[any](int64(80), int64(443), 80.0)}
	if often(50) {
		out["protocol"] = one[any]("TCP", "UDP", nil)
	}
	if often(50) {
		out["name"] = text()
	}
	return out
}

func anything(depth int) func() any {
	return func() any {
		switch n := random.Intn(8); {
		case n < 2:
			return text()
		case n < 3:
			return number()
		case n < 4:
			return one[any](nil, true, false)
		case n < 6 || depth == 0:
			return list(text)
		default:
			return mapOf(anything(depth - 1))
		}
	}
}

func root(depth int, density int) object {
	out := object{}
	add := func(name string, make func() any) {
		if often(density) {
			out[name] = make()
		}
	}
	add("numeric", number)
	add("string", text)
	add("bool", func() any { return one[any](true, false, nil) })
	add("set", func() any { return list(text) })
	add("numbers", func() any { return list(number) })
	add("list", func() any { return list(item) })
	add("ports", func() any { return list(port) })
	add("atomicList", func() any { return list(item) })
	add("map", func() any { return mapOf(text) })
	add("mapOfMaps", func() any { return mapOf(func() any { return mapOf(number) }) })
	add("atomicMap", func() any { return mapOf(text) })
	add("struct", item)
	add("atomicStruct", item)
	add("overriddenList", func() any { return list(text) })
	add("any", anything(2))
	add("separable", anything(2))
	if depth > 0 {
		add("nested", func() any { return root(depth-1, density) })
	}
	return out
}

// An object of a type.
func valid(of typed.ParseableType, duplicates bool) *typed.TypedValue {
	for {
		v := root(1, one(15, 30))
		if *of.TypeRef.NamedType == "v2" {
			rename(v, "numeric", "number")
			rename(v, "list", "items")
		}
		if *of.TypeRef.NamedType == "atomic" {
			for _, name := range []string{"atomicList", "atomicMap", "atomicStruct", "overriddenList", "separable"} {
				delete(v, name)
			}
		}
		var options []typed.ValidationOptions
		if duplicates {
			options = append(options, typed.AllowDuplicates)
		}
		if tv, err := of.FromUnstructured(any(v), options...); err == nil {
			return tv
		}
	}
}

func rename(v object, from, to string) {
	if x, ok := v[from]; ok {
		delete(v, from)
		v[to] = x
	}
}

// Two objects: their fields, differences and merge.

func encoded(set *fieldpath.Set) any { return string(must(set.ToJSON())) }

func pair() any {
	l, r := valid(parser.Type("v1"), true), valid(parser.Type("v1"), often(30))
	ls, rs := must(l.ToFieldSet()), must(r.ToFieldSet())
	out := object{
		"left": l.AsValue().Unstructured(), "right": r.AsValue().Unstructured(),
		"leftSet": encoded(ls), "rightSet": encoded(rs), "lines": ls.String(),
		"union": encoded(ls.Union(rs)), "intersection": encoded(ls.Intersection(rs)),
		"difference": encoded(ls.Difference(rs)), "recursiveDifference": encoded(ls.RecursiveDifference(rs)),
		"leaves": encoded(ls.Leaves()), "named": encoded(ls.EnsureNamedFieldsAreMembers(l.Schema(), l.TypeRef())),
		"fromValue": encoded(fieldpath.SetFromValue(l.AsValue())),
		"removed":   l.RemoveItems(rs).AsValue().Unstructured(), "extracted": l.ExtractItems(rs).AsValue().Unstructured(),
		"extractedWithKeys": l.ExtractItems(rs.Leaves(), typed.WithAppendKeyFields()).AsValue().Unstructured(),
		"included":          encoded(ls.FilterIncludeMatches(fieldpath.MakePrefixMatcherOrDie("list", fieldpath.MatchAnyPathElement(), "labels"))),
	}
	compared := must(l.Compare(r))
	out["compared"] = []any{encoded(compared.Removed), encoded(compared.Modified), encoded(compared.Added)}
	if merged, err := l.Merge(r); err == nil {
		out["merged"] = merged.AsValue().Unstructured()
	}
	atomic := typed.AsTypedUnvalidated(l.AsValue(), l.Schema(), parser.Type("atomic").TypeRef)
	if set := must(typed.ReconcileFieldSetWithSchema(ls, atomic)); set != nil && !set.Equals(ls) {
		out["reconciled"] = encoded(set)
	}
	return out
}

// An object with one fault, and what Go says of it.
func invalidObject() any {
	for {
		v := root(1, 20)
		// Go looks at fields in no order and stops at one that is not declared: there may be no other fault.
		if _, err := parser.Type("v1").FromUnstructured(any(v)); err != nil {
			continue
		}
		field := one("numeric", "string", "bool", "set", "numbers", "list", "ports", "map", "mapOfMaps", "struct", "any", "separable", "zz")
		v[field] = one(text, number, anything(1), func() any { return list(anything(1)) }, func() any { return mapOf(anything(1)) },
			func() any { return []any{object{"name": "a", "value": text()}} }, func() any { return []any{object{"value": int64(1)}} },
			func() any { return object{"inner": object{"x": number()}} })()
		_, err := parser.Type("v1").FromUnstructured(any(v))
		var errs typed.ValidationErrors
		certain := field == "zz" || err == nil || !strings.HasSuffix(err.Error(), "field not declared in schema")
		if errors.As(err, &errs) && len(errs) == 1 && certain {
			return object{"object": v, "error": err.Error()}
		}
	}
}

// FieldsV1 and its keys, spoiled: what is read of them, and how that is written and shown.

func spoil(text string, with []string) string {
	for range random.Intn(3) {
		at := random.Intn(len(text) + 1)
		switch random.Intn(3) {
		case 0:
			text = text[:at] + one(with...) + text[at:]
		case 1:
			end := min(len(text), at+1+random.Intn(3))
			text = text[:at] + text[end:]
		default:
			end := min(len(text), at+1)
			text = text[:at] + one(with...) + text[end:]
		}
	}
	return text
}

var pieces = []string{
	`"`, `\\`, `\n`, `\u00e9`, `\ud83d`, `\ude00`, `,`, `:`, `{`, `}`, `[`, `]`, `0`, `1`, `-`, `+`, `.`, `e`, `E`, ` `, "\n", "\t",
	`null`, `true`, `false`, `<`, `&`, `a`, `.5`, `e3`, `"a":1`, `{}`, `[]`,
}

func key() any {
	text := spoil(one(`v:1`, `v:-12.50e+3`, `v:"a"`, `v:"a\tb"`, `v:[1,"a",null]`, `v:{"a":{"b":true}}`, `v:null`, `v:false`,
		`k:{"name":"a"}`, `k:{"port":80,"protocol":"TCP"}`, `k:{"b":1.5,"a":null}`, `i:1`, `i:-20`, `f:a`, `f:a"b`, `r:x`,
		`v:123456789012345678`, `v:0.000001`, `v:1e21`, `v:0.1234567`), pieces)
	out := object{"key": text}
	if element, err := fieldpath.DeserializePathElement(text); err == nil {
		out["written"] = must(fieldpath.SerializePathElement(element))
		out["shown"] = element.String()
	}
	return out
}

func fieldsV1() any {
	text := spoil(one(`{"f:a":{},"f:b":{".":{},"f:c":{}}}`, `{"f:b":{"v:1":{},"i:3":{}},"f:a":{"k:{\"name\":\"x\"}":{".":{},"f:name":{}}}}`,
		`{".":{},"f:a":{"f:b":{"f:c":{}}},"f:a":{"f:d":{}}}`, `{"r:a":{"x":[1,{"y":2}]},"f:a":null}`), append(pieces, `"f:b":{},`, `".":{},`))
	out := object{"fields": text}
	set := fieldpath.NewSet()
	if err := set.FromJSON(strings.NewReader(text)); err == nil {
		out["written"] = encoded(set)
	}
	return out
}

// Writes by several managers.

// Has the type of each version: `v1` may become another one, and `deduced` is that of all.
type converter struct{ v1 string }

func (c *converter) typeOf(version string) typed.ParseableType {
	switch {
	case c.v1 == "deduced":
		return parser.Type("__untyped_deduced_")
	case version == "v1":
		return parser.Type(c.v1)
	default:
		return parser.Type(version)
	}
}

var errMissing = errors.New("no such version")

func (c *converter) Convert(v *typed.TypedValue, version fieldpath.APIVersion) (*typed.TypedValue, error) {
	if version != "v1" && version != "v2" {
		return v, errMissing
	}
	from, to := *v.TypeRef().NamedType, c.typeOf(string(version)).TypeRef
	if from == *to.NamedType {
		return v, nil
	}
	converted := v.AsValue().Unstructured()
	if fields, ok := converted.(object); ok {
		out := object{}
		for k, x := range fields {
			out[k] = x
		}
		if *to.NamedType == "v2" {
			rename(out, "numeric", "number")
			rename(out, "list", "items")
		} else {
			rename(out, "number", "numeric")
			rename(out, "items", "list")
		}
		converted = out
	}
	return typed.AsTypedUnvalidated(value.NewValueInterface(converted), v.Schema(), to), nil
}

func (*converter) IsMissingVersionError(err error) bool { return errors.Is(err, errMissing) }

func sequence() any {
	excluded := fieldpath.NewSet(fieldpath.MakePathOrDie("struct"), fieldpath.MakePathOrDie("map", "a"))
	included := fieldpath.MakePrefixMatcherOrDie(fieldpath.MatchAnyPathElement(), fieldpath.MatchAnyPathElement())
	filters := map[string]fieldpath.Filter{"exclude": fieldpath.NewExcludeSetFilter(excluded), "include": fieldpath.NewIncludeMatcherFilter(included)}
	ignored := map[fieldpath.APIVersion]fieldpath.Filter{}
	ignores := one("", "", "", "exclude", "include")
	if filter, ok := filters[ignores]; ok {
		ignored["v1"] = filter
	}
	c := &converter{v1: one("v1", "v1", "v1", "deduced")}
	changes := c.v1 == "v1" && often(25)
	updater := (&merge.UpdaterBuilder{Converter: c, IgnoreFilter: ignored}).BuildUpdater()
	live := must(c.typeOf("v1").FromUnstructured(nil))
	managers := fieldpath.ManagedFields{}
	var steps []any
	var last *typed.TypedValue
	for range 2 + random.Intn(6) {
		if changes && often(30) {
			c.v1 = "atomic"
		}
		version := one("v1", "v1", "v2")
		manager := one("alice", "bob", "carol")
		apply, force := often(60), often(40)
		v := valid(c.typeOf(version), !apply)
		if last != nil && often(30) {
			// What is much as the object that is there meets its owners.
			v = partly(must(c.Convert(last, fieldpath.APIVersion(version))), v, apply)
		}
		step := object{"apply": apply, "force": force, "version": version, "manager": manager, "object": v.AsValue().Unstructured(), "type": c.v1}
		live = must(c.Convert(live, fieldpath.APIVersion(version)))
		given := managers.Copy()
		if often(5) {
			given["old"] = fieldpath.NewVersionedSet(fieldpath.NewSet(fieldpath.MakePathOrDie("string")), "v0", true)
			step["old"] = true
		}
		var result *typed.TypedValue
		var owned fieldpath.ManagedFields
		var err error
		if apply {
			result, owned, err = updater.Apply(live, v, fieldpath.APIVersion(version), given, manager, force)
			step["noop"] = err == nil && result == nil
		} else {
			result, owned, err = updater.Update(live, v, fieldpath.APIVersion(version), given, manager)
		}
		if err != nil {
			var conflicts merge.Conflicts
			if errors.As(err, &conflicts) {
				step["conflicts"] = conflicts.Error()
			} else {
				step["error"] = err.Error()
			}
			steps = append(steps, step)
			continue
		}
		if result != nil {
			live = result
		}
		last = live
		managers = owned
		step["live"] = live.AsValue().Unstructured()
		step["managers"] = written(managers)
		steps = append(steps, step)
	}
	return object{"ignores": ignores, "steps": steps}
}

// Some fields of one object and the others of another.
func partly(l, r *typed.TypedValue, apply bool) *typed.TypedValue {
	a, ok := l.AsValue().Unstructured().(object)
	if !ok {
		return r
	}
	out := object{}
	for k, x := range r.AsValue().Unstructured().(object) {
		out[k] = x
	}
	names := []string{}
	for k := range a {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		if often(70) {
			out[k] = a[k]
		}
	}
	var options []typed.ValidationOptions
	if !apply {
		options = append(options, typed.AllowDuplicates)
	}
	tv, err := typed.ParseableType{Schema: r.Schema(), TypeRef: r.TypeRef()}.FromUnstructured(any(out), options...)
	if err != nil {
		return r
	}
	return tv
}

func written(managers fieldpath.ManagedFields) any {
	out := object{}
	for name, owned := range managers {
		out[name] = object{"version": string(owned.APIVersion()), "applied": owned.Applied(), "fields": fmt.Sprint(encoded(owned.Set()))}
	}
	return out
}
