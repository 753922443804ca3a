package hub

import (
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"

	"annex.dev/e2e/peer/v1"
	"annex.dev/e2e/peer/v1beta1"
)

func addConversions(scheme *runtime.Scheme) error {
	for _, add := range []func(*runtime.Scheme) error{
		func(s *runtime.Scheme) error { return convert(s, fromV1) },
		func(s *runtime.Scheme) error { return convert(s, toV1) },
		func(s *runtime.Scheme) error { return convert(s, fromV1beta1) },
		func(s *runtime.Scheme) error { return convert(s, toV1beta1) },
		func(s *runtime.Scheme) error {
			return convert(s, func(in *v1.GadgetList, out *GadgetList) {
				out.ListMeta, out.Items = in.ListMeta, each(in.Items, fromV1)
			})
		},
		func(s *runtime.Scheme) error {
			return convert(s, func(in *GadgetList, out *v1.GadgetList) {
				out.ListMeta, out.Items = in.ListMeta, each(in.Items, toV1)
			})
		},
		func(s *runtime.Scheme) error {
			return convert(s, func(in *v1beta1.GadgetList, out *GadgetList) {
				out.ListMeta, out.Items = in.ListMeta, each(in.Items, fromV1beta1)
			})
		},
		func(s *runtime.Scheme) error {
			return convert(s, func(in *GadgetList, out *v1beta1.GadgetList) {
				out.ListMeta, out.Items = in.ListMeta, each(in.Items, toV1beta1)
			})
		},
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	return nil
}

// Adds a conversion that cannot fail.
func convert[In, Out any](scheme *runtime.Scheme, to func(*In, *Out)) error {
	return scheme.AddConversionFunc((*In)(nil), (*Out)(nil), func(in, out any, _ conversion.Scope) error {
		to(in.(*In), out.(*Out))
		return nil
	})
}

func each[In, Out any](in []In, to func(*In, *Out)) []Out {
	if in == nil {
		return nil
	}
	out := make([]Out, len(in))
	for i := range in {
		to(&in[i], &out[i])
	}
	return out
}

func fromV1(in *v1.Gadget, out *Gadget) {
	out.ObjectMeta, out.Spec, out.Status = in.ObjectMeta, in.Spec, in.Status
}

func toV1(in *Gadget, out *v1.Gadget) {
	out.ObjectMeta, out.Spec, out.Status = in.ObjectMeta, in.Spec, in.Status
}

func fromV1beta1(in *v1beta1.Gadget, out *Gadget) {
	out.ObjectMeta, out.Status = in.ObjectMeta, in.Status
	out.Spec = v1.GadgetSpec{
		Color:           in.Spec.Colour,
		Class:           in.Spec.Class,
		Replicas:        in.Spec.Replicas,
		Selector:        in.Spec.Selector,
		Settings:        in.Spec.Settings,
		NodeSelector:    in.Spec.NodeSelector,
		Features:        in.Spec.Features,
		Ports:           in.Spec.Ports,
		Parts:           in.Spec.Parts,
		MainPart:        in.Spec.MainPart,
		Args:            in.Spec.Args,
		Weights:         in.Spec.Weights,
		Strategy:        in.Spec.Strategy,
		Paused:          in.Spec.Paused,
		Priority:        in.Spec.Priority,
		Shared:          in.Spec.Shared,
		MinReadySeconds: in.Spec.MinReadySeconds,
		NotBefore:       in.Spec.NotBefore,
		Payload:         in.Spec.Payload,
		Anchor:          in.Spec.Anchor,
	}
	if limits := in.Spec.Limits; limits != nil {
		out.Spec.Limits = &v1.Limits{Min: limits.Min, Max: limits.Max}
	}
	if in.Spec.Burst != nil {
		if out.Spec.Limits == nil {
			out.Spec.Limits = &v1.Limits{}
		}
		out.Spec.Limits.Burst = in.Spec.Burst
	}
}

// Limits that say a burst alone are none in v1beta1.
func toV1beta1(in *Gadget, out *v1beta1.Gadget) {
	out.ObjectMeta, out.Status = in.ObjectMeta, in.Status
	out.Spec = v1beta1.GadgetSpec{
		Colour:          in.Spec.Color,
		Class:           in.Spec.Class,
		Replicas:        in.Spec.Replicas,
		Selector:        in.Spec.Selector,
		Settings:        in.Spec.Settings,
		NodeSelector:    in.Spec.NodeSelector,
		Features:        in.Spec.Features,
		Ports:           in.Spec.Ports,
		Parts:           in.Spec.Parts,
		MainPart:        in.Spec.MainPart,
		Args:            in.Spec.Args,
		Weights:         in.Spec.Weights,
		Strategy:        in.Spec.Strategy,
		Paused:          in.Spec.Paused,
		Priority:        in.Spec.Priority,
		Shared:          in.Spec.Shared,
		MinReadySeconds: in.Spec.MinReadySeconds,
		NotBefore:       in.Spec.NotBefore,
		Payload:         in.Spec.Payload,
		Anchor:          in.Spec.Anchor,
	}
	if limits := in.Spec.Limits; limits != nil {
		out.Spec.Burst = limits.Burst
		if limits.Burst == nil || limits.Min != nil || limits.Max != nil {
			out.Spec.Limits = &v1beta1.Limits{Min: limits.Min, Max: limits.Max}
		}
	}
}
