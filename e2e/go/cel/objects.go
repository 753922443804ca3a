package main

// Objects under schemas for what the tests of Kubernetes leave out; they are varied like all others.
const moreRules = `
package cel

import (
	"context"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

func TestMoreFacts(t *testing.T) {
	for _, c := range []struct {
		root           bool
		schema, object string
	}{
		{false, ` + "`" + `
type: object
properties:
  items:
    type: array
    x-kubernetes-list-type: map
    x-kubernetes-list-map-keys: [name, port]
    x-kubernetes-validations:
    - {rule: "self.size() >= oldSelf.size()", message: "no less"}
    - {rule: "self.all(i, i.name != '')"}
    items:
      type: object
      required: [name, port]
      properties:
        name: {type: string, x-kubernetes-validations: [{rule: "self != 'a'", reason: FieldValueForbidden}]}
        port: {type: integer}
        value: {type: string, x-kubernetes-validations: [{rule: "self == oldSelf", message: " immutable "}, {rule: "self.size() < 2", messageExpression: "'too long: ' + self"}]}
      x-kubernetes-validations:
      - {rule: "self.port > 0", fieldPath: ".port", reason: FieldValueRequired, message: "a port"}
      - {rule: "!has(oldSelf.value) || has(self.value)", fieldPath: ".value"}
` + "`, `" + `{"items": [{"name": "x", "port": 1, "value": "a"}, {"name": "y", "port": 2, "value": "bb"}, {"name": "x", "port": 2}]}` + "`" + `},
		{false, ` + "`" + `
type: object
properties:
  set: {type: array, x-kubernetes-list-type: set, items: {type: string, x-kubernetes-validations: [{rule: "self != 'a'", reason: FieldValueDuplicate}]}, x-kubernetes-validations: [{rule: "oldSelf.all(e, e in self)"}, {rule: "self == oldSelf", messageExpression: "string(oldSelf.size()) + ' before'"}]}
  atomic: {type: array, x-kubernetes-list-type: atomic, items: {type: integer, x-kubernetes-validations: [{rule: "self != 1"}, {rule: "self == oldSelf"}]}}
  keys: {type: object, additionalProperties: {type: string, x-kubernetes-validations: [{rule: "self == oldSelf"}, {rule: "self.size() > 1", messageExpression: "self"}]}, x-kubernetes-validations: [{rule: "oldSelf.all(k, k in self)"}]}
  whole: {type: object, x-kubernetes-map-type: atomic, properties: {a: {type: string, x-kubernetes-validations: [{rule: "self == oldSelf"}, {rule: "self != 'a'"}]}}, x-kubernetes-validations: [{rule: "self == oldSelf"}]}
  granular: {type: object, x-kubernetes-map-type: granular, properties: {a: {type: string, x-kubernetes-validations: [{rule: "self == oldSelf", optionalOldSelf: false}]}}}
` + "`, `" + `{"set": ["a", "c", "d"], "atomic": [1, 2, 3], "keys": {"k": "a"}, "whole": {"a": "a"}, "granular": {"a": "c"}}` + "`" + `},
		{false, ` + "`" + `
type: object
allOf:
- x-kubernetes-validations: [{rule: "self.a != 'a'", message: "of all"}]
- properties: {a: {x-kubernetes-validations: [{rule: "self.size() < 2"}]}, b: {x-kubernetes-validations: [{rule: "self > 0"}, {rule: "self >= oldSelf"}]}}
properties:
  a: {type: string, x-kubernetes-validations: [{rule: "self != ''", messageExpression: "''"}]}
  b: {type: integer, allOf: [{x-kubernetes-validations: [{rule: "self != 1"}]}]}
  c: {type: array, items: {type: string}, allOf: [{items: {x-kubernetes-validations: [{rule: "self != 'a'"}]}, x-kubernetes-validations: [{rule: "self.size() < 3"}]}]}
` + "`, `" + `{"a": "c", "b": 1, "c": ["a", "b", "c"]}` + "`" + `},
		{false, ` + "`" + `
type: object
properties:
  a-b: {type: object, properties: {"c.d": {type: string}, e: {type: object, additionalProperties: {type: integer}}}}
  f: {type: string}
x-kubernetes-validations:
- {rule: "self.f != 'a'", fieldPath: ".a-b['c.d']"}
- {rule: "self.f != 'bb'", fieldPath: ".a-b.e['k']", reason: FieldValueDuplicate}
- {rule: "self.f.size() < 2", fieldPath: "['a-b'].e", reason: FieldValueRequired, messageExpression: "self.f"}
- {rule: "self.f.size() > 0", messageExpression: "'two\nlines'", message: "one line"}
- {rule: "self.a__dash__b.e.all(k, self.a__dash__b.e[k] / (self.a__dash__b.e[k] - 1) > 0)", messageExpression: "string(1 / 0)"}
- {rule: "self.a__dash__b.e['k'] > 0"}
` + "`, `" + `{"a-b": {"c.d": "x", "e": {"k": 1}}, "f": "a"}` + "`" + `},
		{false, ` + "`" + `
type: object
properties:
  a: {type: string, x-kubernetes-validations: [{rule: "!oldSelf.hasValue() || oldSelf.value() == self", optionalOldSelf: true, message: "optional"}, {rule: "self == oldSelf.orValue('a')", optionalOldSelf: true}, {rule: "self != 'a'"}]}
  n: {type: array, nullable: true, items: {type: string, nullable: true, x-kubernetes-validations: [{rule: "self != 'a'"}]}, x-kubernetes-validations: [{rule: "self.all(e, e != null)"}]}
  i: {x-kubernetes-int-or-string: true, x-kubernetes-validations: [{rule: "self != 1"}, {rule: "self == oldSelf"}, {rule: "self + 1 > 2"}]}
  p: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: "self.a == oldSelf.a"}, {rule: "self == oldSelf"}]}
  d: {type: string, format: date-time, x-kubernetes-validations: [{rule: "self > oldSelf"}, {rule: "self > timestamp('2000-01-01T00:00:00Z')"}]}
  f: {type: number, x-kubernetes-validations: [{rule: "self >= oldSelf"}, {rule: "self < 2.0", messageExpression: "string(self)"}]}
` + "`, `" + `{"a": "c", "n": ["a", null], "i": 3, "p": {"a": "c", "z": [1, "a"]}, "d": "2020-01-01T00:00:00Z", "f": 1.5}` + "`" + `},
		{true, ` + "`" + `
type: object
properties:
  apiVersion: {type: string, x-kubernetes-validations: [{rule: "self != 'a'"}]}
  kind: {type: string}
  spec:
    type: object
    properties:
      replicas: {type: integer, x-kubernetes-validations: [{rule: "self >= 1"}]}
      template: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true, x-kubernetes-validations: [{rule: "self.metadata.name != 'a'"}, {rule: "self.kind == oldSelf.kind"}]}
    x-kubernetes-validations: [{rule: "self.replicas >= oldSelf.replicas", fieldPath: ".replicas"}]
  status: {type: object, properties: {observed: {type: integer}}}
x-kubernetes-validations:
- {rule: "self.metadata.name != 'a'", message: "a name"}
- {rule: "has(self.status) == has(self.spec.replicas)"}
- {rule: "self.apiVersion == oldSelf.apiVersion"}
` + "`, `" + `{"apiVersion": "a", "kind": "K", "metadata": {"name": "a"}, "spec": {"replicas": 0, "template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}}, "status": {"observed": 1}}` + "`" + `},
		{false, ` + "`" + `
type: array
x-kubernetes-list-type: atomic
items: {type: array, items: {type: object, additionalProperties: {type: integer, x-kubernetes-validations: [{rule: "self > 0"}]}}, x-kubernetes-validations: [{rule: "self.size() < 4"}]}
x-kubernetes-validations: [{rule: "self.all(a, a.all(b, b.all(c, c in ['k', 'l'])))"}, {rule: "self.map(a, a.size()).sum() < 4", messageExpression: "'sum ' + string(self.map(a, a.size()).sum())"}]
` + "`, `" + `[[{"k": 1}, {"l": 0}, {"m": 2}], [{"k": 3}]]` + "`" + `},
	} {
		var object any
		if err := utiljson.Unmarshal([]byte(c.object), &object); err != nil {
			t.Fatal(err)
		}
		for _, path := range []*field.Path{nil, field.NewPath("root")} {
			for _, limit := range []uint64{celconfig.PerCallLimit, 20} {
				for i := range 12 {
					factsRound = i
					s := mustSchema(c.schema)
					NewValidator(s, c.root, limit).Validate(context.Background(), path, s, object, nil, celconfig.RuntimeCELCostBudget)
				}
				factsRound = 0
			}
		}
	}
}
`
