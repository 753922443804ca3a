package registry

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metatable "k8s.io/apimachinery/pkg/api/meta/table"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"annex.dev/e2e/peer/hub"
)

// What `kubectl get` shows, as a CustomResourceDefinition with these columns does.
type table struct{}

var nameColumn = metav1.TableColumnDefinition{
	Name: "Name", Type: "string", Format: "name", Description: metav1.ObjectMeta{}.SwaggerDoc()["name"],
}

var columns = []metav1.TableColumnDefinition{
	nameColumn,
	column("Class", "string", ".spec.class"),
	column("Desired", "integer", ".spec.replicas"),
	column("Current", "integer", ".status.replicas"),
	column("Ready", "string", `.status.conditions[?(@.type=="Ready")].status`),
	column("Age", "date", ".metadata.creationTimestamp"),
}

func column(name, kind, path string) metav1.TableColumnDefinition {
	description := fmt.Sprintf("Custom resource definition column (in JSONPath format): %s", path)
	return metav1.TableColumnDefinition{Name: name, Type: kind, Description: description}
}

func (table) ConvertToTable(_ context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	return tableOf(columns, obj, options, row)
}

type toRow func(obj runtime.Object, meta metav1.Object, name, age string) ([]any, error)

func tableOf(columns []metav1.TableColumnDefinition, obj, options runtime.Object, row toRow) (*metav1.Table, error) {
	out := &metav1.Table{}
	if options, ok := options.(*metav1.TableOptions); !ok || options == nil || !options.NoHeaders {
		out.ColumnDefinitions = columns
	}
	if list, err := meta.ListAccessor(obj); err == nil {
		out.ResourceVersion, out.Continue = list.GetResourceVersion(), list.GetContinue()
		out.RemainingItemCount = list.GetRemainingItemCount()
	} else if object, err := meta.CommonAccessor(obj); err == nil {
		out.ResourceVersion = object.GetResourceVersion()
	}
	rows, err := metatable.MetaToTableRow(obj, row)
	out.Rows = rows
	return out, err
}

func row(obj runtime.Object, _ metav1.Object, name, age string) ([]any, error) {
	gadget, ok := obj.(*hub.Gadget)
	if !ok {
		return nil, fmt.Errorf("%T is no Gadget", obj)
	}
	var desired, ready any
	if gadget.Spec.Replicas != nil {
		desired = int64(*gadget.Spec.Replicas)
	}
	for _, condition := range gadget.Status.Conditions {
		if condition.Type == "Ready" {
			ready = condition.Status
		}
	}
	return []any{name, gadget.Spec.Class, desired, int64(gadget.Status.Replicas), ready, age}, nil
}
