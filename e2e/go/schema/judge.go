package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	apiservervalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A definition's schema, and what Go says of it.
type Case struct {
	Name   string          `json:"name,omitempty"`
	Schema json.RawMessage `json:"schema"`
	Status bool            `json:"status,omitempty"`
	// It is no schema at all.
	NoSchema bool `json:"noSchema,omitempty"`
	Errors   List `json:"errors"`
	// Of objects, if the definition is valid.
	Objects []*Object `json:"objects,omitempty"`
}

// Errors. Where maps are walked through, their order is another one each time.
type List struct {
	Texts   []string `json:"texts,omitempty"`
	Ordered bool     `json:"ordered,omitempty"`
	varies  bool
}

// How often Go is asked: it begins with any entry of a map, most often with the first.
const runs = 64

type Object struct {
	Object json.RawMessage `json:"object"`
	Old    json.RawMessage `json:"old,omitempty"`
	// The object and its unknown fields after pruning; and then without nulls, with defaults.
	Pruned    any      `json:"pruned"`
	Unknown   []string `json:"unknown,omitempty"`
	Defaulted any      `json:"defaulted"`
	// What is wrong with it as it was given.
	Errors   List  `json:"errors"`
	Lists    List  `json:"lists"`
	Embedded *List `json:"embedded,omitempty"`
	// The metadata of embedded objects coerced, or why not.
	Coerced        any      `json:"coerced,omitempty"`
	CoerceErrors   []string `json:"coerceErrors,omitempty"`
	CoercedUnknown []string `json:"coercedUnknown,omitempty"`
	// What is wrong with it as an update of the old.
	Update *List `json:"update,omitempty"`
}

func list(errs func() field.ErrorList) List {
	texts := func() (out []string) {
		for _, err := range errs() {
			out = append(out, selfType.ReplaceAllString(string(err.Type)+"|"+err.Error(), "selfType1"))
		}
		return out
	}
	first := List{Texts: texts(), Ordered: true}
	if len(first.Texts) == 0 {
		return first
	}
	for range runs {
		next := texts()
		first.Ordered = first.Ordered && reflect.DeepEqual(first.Texts, next)
		slices.Sort(next)
		// Of several errors in metadata Go says one.
		first.varies = first.varies || !reflect.DeepEqual(slices.Sorted(slices.Values(first.Texts)), next)
	}
	return first
}

func decode(raw json.RawMessage) (value any) {
	check(utiljson.Unmarshal(raw, &value))
	return value
}

func (c *Case) judge() {
	versions := object{"name": "v1", "served": true, "storage": true, "schema": object{"openAPIV3Schema": c.Schema}}
	if c.Status {
		versions["subresources"] = object{"status": object{}}
	}
	crd := must(json.Marshal(object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": object{"name": "things.annex.dev", "creationTimestamp": nil},
		"spec": object{
			"group": "annex.dev", "scope": "Namespaced", "versions": []any{versions},
			"names": object{"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
		},
		"status": object{"storedVersions": []string{"v1"}},
	}))
	var v1 apiextensionsv1.CustomResourceDefinition
	if err := utiljson.Unmarshal(crd, &v1); err != nil {
		c.NoSchema = true
		return
	}
	apiextensionsv1.SetDefaults_CustomResourceDefinition(&v1)
	var crdInternal apiextensions.CustomResourceDefinition
	check(apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&v1, &crdInternal, nil))
	defer func() {
		// A field path into values that have no schema is one that Go dereferences.
		if reason := recover(); reason != nil {
			c.Errors = List{varies: true}
		}
	}()
	c.Errors = list(func() field.ErrorList {
		return validation.ValidateCustomResourceDefinition(context.Background(), crdInternal.DeepCopy())
	})
	if len(c.Errors.Texts) > 0 {
		c.Objects = nil
		return
	}
	props := crdInternal.Spec.Validation.OpenAPIV3Schema
	structural := must(structuralschema.NewStructural(props))
	if defaulting.PruneDefaults(structural) != nil {
		// Such a definition is valid, and the server cannot serve it.
		c.Objects = nil
		return
	}
	validator, _, err := apiservervalidation.NewSchemaValidator(props)
	check(err)
	for _, o := range c.Objects {
		o.judge(structural, validator)
	}
}

func (o *Object) judge(structural *structuralschema.Structural, validator apiservervalidation.SchemaValidator) {
	given, isObject := decode(o.Object).(object)
	if !isObject {
		panic(fmt.Sprintf("no object: %s", o.Object))
	}
	pruned := runtime.DeepCopyJSON(given)
	o.Unknown = pruning.PruneWithOptions(pruned, structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	o.Pruned = runtime.DeepCopyJSON(pruned)
	defaulting.PruneNonNullableNullsWithoutDefaults(pruned, structural)
	defaulting.Default(pruned, structural)
	o.Defaulted = pruned
	o.Errors = list(func() field.ErrorList { return apiservervalidation.ValidateCustomResource(nil, given, validator) })
	o.Lists = list(func() field.ErrorList { return listtype.ValidateListSetsAndMaps(nil, structural, given) })
	if embeds(structural) {
		embedded := list(func() field.ErrorList { return objectmeta.Validate(nil, given, structural, false) })
		o.Embedded = &embedded
		for range runs {
			coerced := runtime.DeepCopyJSON(given)
			err, unknown := objectmeta.CoerceWithOptions(nil, coerced, structural, false, objectmeta.CoerceOptions{ReturnUnknownFieldPaths: true})
			if err == nil {
				o.Coerced, o.CoercedUnknown = coerced, unknown
				break
			}
			if !slices.Contains(o.CoerceErrors, err.Error()) {
				o.CoerceErrors = append(o.CoerceErrors, err.Error())
			}
		}
	}
	if o.Old != nil {
		old := decode(o.Old)
		update := list(func() field.ErrorList {
			return apiservervalidation.ValidateCustomResourceUpdate(nil, given, old, validator, apiservervalidation.WithRatcheting(nil))
		})
		o.Update = &update
	}
}

func embeds(s *structuralschema.Structural) bool {
	if s == nil {
		return false
	}
	for _, property := range s.Properties {
		if embeds(&property) {
			return true
		}
	}
	return s.XEmbeddedResource || embeds(s.Items) || s.AdditionalProperties != nil && embeds(s.AdditionalProperties.Structural)
}
