package main

import (
	"context"
	"errors"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	controllerruntime "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// status is the part of a Widget that the controller writes.
type status struct {
	ObservedGeneration int64              `json:"observedGeneration"`
	Replicas           int64              `json:"replicas"`
	Selector           string             `json:"selector,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// control says of each Widget that it has the replicas that it wants, until stdin ends.
func control(ctx context.Context, config *rest.Config, namespace string) (facts, error) {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	manager, err := controllerruntime.NewManager(config, controllerruntime.Options{
		Cache:   cache.Options{DefaultNamespaces: map[string]cache.Config{namespace: {}}},
		Metrics: server.Options{BindAddress: "0"},
	})
	if err != nil {
		return nil, err
	}
	reconciled := 0
	reconciler := reconcile.Func(func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		reconciled++
		return reconcile.Result{}, reconcileWidget(ctx, manager.GetClient(), request.NamespacedName)
	})
	kind := &unstructured.Unstructured{}
	kind.SetGroupVersionKind(resource.GroupVersion().WithKind("Widget"))
	if err := controllerruntime.NewControllerManagedBy(manager).Named("widgets").For(kind).Complete(reconciler); err != nil {
		return nil, err
	}
	if err := manager.Start(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return nil, err
	}
	return facts{"reconciled": reconciled > 0}, nil
}

func reconcileWidget(ctx context.Context, c client.Client, name client.ObjectKey) error {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(resource.GroupVersion().WithKind("Widget"))
	if err := c.Get(ctx, name, object); err != nil {
		return client.IgnoreNotFound(err)
	}
	wanted, _, err := unstructured.NestedInt64(object.Object, "spec", "replicas")
	if err != nil {
		return err
	}
	selector, _, err := unstructured.NestedStringMap(object.Object, "spec", "selector")
	if err != nil {
		return err
	}
	var now status
	if said, ok := object.Object["status"].(map[string]any); ok {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(said, &now); err != nil {
			return err
		}
	}
	now.ObservedGeneration, now.Replicas, now.Selector = object.GetGeneration(), wanted, labels.FormatLabels(selector)
	if len(selector) == 0 {
		now.Selector = ""
	}
	meta.SetStatusCondition(&now.Conditions, metav1.Condition{
		Type: "Ready", Status: metav1.ConditionTrue, Reason: "Counted",
		Message: "all replicas are there", ObservedGeneration: now.ObservedGeneration,
	})
	said, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&now)
	if err != nil {
		return err
	}
	object.Object["status"] = said
	// A conflict comes back as an error, and the Widget is looked at again.
	return c.Status().Update(ctx, object)
}
