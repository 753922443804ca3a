// Package registry keeps Gadgets, and says what is done to them.
package registry

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"annex.dev/e2e/peer/hub"
	"annex.dev/e2e/peer/v1"
)

type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
}

func (strategy) NamespaceScoped() bool { return true }

func (strategy) AllowCreateOnUpdate() bool { return false }

func (strategy) AllowUnconditionalUpdate() bool { return true }

func (strategy) Canonicalize(runtime.Object) {}

func (strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	gadget := obj.(*hub.Gadget)
	gadget.Status = v1.GadgetStatus{}
	gadget.Generation = 1
}

func (strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	gadget, before := obj.(*hub.Gadget), old.(*hub.Gadget)
	gadget.Status = before.Status
	if !equality.Semantic.DeepEqual(gadget.Spec, before.Spec) {
		gadget.Generation = before.Generation + 1
	}
}

func (strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	return validate(obj.(*hub.Gadget))
}

func (strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validateUpdate(obj.(*hub.Gadget), old.(*hub.Gadget))
}

func (strategy) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	return warnings(obj.(*hub.Gadget))
}

func (strategy) WarningsOnUpdate(_ context.Context, obj, _ runtime.Object) []string {
	return warnings(obj.(*hub.Gadget))
}

func (strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return reset("status")
}

func warnings(gadget *hub.Gadget) []string {
	if gadget.Spec.Paused {
		return []string{"spec.paused: a paused gadget does nothing"}
	}
	return nil
}

// The strategy of the status subresource: all but the status, and who manages which field, is as it was.
type statusStrategy struct{ strategy }

func (statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	gadget, before := obj.(*hub.Gadget), old.(*hub.Gadget)
	managedFields := gadget.ManagedFields
	gadget.Spec = before.Spec
	before.ObjectMeta.DeepCopyInto(&gadget.ObjectMeta)
	gadget.ManagedFields = managedFields
}

func (statusStrategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return validateStatusUpdate(obj.(*hub.Gadget), old.(*hub.Gadget))
}

func (statusStrategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func (statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return reset("metadata", "spec")
}

func reset(names ...string) map[fieldpath.APIVersion]*fieldpath.Set {
	set := fieldpath.NewSet()
	for _, name := range names {
		set.Insert(fieldpath.MakePathOrDie(name))
	}
	return map[fieldpath.APIVersion]*fieldpath.Set{
		fieldpath.APIVersion(hub.V1.String()): set, fieldpath.APIVersion(hub.V1beta1.String()): set,
	}
}

func attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	gadget, ok := obj.(*hub.Gadget)
	if !ok {
		return nil, nil, fmt.Errorf("%T is no Gadget", obj)
	}
	selectable := generic.AddObjectMetaFieldsSet(fields.Set{"spec.class": gadget.Spec.Class}, &gadget.ObjectMeta, true)
	return gadget.Labels, selectable, nil
}

func matching(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
	return storage.SelectionPredicate{Label: label, Field: field, GetAttrs: attributes}
}
