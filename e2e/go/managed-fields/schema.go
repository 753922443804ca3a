package main

import (
	"encoding/json"
	"fmt"
	"sort"

	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/sample-apiserver/pkg/generated/openapi"
)

// Random structural schemas, and random values of them.

func scalarSchema() object {
	switch random.Intn(7) {
	case 0:
		return object{"type": "integer", "format": one("int32", "int64")}
	case 1:
		return object{"type": "number"}
	case 2:
		return object{"type": "boolean"}
	case 3:
		return object{"x-kubernetes-int-or-string": true}
	case 4:
		return object{"type": "string", "format": one("date-time", "byte")}
	default:
		return object{"type": "string"}
	}
}

func anySchema(depth int) object {
	if depth == 0 || often(30) {
		return scalarSchema()
	}
	switch random.Intn(9) {
	case 0:
		return object{"type": "array", "x-kubernetes-list-type": "set", "items": object{"type": one("string", "integer")}}
	case 1, 2:
		return mapListSchema(depth)
	case 3:
		out := object{"type": "array", "items": anySchema(depth - 1)}
		if often(40) {
			out["x-kubernetes-list-type"] = "atomic"
		}
		return out
	case 4:
		out := object{"type": "object", "additionalProperties": anySchema(depth - 1)}
		if often(30) {
			out["x-kubernetes-map-type"] = one("atomic", "granular")
		}
		return out
	case 5:
		return one(object{"type": "object"}, object{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
			object{"x-kubernetes-preserve-unknown-fields": true})
	case 6:
		out := structSchema(depth - 1)
		out["x-kubernetes-embedded-resource"] = true
		return out
	default:
		return structSchema(depth - 1)
	}
}

func structSchema(depth int) object {
	properties := object{}
	for range 1 + random.Intn(4) {
		properties[one("a", "b", "c", "d", "e")] = anySchema(depth)
	}
	out := object{"type": "object", "properties": properties}
	if often(20) {
		out["x-kubernetes-map-type"] = one("atomic", "granular")
	}
	if often(15) {
		out["x-kubernetes-preserve-unknown-fields"] = true
	}
	return out
}

func mapListSchema(depth int) object {
	item := structSchema(depth - 1)
	delete(item, "x-kubernetes-embedded-resource")
	delete(item, "x-kubernetes-map-type")
	properties := item["properties"].(object)
	properties["name"] = object{"type": "string"}
	keys := []any{"name"}
	if often(40) {
		properties["port"] = object{"type": "integer"}
		if often(60) {
			properties["port"].(object)["default"] = int64(80)
		}
		keys = append(keys, "port")
	}
	return object{"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys, "items": item}
}

// A kind's schema; `size` is the field of spec that each version names its own way.
func rootSchema(size string, shared object) object {
	root := cloned(shared)
	in(in(in(root, "properties"), "spec"), "properties")[size] = object{"type": "integer"}
	return root
}

func sharedSchema() object {
	specSchema := structSchema(3)
	delete(specSchema, "x-kubernetes-map-type")
	statusSchema := one(structSchema(2), object{"type": "object"})
	out := object{"type": "object", "properties": object{"spec": specSchema, "status": statusSchema}}
	if often(20) {
		in(out, "properties")["data"] = anySchema(2)
	}
	if often(10) {
		out["x-kubernetes-preserve-unknown-fields"] = true
	}
	return out
}

const metadata = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

func toMetadata() any { return object{"$ref": "#/definitions/" + metadata} }

// Gives objects that are resources the fields of one, as apiextensions-apiserver does.
func withResourceFields(schema object, isRoot bool) {
	if properties, ok := schema["properties"].(object); ok {
		for _, property := range properties {
			withResourceFields(property.(object), false)
		}
	}
	for _, name := range []string{"items", "additionalProperties"} {
		if inner, ok := schema[name].(object); ok {
			withResourceFields(inner, false)
		}
	}
	if isRoot || schema["x-kubernetes-embedded-resource"] == true {
		properties := in(schema, "properties")
		properties["apiVersion"], properties["kind"] = object{"type": "string"}, object{"type": "string"}
		properties["metadata"] = toMetadata()
	}
}

func parsed(schema object) *spec.Schema {
	out := &spec.Schema{}
	check(json.Unmarshal(must(json.Marshal(schema)), out))
	return out
}

// Kubernetes' own definitions and those of wardle, by name.
func definitions() map[string]*spec.Schema {
	out := map[string]*spec.Schema{}
	ref := func(name string) spec.Ref { return spec.MustCreateRef("#/definitions/" + name) }
	for name, definition := range openapi.GetOpenAPIDefinitions(ref) {
		definition := common.OpenAPIDefinition(definition)
		out[name] = &definition.Schema
	}
	return out
}

// Values.

func text() any { return one("a", "b", "c", "d<", "é\"\\", "") }

func number() any { return one[any](int64(1), int64(2), int64(80), int64(9007199254740993)) }

func value(schema object) any {
	if often(2) {
		return nil
	}
	switch schema["type"] {
	case "integer":
		return number()
	case "number":
		return one(number(), 2.5, 1e21)
	case "boolean":
		return often(50)
	case "string":
		if schema["format"] == "date-time" {
			return one[any]("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z")
		}
		return text()
	case "array":
		return listValue(schema)
	case "object":
		return objectValue(schema, 50)
	default:
		if schema["x-kubernetes-int-or-string"] == true {
			return one(text(), number())
		}
		return anyValue(2)
	}
}

func anyValue(depth int) any {
	switch n := random.Intn(8); {
	case n < 4 || depth == 0:
		return one(text(), number(), true, nil)
	case n < 6:
		out := []any{}
		for range random.Intn(3) {
			out = append(out, anyValue(depth-1))
		}
		return out
	default:
		out := object{}
		for range random.Intn(4) {
			out[one("x", "y", "z")] = anyValue(depth - 1)
		}
		return out
	}
}

func listValue(schema object) any {
	out := []any{}
	seen := map[string]bool{}
	for range random.Intn(4) {
		items, _ := schema["items"].(object)
		item := value(items)
		if fields, ok := item.(object); ok && schema["x-kubernetes-list-type"] == "map" {
			fields["name"] = one[any]("x", "y", "z")
			port, hasPort := items["properties"].(object)["port"].(object)
			if hasPort && (port["default"] == nil || often(50)) {
				fields["port"] = one[any](int64(80), int64(443), int64(9))
			}
			key := fmt.Sprint(fields["name"], fields["port"])
			if fields["port"] == nil {
				key = fmt.Sprint(fields["name"], 80)
			}
			if seen[key] && often(95) {
				continue
			}
			seen[key] = true
		} else if schema["x-kubernetes-list-type"] == "set" {
			if item == nil || seen[fmt.Sprint(item)] && often(95) {
				continue
			}
			seen[fmt.Sprint(item)] = true
		}
		out = append(out, item)
	}
	return out
}

func sorted(of object) []string {
	names := []string{}
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func objectValue(schema object, density int) object {
	out := object{}
	properties, ok := schema["properties"].(object)
	for _, name := range sorted(properties) {
		if often(density) {
			out[name] = value(properties[name].(object))
		}
	}
	if each, ok := schema["additionalProperties"].(object); ok {
		for range random.Intn(4) {
			out[one("x", "y", "z")] = value(each)
		}
	}
	if !ok && schema["additionalProperties"] == nil || schema["x-kubernetes-preserve-unknown-fields"] == true && often(50) {
		for range random.Intn(3) {
			out[one("x", "y", "z")] = anyValue(2)
		}
	}
	if schema["x-kubernetes-embedded-resource"] == true {
		out["apiVersion"], out["kind"] = "v1", one("Pod", "Node")
		out["metadata"] = randomMetadata()
	}
	return out
}

func randomMetadata() object {
	out := object{}
	labels := func() any {
		labels := object{}
		for range random.Intn(3) {
			labels[one("x", "y", "z")] = text()
		}
		return labels
	}
	if often(30) {
		out["labels"] = labels()
	}
	if often(20) {
		out["annotations"] = labels()
	}
	if often(10) {
		out["finalizers"] = one([]any{"a/b"}, []any{"a/b", "c/d"}, []any{"c/d"})
	}
	if often(10) {
		out["ownerReferences"] = []any{object{"apiVersion": "v1", "kind": "Pod", "name": one("p", "q"), "uid": one("1", "2"), "controller": often(50)}}
	}
	return out
}
