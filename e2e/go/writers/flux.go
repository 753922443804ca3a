package main

import (
	"context"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// applyByFlux reconciles a Widget as the kustomize-controller does: apply, apply again, wait until the controller is done
// with it, look for drift, delete.
func applyByFlux(ctx context.Context, config *rest.Config, namespace string) (facts, error) {
	c, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	poller := polling.NewStatusPoller(c, c.RESTMapper(), polling.Options{})
	manager := ssa.NewResourceManager(c, poller, ssa.Owner{Field: "flux", Group: "flux.example.com"})
	desired := func(replicas int64) []*unstructured.Unstructured {
		spec := map[string]any{"replicas": replicas, "ports": []any{port("web", 80)}, "settings": map[string]any{"a": "b"}}
		return []*unstructured.Unstructured{widget(namespace, "flux", spec)}
	}
	actions := []string{}
	for _, replicas := range []int64{2, 2, 3} {
		changed, err := manager.ApplyAll(ctx, desired(replicas), ssa.DefaultApplyOptions())
		if err != nil {
			return nil, err
		}
		for _, entry := range changed.Entries {
			actions = append(actions, entry.Action.String())
		}
	}
	waited := manager.Wait(desired(3), ssa.WaitOptions{Interval: time.Second, Timeout: time.Minute})
	same, _, _, err := manager.Diff(ctx, desired(3)[0], ssa.DefaultDiffOptions())
	if err != nil {
		return nil, err
	}
	drifted, _, merged, err := manager.Diff(ctx, desired(4)[0], ssa.DefaultDiffOptions())
	if err != nil {
		return nil, err
	}
	deleted, err := manager.DeleteAll(ctx, desired(3), ssa.DefaultDeleteOptions())
	if err != nil {
		return nil, err
	}
	gone := manager.WaitForTermination(desired(3), ssa.WaitOptions{Interval: time.Second, Timeout: time.Minute})
	return facts{
		"actions": actions,
		"waited":  message(waited),
		"same":    same.Action.String(),
		"drifted": drifted.Action.String(),
		"merged":  merged.Object["spec"].(map[string]any)["replicas"],
		"deleted": deleted.Entries[0].Action.String(),
		"gone":    message(gone),
	}, nil
}
