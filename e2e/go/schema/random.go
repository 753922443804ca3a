package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

var (
	names   = []string{"a", "b", "c", "name", "spec", "status", "x-y", "d.e"}
	formats = []string{
		"bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid", "uuid3", "uuid4", "uuid5", "isbn", "isbn10", "isbn13",
		"creditcard", "ssn", "hexcolor", "rgbcolor", "byte", "password", "date", "duration", "datetime", "date-time", "k8s-short-name", "k8s-long-name",
		"int32", "int64", "float", "double", "unknown",
	}
	texts = []string{
		"", "a", "abc", "ab-c", "A", "é", "日本", "1", "12", "x y", "<&>", "507f1f77bcf86cd799439011", "http://a.b/c", "/path", "a@b.c", "example.com", "a..b",
		"1.2.3.4", "010.1.1.1", "::1", "::ffff:1.2.3.4", "10.0.0.0/8", "00:11:22:33:44:55", "0011.2233.4455", "a8098c1a-f86e-11da-bd1a-00112444be1e",
		"a8098c1af86e31dabd1a00112444be1e", "0321751043", "978-0321751041", "4111 1111 1111 1111", "123-45-6789", "#fff", "rgb(1, 2,255)", "aGk=", "aGk",
		"2006-01-02", "2006-02-30", "1h30m", "22 ns", "3 days", "2014-12-15T19:30:20.000Z", "2014-12-15t19:30:20z", "24:00", "my-name", "My-Name", "a.b-c.d",
	}
)

func randomCase() Case {
	if often(15) {
		return formatCase()
	}
	schema := structure(3, true)
	c := Case{Schema: raw(schema)}
	if often(35) {
		spoil(schema)
		c.Schema = raw(schema)
	}
	// Go shows the whole schema then, with defaults whose metadata it coerced in place before.
	c.Status = often(12) && !strings.Contains(string(c.Schema), "embedded")
	for range 4 {
		o := &Object{Object: raw(objectOf(schema))}
		if often(50) {
			old := objectOf(schema)
			if often(60) {
				old = decode(o.Object).(object)
				damage(old)
			}
			o.Old = raw(old)
		}
		c.Objects = append(c.Objects, o)
	}
	return c
}

func raw(value any) json.RawMessage { return must(json.Marshal(value)) }

// A schema that is most often structural.
func structure(depth int, root bool) object {
	s := object{}
	kind := one("object", "object", "array", "string", "string", "integer", "number", "boolean", "int-or-string", "preserve", "map")
	if root {
		kind = "object"
	} else if depth == 0 {
		kind = one("string", "integer", "number", "boolean", "int-or-string", "preserve")
	}
	if often(10) && !root {
		s["nullable"] = true
	}
	switch kind {
	case "object":
		s["type"] = "object"
		properties := object{}
		for range 1 + random.Intn(4) {
			properties[one(names...)] = structure(depth-1, false)
		}
		if root && often(20) {
			properties["metadata"] = object{"type": "object", "properties": object{"name": object{"type": "string", "maxLength": 3}}}
		}
		s["properties"] = properties
		if often(40) {
			s["required"] = some(properties)
		}
		if often(10) {
			s["x-kubernetes-preserve-unknown-fields"] = true
		}
		if often(10) {
			s["x-kubernetes-map-type"] = one("atomic", "granular")
		}
		if often(6) && !root {
			s["x-kubernetes-embedded-resource"] = true
		}
		counts(s, "Properties")
	case "map":
		s["type"] = "object"
		s["additionalProperties"] = one[any](true, structure(depth-1, false), structure(depth-1, false), structure(depth-1, false), false)
		counts(s, "Properties")
	case "array":
		s["type"] = "array"
		items := structure(depth-1, false)
		s["items"] = items
		switch one("", "", "set", "map", "atomic") {
		case "atomic":
			s["x-kubernetes-list-type"] = "atomic"
		case "set":
			s["x-kubernetes-list-type"] = "set"
			if items["type"] == "object" {
				items["x-kubernetes-map-type"] = "atomic"
			}
			delete(items, "nullable")
		case "map":
			s["x-kubernetes-list-type"] = "map"
			keys := []string{"a", "b"}[:1+random.Intn(2)]
			properties := object{"c": structure(max(depth-2, 0), false)}
			for _, key := range keys {
				properties[key] = object{"type": one("string", "integer")}
			}
			s["items"] = object{"type": "object", "properties": properties, "required": keys}
			s["x-kubernetes-list-map-keys"] = keys
		}
		counts(s, "Items")
	case "string":
		s["type"] = "string"
		counts(s, "Length")
		if often(30) {
			s["format"] = one(formats...)
		}
		if often(25) {
			s["pattern"] = one(`^[a-z]*$`, `\d`, `^.{1,3}$`, `^(a|b)+$`, `^\w+$`, `^[[:alpha:]]`)
		}
		if often(15) {
			s["enum"] = []any{one(texts...), one(texts...), "a"}
		}
	case "integer", "number":
		s["type"] = kind
		for _, bound := range []string{"maximum", "minimum"} {
			if often(25) {
				s[bound] = one[any](-1, 0, 1, 5, 2.5, 1e10, 3000000000)
				if often(30) {
					s["exclusive"+strings.ToUpper(bound[:1])+bound[1:]] = true
				}
			}
		}
		if often(15) {
			s["multipleOf"] = one[any](1, 2, 3, 0.5, 0.1)
		}
		if often(25) {
			s["format"] = one("int32", "int64", "float", "double", "byte", "unknown")
		}
		if often(15) {
			s["enum"] = []any{1, 2.5, 3}
		}
	case "boolean":
		s["type"] = "boolean"
		if often(10) {
			s["enum"] = []any{true}
		}
	case "int-or-string":
		s["x-kubernetes-int-or-string"] = true
		switch random.Intn(4) {
		case 0:
			s["anyOf"] = []any{object{"type": "integer"}, object{"type": "string"}}
		case 1:
			s["allOf"] = []any{object{"anyOf": []any{object{"type": "integer"}, object{"type": "string"}}}, object{"maximum": 5}}
		}
		if often(30) {
			s["pattern"] = `^\d+%$`
		}
	case "preserve":
		s["x-kubernetes-preserve-unknown-fields"] = true
		if often(50) {
			s["type"] = one("object", "string")
		}
	}
	if often(15) && kind != "int-or-string" {
		junctor := one("allOf", "anyOf", "oneOf", "not")
		if junctor == "not" {
			s[junctor] = values(s, 2)
		} else {
			s[junctor] = []any{values(s, 2), values(s, 2)}
		}
	}
	if often(20) && !root {
		s["default"] = valueOf(s, 3)
	}
	if often(10) {
		s["description"] = "of " + kind
	}
	if root && often(15) {
		delete(s, "nullable")
	}
	return s
}

func counts(s object, of string) {
	for _, bound := range []string{"max", "min"} {
		if often(15) {
			s[bound+of] = random.Intn(4)
		}
	}
}

// Value validation for what a schema describes.
func values(s object, depth int) object {
	v := object{}
	properties, _ := s["properties"].(object)
	switch {
	case len(properties) > 0 && often(80):
		if often(50) {
			v["required"] = some(properties)
		} else if depth > 0 {
			name := one(slices.Sorted(maps.Keys(properties))...)
			if name == "metadata" {
				break
			}
			v["properties"] = object{name: values(properties[name].(object), depth-1)}
		}
	case s["type"] == "array":
		counts(v, "Items")
		if items, ok := s["items"].(object); ok && often(50) && depth > 0 {
			v["items"] = values(items, depth-1)
		}
	case s["type"] == "string":
		counts(v, "Length")
		if often(50) {
			v["enum"] = []any{one(texts...), one(texts...)}
		}
		if often(20) {
			v["format"] = one(formats...)
		}
		if often(20) {
			v["pattern"] = "^a"
		}
	case s["type"] == "integer" || s["type"] == "number":
		v["maximum"] = random.Intn(6)
	}
	if often(10) && depth > 0 {
		v[one("allOf", "anyOf", "oneOf")] = []any{values(s, depth-1)}
	}
	return v
}

func some(properties object) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if often(40) {
			out = append(out, name)
		}
	}
	if often(5) {
		out = append(out, "missing")
	}
	if out == nil {
		out = []string{}
	}
	return out
}

// Makes a schema wrong somewhere, perhaps.
func spoil(s object) {
	where := s
	for often(70) {
		properties, _ := where["properties"].(object)
		items, isItems := where["items"].(object)
		additional, isAdditional := where["additionalProperties"].(object)
		switch {
		case len(properties) > 0:
			next, ok := properties[one(slices.Sorted(maps.Keys(properties))...)].(object)
			if !ok {
				return
			}
			where = next
		case isItems:
			where = items
		case isAdditional:
			where = additional
		}
		for _, name := range []string{"allOf", "anyOf", "oneOf"} {
			if of, ok := where[name].([]any); ok && often(30) {
				where = of[0].(object)
			}
		}
	}
	name := one("id", "$schema", "$ref", "title", "type", "nullable", "format", "default", "maximum", "maxLength", "pattern", "uniqueItems", "multipleOf", "enum", "required", "items", "items",
		"allOf", "anyOf", "not", "properties", "additionalProperties", "additionalProperties", "patternProperties", "dependencies", "additionalItems", "definitions", "externalDocs", "example", "x-kubernetes-preserve-unknown-fields",
		"x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type")
	if often(20) {
		delete(where, name)
		return
	}
	where[name] = map[string]func() any{
		"id":      func() any { return one("", "x") },
		"$schema": func() any { return one("", "x") }, "$ref": func() any { return one("", "x") }, "title": func() any { return "t" },
		"type":     func() any { return one[any]("object", "array", "string", "null", "integer", "foo", "", 1) },
		"nullable": func() any { return true }, "format": func() any { return one(formats...) },
		"default": func() any { return one[any](nil, "a", 1, true, object{}, object{"a": 1}, []any{nil}, []any{1, 1}) },
		"maximum": func() any { return one[any](1, 1.5, "1") }, "maxLength": func() any { return one[any](1, -1, 1.5, nil) },
		"pattern":     func() any { return one("(", "a**", `\u0061`, "[[a]", `^\Qa.\E$`, "a{1001}") },
		"uniqueItems": func() any { return one(true, false) }, "multipleOf": func() any { return one[any](0, -1, 2) },
		"enum": func() any { return one[any]([]any{}, []any{nil, 1, "a", object{"a": 1}, []any{1}}, nil) }, "required": func() any { return one([]string{}, []string{"zz"}) },
		"items": func() any {
			return one[any](object{"type": "string"}, []any{object{"type": "string"}}, []any{}, true, structure(1, false))
		},
		"allOf": func() any {
			return one([]any{}, []any{object{"type": "string"}}, []any{structure(1, false)}, []any{nil})
		},
		"anyOf": func() any {
			return one([]any{}, []any{object{"type": "integer"}, object{"type": "string"}}, []any{object{"nullable": true, "title": "x"}})
		},
		"not": func() any { return one(structure(1, false), object{"items": object{"enum": []any{1}}}) },
		"properties": func() any {
			return one(object{}, object{"metadata": structure(1, false)}, object{"kind": structure(0, false), "apiVersion": structure(0, false)}, object{"a": nil})
		},
		"additionalProperties": func() any {
			return one[any](true, false, object{"type": "string"}, object{}, structure(1, false), 1)
		},
		"patternProperties": func() any { return one(object{}, object{"a": object{}}) }, "dependencies": func() any { return one[any](object{}, object{"a": []string{"b"}}, object{"a": object{"type": "foo"}}) },
		"additionalItems": func() any { return one[any](true, false, object{}) }, "definitions": func() any { return one(object{}, object{"x": object{"type": "foo"}}) },
		"externalDocs": func() any { return object{"url": "u"} }, "example": func() any { return one[any](1, nil) },
		"x-kubernetes-preserve-unknown-fields": func() any { return one(true, false) }, "x-kubernetes-embedded-resource": func() any { return true },
		"x-kubernetes-int-or-string": func() any { return true }, "x-kubernetes-list-map-keys": func() any { return one([]string{}, []string{"a"}, []string{"a", "a", "zz"}) },
		"x-kubernetes-list-type": func() any { return one("set", "map", "atomic", "foo") }, "x-kubernetes-map-type": func() any { return one("granular", "atomic", "foo") },
	}[name]()
}

func objectOf(schema object) object {
	value, ok := valueOf(schema, 5).(object)
	if !ok {
		value = object{}
	}
	value = decode(raw(value)).(object)
	if often(90) {
		value["apiVersion"], value["kind"], value["metadata"] = "annex.dev/v1", "Thing", object{"name": one("a", "abcd")}
	}
	for often(60) {
		damage(value)
	}
	return value
}

// A value of a schema, more or less.
func valueOf(s object, depth int) any {
	if often(4) {
		return nil
	}
	if enum, ok := s["enum"].([]any); ok && len(enum) > 0 && often(60) {
		return one(enum...)
	}
	if depth <= 0 {
		return one(texts...)
	}
	kind, _ := s["type"].(string)
	if s["x-kubernetes-int-or-string"] == true {
		kind = one("integer", "string")
	}
	if s["x-kubernetes-embedded-resource"] == true {
		return embedded()
	}
	switch kind {
	case "object":
		out := object{}
		properties, _ := s["properties"].(object)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if property, ok := properties[name].(object); ok && often(75) {
				out[name] = valueOf(property, depth-1)
			}
		}
		if additional, ok := s["additionalProperties"].(object); ok {
			for range random.Intn(3) {
				out[one(names...)] = valueOf(additional, depth-1)
			}
		}
		return out
	case "array":
		items, _ := s["items"].(object)
		out := []any{}
		for range random.Intn(4) {
			out = append(out, valueOf(items, depth-1))
			if often(30) {
				out = append(out, out[len(out)-1])
			}
		}
		return out
	case "string":
		return one(texts...)
	case "integer":
		return one[any](0, 1, 2, 3, -1, 5, 1.0, 2.5, 3000000000, int64(1)<<62, 1e3)
	case "number":
		return one[any](0, 1, 2.5, -0.5, 1e300, 3, 0.3, 1e-7, 1e21)
	case "boolean":
		return often(50)
	}
	return anything(2)
}

func anything(depth int) any {
	switch random.Intn(7) {
	case 0:
		return nil
	case 1:
		return often(50)
	case 2:
		return one[any](0, 1, 2.5, -1, 1e21)
	case 3:
		if depth > 0 {
			return []any{anything(depth - 1), anything(depth - 1)}
		}
	case 4, 5:
		if depth > 0 {
			return object{one(names...): anything(depth - 1), one(names...): anything(depth - 1)}
		}
	}
	return one(texts...)
}

func embedded() any {
	out := object{"apiVersion": one[any]("v1", "a/b/c", "apps/v1", "", 1, "a/"), "kind": one[any]("Pod", "pod-", "", 2, "Wide")}
	metadata := object{}
	for range random.Intn(3) {
		name := one("name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "generation", "creationTimestamp", "uid", "unknown", "managedFields", "deletionGracePeriodSeconds", "resourceVersion")
		metadata[name] = map[string]any{
			"name": one[any]("a", "A b", "a/b", "..", "%", 1), "generateName": one[any]("g-", "/"), "namespace": one[any]("ns", "N_S", nil), "labels": one[any](object{"a": "b"}, object{"a b": "c d"}, object{"a": 1}, []any{}),
			"annotations": one[any](object{"a": "b"}, object{"/": ""}, nil), "finalizers": one[any]([]any{"a/b"}, []any{"a b"}, []any{"orphan", "foregroundDeletion"}, "x"),
			"ownerReferences": one[any]([]any{object{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}}, []any{object{"name": ""}}, []any{object{"apiVersion": "v1", "kind": "Event", "name": "p", "uid": "u", "controller": true}, object{"apiVersion": "v1", "kind": "X", "name": "p", "uid": "u", "controller": true}}),
			"generation":      one[any](1, -1, "1", 0), "creationTimestamp": one[any]("2020-01-01T00:00:00Z", "nonsense", nil, "2020-01-01T01:00:00+01:00"), "uid": one[any]("u", 1), "unknown": 1,
			"managedFields": one[any]([]any{}, []any{object{"manager": "m", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": object{"f:a": object{}}}}, []any{object{"operation": "X", "fieldsType": "Y"}}), "deletionGracePeriodSeconds": one[any](1, -1), "resourceVersion": "5",
		}[name]
	}
	if often(80) {
		out["metadata"] = metadata
	}
	if often(10) {
		delete(out, one("apiVersion", "kind"))
	}
	if often(50) {
		out[one(names...)] = anything(2)
	}
	return out
}

// Changes something somewhere.
func damage(value any) {
	switch value := value.(type) {
	case object:
		keys := slices.Sorted(maps.Keys(value))
		if len(keys) == 0 || often(20) {
			value[one(names...)] = anything(2)
			return
		}
		key := one(keys...)
		if _, isMap := value[key].(object); isMap && often(70) {
			damage(value[key])
		} else if _, isList := value[key].([]any); isList && often(60) {
			damage(value[key])
		} else if often(30) {
			delete(value, key)
		} else if key != "metadata" {
			value[key] = anything(2)
		}
	case []any:
		if len(value) > 0 {
			at := random.Intn(len(value))
			if often(50) {
				damage(value[at])
			} else {
				value[at] = anything(2)
			}
		}
	}
}
