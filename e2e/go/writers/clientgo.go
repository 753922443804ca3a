package main

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
)

// applyByDynamicClient applies a Widget and its status.
func applyByDynamicClient(ctx context.Context, config *rest.Config, namespace string) (facts, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	widgets := client.Resource(resource).Namespace(namespace)
	spec := map[string]any{"replicas": int64(2), "args": []any{"a", "b"}}
	options := metav1.ApplyOptions{FieldManager: "one"}
	if _, err := widgets.Apply(ctx, "dynamic", widget(namespace, "dynamic", spec), options); err != nil {
		return nil, err
	}
	// What a manager applies no more goes, and the default comes back.
	without, err := widgets.Apply(ctx, "dynamic", widget(namespace, "dynamic", map[string]any{"args": []any{"c"}}), options)
	if err != nil {
		return nil, err
	}
	said := widget(namespace, "dynamic", nil)
	delete(said.Object, "spec")
	said.Object["status"] = map[string]any{"replicas": int64(5), "selector": "a=b"}
	found, err := widgets.ApplyStatus(ctx, "dynamic", said, metav1.ApplyOptions{FieldManager: "two"})
	if err != nil {
		return nil, err
	}
	return facts{"spec": without.Object["spec"], "managers": managers(found), "generation": found.GetGeneration()}, nil
}

// byMetadataClient lists, watches, patches and deletes what a Widget has of every object, in protobuf where the server has it.
func byMetadataClient(ctx context.Context, config *rest.Config, namespace string) (facts, error) {
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	object := widget(namespace, "metadata", map[string]any{})
	object.SetLabels(map[string]string{"by": "metadata"})
	if _, err := dynamicClient.Resource(resource).Namespace(namespace).Create(ctx, object, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	widgets := client.Resource(resource).Namespace(namespace)
	selected := metav1.ListOptions{LabelSelector: "by=metadata"}
	list, err := widgets.List(ctx, selected)
	if err != nil {
		return nil, err
	}
	selected.ResourceVersion = list.ResourceVersion
	events, err := widgets.Watch(ctx, selected)
	if err != nil {
		return nil, err
	}
	defer events.Stop()
	patch := []byte(`{"metadata":{"annotations":{"note":"kept"}}}`)
	patched, err := widgets.Patch(ctx, "metadata", types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "one"})
	if err != nil {
		return nil, err
	}
	if err := widgets.Delete(ctx, "metadata", metav1.DeleteOptions{}); err != nil {
		return nil, err
	}
	told := []string{}
	for event := range events.ResultChan() {
		if object, ok := event.Object.(*metav1.PartialObjectMetadata); ok {
			told = append(told, fmt.Sprintf("%s %s %s", event.Type, object.Name, object.Annotations["note"]))
		} else {
			told = append(told, fmt.Sprintf("%s %T", event.Type, event.Object))
		}
		if event.Type != watch.Added && event.Type != watch.Modified {
			break
		}
	}
	return facts{"listed": len(list.Items), "note": patched.Annotations["note"], "events": told}, nil
}

// byScaleClient reads, updates and patches the scale of a Widget, as autoscalers do.
func byScaleClient(ctx context.Context, config *rest.Config, namespace string) (facts, error) {
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	object := widget(namespace, "scale", map[string]any{})
	widgets := dynamicClient.Resource(resource).Namespace(namespace)
	if _, err := widgets.Create(ctx, object, metav1.CreateOptions{FieldManager: "one"}); err != nil {
		return nil, err
	}
	cached := memory.NewMemCacheClient(discovery.NewDiscoveryClientForConfigOrDie(config))
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(cached)
	scales, err := scale.NewForConfig(config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(cached))
	if err != nil {
		return nil, err
	}
	client, plural := scales.Scales(namespace), resource.GroupResource()
	got, err := client.Get(ctx, plural, "scale", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	before := got.Spec.Replicas
	got.Spec.Replicas = 4
	updated, err := client.Update(ctx, plural, got, metav1.UpdateOptions{FieldManager: "two"})
	if err != nil {
		return nil, err
	}
	// The Scale that was read is old now.
	_, old := client.Update(ctx, plural, got, metav1.UpdateOptions{})
	patch := []byte(`{"spec":{"replicas":6}}`)
	patched, err := client.Patch(ctx, resource, "scale", types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "two"})
	if err != nil {
		return nil, err
	}
	found, err := widgets.Get(ctx, "scale", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return facts{
		"replicas": []int32{before, updated.Spec.Replicas, patched.Spec.Replicas},
		"conflict": message(old),
		"managers": managers(found),
	}, nil
}
