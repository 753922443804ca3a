package hub

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"annex.dev/e2e/peer/v1"
)

// A Gadget says what one of v1 says.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type Gadget struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	Spec   v1.GadgetSpec
	Status v1.GadgetStatus
}

// GadgetList is a list of Gadgets.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type GadgetList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []Gadget
}
