package main

import (
	"maps"
	"regexp"
	"slices"
)

// Names of types that are others each time.
var selfType = regexp.MustCompile(`selfType\d+`)

var (
	ofAny = []string{
		"true", "self == oldSelf", "oldSelf != self", "self", "1", "", " ", "undefined", "self ==", "'a", "[1, 'a'] == []", "type(self) == string",
		"duration('x') < duration('1s')", "oldSelf.hasValue() ? oldSelf.value() == self : true", "oldSelf.orValue(self) == self", "self\n== self",
		"self.a > 1", "has(self.a)", "self.x__dash__y == self.name", "1 / 0 == 1", "'a'.matches('[')", "self != self",
	}
	ofType = map[string][]string{
		"string": {
			"self.startsWith('a')", "self.size() < 10", "self.matches('^a+$')", "self == 'a' || self in ['b', 'c']", "self.matches(self)",
			"quantity(self).isGreaterThan(quantity('1'))", "self + 1 == ''", "self.contains(self + self)", "timestamp(self) > timestamp('2020-01-01T00:00:00Z')",
		},
		"integer": {"self > 1", "self % 2 == 0", "self > 1.5", "self == '1'"},
		"number":  {"self > 1.0", "self > 1", "self % 2 == 0"},
		"boolean": {"self", "!self", "self == 1"},
		"array": {
			"self.size() < 4", "self.all(x, x == x)", "self.all(x, self.all(y, x == y))", "self.all(x, self.exists_one(y, self.all(z, x == y && y == z)))",
			"self.map(x, x) == self", "self.exists(x, x.a == 1)", "self[0] == self[1]", "self.isSorted()", "self == oldSelf + self", "self.all(x, x.startsWith('a'))",
		},
		"object": {
			"has(self.a) || has(self.b)", "self.a == self.b", "self.all(k, k == 'a')", "self.all(k, self[k] == self[k])", "'a' in self", "self.metadata.name == 'a'",
			"self.spec.a == oldSelf.spec.a", "self.kind != ''", "self.all(k, v, k.size() < 3)", "self.all(k, self.all(l, self.all(m, k == l && l == m)))",
			"self.name.size() < 3", "self.c.all(x, x == self.a)",
		},
	}
)

// Gives schemas rules, here and there.
func addRules(s object) {
	if often(30) {
		var rules []any
		for range 1 + random.Intn(2) {
			rules = append(rules, rule(s))
		}
		s["x-kubernetes-validations"] = rules
	}
	for _, field := range []string{"items", "additionalProperties"} {
		if below, ok := s[field].(object); ok {
			addRules(below)
		}
	}
	if properties, ok := s["properties"].(object); ok {
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if below, ok := properties[name].(object); ok {
				addRules(below)
			}
		}
	}
	if of, ok := s["allOf"].([]any); ok && often(5) {
		of[0].(object)["x-kubernetes-validations"] = []any{object{"rule": "true"}}
	}
}

func rule(s object) object {
	kind, _ := s["type"].(string)
	r := object{"rule": one(ofAny...)}
	if of := ofType[kind]; of != nil && often(65) {
		r["rule"] = one(of...)
	}
	if often(30) {
		r["message"] = one("m", "a message", " ", "a\nb", " x ", "m")
	}
	if often(25) {
		r["messageExpression"] = one("'a'", "'a'", "1", "self", " ", "'x' + self", "string(self.a)", "string(oldSelf)", "self.map(x, string(x)).join()", "'")
	}
	if often(25) {
		r["reason"] = one("FieldValueInvalid", "FieldValueRequired", "FieldValueForbidden", "FieldValueDuplicate", "Wrong<")
	}
	// Into a map whose values have no schema Go lets a path lead, one step far; a second one is a panic.
	if _, isBool := s["additionalProperties"].(bool); !isBool && often(25) {
		r["fieldPath"] = one(".a", ".a", ".a.b", "['a']", ".missing", " ", ".x-y", "['d.e']", "a", ".a\n", ".spec", ".metadata.name", "['a")
	}
	if often(15) {
		r["optionalOldSelf"] = often(70)
	}
	return r
}

func casesWithRules(count int) []Case {
	var cases []Case
	for range count {
		schema := structure(3, true)
		addRules(schema)
		if often(10) {
			spoil(schema)
		}
		cases = append(cases, Case{Schema: raw(schema)})
	}
	return cases
}
