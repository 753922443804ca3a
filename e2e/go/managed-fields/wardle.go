package main

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/sample-apiserver/pkg/apis/wardle"
	"k8s.io/sample-apiserver/pkg/apis/wardle/install"
	"k8s.io/sample-apiserver/pkg/apis/wardle/v1alpha1"
	"k8s.io/sample-apiserver/pkg/apis/wardle/v1beta1"
)

// A kind of Go structs: Kubernetes' own sample, whose versions have a reference as one field and as two.

var (
	scheme = func() *runtime.Scheme {
		scheme := runtime.NewScheme()
		install.Install(scheme)
		return scheme
	}()
	wardleTypes = func() managedfields.TypeConverter {
		all := definitions()
		for version, name := range map[string]string{
			"v1alpha1": v1alpha1.Flunder{}.OpenAPIModelName(), "v1beta1": v1beta1.Flunder{}.OpenAPIModelName(),
		} {
			gvk := object{"group": wardle.GroupName, "version": version, "kind": "Flunder"}
			all[name].AddExtension("x-kubernetes-group-version-kind", []any{gvk})
		}
		return must(managedfields.NewTypeConverter(all, false))
	}()
)

type flunders struct {
	resets   map[string][][]string
	managers map[string]*managedfields.FieldManager
}

func newWardle() kind {
	return &flunders{
		resets:   map[string][][]string{"": {{"status"}}, "status": {{"spec"}}},
		managers: map[string]*managedfields.FieldManager{},
	}
}

func (k *flunders) facts() object {
	text := object{"type": "string"}
	schemas := object{}
	for _, version := range k.versions() {
		fields := object{"reference": text, "referenceType": text}
		if version == "wardle.example.com/v1beta1" {
			fields = object{"flunderReference": text, "fischerReference": text, "referenceType": text}
		}
		schemas[version] = object{"type": "object", "properties": object{
			"spec": object{"type": "object", "properties": fields}, "status": object{"type": "object"},
		}}
	}
	return object{"kind": "Flunder", "typed": true, "deduced": false, "schemas": schemas, "resets": k.resets}
}

func (k *flunders) name() string { return "Flunder" }

func (k *flunders) versions() []string {
	return []string{"wardle.example.com/v1alpha1", "wardle.example.com/v1beta1"}
}

func (k *flunders) manager(version, subresource string) *managedfields.FieldManager {
	key := version + "/" + subresource
	if k.managers[key] == nil {
		gvk := must(schema.ParseGroupVersion(version)).WithKind("Flunder")
		k.managers[key] = must(managedfields.NewDefaultFieldManager(wardleTypes, runtime.UnsafeObjectConvertor(scheme), scheme, scheme, gvk,
			wardle.SchemeGroupVersion, subresource, resetFields(k.resets[subresource], k.versions())))
	}
	return k.managers[key]
}

func (k *flunders) random(version string) object {
	out := object{"apiVersion": version, "kind": "Flunder", "metadata": randomMetadata()}
	spec := in(out, "spec")
	if often(70) {
		spec["referenceType"] = one("Flunder", "Fischer")
	}
	names := []string{"reference"}
	if version == "wardle.example.com/v1beta1" {
		names = []string{"flunderReference", "fischerReference"}
	}
	for _, name := range names {
		if often(60) {
			spec[name] = one("a", "b", "c")
		}
	}
	return out
}

func (k *flunders) toHub(sent object) (runtime.Object, error) {
	gvk := must(schema.ParseGroupVersion(sent["apiVersion"].(string))).WithKind("Flunder")
	versioned := must(scheme.New(gvk))
	if err := json.Unmarshal(must(json.Marshal(sent)), versioned); err != nil {
		return nil, err
	}
	scheme.Default(versioned)
	return scheme.ConvertToVersion(versioned, wardle.SchemeGroupVersion)
}

func (k *flunders) fromHub(stored runtime.Object, version string) object {
	versioned := must(scheme.ConvertToVersion(stored, must(schema.ParseGroupVersion(version))))
	out := object{}
	check(json.Unmarshal(must(json.Marshal(versioned)), &out))
	return out
}

func (k *flunders) empty(version string) runtime.Object {
	return must(scheme.New(must(schema.ParseGroupVersion(version)).WithKind("Flunder")))
}
