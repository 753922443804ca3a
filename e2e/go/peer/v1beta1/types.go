package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"annex.dev/e2e/peer/v1"
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
	Status v1.GadgetStatus `json:"status,omitempty"`
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
	// What it looks like.
	// +optional
	Colour string `json:"colour,omitempty"`
	// +optional
	Limits *Limits `json:"limits,omitempty"`
	// +optional
	Burst *int32 `json:"burst,omitempty"`
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
	Ports []v1.Port `json:"ports,omitempty" patchStrategy:"merge" patchMergeKey:"port"`
	// +optional
	// +listType=map
	// +listMapKey=name
	// +patchStrategy=merge
	// +patchMergeKey=name
	Parts []v1.Part `json:"parts,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
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
	Strategy v1.Strategy `json:"strategy,omitempty" patchStrategy:"retainKeys"`
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
	Anchor v1.Anchor `json:"anchor,omitempty"`
}

// Limits may be absent as a whole.
type Limits struct {
	// +optional
	Min *int32 `json:"min,omitempty"`
	// +optional
	Max *int32 `json:"max,omitempty"`
}
