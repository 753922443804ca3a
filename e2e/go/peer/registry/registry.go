package registry

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"annex.dev/e2e/peer/hub"
)

type gadgetREST struct{ *genericregistry.Store }

var (
	_ rest.ShortNamesProvider = gadgetREST{}
	_ rest.CategoriesProvider = gadgetREST{}
)

func (gadgetREST) ShortNames() []string { return []string{"gd"} }

func (gadgetREST) Categories() []string { return []string{"peers"} }

// The paths of Gadgets: the resource and its subresources, which share a store.
func Paths(scheme *runtime.Scheme, options generic.RESTOptionsGetter) (map[string]rest.Storage, error) {
	of := strategy{scheme, names.SimpleNameGenerator}
	store := &genericregistry.Store{
		NewFunc:                   func() runtime.Object { return &hub.Gadget{} },
		NewListFunc:               func() runtime.Object { return &hub.GadgetList{} },
		PredicateFunc:             matching,
		DefaultQualifiedResource:  hub.Resource("gadgets"),
		SingularQualifiedResource: hub.Resource("gadget"),
		CreateStrategy:            of,
		UpdateStrategy:            of,
		DeleteStrategy:            of,
		ResetFieldsStrategy:       of,
		TableConvertor:            table{},
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: options, AttrFunc: attributes}); err != nil {
		return nil, err
	}
	status := *store
	status.UpdateStrategy = statusStrategy{of}
	status.ResetFieldsStrategy = statusStrategy{of}
	return map[string]rest.Storage{
		"gadgets":        gadgetREST{store},
		"gadgets/status": &statusREST{&status},
		"gadgets/scale":  &scaleREST{store},
		"gadgets/echo":   &echoREST{store},
	}, nil
}

// The status subresource.
type statusREST struct{ store *genericregistry.Store }

var _ rest.Patcher = &statusREST{}

func (*statusREST) New() runtime.Object { return &hub.Gadget{} }

// The store is the resource's.
func (*statusREST) Destroy() {}

func (r *statusREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.store.Get(ctx, name, options)
}

func (r *statusREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc,
	update rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	// No PUT and no apply of a status makes an object.
	return r.store.Update(ctx, name, info, create, update, false, options)
}

func (r *statusREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.store.GetResetFields()
}

func (r *statusREST) ConvertToTable(ctx context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	return r.store.ConvertToTable(ctx, obj, options)
}
