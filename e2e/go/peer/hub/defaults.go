package hub

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"annex.dev/e2e/peer/v1"
	"annex.dev/e2e/peer/v1beta1"
)

func addDefaults(scheme *runtime.Scheme) {
	ofV1 := func(gadget *v1.Gadget) { complete(&gadget.Spec.Replicas, gadget.Spec.Ports, &gadget.Spec.Strategy) }
	ofV1beta1 := func(gadget *v1beta1.Gadget) {
		complete(&gadget.Spec.Replicas, gadget.Spec.Ports, &gadget.Spec.Strategy)
	}
	scheme.AddTypeDefaultingFunc(&v1.Gadget{}, func(obj any) { ofV1(obj.(*v1.Gadget)) })
	scheme.AddTypeDefaultingFunc(&v1beta1.Gadget{}, func(obj any) { ofV1beta1(obj.(*v1beta1.Gadget)) })
	scheme.AddTypeDefaultingFunc(&v1.GadgetList{}, func(obj any) {
		for i := range obj.(*v1.GadgetList).Items {
			ofV1(&obj.(*v1.GadgetList).Items[i])
		}
	})
	scheme.AddTypeDefaultingFunc(&v1beta1.GadgetList{}, func(obj any) {
		for i := range obj.(*v1beta1.GadgetList).Items {
			ofV1beta1(&obj.(*v1beta1.GadgetList).Items[i])
		}
	})
}

func complete(replicas **int32, ports []v1.Port, strategy *v1.Strategy) {
	if *replicas == nil {
		one := int32(1)
		*replicas = &one
	}
	for i := range ports {
		if ports[i].Protocol == "" {
			ports[i].Protocol = "TCP"
		}
	}
	if strategy.Type == "" {
		strategy.Type = "Rolling"
	}
	if strategy.Type == "Rolling" {
		if strategy.Rolling == nil {
			strategy.Rolling = &v1.Rolling{}
		}
		if strategy.Rolling.MaxSurge == nil {
			quarter := intstr.FromString("25%")
			strategy.Rolling.MaxSurge = &quarter
		}
	}
}
