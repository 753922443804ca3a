// Package openapi has the definitions of all types: Gadgets, Scales, and what both consist of.
package openapi

import (
	"strings"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/util"
	"k8s.io/kube-openapi/pkg/validation/spec"
	sample "k8s.io/sample-apiserver/pkg/generated/openapi"
)

// All returns them: those of metadata are generated into the sample-apiserver too.
func All(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	all := sample.GetOpenAPIDefinitions(ref)
	for name, definition := range GetOpenAPIDefinitions(func(path string) spec.Ref { return ref(modelName(path)) }) {
		for i, path := range definition.Dependencies {
			definition.Dependencies[i] = modelName(path)
		}
		all[name] = definition
	}
	scale, wanted, there := autoscalingv1.Scale{}, autoscalingv1.ScaleSpec{}, autoscalingv1.ScaleStatus{}
	all[scale.OpenAPIModelName()] = object(map[string]spec.Schema{
		"kind": text(), "apiVersion": text(),
		"metadata": to(ref, metav1.ObjectMeta{}.OpenAPIModelName()),
		"spec":     to(ref, wanted.OpenAPIModelName()),
		"status":   to(ref, there.OpenAPIModelName()),
	}, nil, metav1.ObjectMeta{}.OpenAPIModelName(), wanted.OpenAPIModelName(), there.OpenAPIModelName())
	all[wanted.OpenAPIModelName()] = object(map[string]spec.Schema{"replicas": number()}, nil)
	all[there.OpenAPIModelName()] = object(map[string]spec.Schema{"replicas": number(), "selector": text()}, []string{"replicas"})
	return all
}

func object(properties map[string]spec.Schema, required []string, dependencies ...string) common.OpenAPIDefinition {
	return common.OpenAPIDefinition{
		Schema: spec.Schema{SchemaProps: spec.SchemaProps{
			Type: []string{"object"}, Properties: properties, Required: required,
		}},
		Dependencies: dependencies,
	}
}

func to(ref common.ReferenceCallback, name string) spec.Schema {
	return spec.Schema{SchemaProps: spec.SchemaProps{Default: map[string]any{}, Ref: ref(name)}}
}

func text() spec.Schema { return spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"string"}}} }

func number() spec.Schema {
	return spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"integer"}, Format: "int32"}}
}

// The generator calls types of packages that it is not given by their Go path.
func modelName(path string) string {
	if strings.Contains(path, "/") {
		return util.ToRESTFriendlyName(path)
	}
	return path
}
