package registry

import (
	"context"
	"fmt"
	"math"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"annex.dev/e2e/peer/hub"
)

// The scale subresource, with the rules of a CustomResourceDefinition's.
type scaleREST struct{ store *genericregistry.Store }

var (
	_ rest.Patcher                  = &scaleREST{}
	_ rest.GroupVersionKindProvider = &scaleREST{}
)

// What stands for replicas that nobody wants.
const unset = math.MinInt32

var replicasPath = managedfields.ResourcePathMappings{
	hub.V1.String():      fieldpath.MakePathOrDie("spec", "replicas"),
	hub.V1beta1.String(): fieldpath.MakePathOrDie("spec", "replicas"),
}

func (*scaleREST) New() runtime.Object { return &autoscalingv1.Scale{} }

func (*scaleREST) Destroy() {}

func (*scaleREST) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind {
	return autoscalingv1.SchemeGroupVersion.WithKind("Scale")
}

func (r *scaleREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	obj, err := r.store.Get(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return scaleOf(obj.(*hub.Gadget)), nil
}

func (*scaleREST) ConvertToTable(_ context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	return tableOf(scaleColumns, obj, options, func(obj runtime.Object, _ metav1.Object, name, _ string) ([]any, error) {
		scale, ok := obj.(*autoscalingv1.Scale)
		if !ok {
			return nil, fmt.Errorf("%T is no Scale", obj)
		}
		return []any{name, int64(scale.Spec.Replicas), int64(scale.Status.Replicas)}, nil
	})
}

var scaleColumns = []metav1.TableColumnDefinition{
	nameColumn,
	{Name: "Desired", Type: "integer", Description: "Number of desired replicas"},
	{Name: "Available", Type: "integer", Description: "Number of actual replicas"},
}

func (r *scaleREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc,
	update rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	obj, _, err := r.store.Update(ctx, name, scaleInfo{info}, func(ctx context.Context, obj runtime.Object) error {
		return create(ctx, scaleOf(obj.(*hub.Gadget)))
	}, func(ctx context.Context, obj, old runtime.Object) error {
		return update(ctx, scaleOf(obj.(*hub.Gadget)), scaleOf(old.(*hub.Gadget)))
	}, false, options)
	if err != nil {
		return nil, false, err
	}
	return scaleOf(obj.(*hub.Gadget)), false, nil
}

func scaleOf(gadget *hub.Gadget) *autoscalingv1.Scale {
	scale := &autoscalingv1.Scale{
		TypeMeta: metav1.TypeMeta{APIVersion: "autoscaling/v1", Kind: "Scale"},
		ObjectMeta: metav1.ObjectMeta{
			Name:              gadget.Name,
			Namespace:         gadget.Namespace,
			UID:               gadget.UID,
			ResourceVersion:   gadget.ResourceVersion,
			CreationTimestamp: gadget.CreationTimestamp,
		},
		Status: autoscalingv1.ScaleStatus{Replicas: gadget.Status.Replicas, Selector: gadget.Status.Selector},
	}
	if gadget.Spec.Replicas != nil {
		scale.Spec.Replicas = *gadget.Spec.Replicas
	}
	return scale
}

// What a write of a Scale makes of a Gadget.
type scaleInfo struct{ of rest.UpdatedObjectInfo }

func (i scaleInfo) Preconditions() *metav1.Preconditions { return i.of.Preconditions() }

func (i scaleInfo) UpdatedObject(ctx context.Context, old runtime.Object) (runtime.Object, error) {
	info, ok := request.RequestInfoFrom(ctx)
	if !ok {
		return nil, errors.NewInternalError(fmt.Errorf("the request has no info"))
	}
	gadget := old.DeepCopyObject().(*hub.Gadget)
	version := schema.GroupVersion{Group: info.APIGroup, Version: info.APIVersion}
	managers := managedfields.NewScaleHandler(gadget.ManagedFields, version, replicasPath)
	before := scaleOf(gadget)
	if gadget.Spec.Replicas == nil {
		before.Spec.Replicas = unset
	}
	var err error
	if before.ManagedFields, err = managers.ToSubresource(); err != nil {
		return nil, err
	}
	obj, err := i.of.UpdatedObject(ctx, before)
	if err != nil {
		return nil, err
	}
	scale, ok := obj.(*autoscalingv1.Scale)
	if !ok {
		return nil, errors.NewBadRequest(fmt.Sprintf("wrong object passed to Scale update: %v", obj))
	}
	if scale.Spec.Replicas == unset {
		return nil, errors.NewBadRequest(`the spec replicas field ".spec.replicas" cannot be empty`)
	}
	gadget.Spec.Replicas = &scale.Spec.Replicas
	if scale.ResourceVersion != "" {
		gadget.ResourceVersion = scale.ResourceVersion
	}
	if gadget.ManagedFields, err = managers.ToParent(scale.ManagedFields); err != nil {
		return nil, err
	}
	return gadget, nil
}
