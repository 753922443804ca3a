package main

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// applyByControllerRuntime applies a Widget and its status, each with a manager of its own.
func applyByControllerRuntime(ctx context.Context, config *rest.Config, namespace string) (facts, error) {
	c, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	spec := map[string]any{"replicas": int64(2), "ports": []any{port("web", 80)}, "features": []any{"one"}}
	applied := widget(namespace, "controller-runtime", spec)
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("one")); err != nil {
		return nil, err
	}
	other := widget(namespace, "controller-runtime", map[string]any{
		"replicas": int64(3), "ports": []any{port("metrics", 9090)}, "features": []any{"two"},
	})
	refused := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(other.DeepCopy()), client.FieldOwner("two"))
	err = c.Apply(ctx, client.ApplyConfigurationFromUnstructured(other), client.FieldOwner("two"), client.ForceOwnership)
	if err != nil {
		return nil, err
	}
	said := widget(namespace, "controller-runtime", nil)
	delete(said.Object, "spec")
	said.Object["status"] = map[string]any{"replicas": int64(1)}
	err = c.SubResource("status").Apply(ctx, client.ApplyConfigurationFromUnstructured(said), client.FieldOwner("three"))
	if err != nil {
		return nil, err
	}
	found := widget(namespace, "controller-runtime", nil)
	if err := c.Get(ctx, client.ObjectKeyFromObject(found), found); err != nil {
		return nil, err
	}
	return facts{
		"conflict": apierrors.IsConflict(refused),
		"message":  message(refused),
		"spec":     found.Object["spec"],
		"replicas": found.Object["status"].(map[string]any)["replicas"],
		"managers": managers(found),
	}, nil
}
