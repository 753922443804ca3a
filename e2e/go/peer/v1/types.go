package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A Gadget has a field of each form that Kubernetes' own types have.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type Gadget struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// +optional
	Spec GadgetSpec `json:"spec,omitempty"`
	// +optional
	Status GadgetStatus `json:"status,omitempty"`
}

// GadgetList is a list of Gadgets.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type GadgetList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Gadget `json:"items"`
}

// GadgetSpec is what is wanted.
type GadgetSpec struct {
	// What it looks like; v1beta1 calls it colour.
	// +optional
	Color string `json:"color,omitempty"`
	// +optional
	Limits *Limits `json:"limits,omitempty"`
	// Small, Medium or Large.
	Class string `json:"class"`
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
	// Each value may have a manager of its own.
	// +optional
	Settings map[string]string `json:"settings,omitempty"`
	// +optional
	// +mapType=atomic
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// +optional
	// +listType=set
	// +patchStrategy=merge
	Features []string `json:"features,omitempty" patchStrategy:"merge"`
	// +optional
	// +listType=map
	// +listMapKey=port
	// +listMapKey=protocol
	// +patchStrategy=merge
	// +patchMergeKey=port
	Ports []Port `json:"ports,omitempty" patchStrategy:"merge" patchMergeKey:"port"`
	// +optional
	// +listType=map
	// +listMapKey=name
	// +patchStrategy=merge
	// +patchMergeKey=name
	Parts []Part `json:"parts,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	// The name of one of the parts.
	// +optional
	MainPart string `json:"mainPart,omitempty"`
	// +optional
	// +listType=atomic
	Args []string `json:"args,omitempty"`
	// +optional
	// +listType=atomic
	Weights []int32 `json:"weights,omitempty"`
	// +optional
	// +patchStrategy=retainKeys
	Strategy Strategy `json:"strategy,omitempty" patchStrategy:"retainKeys"`
	// +optional
	Paused bool `json:"paused,omitempty"`
	// +optional
	Priority *int64 `json:"priority,omitempty"`
	// +optional
	Shared *bool `json:"shared,omitempty"`
	// +optional
	MinReadySeconds int32 `json:"minReadySeconds,omitempty"`
	// +optional
	NotBefore *metav1.Time `json:"notBefore,omitempty"`
	// +optional
	Payload []byte `json:"payload,omitempty"`
	// +optional
	Anchor Anchor `json:"anchor,omitempty"`
}

// Limits may be absent as a whole.
type Limits struct {
	// +optional
	Min *int32 `json:"min,omitempty"`
	// +optional
	Max *int32 `json:"max,omitempty"`
	// v1beta1 has it in spec.
	// +optional
	Burst *int32 `json:"burst,omitempty"`
}

// Port is known by its number and protocol.
type Port struct {
	// +optional
	Name string `json:"name,omitempty"`
	Port int32  `json:"port"`
	// +optional
	// +default="TCP"
	Protocol string `json:"protocol,omitempty"`
}

// Part is known by its name.
type Part struct {
	Name string `json:"name"`
	// +optional
	Image string `json:"image,omitempty"`
	// +optional
	// +listType=atomic
	Command []string `json:"command,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=name
	// +patchStrategy=merge
	// +patchMergeKey=name
	Env []Variable `json:"env,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
}

// Variable is a name with a value.
type Variable struct {
	Name string `json:"name"`
	// +optional
	Value string `json:"value,omitempty"`
}

// Strategy has a type, and parameters of that type.
type Strategy struct {
	// Rolling or Recreate.
	// +optional
	Type string `json:"type,omitempty"`
	// +optional
	Rolling *Rolling `json:"rolling,omitempty"`
}

// Rolling are the parameters of the strategy of that name.
type Rolling struct {
	// +optional
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`
}

// Anchor is changed as a whole.
//
// +structType=atomic
type Anchor struct {
	// +optional
	Kind string `json:"kind,omitempty"`
	// +optional
	Name string `json:"name,omitempty"`
}

// GadgetStatus is what is there.
type GadgetStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	Replicas           int32 `json:"replicas"`
	// +optional
	Selector string `json:"selector,omitempty"`
	// +optional
	Phase string `json:"phase,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchStrategy=merge
	// +patchMergeKey=type
	Conditions []Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// Condition is known by its type.
type Condition struct {
	Type   string `json:"type"`
	Status string `json:"status"`
	// +optional
	LastTransitionTime *metav1.Time `json:"lastTransitionTime,omitempty"`
	// +optional
	Reason string `json:"reason,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
}
