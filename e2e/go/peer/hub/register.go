package hub

import (
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"annex.dev/e2e/peer/v1"
	"annex.dev/e2e/peer/v1beta1"
)

// GroupName is the group of Gadgets.
const GroupName = "gadgets.example.com"

// The versions.
var (
	Internal = schema.GroupVersion{Group: GroupName, Version: runtime.APIVersionInternal}
	V1       = schema.GroupVersion{Group: GroupName, Version: "v1"}
	V1beta1  = schema.GroupVersion{Group: GroupName, Version: "v1beta1"}
)

// Resource is a resource of the group.
func Resource(resource string) schema.GroupResource {
	return schema.GroupResource{Group: GroupName, Resource: resource}
}

// Install adds the group, and the Scale of autoscaling, to a scheme.
func Install(scheme *runtime.Scheme) {
	scheme.AddKnownTypes(Internal, &Gadget{}, &GadgetList{})
	scheme.AddKnownTypes(V1, &v1.Gadget{}, &v1.GadgetList{})
	scheme.AddKnownTypes(V1beta1, &v1beta1.Gadget{}, &v1beta1.GadgetList{})
	utilruntime.Must(addConversions(scheme))
	addDefaults(scheme)
	for _, version := range []schema.GroupVersion{V1, V1beta1} {
		metav1.AddToGroupVersion(scheme, version)
		utilruntime.Must(scheme.AddFieldLabelConversionFunc(version.WithKind("Gadget"), selectable))
	}
	utilruntime.Must(scheme.SetVersionPriority(V1, V1beta1))
	utilruntime.Must(autoscalingv1.AddToScheme(scheme))
	// It is its own internal version: nothing of it is converted.
	scheme.AddKnownTypes(schema.GroupVersion{Group: autoscalingv1.GroupName, Version: runtime.APIVersionInternal}, &autoscalingv1.Scale{})
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	scheme.AddUnversionedTypes(schema.GroupVersion{Version: "v1"},
		&metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
}

// What field selectors may name, in the words of a CustomResourceDefinition with selectable fields.
func selectable(label, value string) (string, string, error) {
	switch label {
	case "metadata.name", "metadata.namespace", "spec.class":
		return label, value, nil
	}
	return "", "", fmt.Errorf("field label not supported: %s", label)
}
