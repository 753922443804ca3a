package main

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// A kind of unstructured objects.

const group = "example.com"

// What each version calls one field of spec.
var sizes = map[string]string{"v1": "size", "v2": "amount", "v3": "scale"}

type custom struct {
	schemas  map[string]object
	types    managedfields.TypeConverter
	crd      bool
	deduced  bool
	resets   map[string][][]string
	managers map[string]*managedfields.FieldManager
}

func newCustom() kind {
	shared := sharedSchema()
	k := &custom{schemas: map[string]object{}, crd: often(50), deduced: often(10), managers: map[string]*managedfields.FieldManager{}}
	all := definitions()
	for version, size := range sizes {
		root := rootSchema(size, shared)
		k.schemas[version] = cloned(root)
		withResourceFields(root, true)
		root["x-kubernetes-group-version-kind"] = []any{object{"group": group, "version": version, "kind": "Custom"}}
		all["com.example."+version+".Custom"] = parsed(root)
	}
	if k.deduced {
		k.types = managedfields.NewDeducedTypeConverter()
	} else {
		k.types = must(managedfields.NewTypeConverter(all, false))
	}
	k.resets = map[string][][]string{"": {{"status"}}, "status": one([][]string{{"spec"}}, [][]string{{"spec"}, {"metadata"}})}
	if often(20) {
		k.resets[""] = nil
	}
	return k
}

func (k *custom) facts() object {
	schemas := object{}
	for version, schema := range k.schemas {
		schemas[group+"/"+version] = schema
	}
	return object{"kind": "Custom", "typed": false, "deduced": k.deduced, "schemas": schemas, "resets": k.resets}
}

func (k *custom) name() string { return "Custom" }

func (k *custom) versions() []string {
	return []string{group + "/v1", group + "/v1", group + "/v2", group + "/v3"}
}

func resetFields(paths [][]string, versions []string) map[fieldpath.APIVersion]fieldpath.Filter {
	set := fieldpath.NewSet()
	for _, path := range paths {
		var parts []any
		for _, part := range path {
			parts = append(parts, part)
		}
		set.Insert(fieldpath.MakePathOrDie(parts...))
	}
	out := map[fieldpath.APIVersion]fieldpath.Filter{}
	for _, version := range versions {
		out[fieldpath.APIVersion(version)] = fieldpath.NewExcludeSetFilter(set)
	}
	return out
}

func (k *custom) manager(version, subresource string) *managedfields.FieldManager {
	key := version + "/" + subresource
	if k.managers[key] == nil {
		gvk := must(schema.ParseGroupVersion(version)).WithKind("Custom")
		make := managedfields.NewDefaultFieldManager
		if k.crd {
			make = managedfields.NewDefaultCRDFieldManager
		}
		hub := schema.GroupVersion{Group: group, Version: "v1"}
		k.managers[key] = must(make(k.types, k, k, k, gvk, hub, subresource, resetFields(k.resets[subresource], k.versions())))
	}
	return k.managers[key]
}

// Convert is not asked for.
func (k *custom) Convert(in, out, context any) error { panic("not asked for") }

// ConvertFieldLabel is not asked for.
func (k *custom) ConvertFieldLabel(gvk schema.GroupVersionKind, label, value string) (string, string, error) {
	panic("not asked for")
}

// ConvertToVersion names the one field as the version does.
func (k *custom) ConvertToVersion(in runtime.Object, target runtime.GroupVersioner) (runtime.Object, error) {
	from := in.GetObjectKind().GroupVersionKind()
	to, ok := target.KindForGroupVersionKinds([]schema.GroupVersionKind{from})
	if gv, is := target.(schema.GroupVersion); is {
		to, ok = gv.WithKind(from.Kind), true
	}
	if !ok || sizes[to.Version] == "" || to.Group != group {
		return nil, runtime.NewNotRegisteredErrForKind("custom", to)
	}
	out := in.DeepCopyObject().(*unstructured.Unstructured)
	if spec, ok := out.Object["spec"].(object); ok && from.Version != to.Version {
		if size, ok := spec[sizes[from.Version]]; ok {
			delete(spec, sizes[from.Version])
			spec[sizes[to.Version]] = size
		}
	}
	out.SetGroupVersionKind(to)
	return out, nil
}

// Default sets nothing.
func (k *custom) Default(runtime.Object) {}

// New makes an empty object.
func (k *custom) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(gvk)
	return out, nil
}

func (k *custom) random(version string) object {
	gv := must(schema.ParseGroupVersion(version))
	out := objectValue(k.schemas[gv.Version], 80)
	out["apiVersion"], out["kind"], out["metadata"] = version, "Custom", randomMetadata()
	return out
}

func (k *custom) toHub(sent object) (runtime.Object, error) {
	return k.ConvertToVersion(&unstructured.Unstructured{Object: cloned(sent)}, schema.GroupVersion{Group: group, Version: "v1"})
}

func (k *custom) fromHub(stored runtime.Object, version string) object {
	return must(k.ConvertToVersion(stored, must(schema.ParseGroupVersion(version)))).(*unstructured.Unstructured).Object
}

func (k *custom) empty(version string) runtime.Object {
	return must(k.New(must(schema.ParseGroupVersion(version)).WithKind("Custom")))
}
