package main

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Field managers ask the clock: what they set is set to the time of the step.
func (w *writer) setTimes(result runtime.Object, now string) {
	accessor := must(meta.Accessor(result))
	entries := accessor.GetManagedFields()
	for i := range entries {
		if at := entries[i].Time; at != nil && !w.known[at.UTC().Format(time.RFC3339)] {
			given := metav1.NewTime(must(time.Parse(time.RFC3339, now)))
			entries[i].Time = &given
		}
	}
	if len(entries) > 0 {
		accessor.SetManagedFields(entries)
	}
}

// What a client applies is unstructured, whatever the kind.
func asConfig(config object) runtime.Object { return &unstructured.Unstructured{Object: config} }
